"""Tables of faces: one row per face and frame, in a CSV file that is written as the video goes on."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emotion_recognition.labels import FaceEmotion, has_valence

FACE_COLUMNS = ['frame', 'ms', 'face', 'x', 'y', 'width', 'height', 'emotion', 'confidence']  # and more
MACHINE, PERSON = 'machine', 'person'  # who says an emotion
FROM_BASELINE = '_from_baseline'  # ending of the columns that tell how a face has changed


@dataclass(frozen=True)
class FaceColumns:
    """What a table tells of each face.

    Attributes:
        class_names: of the probabilities.
        with_baseline: also how it has changed from its baseline.
        with_detected: also whether the detector saw it, or it was filled in.
        with_by: also who says its emotion, the machine or a person.
    """

    class_names: tuple[str, ...]
    with_baseline: bool = False
    with_detected: bool = False
    with_by: bool = False

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        valence = ['valence'] if has_valence(self.class_names) else []
        changes = [name + FROM_BASELINE for name in ('emotion', *self.class_names)] if self.with_baseline else []
        detected, by = ['detected'] * self.with_detected, ['by'] * self.with_by
        return [*FACE_COLUMNS, *self.class_names, *valence, *changes, *detected, *by]

    def cells(self, frame_number: int, timestamp_ms: float, face: FaceEmotion) -> list:
        """A face's row. Emotion and confidence are told without regard to its baseline; what has changed from it is
        empty for a face without one. A corrected emotion stands for both, without confidence; all probabilities
        stay the network's."""
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
    """Writes one row per face and frame to a CSV file as they come, so that they need no memory.

    Args:
        path: of the CSV file.
        columns: what is told of each face.
        first_columns: names of further columns that stand first.
    """

    def __init__(self, path: Path, columns: FaceColumns, first_columns: Sequence[str] = ()):
        self._path = path
        self._columns = columns
        self._first_columns = first_columns

    def add(self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion], first_cells=()) -> None:
        """Add the next frame's faces; a frame without faces has no row. `first_cells` fill the first columns."""
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
