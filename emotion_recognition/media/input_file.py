"""Reading an input's bytes, so that no error of the disk gets lost and no stalled disk or network holds a run."""

import os
import time
from contextlib import closing
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.threads import CallThread

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


def read_file(path: Path, interruption: Interruption | None = None) -> bytes:
    """Read all of a file, see `InputFile`.

    Raises:
        OSError: It cannot be read.
    """
    with closing(InputFile(path, interruption)) as file:
        content = file.read(-1)
        file.check()
    return content


class InputFile:
    """A regular file that is read, by FFmpeg for example, which takes many errors of a disk for the end of the file.

    A thread of its own reads it, so that a disk or a network that no longer answers holds nothing else.

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
        self._thread = CallThread()
        try:
            self._file = self._call(lambda: FileIO(self.name))
        except BaseException:
            self._thread.close()
            raise

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes, or all with -1; none at the end of the file, or after a problem."""
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
        self._thread.close(self._file.close)

    def _call_or_note(self, function, otherwise):
        """Call a function. PyAV loses some of what its callbacks raise, Ctrl-C too, so it is noted for `check`."""
        if not self.problem:
            try:
                return self._call(function)
            except BaseException as error:
                self.problem = error
        return otherwise

    def _call(self, function):
        start = time.monotonic()

        def lose_patience():
            reason = self._interruption and self._interruption.reason
            if reason and time.monotonic() > start + PATIENCE_SECONDS:
                raise TimeoutError(f'it does not answer, and {reason}')

        return self._thread.call(function, while_waiting=lose_patience)
