"""The table of faces: one row per face and frame, written to a CSV file while the frames are processed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from emotion_recognition.labels import FROM_REST, FaceEmotion, FaceQuality, InputError, Person, has_valence
from emotion_recognition.results.csv_tables import CsvTable, to_cell
from emotion_recognition.results.table_writing import RowWriter

FACE_COLUMNS = ['frame', 'ms', 'face', 'x', 'y', 'width', 'height', 'emotion', 'confidence']  # the first ones
PERSON_COLUMNS = ['person', 'name', 'identified']  # after `face`, if people are told apart
QUALITY_COLUMNS = list(FaceQuality._fields)  # after those of the classes, if the detector finds points
TEXTS = ('name', 'emotion', 'by')  # columns that hold no numbers
MACHINE, PERSON = 'machine', 'person'  # who gave the emotion


@dataclass(frozen=True)
class FaceColumns:
    """The columns of a table of faces.

    Attributes:
        class_names: Names of the classes that the probabilities belong to.
        with_rest: Whether there are columns for the probabilities compared with the face's reference at rest.
        with_detected: Whether there is a column that says if the detector found the face or it was filled in.
        with_by: Whether there is a column that says who gave the emotion, the machine or a person.
        with_people: Whether there are columns that say whose face it is, see `Person`. They are empty while that is not
            known.
        with_quality: Whether there are columns that say how well the face can be seen, see `FaceQuality`. They are
            empty for a face that was filled in.
        decimal_comma: Whether the table is written in the European way, see `RowWriter`.
    """

    class_names: tuple[str, ...]
    with_rest: bool = False
    with_detected: bool = False
    with_by: bool = False
    with_people: bool = False
    with_quality: bool = False
    decimal_comma: bool = False

    @property
    def names(self) -> list[str]:
        """Names of the columns, in their order."""
        valence = ['valence'] if has_valence(self.class_names) else []
        compared = [name + FROM_REST for name in self.class_names] if self.with_rest else []
        quality = QUALITY_COLUMNS if self.with_quality else []
        detected, by = ['detected'] * self.with_detected, ['by'] * self.with_by
        place = FACE_COLUMNS.index('face') + 1
        people = PERSON_COLUMNS if self.with_people else []
        first = [*FACE_COLUMNS[:place], *people, *FACE_COLUMNS[place:]]
        return [*first, *self.class_names, *valence, *compared, *quality, *detected, *by]

    def cells(self, frame_number: int, timestamp_ms: float, face: FaceEmotion) -> list:
        """Make the row of a face.

        `emotion`, `confidence` and valence are those that are shown. The columns with the names of the classes are what
        the network said; those from the reference at rest are empty for a face without one. A corrected emotion has no
        confidence; all probabilities stay as they were.

        Args:
            frame_number: Number of the frame, from 1.
            timestamp_ms: When the frame is shown, in milliseconds.
            face: The face.
        """
        values = [*face.probabilities, *([face.valence] if has_valence(face.class_names) else [])]
        cells = [frame_number, timestamp_ms, face.track_id]
        if self.with_people:
            is_known = face.person and face.person.number
            cells += person_cells(face.person) if is_known else [''] * len(PERSON_COLUMNS)
        confidence = [''] if face.corrected else _four_digits([face.confidence])
        cells += [*face.box, face.emotion, *confidence, *_four_digits(values)]
        if self.with_rest and face.probabilities_from_rest is None:
            cells += [''] * len(face.class_names)
        elif self.with_rest:
            cells += _four_digits(face.probabilities_from_rest)
        if self.with_quality:
            cells += _four_digits(face.seen) if face.seen else [''] * len(QUALITY_COLUMNS)
        by = PERSON if face.corrected else MACHINE
        return cells + [int(face.detected)] * self.with_detected + [by] * self.with_by


class FaceTable:
    """Writes one row per face and frame to a CSV file immediately, so that memory does not grow with the frames.

    Args:
        path: Path of the CSV file.
        columns: Columns of the table.
        first_columns: Names of additional columns before them.
    """

    def __init__(self, path: Path, columns: FaceColumns, first_columns: Sequence[str] = ()):
        self._path = path
        self._columns = columns
        self._first_columns = first_columns

    def add(
        self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion], first_cells: Sequence[str] = ()
    ) -> None:
        """Add the next frame's faces. A frame without faces has no row.

        Args:
            frame_number: Its number, from 1.
            timestamp_ms: When it is shown, in milliseconds.
            faces: Its faces, in the order of their numbers.
            first_cells: Texts of the additional columns.
        """
        first_cells = [to_cell(text) for text in first_cells]
        self._writer.writerows([*first_cells, *self._columns.cells(frame_number, timestamp_ms, face)] for face in faces)

    def add_faceless(self, frame_number: int, timestamp_ms: float, first_cells: Sequence[str]) -> None:
        """Add a row that says that a frame has no face, see `add`: `face` is 0, and what is about a face is empty."""
        cells = {'frame': frame_number, 'ms': timestamp_ms, 'face': 0}
        self._writer.writerow([*map(to_cell, first_cells), *(cells.get(name, '') for name in self._columns.names)])

    def copy(self, rows: Iterable[Sequence[str]]) -> None:
        """Add rows of an earlier table with the same columns."""
        self._writer.writerows(rows)

    def __enter__(self):
        self._file = self._path.open('w', newline='', encoding='utf-8')
        names, texts = [*self._first_columns, *self._columns.names], [*self._first_columns, *TEXTS]
        self._writer = RowWriter(self._file, names, texts, self._columns.decimal_comma)
        return self

    def __exit__(self, *exception):
        self._file.close()


def find_columns(table: CsvTable) -> FaceColumns:
    """Find which columns a table of faces has that a run wrote.

    Raises:
        InputError: It is no table of faces, or it is already corrected.
    """
    with_people = PERSON_COLUMNS[0] in table.columns
    first_columns = FaceColumns((), with_people=with_people).names
    others = table.columns[len(first_columns) :]
    class_names = tuple(takewhile(_is_class, others))
    columns = FaceColumns(
        class_names,
        any(name.endswith(FROM_REST) for name in others),
        'detected' in others,
        'by' in others,
        with_people,
        QUALITY_COLUMNS[0] in others,
    )
    if not class_names or list(table.columns) != columns.names:
        expected = ', '.join(first_columns)
        raise InputError(f'{table.path}: is not a table of faces; expected the columns {expected} ...')
    if columns.with_by:
        raise InputError(f'{table.path}: is already corrected; expected the table that the run itself wrote')
    return columns


def _is_class(name):
    return name not in ('valence', *QUALITY_COLUMNS, 'detected', 'by') and not name.endswith(FROM_REST)


def person_cells(person: Person, details: Sequence[str] = ()) -> list:
    """The cells of PERSON_COLUMNS and of further columns with these names, see `name_details`."""
    known = dict(person.details)
    return [
        person.number,
        to_cell(person.name),
        int(person.is_identified),
        *(to_cell(known.get(name, '')) for name in details),
    ]


def name_details(people: Iterable[Person]) -> list[str]:
    """Names of the further columns that the user's table has about some of these people."""
    return list(dict.fromkeys(name for person in people for name, _ in person.details))


def _four_digits(values):
    return [f'{value:.4f}' for value in values]
