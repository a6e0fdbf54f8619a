"""The run folder: a hidden folder that a run writes to before all its files are moved into place together."""

import hashlib
import os
import platform
import secrets
import shutil
import sys
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from filelock import FileLock, Timeout

from emotion_recognition.labels import InputError, describe_error
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.disk import write_folder_through, write_through
from emotion_recognition.runs.record_file import EARLIER, claimed_names, name_of_video, read_record, save_record

# Names of run folders are short, since Windows allows 260 characters in all. Next to each is its lock, which ends in
# .lock instead of .tmp.
RUN_FOLDER_SUFFIX = '.emotions.tmp'
LOCK_SUFFIX = '.emotions.lock'
KEPT = '_not_moved_'  # in the name of the folder with results that could not be moved into place
UNFINISHED_NAME = '.unfinished'  # of the record that claims files while they are moved
ENDED_WHILE_MOVING = 'it was ended while its files were moved into place'
ABANDONED_SECONDS = 86_400  # without a change, after which another machine's run is taken for dead


class RunFolder:
    """A run's own hidden folder next to its outputs, from which its files are moved into place at the end.

    Two runs of the same video take turns in moving their files, so those in place all come from one of them. Meanwhile
    a record claims the files and says that they are not complete; the run's own record is moved last. So if that one is
    there, all files that it describes are too. If the `with` block fails, nothing is moved. If the files cannot be
    moved, they are kept in a folder that the user sees. A run that is killed leaves its folder for `remove_dead_runs`.

    Errors in the `with` block reach the user as an InputError that names no hidden file.

    Args:
        outputs: Where the files are moved to.

    Attributes:
        written: Paths of the moved files, what matters first before others; known after the `with` block.
        leftover: Paths of files that an earlier run wrote there and this one did not, known after the `with` block.
        turn_timeout_seconds: How long to wait while another run moves its files, which normally takes no time.

    Raises:
        InputError: The folder cannot be made, a file cannot be written, or the files cannot be moved into place.
    """

    turn_timeout_seconds = 60.0

    def __init__(self, outputs: Outputs):
        self._folder, self._annotated = outputs.annotated.parent, outputs.annotated
        self._record = outputs.record
        self._turn = FileLock(self._folder / f'.{_hash(os.fsencode(self._annotated.stem))}{LOCK_SUFFIX}')
        self.written: list[Path] = []
        self.leftover: list[Path] = []

    def __enter__(self) -> Outputs:
        """Create the folder. Returns where to write."""
        self._own = self._folder / f'.{_node()}-{secrets.token_hex(4)}{RUN_FOLDER_SUFFIX}'
        self._lock = FileLock(self._own.with_suffix('.lock'))
        try:
            self._lock.acquire()  # before the folder exists, so that no other run takes it for a dead one's
            self._own.mkdir()
        except OSError as error:
            _remove_lock(self._lock)
            raise InputError(describe_error(error, self._annotated)) from None
        return Outputs(self._own / self._annotated.name)

    def __exit__(self, exception_type, exception, traceback):
        try:
            if exception is None:
                self._finish()
            elif isinstance(exception, InputError | OSError):
                text = describe_error(exception, self._annotated)
                raise InputError(text.replace(str(self._own), str(self._folder))) from None
        finally:
            shutil.rmtree(self._own, ignore_errors=True)
            _remove_lock(self._lock)

    def _finish(self):
        try:
            for path in self._own.iterdir():
                write_through(path)
        except OSError as error:
            raise InputError(describe_error(error, self._annotated)) from None
        try:
            self._turn.acquire(timeout=self.turn_timeout_seconds)
            self._move_into_place()
        except Timeout:
            waited = f'another run has been writing it for more than {self.turn_timeout_seconds:g} s'
            raise InputError(f'{self._annotated}: {waited}{self._keep()}') from None
        except (OSError, KeyboardInterrupt) as error:
            text = describe_error(error, self._annotated) if str(error) else f'{self._annotated}: interrupted'
            raise InputError(f'{text}{self._keep()}') from None
        finally:
            if self._turn.is_locked:
                _remove_lock(self._turn)

    def _move_into_place(self):
        self._claim_files()
        # The table of faces first: without a record, it is what shows that the others are this program's own.
        record, faces = self._record.name, Outputs(self._annotated).faces.name
        names = sorted((path.name for path in self._own.iterdir()), key=lambda name: (name == record, name))
        for name in sorted(names, key=lambda name: (name == record, name != faces)):
            if name == record:
                write_folder_through(self._folder)
            os.replace(self._own / name, self._folder / name)
        write_folder_through(self._folder)
        outputs = Outputs(self._annotated)
        self.written = outputs.by_interest(self._folder / name for name in names)
        existing = [path for path in outputs.all() if path.exists()]
        self.leftover = [path for path in existing if path not in self.written]

    def _claim_files(self):
        """Put a record in place that claims the files and says that they are not complete, or remove an older one."""
        own_record = self._own / self._record.name
        record, earlier = read_record(own_record), read_record(self._record)
        if record:
            left = sorted(claimed_names(earlier) - claimed_names(record))
            record[EARLIER] = [name for name in left if (self._folder / name).exists()]
            unfinished = record | {'ended_early': {'reason': ENDED_WHILE_MOVING, 'try_again': True}}
            for content, path in ((record, own_record), (unfinished, self._own / UNFINISHED_NAME)):
                save_record(content, path)
                write_through(path)
            os.replace(self._own / UNFINISHED_NAME, self._record)
            if name_of_video(earlier) not in (None, name_of_video(record)):
                print(f'{self._annotated}: replaces the results of {name_of_video(earlier)}', file=sys.stderr)
        elif claimed_names(earlier) & {path.name for path in self._own.iterdir()}:
            self._record.unlink()

    def _keep(self):
        """Let the user see the files that were not moved. Returns the end of a line that says where they are."""
        kept = self._folder / f'{self._annotated.stem}{KEPT}{secrets.token_hex(4)}'
        try:
            if not any(self._own.iterdir()):  # all of them have been moved
                return ''
            os.rename(self._own, kept)
        except OSError:
            return '; its results are lost'
        return f'; its results are in {kept}, move them from there'


def remove_dead_runs(folder: Path) -> None:
    """Remove what killed runs left: their run folders and locks.

    They are those that no living process has locked. Since some shared folders do not share locks, run folders of other
    machines are only removed if nothing was written to them for a day.

    Args:
        folder: Folder with results of videos or photographs.
    """
    found = [path for suffix in (RUN_FOLDER_SUFFIX, LOCK_SUFFIX) for path in folder.glob(f'.*{suffix}')]
    for path in {path.with_suffix('.lock') for path in found}:
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
    return _hash(platform.node().encode())


def _hash(content):
    return hashlib.sha256(content).hexdigest()[:6]


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
