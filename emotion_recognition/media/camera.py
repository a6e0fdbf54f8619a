"""The newest frame of a camera, of a stream, or of a video file that plays at its own pace."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from emotion_recognition.labels import InputError
from emotion_recognition.media.camera_sources import is_file, open_capture, open_source, open_video
from emotion_recognition.threads import CallThread

REOPEN_SECONDS = 5.0  # how long a lost camera is tried again
RETRY_SECONDS = 0.5  # between two attempts
CLOSE_SECONDS = 2.0  # how long closing waits for a read that hangs


@dataclass(frozen=True)
class CameraFrame:
    """A frame of a camera, with the moment at which it was read.

    Attributes:
        number: Frame number from 1. Frames that nobody took in time are counted too.
        time: When the frame was read, in seconds of `time.perf_counter`, which is precise on Windows too.
        picture_bgr: The frame itself, (height, width, 3) uint8, BGR.
    """

    number: int
    time: float
    picture_bgr: np.ndarray


class Camera:
    """Camera, stream or video that is read in a separate thread: a slow consumer skips frames, but never falls behind.

    Use it in a `with` statement.

    Args:
        source: Number of a camera from 0, path of a device, address of a stream (`rtsp://...`), or path of a video.
        reopen_seconds: How long to try again, in seconds, after a camera or a stream was lost.

    Raises:
        InputError: The source cannot be opened.
    """

    def __init__(self, source: int | str, reopen_seconds: float = REOPEN_SECONDS):
        self._source = source
        self._reopen_seconds = reopen_seconds
        self._stop, self._wanted = threading.Event(), threading.Event()
        self._changed = threading.Condition()
        self._newest: CameraFrame | None = None
        self._error: Exception | None = None
        self._ended = False
        if is_file(source):
            frames = self._play(open_video(source))
        else:
            with closing(CallThread()) as thread:  # a stream may never answer
                frames = self._watch(thread.call(open_source, source))
        self._thread = threading.Thread(target=self._read_all, args=(frames,), daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether a video file has no more frames. A lost camera is reported by `read_newest` instead."""
        with self._changed:
            return self._ended and self._newest is None and self._error is None

    def read_newest(self, timeout_seconds: float) -> CameraFrame | None:
        """Take the newest frame that has not been taken yet.

        Args:
            timeout_seconds: How long to wait for a frame, in seconds.

        Returns:
            The frame, or None if none comes in this time or the video file has ended.

        Raises:
            InputError: The camera was lost.
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
        except Exception as error:  # the consumer gets it, whatever it is
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _play(self, reader) -> Iterator[np.ndarray]:
        """Yield a video file's frames, each when it is due; the first one as soon as a frame is asked for."""
        with reader:
            start = None
            for _, timestamp_ms, picture_bgr in reader.read_frames():
                self._wanted.wait()
                start = time.perf_counter() - timestamp_ms / 1000 if start is None else start
                self._stop.wait(start + timestamp_ms / 1000 - time.perf_counter())
                yield picture_bgr

    def _watch(self, capture) -> Iterator[np.ndarray]:
        """Yield the frames of a camera or stream, and open it again if it is lost."""
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
        print(f'Camera {self._source} sends no frames; trying again', file=sys.stderr)
        while time.perf_counter() < deadline and not self._stop.wait(RETRY_SECONDS):
            capture = open_capture(self._source)
            if capture.isOpened() and capture.grab():
                return capture
            capture.release()
        raise InputError(f'camera {self._source} was lost and could not be opened again in {self._reopen_seconds:g} s')

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self._wanted.set()
        self._thread.join(CLOSE_SECONDS)


def parse_source(text: str) -> int | str:
    """Convert a camera from the command line: digits become a number, anything else stays a path or an address."""
    return int(text) if text.isdecimal() and len(text) < 10 else text  # no camera has a number of 10 digits
