"""Where the results of a video or a photograph go, and how they get there."""

import hashlib
import os
import platform
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from filelock import FileLock, Timeout

from emotion_recognition.labels import InputError

PHOTOGRAPH_SUFFIXES = ['.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp']
OUTPUT_SUFFIX = '_with_emotions'  # of annotated files, which are not taken
RUN_FOLDER_SUFFIX = '.emotions.tmp'  # of hidden folders, each with a lock beside it that ends in .lock instead
CORRECTED_SUFFIX = '_corrected'  # of what a person has corrected, behind that
FACES_SUFFIX, SUMMARY_SUFFIX, TIMELINE_SUFFIX = '_faces_data.csv', '_summary.csv', '_timeline.png'
FORGOTTEN_SECONDS = 86_400  # after which another machine's run folder is taken for a dead run's
OF_FOLDER = f'{OUTPUT_SUFFIX}_all'  # in the names of a folder's tables, so that no file's own are called so


@dataclass(frozen=True)
class Outputs:
    """Paths of what is written: the annotated video or photograph, and beside it all that is named after it."""

    annotated: Path

    @property
    def emotions(self) -> Path:
        """Table of a video's emotions, by periods or frames."""
        return self._named('_emotions_data.csv')

    @property
    def faces(self) -> Path:
        """Table of faces: one row per face and frame."""
        return self._named(FACES_SUFFIX)

    @property
    def timeline(self) -> Path:
        """Picture of each face's emotions over time."""
        return self._named(TIMELINE_SUFFIX)

    @property
    def subtitles(self) -> Path:
        """The periods as subtitles."""
        return self._named('_periods.srt')

    @property
    def summary(self) -> Path:
        """Table of a video in few numbers: one row per face, and per face and span."""
        return self._named(SUMMARY_SUFFIX)

    @property
    def elan(self) -> Path:
        """The periods for ELAN."""
        return self._named('.eaf')

    @property
    def review(self) -> Path:
        """Page on which the result can be looked at and corrected."""
        return self._named('_review.html')

    @property
    def record(self) -> Path:
        """What the others were made with."""
        return self._named('_run.json')

    def corrected(self) -> 'Outputs':
        """Where the corrected results go: beside these, which stay as the network made them."""
        return Outputs(self.annotated.with_stem(self.annotated.stem + CORRECTED_SUFFIX))

    def written(self) -> list[str]:
        """Names of what has been written."""
        return [path.name for path in self.all() if path.exists()]

    def all(self) -> list[Path]:
        """Everything that may be written."""
        tables = [self.emotions, self.faces, self.summary]
        return [self.annotated, *tables, self.timeline, self.subtitles, self.elan, self.review, self.record]

    def _named(self, ending):
        return self.annotated.with_name(self.annotated.stem + ending)


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


def name_outputs(path: Path, output_filename: str | Path | None = None) -> Outputs:
    """Where the results of a video or a photograph go: a video becomes an mp4, a photograph keeps its kind.

    Raises:
        InputError: the output's name has no ending that fits.
    """
    suffix = path.suffix if is_photograph(path) else '.mp4'
    outputs = Outputs(Path(output_filename or path.with_name(f'{path.stem}{OUTPUT_SUFFIX}{suffix}')))
    if not is_photograph(path) and outputs.annotated.suffix.lower() != '.mp4':
        raise InputError(f'{outputs.annotated}: expected a name that ends in .mp4, which a video becomes')
    if is_photograph(path) and not is_photograph(outputs.annotated):
        raise InputError(f'{outputs.annotated}: expected a photograph, {" ".join(PHOTOGRAPH_SUFFIXES)}, as {path} is')
    return outputs


def check_outputs(path: Path, outputs: Outputs) -> None:
    """Find out before the work whether its results can be written.

    Raises:
        InputError: they cannot, or would overwrite the video or photograph.
    """
    folder = outputs.annotated.parent
    if outputs.annotated.resolve() == path.resolve():
        raise InputError(f'{outputs.annotated}: would overwrite the input itself; give another output name')
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder for the output')
    place = folder
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        for place in filter(Path.exists, outputs.all()):
            with place.open('r+b'):  # a folder of this name; on Windows, a program that has the file open
                pass
    except OSError as error:
        raise InputError(f'{place}: cannot be written ({error.strerror})') from None


def name_table_of_folder(folder: Path) -> Path:
    """Where the table of all faces in a folder's photographs goes."""
    return folder / f'{folder.resolve().name}{OF_FOLDER}{FACES_SUFFIX}'


def name_summary_of_folder(folder: Path) -> Path:
    """Where the summary of all videos in a folder goes."""
    return folder / f'{folder.resolve().name}{OF_FOLDER}{SUMMARY_SUFFIX}'


def is_photograph(path: Path) -> bool:
    """Whether a file is taken for a photograph and not for a video."""
    return path.suffix.lower() in PHOTOGRAPH_SUFFIXES


def to_text(name: str) -> str:
    """A file's name, whatever bytes it is made of, as text that can be written: what is no UTF-8 becomes marks."""
    return os.fsencode(name).decode('utf-8', 'replace')
