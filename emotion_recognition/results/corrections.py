"""A person's corrections: the corrected table of periods from the review page, and how it changes each face."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

from emotion_recognition.hashing import hash_file
from emotion_recognition.labels import FaceEmotion, InputError, Person
from emotion_recognition.results.csv_tables import open_table
from emotion_recognition.results.face_table import PERSON

REQUIRED_COLUMNS = ['frame_start', 'frame_end', 'emotions']
OPTIONAL_COLUMNS = ['person', 'face', 'found_as', 'ms_start', 'ms_end', 'by', 'use', 'note', 'run']
SAME_TIME_MS = 1  # spreadsheets may round
USE_VALUES = {'yes': True, '': True, 'no': False}


@dataclass(frozen=True)
class Correction:
    """One row of the corrected table: what a face is from one frame to another.

    Attributes:
        line: Line number in the file, for messages.
        found_as: Face number that the tracker gave.
        frame_start, frame_end: Numbers of the first and the last frame that the row is about.
        number: Corrected number of the person, or of the face if people are not told apart.
        emotion: Corrected emotion.
        by_person: Whether a person chose the emotion, even if it is the one that the network gave.
        use: Whether the face is used in the results, rather than left out.
        note: Note that a person wrote, or an empty text.
        run: Name of the run that the row belongs to, see `name_run`; empty if it is not known.
        ms_start, ms_end: Times of its first and its last frame, in milliseconds; nan if it has none. They do not count.
    """

    line: int
    found_as: int
    frame_start: int
    frame_end: int
    number: int
    emotion: str
    by_person: bool = False
    use: bool = True
    note: str = ''
    run: str = ''
    ms_start: float = math.nan
    ms_end: float = math.nan

    def times(self) -> tuple[tuple[int, float], tuple[int, float]]:
        """Number and time of its first and of its last frame."""
        return (self.frame_start, self.ms_start), (self.frame_end, self.ms_end)


class Corrections:
    """All corrections of a video. A face that no row is about stays as it was found.

    Args:
        path: Path of the corrected table, for messages.
        rows: Its rows, in any order.
        people: The people of the run by their numbers; empty if they are not told apart.

    Raises:
        InputError: Two rows are about the same face in the same frame.
    """

    def __init__(self, path: Path, rows: Sequence[Correction], people: Mapping[int, Person] | None = None):
        self.path = path
        self._people = {} if people is None else people
        self._rows: dict[int, list[Correction]] = {}
        for row in sorted(rows, key=attrgetter('frame_start')):
            self._rows.setdefault(row.found_as, []).append(row)
        for face, of_face in self._rows.items():
            for row, following in pairwise(of_face):
                if following.frame_start <= row.frame_end:
                    raise InputError(
                        f'{path}: lines {row.line} and {following.line} are both about frame {following.frame_start} '
                        f'of face {face}; expected one line'
                    )

    def __iter__(self) -> Iterator[Correction]:
        for rows in self._rows.values():
            yield from rows

    def find(self, found_as: int, frame_number: int) -> Correction | None:
        """Find the row about a face in a frame, or None."""
        rows = self._rows.get(found_as, [])
        index = bisect_right(rows, frame_number, key=attrgetter('frame_start')) - 1
        return rows[index] if index >= 0 and frame_number <= rows[index].frame_end else None

    def lines_with_other_times(self, times_ms: Mapping[int, float]) -> list[int]:
        """The lines whose times are not those of their frames.

        Args:
            times_ms: The times of frames in milliseconds, by their numbers. Other frames are not compared.
        """
        times = ((row.line, *time) for row in self for time in row.times())
        return sorted({line for line, number, ms in times if abs(ms - times_ms.get(number, ms)) > SAME_TIME_MS})

    def apply(self, frame_number: int, faces: Sequence[FaceEmotion]) -> list[FaceEmotion]:
        """Correct the faces of a frame.

        Args:
            frame_number: Number of the frame, from 1.
            faces: Its faces as they were found.

        Returns:
            The corrected faces, in the order of their new numbers.

        Raises:
            InputError: Two of them have the same number after the correction.
        """
        corrected: dict[int, FaceEmotion] = {}
        for found in faces:
            row = self.find(found.track_id, frame_number)
            if row and not row.use:
                continue
            face = self.correct(found, row) if row else found
            if face.number in corrected:
                raise InputError(
                    f'{self.path}: frame {frame_number} has {face.who} twice, one of them found as face '
                    f'{found.track_id}; expected one, or "no" under use in the row of the other'
                )
            corrected[face.number] = face
        return [corrected[number] for number in sorted(corrected)]

    def correct(self, face: FaceEmotion, row: Correction) -> FaceEmotion:
        """Correct a face as a row says. If people are told apart, it becomes the face of the row's person, and the
        tracker's number stays. An emotion that differs from the network's must be a person's, whatever the row has
        under `by`."""
        by_person = row.by_person or row.emotion != face.emotion
        if face.person:
            whose = {'person': self._people.get(row.number, Person(row.number))}
        else:
            whose = {'track_id': row.number}
        return replace(face, corrected=row.emotion if by_person else None, **whose)


def read_corrections(path: Path, class_names: Sequence[str], people: Mapping[int, Person] | None = None) -> Corrections:
    """Read a corrected table of periods.

    Args:
        path: CSV file with the columns `frame_start, frame_end, emotions`, and `person` or, if people are not told
            apart, `face`. The columns `ms_start`, `ms_end`, `by` (machine or person), `use` (yes or no), `note` and
            `run` may be missing, and next to `face` also `found_as`, which is then the same.
        class_names: Names of the emotions that a row may have.
        people: The people of the run by their numbers, see `Corrections`.

    Raises:
        InputError: The table cannot be read, see `open_table`, or one of its rows is wrong.
    """
    kind = 'a table of periods from the review page'
    is_of_people = 'person' in open_table(path, REQUIRED_COLUMNS, kind, OPTIONAL_COLUMNS).columns
    who = ['person', 'found_as'] if is_of_people else ['face']
    table = open_table(path, [*REQUIRED_COLUMNS, *who], kind, OPTIONAL_COLUMNS)
    rows = [_to_correction(line, row, who[0], class_names) for line, row in table.rows()]
    return Corrections(path, rows, people)


def _to_correction(line, row, number_column, class_names):
    start, end, number = map(row.whole_number, ('frame_start', 'frame_end', number_column))
    if end < start:
        raise row.error('frame_end', f'a frame that is not before {start}')
    emotion, use = row.text('emotions'), row.text('use').lower()
    if emotion not in class_names:
        raise row.error('emotions', f'one of {", ".join(class_names)}')
    if use not in USE_VALUES:
        raise row.error('use', 'yes or no')
    is_same = number_column == 'face' and not row.text('found_as')
    return Correction(
        line,
        found_as=number if is_same else row.whole_number('found_as'),
        frame_start=start,
        frame_end=end,
        number=number,
        emotion=emotion,
        by_person=row.text('by').lower() == PERSON,
        use=USE_VALUES[use],
        note=row.text('note'),
        run=row.text('run'),
        ms_start=_to_time(row, 'ms_start'),
        ms_end=_to_time(row, 'ms_end'),
    )


def _to_time(row, column):
    try:
        return row.number(column)
    except InputError:
        return math.nan


def name_run(faces_path: Path) -> str:
    """Name a run by a hash of its table of faces, so that a corrected table can say which run it belongs to.

    Raises:
        OSError: The table of faces cannot be read.
    """
    return f'run-{hash_file(faces_path)[:12]}'
