"""A person's corrections: the table of periods as the review page gives it back, and what it makes of each face."""

import csv
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

from emotion_recognition.hashing import hash_file
from emotion_recognition.labels import FaceEmotion, InputError
from emotion_recognition.results.face_table import PERSON

NEEDED_COLUMNS = ['frame_start', 'frame_end', 'emotions', 'face']
USE = {'yes': True, '': True, 'no': False}


@dataclass(frozen=True)
class Correction:
    """What one row says of a face.

    Attributes:
        line: of the file, for messages.
        found_as: number of the face as it was found.
        frame_start, frame_end: numbers of the first and the last frame that the row is about.
        face: number that it shall have.
        emotion: that it shall have.
        by_person: whether a person says so, be it the same emotion.
        use: False where it shall be left out.
        note: a person's.
        run: that it is about, see `name_run`; empty where nobody says.
    """

    line: int
    found_as: int
    frame_start: int
    frame_end: int
    face: int
    emotion: str
    by_person: bool = False
    use: bool = True
    note: str = ''
    run: str = ''


class Corrections:
    """Rows about found faces. What no row is about stays as it was found.

    Args:
        path: of their file, for messages.
        rows: in any order.

    Raises:
        InputError: two of them are about one face in one frame.
    """

    def __init__(self, path: Path, rows: Sequence[Correction]):
        self.path = path
        self._rows: dict[int, list[Correction]] = {}
        for row in sorted(rows, key=attrgetter('frame_start')):
            self._rows.setdefault(row.found_as, []).append(row)
        for face, of_face in self._rows.items():
            for row, following in pairwise(of_face):
                if following.frame_start <= row.frame_end:
                    raise InputError(
                        f'{path}: lines {row.line} and {following.line} are both about frame {following.frame_start} '
                        f'of face {face}; expected one'
                    )

    def __iter__(self) -> Iterator[Correction]:
        for rows in self._rows.values():
            yield from rows

    def find(self, found_as: int, frame_number: int) -> Correction | None:
        """The row about a face in a frame, None where there is none."""
        rows = self._rows.get(found_as, [])
        place = bisect_right(rows, frame_number, key=attrgetter('frame_start')) - 1
        return rows[place] if place >= 0 and frame_number <= rows[place].frame_end else None

    def apply(self, frame_number: int, faces: Sequence[FaceEmotion]) -> list[FaceEmotion]:
        """The faces of a frame as they are corrected, in the order of their numbers.

        Raises:
            InputError: two of them have become one number.
        """
        corrected: dict[int, FaceEmotion] = {}
        for found in faces:
            row = self.find(found.track_id, frame_number)
            if row and not row.use:
                continue
            face = correct(found, row)
            if face.track_id in corrected:
                raise InputError(
                    f'{self.path}: frame {frame_number} has two faces of number {face.track_id}, one of them found as '
                    f'{found.track_id}; expected one, or "no" under use in the row of the other'
                )
            corrected[face.track_id] = face
        return [corrected[track_id] for track_id in sorted(corrected)]


def correct(face: FaceEmotion, row: Correction | None) -> FaceEmotion:
    """A found face as a row says. An emotion other than the network's is a person's, whatever stands under `by`."""
    if row is None:
        return face
    by_person = row.by_person or row.emotion != face.emotion
    return replace(face, track_id=row.face, corrected=row.emotion if by_person else None)


def read_corrections(path: Path, class_names: Sequence[str]) -> Corrections:
    """Read a table of periods with the columns `frame_start, frame_end, emotions, face`, and where they are there
    `by` (machine or person), `use` (yes or no), `note`, `found_as` (by default the same as `face`) and `run`.

    Commas or semicolons separate them, as spreadsheets write either.

    Raises:
        InputError: it cannot be read, or a row says what cannot be.
    """
    try:
        with path.open(newline='', encoding='utf-8-sig') as file:
            separator = ';' if ';' in file.readline() else ','
            file.seek(0)
            table = csv.DictReader(file, delimiter=separator)
            names = table.fieldnames or []
            if missing := [name for name in NEEDED_COLUMNS if name not in names]:
                raise InputError(
                    f'{path}: has no column {", ".join(missing)}; expected the table of periods that the review page '
                    'gives as "Download corrected CSV"'
                )
            return Corrections(path, [_to_correction(path, table.line_num, row, class_names) for row in table])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, 'strerror', None) or error
        raise InputError(f'{path}: cannot be read as a table of periods ({reason})') from None


def _to_correction(path, line, row, class_names):
    def whole_number(name):
        text = (row.get(name) or '').strip()
        if not text.isdecimal() or int(text) < 1:
            raise InputError(f'{path}: line {line} has {text!r} under {name}; expected a number from 1')
        return int(text)

    start, end, face = map(whole_number, ('frame_start', 'frame_end', 'face'))
    if end < start:
        raise InputError(f'{path}: line {line} ends at frame {end}, before it starts at {start}')
    emotion, use = (row['emotions'] or '').strip(), (row.get('use') or '').strip().lower()
    if emotion not in class_names:
        raise InputError(
            f'{path}: line {line} has {emotion!r} under emotions; expected one of {", ".join(class_names)}'
        )
    if use not in USE:
        raise InputError(f'{path}: line {line} has {use!r} under use; expected yes or no')
    found_as = whole_number('found_as') if (row.get('found_as') or '').strip() else face
    by_person, run = (row.get('by') or '').strip().lower() == PERSON, (row.get('run') or '').strip()
    return Correction(line, found_as, start, end, face, emotion, by_person, USE[use], row.get('note') or '', run)


def name_run(faces_path: Path) -> str:
    """By what tables of corrections know the run that they are about: a hash of its table of faces.

    Raises:
        OSError: the table cannot be read.
    """
    return f'run-{hash_file(faces_path)[:12]}'
