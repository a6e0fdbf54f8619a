"""Reading an input's bytes, so that no error of the disk gets lost and no stalled disk or network holds a run."""

import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError

WAIT_SECONDS = 0.1  # between two looks at whether the run was asked to end
PATIENCE_SECONDS = 2  # of waiting for an answer, in a run that was asked to end


@dataclass(frozen=True)
class FileStatus:
    """What tells a file from another one that has taken its place.

    Attributes:
        size: Size in bytes.
        modified_ns: When it was last written, in nanoseconds.
    """

    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> 'FileStatus':
        """Look at a file.

        Raises:
            OSError: It cannot be found.
        """
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)

    def has_changed(self, path: Path) -> bool:
        """Whether another file is at the path now, or none."""
        try:
            return FileStatus.of(path) != self
        except OSError:
            return True


def check_regular_file(path: Path, expected: str) -> None:
    """Check that a path is one of a file. To open something else, such as a pipe, may take for ever.

    Args:
        path: The path.
        expected: What the file should be, for the message, such as `a video`.

    Raises:
        InputError: It is not.
    """
    if not path.is_file():
        problem = 'is not a regular file' if path.exists() else 'no such file'
        raise InputError(f'{path}: {problem}; expected {expected}')


class InputFile:
    """A regular file that is read by FFmpeg, which takes many errors of a disk for the end of the file.

    A thread of its own reads it: where a disk or a network no longer answers, that thread hangs and nothing else.

    Args:
        path: Path of the file.
        interruption: Lets the user end the waiting for an answer. None waits without end.

    Attributes:
        name: The file's absolute path. FFmpeg looks at its suffix.
        problem: What went wrong with reading, or None. FFmpeg sees the end of the file there.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, path: Path, interruption: Interruption | None = None):
        self.name = str(path.absolute())
        self.problem: BaseException | None = None
        self._interruption = interruption
        self._position = 0
        self._calls: queue.SimpleQueue = queue.SimpleQueue()
        self._answers: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=_serve, args=(self._calls, self._answers), daemon=True).start()
        try:
            self._file = self._call(lambda: FileIO(self.name))
        except BaseException:
            self._calls.put(None)
            raise

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes; none at the end of the file, or after a problem."""
        position = self._position

        def read_there():
            self._file.seek(position)
            return self._file.read(size)

        content = self._call_or_note(read_there, b'')
        self._position += len(content)
        return content

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position, counted from the start, from here, or from the end. Returns it, counted from the start."""
        if whence == os.SEEK_END:
            offset += self._call_or_note(lambda: os.fstat(self._file.fileno()).st_size, 0)
        elif whence == os.SEEK_CUR:
            offset += self._position
        self._position = offset
        return offset

    def tell(self) -> int:
        """The position of the next byte."""
        return self._position

    def check(self) -> None:
        """Raise what went wrong with reading, if anything did."""
        if self.problem:
            raise self.problem

    def close(self) -> None:
        """Close the file, as soon as it answers."""
        self._calls.put(self._file.close)
        self._calls.put(None)

    def _call_or_note(self, function, otherwise):
        """Call a function. PyAV loses some of what its callbacks raise, Ctrl-C too, so it is noted for `check`."""
        if not self.problem:
            try:
                return self._call(function)
            except BaseException as error:
                self.problem = error
        return otherwise

    def _call(self, function: Callable):
        self._calls.put(function)
        start = time.monotonic()
        while True:
            try:
                answer, error = self._answers.get(timeout=WAIT_SECONDS)
            except queue.Empty:
                reason = self._interruption and self._interruption.reason
                if reason and time.monotonic() > start + PATIENCE_SECONDS:
                    raise TimeoutError(f'it does not answer, and {reason}') from None
                continue
            if error is not None:
                raise error
            return answer


def _serve(calls, answers):
    for call in iter(calls.get, None):
        try:
            answers.put((call(), None))
        except BaseException as error:  # the caller gets it, whatever it is
            answers.put((None, error))
