"""The faces of an earlier run, read back from its table of faces, so that corrections need no detector or network."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import groupby, takewhile
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd

from emotion_recognition.labels import FaceEmotion, InputError, Person
from emotion_recognition.media.video import FrameError
from emotion_recognition.results.corrections import name_run, read_corrections
from emotion_recognition.results.face_table import FROM_REST, PERSON_COLUMNS, FaceColumns
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.results.review import Review
from emotion_recognition.threads import prefetch

SAME_TIME_MS = 0.002  # tolerance; the table's times have three decimals


class ReplayedFaces:
    """Takes the place of the pipeline: gives each frame the faces that were found in it, with corrections applied.

    Args:
        outputs: Where the results of the earlier run are. Its tables are read.
        corrections_path: Path of the corrected table of periods.

    Attributes:
        class_names: Names of the classes that the probabilities belong to.
        columns: Columns of the corrected table of faces.
        review: Review that collects the faces as they were found while `run` goes through the frames.

    Raises:
        InputError: There is no such table, it is damaged, or the corrections do not fit it.
    """

    def __init__(self, outputs: Outputs, corrections_path: Path):
        self._path = outputs.faces
        try:
            with self._path.open(newline='', encoding='utf-8') as file:
                header = next(csv.reader(file), [])
        except OSError as error:
            raise InputError(
                f'{self._path}: no table of faces to correct ({error.strerror}); analyse the video first'
            ) from None
        with_people = PERSON_COLUMNS[0] in header
        first_columns = FaceColumns((), with_people=with_people).names
        if header[: len(first_columns)] != first_columns:
            columns = ', '.join(first_columns)
            raise InputError(f'{self._path}: is not a table of faces; expected the columns {columns} ...')
        if 'by' in header:
            raise InputError(f'{self._path}: is already corrected; expected the table that the run itself wrote')
        self.class_names = tuple(takewhile(_is_class, header[len(first_columns) :]))
        with_rest = self.class_names[0] + FROM_REST in header
        self.columns = FaceColumns(
            self.class_names, with_rest, 'detected' in header, with_by=True, with_people=with_people
        )
        seen = self._read_numbers()
        self._people = self._find_people(seen) if with_people else {}
        self._corrections = read_corrections(corrections_path, self.class_names, self._people)
        run_name = name_run(self._path)
        self._check_corrections(run_name, seen)
        self._last_frame = _find_last_frame(outputs.emotions)
        self.review = Review(self.class_names, self._corrections, run_name)

    def _read_numbers(self):
        """Read which face, and which person if there are any, is in which frame."""
        columns = [name for name in ('frame', 'face', *PERSON_COLUMNS) if name in self.columns.names]
        empty = {'person': [''], 'identified': ['']}  # a name may be any text, even NA
        try:
            return pd.read_csv(self._path, usecols=columns, dtype={'name': str}, keep_default_na=False, na_values=empty)
        except ValueError as error:
            raise InputError(f'{self._path}: cannot be read as a table of faces ({error})') from None

    def _find_people(self, seen):
        """Returns the people by their numbers."""
        people = seen[PERSON_COLUMNS].dropna().drop_duplicates('person')
        try:
            return {
                int(number): Person(int(number), name, bool(is_identified))
                for number, name, is_identified in people.to_numpy()
            }
        except ValueError as error:
            raise InputError(f'{self._path}: cannot be read as a table of faces ({error})') from None

    def _check_corrections(self, run_name, seen):
        frames = {face: np.sort(numbers) for face, numbers in seen.groupby('face').frame}
        for row in self._corrections:
            if row.run and row.run != run_name:
                raise InputError(
                    f'{self._corrections.path}: line {row.line} belongs to another run than {self._path.name}; '
                    'expected a table from the review page of that run'
                )
            found = frames.get(row.found_as, np.array([]))
            if np.searchsorted(found, row.frame_start) == np.searchsorted(found, row.frame_end, side='right'):
                raise InputError(
                    f'{self._corrections.path}: line {row.line} is about face {row.found_as} in frames '
                    f'{row.frame_start} to {row.frame_end}, where {self._path.name} has none; expected corrections '
                    'of that run'
                )

    def run(
        self, frames: Iterable[tuple[int, float, np.ndarray]]
    ) -> Iterator[tuple[int, float, np.ndarray, list[FaceEmotion]]]:
        """Give the recorded faces of frames, see `EmotionPipeline.run`.

        Args:
            frames: Number, timestamp in milliseconds and picture of each.

        Yields:
            The same with the corrected faces.

        Raises:
            FrameError: The earlier run ended before this frame.
            InputError: The table belongs to another video, or two faces of a frame get the same number.
        """
        recorded_frames = self._read()
        recorded = next(recorded_frames, None)
        with closing(prefetch(frames)) as read:
            for number, timestamp_ms, frame_bgr in read:
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
                self.review.add(number, round(timestamp_ms, 3), faces, frame_bgr)
                yield number, timestamp_ms, frame_bgr, self._corrections.apply(number, faces)
        if recorded:
            raise InputError(f'{self._path}: has frame {recorded[0]}, but the video ends before it')

    def _read(self):
        """Yield the number, the time and the faces of each frame with faces."""
        with self._path.open(newline='', encoding='utf-8') as file:
            rows = csv.DictReader(file)
            try:
                for number, group in groupby(rows, itemgetter('frame')):
                    frame_rows = list(group)
                    yield int(number), float(frame_rows[0]['ms']), [self._to_face(row) for row in frame_rows]
            except (ValueError, TypeError, KeyError) as error:
                raise InputError(f'{self._path}: is damaged near line {rows.line_num} ({error})') from None

    def _to_face(self, row):
        probabilities, from_rest = _to_probabilities(row, self.class_names, ''), None
        if row.get(self.class_names[0] + FROM_REST):
            from_rest = _to_probabilities(row, self.class_names, FROM_REST)
        # Rounding may have made two of the shown ones equal: that of the named emotion stays the largest
        shown, named = probabilities if from_rest is None else from_rest, self.class_names.index(row['emotion'])
        shown[named] = max(shown[named], np.nextafter(shown.max(), np.float32(2)))
        return FaceEmotion(
            int(row['face']),
            tuple(int(row[name]) for name in ('x', 'y', 'width', 'height')),
            probabilities,
            self.class_names,
            detected=row.get('detected', '1') == '1',
            probabilities_from_rest=from_rest,
            person=self._people[int(row['person'])] if row.get('person') else None,
        )


def _to_probabilities(row, class_names, ending):
    return np.array([float(row[name + ending]) for name in class_names], np.float32)


def _is_class(name):
    return name not in ('valence', 'detected') and not name.endswith(FROM_REST)


def _find_last_frame(path: Path) -> int | None:
    """Find the number of the last frame in a table of emotions, by periods or by frames; None without a table."""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError):
        return None
    numbers = table.get('frame_end', table.get('frame'))
    return None if numbers is None or numbers.empty else int(numbers.iloc[-1])
