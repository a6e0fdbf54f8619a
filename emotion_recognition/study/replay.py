"""The faces of an earlier run, read back from its table of faces, so that corrections need no detector or network."""

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np

from emotion_recognition.faces.hiding import pixelate
from emotion_recognition.labels import FaceEmotion, FaceQuality, InputError, Person
from emotion_recognition.media.endings import FrameError
from emotion_recognition.media.picture import Picture
from emotion_recognition.results.corrections import name_run, read_corrections
from emotion_recognition.results.csv_tables import open_table
from emotion_recognition.results.face_table import FROM_REST, QUALITY_COLUMNS, FaceColumns, find_columns
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.results.review import Review
from emotion_recognition.settings import MAX_NUMBER
from emotion_recognition.threads import prefetch

SAME_TIME_MS = 0.002  # tolerance; the table's times have three decimals
MAX_MS = 1000 * MAX_NUMBER
MAX_SIDE = 100_000  # pixels of a frame; no codec has more than 65,536
SMALLEST = {'x': -MAX_SIDE, 'y': -MAX_SIDE, 'width': 1, 'height': 1}  # pixels, of a box
Details = tuple[tuple[str, str], ...]  # see `Person`
PIXELS = 'whole pixels within a frame'
MAX_REPORTED_LINES = 5


class ReplayedFaces:
    """Takes the place of the pipeline: gives each frame the faces that were found in it, with corrections applied.

    The tables are read to their ends before the work begins, so that no wrong row, however late, ends it.

    Args:
        outputs: Where the results of the earlier run are. Its tables are read.
        corrections_path: Path of the corrected table of periods.
        details: Further columns of the user's table of people, by the numbers of the people.
        hides_faces: Whether the pictures that `review` keeps of the faces are pixelated.

    Attributes:
        class_names: Names of the classes that the probabilities belong to.
        columns: Columns of the corrected table of faces.
        review: Review that collects the faces as they were found while `run` goes through the frames.
        needs_frames: See `Recogniser`.

    Raises:
        InputError: There is no such table, it is damaged, or the corrections do not fit it.
    """

    needs_frames = True

    def __init__(
        self,
        outputs: Outputs,
        corrections_path: Path,
        details: Mapping[int, Details] | None = None,
        hides_faces: bool = False,
    ):
        self._hides_faces = hides_faces
        self._path = outputs.faces
        if not self._path.exists():
            raise InputError(f'{self._path}: no table of faces to correct; analyse the video first')
        self._table = open_table(self._path, FaceColumns(()).names, 'a table of faces')
        self.columns = replace(find_columns(self._table), with_by=True)
        self.class_names = self.columns.class_names
        self._people: dict[int, Person] = {}  # filled while the table is read
        self._details = details or {}
        self._corrections = read_corrections(corrections_path, self.class_names, self._people)
        run_name = name_run(self._path)
        for row in self._corrections:
            if row.run and row.run != run_name:
                raise InputError(
                    f'{corrections_path}: line {row.line} belongs to another run than {self._path.name}; expected a '
                    'table from the review page of that run'
                )
        self._check_tables()
        self._last_frame = _find_last_frame(outputs.emotions)
        self.review = Review(self.class_names, self._corrections, run_name)

    def new_numbers(self, numbers: Iterable[int]) -> list[int]:
        """Those of the numbers of people that nobody had who was found."""
        return [number for number in numbers if number not in self._people]

    def _check_tables(self):
        times_ms, frames = {}, {}
        for number, ms, faces in self._read():
            times_ms[number] = ms
            self._corrections.apply(number, faces)
            for face in faces:
                frames.setdefault(face.track_id, array('q')).append(number)
        for row in self._corrections:
            found = frames.get(row.found_as, ())
            if bisect_left(found, row.frame_start) == bisect_right(found, row.frame_end):
                raise InputError(
                    f'{self._corrections.path}: line {row.line} is about face {row.found_as} in frames '
                    f'{row.frame_start} to {row.frame_end}, where {self._path.name} has none; expected corrections '
                    'of that run'
                )
        if lines := self._corrections.lines_with_other_times(times_ms):
            named = ', '.join(map(str, lines[:MAX_REPORTED_LINES])) + ', ...' * (len(lines) > MAX_REPORTED_LINES)
            where = f'{self._corrections.path}: line{"s" * (len(lines) > 1)} {named}'
            print(
                f'{where}: the times are not those of the frames, and are ignored; change frame_start and frame_end '
                'instead',
                file=sys.stderr,
            )

    def run(
        self, frames: Iterable[tuple[int, float, Picture]]
    ) -> Iterator[tuple[int, float, Picture, list[FaceEmotion]]]:
        """Give the recorded faces of frames, see `EmotionPipeline.run`.

        Args:
            frames: Number, timestamp in milliseconds and picture of each.

        Yields:
            The same with the corrected faces.

        Raises:
            FrameError: The earlier run ended before this frame.
            InputError: The table belongs to another video.
        """
        with closing(prefetch(frames)) as read, closing(self._read()) as recorded_frames:
            recorded = next(recorded_frames, None)
            for number, timestamp_ms, picture in read:
                if self._last_frame and number > self._last_frame:
                    raise FrameError('the run whose results are corrected ended there')
                faces: list[FaceEmotion] = []
                if recorded and recorded[0] == number:
                    if abs(recorded[1] - timestamp_ms) > SAME_TIME_MS:
                        raise InputError(
                            f'{self._path}: has frame {number} at {recorded[1]} ms, but the video at '
                            f'{timestamp_ms:.3f} ms; expected the table of this video'
                        )
                    faces, recorded = recorded[2], next(recorded_frames, None)
                if self._hides_faces:
                    pixelate(picture.bgr, [face.box for face in faces])
                    picture = Picture(picture.bgr)
                self.review.add(number, round(timestamp_ms, 3), faces, picture)
                yield number, timestamp_ms, picture, self._corrections.apply(number, faces)
        if recorded:
            raise InputError(f'{self._path}: has frame {recorded[0]}, but the video ends before it')

    def _read(self):
        """Yield the number, the time and the faces of each frame with faces."""
        last = 0
        rows = (row for _, row in self._table.rows())
        for number, group in groupby(rows, lambda row: row.whole_number('frame')):
            faces: dict[int, FaceEmotion] = {}
            for row in group:
                face = self._to_face(row)
                if number <= last:
                    raise row.error('frame', f'a frame after {last}, which is in the line before')
                if face.track_id in faces:
                    raise row.error('face', f'each face once in frame {number}')
                faces[face.track_id] = face
            last = number
            yield number, row.number('ms', 'milliseconds', -MAX_MS, MAX_MS), list(faces.values())

    def _to_face(self, row):
        probabilities, from_rest = _to_probabilities(row, self.class_names), None
        if self.columns.with_rest and row.text(self.class_names[0] + FROM_REST):
            from_rest = _to_probabilities(row, [name + FROM_REST for name in self.class_names])
        if row.text('emotion') not in self.class_names:
            raise row.error('emotion', f'one of {", ".join(self.class_names)}')
        # Rounding may have made two of the shown ones equal: that of the named emotion stays the largest
        shown, named = probabilities if from_rest is None else from_rest, self.class_names.index(row.text('emotion'))
        shown[named] = max(shown[named], np.nextafter(shown.max(), np.float32(2)))
        return FaceEmotion(
            row.whole_number('face'),
            tuple(row.whole_number(name, PIXELS, least, MAX_SIDE) for name, least in SMALLEST.items()),
            probabilities,
            self.class_names,
            detected=not self.columns.with_detected or row.text('detected') == '1',
            probabilities_from_rest=from_rest,
            person=self._to_person(row) if row.text('person') else None,
            seen=self._to_quality(row),
        )

    def _to_quality(self, row):
        if not self.columns.with_quality or not row.text(QUALITY_COLUMNS[0]):
            return None
        return FaceQuality(*(row.number(name, 'a number from 0', 0) for name in QUALITY_COLUMNS))

    def _to_person(self, row):
        number = row.whole_number('person')
        if number not in self._people:
            details = self._details.get(number, ())
            self._people[number] = Person(number, row.text('name'), row.text('identified') == '1', details)
        return self._people[number]


def _to_probabilities(row, columns):
    return np.array([row.number(name, 'a probability from 0 to 1', 0, 1) for name in columns], np.float32)


def _find_last_frame(path: Path) -> int | None:
    """Find the number of the last frame in a table of emotions, by periods or by frames; None without a table."""
    if not path.exists():
        return None
    table = open_table(path, ['emotions'], 'a table of emotions')
    column = 'frame_end' if 'frame_end' in table.columns else 'frame'
    last = None
    for _, row in table.rows():
        last = row.whole_number(column)
    return last
