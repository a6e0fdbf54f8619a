"""Tables of faces: one row per face and frame, in a CSV file that is written as the video goes on."""

import csv
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from emotion_recognition.labels import FaceEmotion, has_valence

FACE_COLUMNS = ['frame', 'ms', 'face', 'x', 'y', 'width', 'height', 'emotion', 'confidence']  # and more
MACHINE, PERSON = 'machine', 'person'  # who says an emotion
FROM_BASELINE = '_from_baseline'  # ending of the columns that tell how a face has changed
SAVE_SECONDS = 0.8  # between two times that a live table is brought to the disk


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


class LiveFaceTable:
    """A FaceTable of a run without an end: the file itself grows, and a power cut loses no more than a second of it.

    Faces may have a baseline. Its last columns are `time`, the wall-clock time in ISO 8601 with the offset from UTC
    at which the frame was read, and `mark`. Since a frame can be marked until the next one is there, its rows wait for
    that.
    """

    def __init__(self, path: Path, class_names: Sequence[str]):
        self._path = path
        self._columns = FaceColumns(tuple(class_names), with_baseline=True)
        self._saved = 0.0
        self._written_count = 0
        self._newest: list[list] = []  # the newest frame's rows
        self._newest_faceless: list = []  # the row that it gets if it has no faces and is marked
        self._marks: list[str] = []  # of it

    @property
    def row_count(self) -> int:
        """Rows so far."""
        return self._written_count + len(self._rows())

    def mark(self, mark: str) -> None:
        """Mark the newest frame. If it has no faces, it gets a row all the same, whose columns of a face are empty."""
        self._marks.append(mark)

    def add(
        self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion], read_at: datetime | None = None
    ) -> None:
        """Add the next frame's faces; call it for frames without faces too, so that earlier rows get to the disk.
        `read_at` is when it was read from the camera; now, where that is not known."""
        self._write_newest()
        clock = (read_at or datetime.now()).astimezone().isoformat(timespec='milliseconds')
        self._newest = [[*self._columns.cells(frame_number, timestamp_ms, face), clock] for face in faces]
        self._newest_faceless = [frame_number, timestamp_ms, *[''] * (len(self._columns.names) - 2), clock]
        if time.monotonic() - self._saved >= SAVE_SECONDS:
            self._save()

    def _rows(self):
        rows = self._newest or [self._newest_faceless] * bool(self._marks and self._newest_faceless)
        return [[*row, ' '.join(self._marks)] for row in rows]

    def _write_newest(self):
        if self._newest_faceless:  # else there is no frame yet, and its marks wait for the first one
            rows = self._rows()
            self._writer.writerows(rows)
            self._written_count += len(rows)
            self._newest, self._newest_faceless, self._marks = [], [], []

    def _save(self):
        self._file.flush()
        os.fsync(self._file.fileno())
        self._saved = time.monotonic()

    def __enter__(self):
        self._file = self._path.open('x', newline='', encoding='utf-8')  # never over another one
        self._writer = csv.writer(self._file, lineterminator='\n')
        self._writer.writerow([*self._columns.names, 'time', 'mark'])
        self._save()
        return self

    def __exit__(self, *exception):
        with self._file:
            self._write_newest()


def _four_digits(values):
    return [f'{value:.4f}' for value in values]
