"""What the files of results are called."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from emotion_recognition.labels import InputError
from emotion_recognition.media.photographs import PHOTOGRAPH_SUFFIXES, is_photograph

OUTPUT_SUFFIX = '_with_emotions'  # of annotated files, which are not taken
CORRECTED_SUFFIX = '_corrected'  # of what a person has corrected, behind that
FACES_SUFFIX = '_faces_data.csv'
SUMMARY_SUFFIX = '_summary.csv'
TIMELINE_SUFFIX = '_timeline.png'
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


def to_text(name: str) -> str:
    """A file's name, whatever bytes it is made of, as text that can be written: what is no UTF-8 becomes marks."""
    return os.fsencode(name).decode('utf-8', 'replace')
