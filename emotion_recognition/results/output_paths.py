"""The names of all result files."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from emotion_recognition.labels import InputError
from emotion_recognition.media.photographs import COPY_SUFFIXES, is_photograph

OUTPUT_SUFFIX = '_with_emotions'  # of annotated files; those in a folder are not taken as inputs
CORRECTED_SUFFIX = '_corrected'  # of results that a person has corrected, after the suffix above
FACES_SUFFIX = '_faces_data.csv'
SUMMARY_SUFFIX = '_summary.csv'
TIMELINE_FORMATS = ('png', 'pdf', 'svg')
TIMELINE_SUFFIX = '_timeline.png'  # of the format that is a photograph's too
RECORD_SUFFIX = '_run.json'
PEOPLE_SUFFIX = '_people.csv'
FOLDER_SUFFIX = f'{OUTPUT_SUFFIX}_all'  # of a folder's tables, which no single file's results are named like


@dataclass(frozen=True)
class Outputs:
    """Paths of the results of a video or a photograph: the annotated copy, and the files named after it next to it.

    Attributes:
        annotated: Path of the annotated video or photograph.
    """

    annotated: Path

    @property
    def emotions(self) -> Path:
        """Table of emotions of a video, by periods or by frames."""
        return self._named('_emotions_data.csv')

    @property
    def faces(self) -> Path:
        """Table of faces: one row per face and frame."""
        return self._named(FACES_SUFFIX)

    def timeline(self, kind: str) -> Path:
        """Timeline: a picture of each face's emotions over time, in one of TIMELINE_FORMATS."""
        return self._named(f'_timeline.{kind}')

    @property
    def subtitles(self) -> Path:
        """The periods as subtitles."""
        return self._named('_periods.srt')

    @property
    def summary(self) -> Path:
        """Summary of a video: one row per face, and per face and span."""
        return self._named(SUMMARY_SUFFIX)

    @property
    def elan(self) -> Path:
        """The periods for ELAN."""
        return self._named('.eaf')

    @property
    def review(self) -> Path:
        """Review page, on which the results can be watched and corrected."""
        return self._named('_review.html')

    @property
    def record(self) -> Path:
        """Record of what the other files were made with."""
        return self._named(RECORD_SUFFIX)

    def corrected(self) -> 'Outputs':
        """Where the corrected results go: next to these, which stay as the network gave them."""
        return Outputs(self.annotated.with_stem(self.annotated.stem + CORRECTED_SUFFIX))

    def written(self) -> list[str]:
        """Names of the files that have been written."""
        return [path.name for path in self.all() if path.exists()]

    def all(self) -> list[Path]:
        """Paths of all files that may be written."""
        tables = [self.emotions, self.faces, self.summary]
        timelines = map(self.timeline, TIMELINE_FORMATS)
        return [self.annotated, *tables, *timelines, self.subtitles, self.elan, self.review, self.record]

    def by_interest(self, paths: Iterable[Path]) -> list[Path]:
        """Put what people look at first before other results: the annotated copy, or else a table; then the page."""
        paths = list(paths)
        first = next((path for path in (self.annotated, self.emotions, self.faces) if path in paths), None)
        ranks = {first: 0, self.review: 1}
        return sorted(paths, key=lambda path: ranks.get(path, 2))

    def _named(self, ending):
        return self.annotated.with_name(self.annotated.stem + ending)


def outputs_beside(result: Path, suffix: str) -> Outputs:
    """Where all results of a video are, given the path of one of them and the suffix with which its name ends."""
    return Outputs(result.with_name(result.name.removesuffix(suffix) + '.mp4'))


def name_outputs(
    path: Path, output_filename: str | Path | None = None, shares_stem: bool = False, folder: Path | None = None
) -> Outputs:
    """Decide where the results of a video or a photograph go.

    A video becomes an mp4. A photograph keeps its kind if that is one of COPY_SUFFIXES. Otherwise it becomes a JPEG
    with all of the photograph's name in its own, so that IMG_1.HEIC and IMG_1.JPG have different results.

    Args:
        path: Path of the video or photograph.
        output_filename: Path of the annotated copy that the user named; None for the usual name in `folder`.
        shares_stem: Whether the folder has another video or photograph whose name differs in the suffix alone. The
            results of a photograph are then named after all of its name, so that they do not replace the others.
        folder: Folder for results; None for that of the input.

    Raises:
        InputError: The output's suffix does not fit the input.
    """
    is_video = not is_photograph(path)
    stem, suffix = path.stem, '.mp4' if is_video else path.suffix
    if not is_video and (shares_stem or suffix.lower() not in COPY_SUFFIXES):
        stem, suffix = path.name, suffix if suffix.lower() in COPY_SUFFIXES else '.jpg'
    outputs = Outputs(Path(output_filename or (folder or path.parent) / f'{stem}{OUTPUT_SUFFIX}{suffix}'))
    if is_video and outputs.annotated.suffix.lower() != '.mp4':
        raise InputError(f'{outputs.annotated}: expected a name that ends in .mp4, since a video becomes one')
    if not is_video and outputs.annotated.suffix.lower() not in COPY_SUFFIXES:
        kinds = ' '.join(COPY_SUFFIXES)
        raise InputError(f'{outputs.annotated}: expected a name for a copy of the photograph {path} ({kinds})')
    return outputs


def name_table_of_folder(folder: Path, output_folder: Path | None = None) -> Path:
    """Path of the table with the faces of all photographs in a folder.

    Args:
        folder: The folder.
        output_folder: Folder for results; None for the folder itself.
    """
    return _name_for_folder(folder, output_folder, FACES_SUFFIX)


def name_summary_of_folder(folder: Path, output_folder: Path | None = None) -> Path:
    """Path of the summary of all videos in a folder, see `name_table_of_folder`."""
    return _name_for_folder(folder, output_folder, SUMMARY_SUFFIX)


def name_people_of_folder(folder: Path, output_folder: Path | None = None) -> Path:
    """Path of the table of the people in all files of a folder, see `name_table_of_folder`; their picture is a .png of
    the same name."""
    return _name_for_folder(folder, output_folder, PEOPLE_SUFFIX)


def name_tables_of_folder(folder: Path, output_folder: Path | None = None) -> list[Path]:
    """Paths of all files about a folder, see `name_table_of_folder`."""
    people = name_people_of_folder(folder, output_folder)
    tables = [name_table_of_folder(folder, output_folder), name_summary_of_folder(folder, output_folder)]
    return [*tables, people, people.with_suffix('.png')]


def _name_for_folder(folder, output_folder, suffix):
    return (output_folder or folder) / f'{folder.resolve().name}{FOLDER_SUFFIX}{suffix}'


def name_in_folder(path: Path, folder: Path | None) -> str:
    """What a joint table calls a file: its path within the folder, with slashes; its name if it is not in there."""
    return to_text(path.relative_to(folder).as_posix() if folder in path.parents else path.name)


def to_text(name: str) -> str:
    """Convert a file's name to text that can be written: bytes that are not UTF-8 become replacement characters."""
    return os.fsencode(name).decode('utf-8', 'replace')
