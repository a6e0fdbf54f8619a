"""The run folder: a hidden folder that a run writes to before all its files are moved into place together."""

import hashlib
import os
import platform
import secrets
import shutil
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from filelock import FileLock, Timeout

from emotion_recognition.labels import InputError
from emotion_recognition.results.output_paths import Outputs

RUN_FOLDER_SUFFIX = '.emotions.tmp'  # next to each run folder is its lock, which ends in .lock instead of .tmp
ABANDONED_SECONDS = 86_400  # without a change, after which another machine's run is taken for dead


class RunFolder:
    """A run's own hidden folder next to its outputs, from which its files are moved into place at the end.

    Two runs of the same video take turns in moving their files, so those in place all come from one of them. The record
    is moved last, and an older record is removed first: if there is a record, all files that it describes are there. If
    the `with` block fails, nothing is moved. A run that is killed leaves its folder for `remove_dead_runs`.

    Args:
        outputs: Where the files are moved to.

    Attributes:
        written: Paths of the moved files, known after the `with` block.
        leftover: Paths of files that an earlier run wrote there and this one did not, known after the `with` block.
        turn_timeout_seconds: How long to wait while another run moves its files, which normally takes no time.
    """

    turn_timeout_seconds = 60.0

    def __init__(self, outputs: Outputs):
        self._folder, self._annotated = outputs.annotated.parent, outputs.annotated
        self.written: list[Path] = []
        self.leftover: list[Path] = []

    def __enter__(self) -> Outputs:
        """Create the folder. Returns where to write."""
        self._own = self._folder / f'.{self._annotated.stem}.{_node()}-{secrets.token_hex(4)}{RUN_FOLDER_SUFFIX}'
        self._lock = FileLock(self._own.with_suffix('.lock'))
        self._lock.acquire()  # before the folder exists, so that no other run takes it for a dead one's
        self._own.mkdir()
        return Outputs(self._own / self._annotated.name)

    def __exit__(self, exception_type, *exception):
        try:
            if exception_type is None:
                self._move_into_place()
        finally:
            shutil.rmtree(self._own, ignore_errors=True)
            _remove_lock(self._lock)

    def _move_into_place(self):
        turn = FileLock(self._folder / f'.{self._annotated.stem}.lock', timeout=self.turn_timeout_seconds)
        try:
            turn.acquire()
        except Timeout:
            raise InputError(
                f'{self._annotated}: another run has been writing it for more than {self.turn_timeout_seconds:g} s; '
                'end that run, or choose another output'
            ) from None
        record = Outputs(self._annotated).record.name
        try:
            (self._folder / record).unlink(missing_ok=True)
            for path in sorted(self._own.iterdir(), key=lambda path: (path.name == record, path.name)):
                os.replace(path, self._folder / path.name)
                self.written.append(self._folder / path.name)
            existing = [path for path in Outputs(self._annotated).all() if path.exists()]
            self.leftover = [path for path in existing if path not in self.written]
        finally:
            _remove_lock(turn)


def remove_dead_runs(folder: Path) -> None:
    """Remove the run folders of killed runs.

    They are those that no living process has locked. Since some shared folders do not share locks, run folders of other
    machines are only removed if nothing was written to them for a day.

    Args:
        folder: Folder with results of videos or photographs.
    """
    for path in folder.glob(f'.*{RUN_FOLDER_SUFFIX.replace(".tmp", ".lock")}'):
        is_own = path.name.rsplit('.', 3)[1].startswith(f'{_node()}-')
        if not is_own and time.time() - _last_written(path.with_suffix('.tmp')) < ABANDONED_SECONDS:
            continue
        lock = FileLock(path)
        with suppress(Timeout, OSError):
            lock.acquire(blocking=False)
            shutil.rmtree(path.with_suffix('.tmp'), ignore_errors=True)
            _remove_lock(lock)


@lru_cache
def _node():
    """A short identifier of this machine."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def _last_written(folder):
    """When anything in a run folder was last written, in seconds of `time.time`; 0 if the folder is gone."""
    times = [0.0]
    with suppress(OSError):
        times += [path.stat().st_mtime for path in (folder, *folder.iterdir())]
    return max(times)


def _remove_lock(lock):
    """Release a lock and remove its file. If the system allows it, the file is removed while the lock is still held:
    filelock then handles other runs that wait for it."""
    with suppress(OSError):
        os.unlink(lock.lock_file)
    lock.release()
    if os.name == 'nt':  # Windows cannot remove an open file
        with suppress(OSError):
            os.unlink(lock.lock_file)
