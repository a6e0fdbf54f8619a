"""Where the results of a video or a photograph go, and how they get there."""

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

RUN_FOLDER_SUFFIX = '.emotions.tmp'  # of hidden folders, each with a lock beside it that ends in .lock instead
FORGOTTEN_SECONDS = 86_400  # after which another machine's run folder is taken for a dead run's


class RunFolder:
    """A run's own hidden folder beside its outputs: what it writes appears under its names together, at the end.

    Two runs of one video do so in turn, so that what stands side by side comes from one of them. The record comes last,
    and an older one goes first: where one stands, all that it is about does. At the end of a `with` block that fails,
    nothing appears. A run that is killed leaves its folder behind, for `remove_dead_runs`.

    Args:
        outputs: where the files shall appear.

    Attributes:
        written: their paths there, known after the `with` block.
        left: paths of what stands beside them under such names, and is not of this run.
        turn_timeout_seconds: for how long another run may bring its own files into place; it takes no time.
    """

    turn_timeout_seconds = 60.0

    def __init__(self, outputs: Outputs):
        self._folder, self._annotated = outputs.annotated.parent, outputs.annotated
        self.written: list[Path] = []
        self.left: list[Path] = []

    def __enter__(self) -> Outputs:
        """Where to write meanwhile."""
        self._own = self._folder / f'.{self._annotated.stem}.{_node()}-{secrets.token_hex(4)}{RUN_FOLDER_SUFFIX}'
        self._lock = FileLock(self._own.with_suffix('.lock'))
        self._lock.acquire()  # before the folder is there, so that nobody takes it for a dead run's
        self._own.mkdir()
        return Outputs(self._own / self._annotated.name)

    def __exit__(self, exception_type, *exception):
        try:
            if exception_type is None:
                self._bring_into_place()
        finally:
            shutil.rmtree(self._own, ignore_errors=True)
            _remove_lock(self._lock)

    def _bring_into_place(self):
        turn = FileLock(self._folder / f'.{self._annotated.stem}.lock', timeout=self.turn_timeout_seconds)
        try:
            turn.acquire()
        except Timeout:
            raise InputError(
                f'{turn.lock_file}: another run holds this for {self.turn_timeout_seconds:g} s and more; '
                'end it, or choose another output'
            ) from None
        record = Outputs(self._annotated).record.name
        try:
            (self._folder / record).unlink(missing_ok=True)
            for path in sorted(self._own.iterdir(), key=lambda path: (path.name == record, path.name)):
                os.replace(path, self._folder / path.name)
                self.written.append(self._folder / path.name)
            self.left = [path for path in Outputs(self._annotated).all() if path.exists() and path not in self.written]
        finally:
            _remove_lock(turn)


def remove_dead_runs(folder: Path) -> None:
    """Remove the run folders that killed runs left in a folder: those that no living process has locked, and of other
    machines, whose locks some shared folders do not know of, those that nothing was written to for a day."""
    for path in folder.glob(f'.*{RUN_FOLDER_SUFFIX.replace(".tmp", ".lock")}'):
        is_own = path.name.rsplit('.', 3)[1].startswith(f'{_node()}-')
        if not is_own and time.time() - _last_written(path.with_suffix('.tmp')) < FORGOTTEN_SECONDS:
            continue
        lock = FileLock(path)
        with suppress(Timeout, OSError):
            lock.acquire(blocking=False)
            shutil.rmtree(path.with_suffix('.tmp'), ignore_errors=True)
            _remove_lock(lock)


@lru_cache
def _node():
    """This machine, in a few letters."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def _last_written(folder):
    """When anything in a run folder was written, in seconds of `time.time`; 0 where it is gone."""
    times = [0.0]
    with suppress(OSError):
        times += [path.stat().st_mtime for path in (folder, *folder.iterdir())]
    return max(times)


def _remove_lock(lock):
    """Release a lock and remove its file; while it is held where the system allows, as filelock then takes care of
    who waits for it."""
    with suppress(OSError):
        os.unlink(lock.lock_file)
    lock.release()
    if os.name == 'nt':  # which removes no open file
        with suppress(OSError):
            os.unlink(lock.lock_file)
