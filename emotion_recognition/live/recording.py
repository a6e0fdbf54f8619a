"""Recordings of the camera's own pictures, so that what was seen live can be analysed again."""

import sys
import threading
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from emotion_recognition.labels import InputError, reason
from emotion_recognition.live.live_files import next_free_path
from emotion_recognition.media.frame_writer import FrameWriter

MAX_WAITING = 30  # frames that wait to be written: a second, and at most 190 MB at 1920x1080
TIME_BASE, FRAME_RATE = Fraction(1, 90_000), Fraction(30)  # the rate is for the header alone
THREADS = 1  # the others are for finding and classifying faces
END_SECONDS = 20  # how long the end of the script waits for a disk that does not answer


class Recording:
    """One video, which a thread of its own writes, so that a slow disk does not hold up the window.

    At its end it prints what was written, or why not.

    Args:
        path: Path of the mp4 file, which exists and is empty.

    Attributes:
        name: Name of the file.
        seconds: Length so far.
        has_failed: Whether it cannot be written any more.
    """

    def __init__(self, path: Path):
        self._path, self.name = path, path.name
        self.seconds, self.has_failed = 0.0, False
        self._start_ms: float | None = None
        self._shape: tuple[int, ...] = ()
        self._count = self._written = self._missing = 0
        self._waiting: SimpleQueue = SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, daemon=True)
        self._thread.start()

    def add(self, ms: float, picture_bgr: np.ndarray) -> int | None:
        """Add the next frame, without waiting.

        Args:
            ms: Its time in milliseconds, after the frame before.
            picture_bgr: (height, width, 3) uint8, BGR, which nothing may change any more.

        Returns:
            Its number in the recording, from 1. None if it is left out, since too many frames wait to be written, or
            since it has another size than the first one.
        """
        if self._start_ms is None:
            self._start_ms, self._shape = ms, picture_bgr.shape
        if self.has_failed or self._waiting.qsize() >= MAX_WAITING or picture_bgr.shape != self._shape:
            self._missing += 1
            return None
        self.seconds = (ms - self._start_ms) / 1000
        self._waiting.put((ms - self._start_ms, picture_bgr))
        self._count += 1
        return self._count

    def end(self) -> None:
        """Let the frames that still wait be the last ones."""
        self._waiting.put(None)

    def wait(self) -> None:
        """Wait until the file is complete, after `end`."""
        self._thread.join(END_SECONDS)
        if self._thread.is_alive():
            print(f'{self._path}: the disk does not answer; its last seconds may be missing', file=sys.stderr)

    def _write_all(self):
        try:
            with FrameWriter(self._path, TIME_BASE, FRAME_RATE, threads=THREADS, is_live=True) as writer:
                for ms, picture_bgr in iter(self._waiting.get, None):
                    writer.write(ms, picture_bgr)
                    self._written += 1
        except InputError as error:
            self.has_failed = True
            print(f'{error}; the recording ends after {self._written} frames', file=sys.stderr)
        else:
            missing = f'; {self._missing} more could not be written in time' if self._missing else ''
            print(f'Wrote {self._path}, {self._written} frames{missing}')
        if not self._written:
            self._path.unlink(missing_ok=True)


class Recorder:
    """Begins and ends recordings next to the live table. The `with` block ends the last one.

    Args:
        table_path: Path of the table.
    """

    def __init__(self, table_path: Path):
        self._table_path = table_path
        self._recordings: list[Recording] = []
        self._current: Recording | None = None

    def begin_or_end(self) -> None:
        """Begin a recording, or end it. Prints why none can begin."""
        if self._current:
            self._current.end()
            self._current = None
            return
        path = next_free_path(self._table_path, '.mp4')
        try:
            path.open('xb').close()
        except OSError as error:
            print(f'{path}: cannot be written ({reason(error)})', file=sys.stderr)
            return
        self._current = Recording(path)
        self._recordings.append(self._current)

    def add(self, ms: float, picture_bgr: np.ndarray) -> tuple[str, int] | None:
        """Add the next frame to the recording, if there is one, see `Recording.add`.

        Returns:
            Name of the recording, and the frame's number in it, or None.
        """
        number = self._current.add(ms, picture_bgr) if self._current else None
        return (self._current.name, number) if number else None

    def describe(self) -> list[str]:
        """The line that the window shows while it records."""
        if not self._current:
            return []
        if self._current.has_failed:
            return ['recording failed']
        minutes, seconds = divmod(int(self._current.seconds), 60)
        return [f'recording {minutes}:{seconds:02}']

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._current:
            self.begin_or_end()
        for recording in self._recordings:
            recording.wait()
