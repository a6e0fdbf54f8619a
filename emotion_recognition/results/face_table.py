"""The table of faces: one row per face and frame, written to a CSV file while the frames are processed."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emotion_recognition.labels import FaceEmotion, has_valence

FACE_COLUMNS = ['frame', 'ms', 'face', 'x', 'y', 'width', 'height', 'emotion', 'confidence']  # the first ones
MACHINE, PERSON = 'machine', 'person'  # who gave the emotion
FROM_BASELINE = '_from_baseline'  # suffix of the columns with the change from a face's baseline


@dataclass(frozen=True)
class FaceColumns:
    """The columns of a table of faces.

    Attributes:
        class_names: Names of the classes that the probabilities belong to.
        with_baseline: Whether there are columns for the change from the face's baseline.
        with_detected: Whether there is a column that says if the detector found the face or it was filled in.
        with_by: Whether there is a column that says who gave the emotion, the machine or a person.
    """

    class_names: tuple[str, ...]
    with_baseline: bool = False
    with_detected: bool = False
    with_by: bool = False

    @property
    def names(self) -> list[str]:
        """Names of the columns, in their order."""
        valence = ['valence'] if has_valence(self.class_names) else []
        changes = [name + FROM_BASELINE for name in ('emotion', *self.class_names)] if self.with_baseline else []
        detected, by = ['detected'] * self.with_detected, ['by'] * self.with_by
        return [*FACE_COLUMNS, *self.class_names, *valence, *changes, *detected, *by]

    def cells(self, frame_number: int, timestamp_ms: float, face: FaceEmotion) -> list:
        """Make the row of a face.

        `emotion` and `confidence` do not depend on the face's baseline; the columns of the change from it are empty
        for a face without one. A corrected emotion has no confidence, and replaces the emotion from the baseline too.
        All probabilities stay those of the network.

        Args:
            frame_number: Number of the frame, from 1.
            timestamp_ms: When the frame is shown, in milliseconds.
            face: The face.
        """
        raw, change = replace(face, probabilities_from_baseline=None), face.probabilities_from_baseline
        values = [raw.confidence, *raw.probabilities, *([raw.valence] if has_valence(face.class_names) else [])]
        cells = [frame_number, timestamp_ms, face.track_id, *face.box, raw.emotion, *_four_digits(values)]
        if face.corrected:
            cells[FACE_COLUMNS.index('confidence')] = ''
        if self.with_baseline and change is None:
            cells += [''] * (1 + len(face.class_names))
        elif self.with_baseline:
            cells += [face.emotion, *_four_digits(change)]
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
            first_cells: Values of the additional columns.
        """
        self._writer.writerows([*first_cells, *self._columns.cells(frame_number, timestamp_ms, face)] for face in faces)

    def __enter__(self):
        self._file = self._path.open('w', newline='', encoding='utf-8')
        self._writer = csv.writer(self._file, lineterminator='\n')
        self._writer.writerow([*self._first_columns, *self._columns.names])
        return self

    def __exit__(self, *exception):
        self._file.close()


def _four_digits(values):
    return [f'{value:.4f}' for value in values]
