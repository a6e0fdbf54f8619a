"""Opening cameras and streams, saying why one cannot be opened, and naming the cameras that are there."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from emotion_recognition.labels import InputError
from emotion_recognition.media.photographs import is_photograph
from emotion_recognition.media.video import VideoReader

STREAM_TIMEOUT_MS = 5000  # how long a stream may take to answer; FFmpeg's default is half a minute
TRIED_NUMBERS = range(10)  # of cameras
SYSTEM_CAMERAS = Path('/sys/class/video4linux')  # where Linux names them
EXPECTED = 'expected a number, an address such as rtsp://..., or the path of a device or video'
LIST_HINT = '--list-cameras names those that are there'


def is_file(source: int | str) -> bool:
    """Whether a source is the path of a file."""
    return isinstance(source, str) and Path(source).is_file()


def open_video(path: str) -> VideoReader:
    """Open a video file that takes the place of a camera.

    Raises:
        InputError: It is no video.
    """
    if is_photograph(Path(path)):
        raise InputError(f'{path}: is a photograph; emotions_from_video.py takes photographs')
    return VideoReader(path)


def open_source(source: int | str) -> cv2.VideoCapture:
    """Open a camera or a stream.

    Raises:
        InputError: It cannot be opened.
    """
    # OpenCV and its FFmpeg print several lines about a missing camera; the error below says it in one.
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    if source == '' or (isinstance(source, str) and Path(source).is_dir()):  # which OpenCV might take for pictures
        raise InputError(f'camera {source!r} cannot be opened: {_explain_failure(source)}')
    capture = open_capture(source)
    if not capture.isOpened():
        raise InputError(f'camera {source} cannot be opened: {_explain_failure(source)}')
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # if the driver buffered several frames, the first ones would be old
    return capture


def open_capture(source: int | str) -> cv2.VideoCapture:
    """Open a camera or a stream, or try to: its `isOpened` says whether it is open."""
    if not _is_address(source):
        return cv2.VideoCapture(os.path.abspath(source) if is_file(source) else source)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, STREAM_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, STREAM_TIMEOUT_MS]
    return cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits)


def list_cameras() -> list[str]:
    """Describe the cameras of this machine, a line each: number, the name if the system tells it, and the size.

    Each is opened for a moment. On Linux, a camera that another program uses is named too.
    """
    lines = []
    for number in TRIED_NUMBERS:
        with _no_warnings():
            capture = cv2.VideoCapture(number)
        name = _read(number, 'name')
        title = f'{number}: {name}' if name else f'{number}: camera'
        if capture.isOpened():
            width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
            lines.append(f'{title}, {width:.0f} x {height:.0f} pixels')
        elif name and _read(number, 'index') == '0':  # the others of a camera give no pictures
            lines.append(f'{title}, cannot be opened: {_explain_failure(number)}')
        capture.release()
    return lines


def _read(number, name):
    try:
        return (SYSTEM_CAMERAS / f'video{number}' / name).read_text().strip()
    except OSError:
        return ''


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Let nothing write to stderr: some systems' libraries do so by themselves when there is no camera."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _is_address(source):
    return isinstance(source, str) and '://' in source


def _explain_failure(source):
    """Name the most likely reason why a camera cannot be opened, and what to do about it."""
    if _is_address(source):
        return 'nothing answers at this address, or the answer is not a video'
    if isinstance(source, str):
        if source.lstrip('+-').isdecimal():
            return f'no camera has this number; cameras are numbered from 0, and {LIST_HINT}'
        if not source or Path(source).is_dir():
            return f'{"this is a folder" if source else "the name is empty"}; {EXPECTED}'
        if not Path(source).exists():
            return f'there is no such device or file; {EXPECTED}'
    if sys.platform == 'linux':
        device = Path(f'/dev/video{source}' if isinstance(source, int) else source)
        if not device.exists():
            return f'there is no {device}; {LIST_HINT}'
        if not os.access(device, os.R_OK | os.W_OK):
            return f'no permission to use {device}; add yourself to its group, usually `video`, and log in again'
    if isinstance(source, str):
        return 'it is no camera, or another program uses it'
    return f'it does not exist, another program uses it, or the privacy settings forbid it; {LIST_HINT}'
