"""The newest frame of a camera, of a stream, or of a video file that plays at its own pace."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from emotion_recognition.labels import InputError
from emotion_recognition.media.video import VideoReader

REOPEN_SECONDS = 5.0  # for which a camera that was lost is tried again
RETRY_SECONDS = 0.5  # between two tries
STREAM_TIMEOUT_MS = 5000  # for a stream to answer; FFmpeg's own is half a minute
CLOSE_SECONDS = 2.0  # for which a read that hangs is waited for


@dataclass(frozen=True)
class CameraFrame:
    """A frame as it was read.

    Attributes:
        number: from 1, of all frames read; those that nobody took in time count too.
        time: when it was read, in seconds of `time.perf_counter`, whose steps are fine on Windows too.
        picture_bgr: (height, width, 3) uint8, BGR.
    """

    number: int
    time: float
    picture_bgr: np.ndarray


class Camera:
    """Reads in a thread of its own, so that a slow user skips frames instead of falling behind.

    Use it in a `with` statement.

    Args:
        source: number of a camera from 0, path of a device, address of a stream (`rtsp://...`), or path of a video.
        reopen_seconds: for how long to try again after a camera or a stream was lost.

    Raises:
        InputError: it cannot be opened.
    """

    def __init__(self, source: int | str, reopen_seconds: float = REOPEN_SECONDS):
        self._source = source
        self._reopen_seconds = reopen_seconds
        self._stop, self._wanted = threading.Event(), threading.Event()
        self._changed = threading.Condition()
        self._newest: CameraFrame | None = None
        self._error: InputError | None = None
        self._ended = False
        frames = self._play(VideoReader(source)) if _is_file(source) else self._watch(_open(source))
        self._thread = threading.Thread(target=self._read_all, args=(frames,), daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether there is no frame any more: a video file is over. That a camera was lost is for `read_newest`."""
        with self._changed:
            return self._ended and self._newest is None and self._error is None

    def read_newest(self, timeout_seconds: float) -> CameraFrame | None:
        """Take the newest frame that was not taken yet, None if there is none until the timeout or at the end.

        Raises:
            InputError: the camera was lost.
        """
        self._wanted.set()
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._ended, timeout_seconds)
            frame, self._newest = self._newest, None
            if frame is None and self._error is not None:
                raise self._error
            return frame

    def _read_all(self, frames):
        try:
            with closing(frames):
                for number, picture_bgr in enumerate(frames, start=1):
                    with self._changed:
                        self._newest = CameraFrame(number, time.perf_counter(), picture_bgr)
                        self._changed.notify_all()
                    if self._stop.is_set():
                        return
        except InputError as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _play(self, reader) -> Iterator[np.ndarray]:
        """A video file's frames, each when it is due; the first one as soon as anybody wants it."""
        with reader:
            start = None
            for _, timestamp_ms, picture_bgr in reader.read_frames():
                self._wanted.wait()
                start = time.perf_counter() - timestamp_ms / 1000 if start is None else start
                self._stop.wait(start + timestamp_ms / 1000 - time.perf_counter())
                yield picture_bgr

    def _watch(self, capture) -> Iterator[np.ndarray]:
        """A camera's or stream's frames; opens it again when it is lost."""
        try:
            while not self._stop.is_set():
                is_read, picture_bgr = capture.read()
                if is_read:
                    yield picture_bgr
                else:
                    capture.release()
                    capture = self._reopen()
        finally:
            capture.release()

    def _reopen(self):
        deadline = time.perf_counter() + self._reopen_seconds
        print(f'Camera {self._source} gives no picture; trying again', file=sys.stderr)
        while time.perf_counter() < deadline and not self._stop.wait(RETRY_SECONDS):
            capture = _capture(self._source)
            if capture.isOpened() and capture.grab():
                return capture
            capture.release()
        raise InputError(f'camera {self._source} was lost, and could not be opened again in {self._reopen_seconds:g} s')

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self._wanted.set()
        self._thread.join(CLOSE_SECONDS)


def parse_source(text: str) -> int | str:
    """A camera as the user names it: a number where it is one."""
    return int(text) if text.isdecimal() and len(text) < 10 else text  # no camera has a number of 10 digits


def _is_file(source):
    return isinstance(source, str) and Path(source).is_file()


def _open(source):
    # What OpenCV and its FFmpeg say of cameras that are not there; the reasons below say it in one line.
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    capture = _capture(source)
    if not capture.isOpened():
        raise InputError(f'camera {source} cannot be opened: {_why_closed(source)}')
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # where the driver keeps several, the first ones would be old
    return capture


def _capture(source):
    if not _is_address(source):
        return cv2.VideoCapture(os.path.abspath(source) if _is_file(source) else source)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, STREAM_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, STREAM_TIMEOUT_MS]
    return cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits)


def _is_address(source):
    return isinstance(source, str) and '://' in source


def _why_closed(source):
    """The likeliest reason, and what to do."""
    if _is_address(source):
        return 'nothing answers at this address, or not with a video'
    if sys.platform == 'linux':
        device = Path(f'/dev/video{source}' if isinstance(source, int) else source)
        if not device.exists():
            return f'there is no {device}; --camera takes another number, a stream or a video file'
        if not os.access(device, os.R_OK | os.W_OK):
            return f'no permission for {device}; add yourself to its group, mostly `video`, and log in again'
    elif isinstance(source, str):
        return 'no such file, and not a number or an address'
    return 'not there, used by another program, or forbidden in the privacy settings'
