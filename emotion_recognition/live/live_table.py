"""The table of faces of a live run."""

import csv
import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from emotion_recognition.labels import FaceEmotion
from emotion_recognition.results.face_table import FaceColumns

SAVE_SECONDS = 0.8  # between two times that the table is saved to the disk


class LiveFaceTable:
    """A table of faces for a run of any length: it is saved as it grows, so a power cut loses a second at most.

    It has the columns of the comparison with the reference at rest. Its last columns are `time`, the wall-clock time at
    which the frame was read (ISO 8601 with the offset from UTC), and `mark`. A frame can be marked until the next one
    arrives, so its rows are written only then.

    Args:
        path: Path of the CSV file, which must not exist.
        class_names: Names of the classes that the probabilities belong to.
        with_people: Whether there are columns that say whose face it is.
    """

    def __init__(self, path: Path, class_names: Sequence[str], with_people: bool = False):
        self._path = path
        self._columns = FaceColumns(tuple(class_names), with_rest=True, with_people=with_people)
        self._saved = 0.0
        self._written_count = 0
        self._newest: list[list] = []  # the newest frame's rows
        self._newest_faceless: list = []  # the row that it gets if it has no faces and is marked
        self._marks: list[str] = []  # of the newest frame

    @property
    def row_count(self) -> int:
        """Number of rows so far."""
        return self._written_count + len(self._rows())

    def mark(self, mark: str) -> None:
        """Mark the newest frame. If it has no faces, it gets a row in which the columns of a face are empty."""
        self._marks.append(mark)

    def add(
        self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion], read_at: datetime | None = None
    ) -> None:
        """Add the next frame's faces. Call it for frames without faces too, so that earlier rows are saved.

        Args:
            frame_number: Its number, from 1.
            timestamp_ms: Its time since the first frame, in milliseconds.
            faces: Its faces, in the order of their numbers.
            read_at: When it was read from the camera; by default now.
        """
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
        if self._newest_faceless:  # otherwise there is no frame yet, and the marks are for the first one
            rows = self._rows()
            self._writer.writerows(rows)
            self._written_count += len(rows)
            self._newest, self._newest_faceless, self._marks = [], [], []

    def _save(self):
        self._file.flush()
        os.fsync(self._file.fileno())
        self._saved = time.monotonic()

    def __enter__(self):
        self._file = self._path.open('x', newline='', encoding='utf-8')  # 'x': never overwrites a file
        self._writer = csv.writer(self._file, lineterminator='\n')
        self._writer.writerow([*self._columns.names, 'time', 'mark'])
        self._save()
        return self

    def __exit__(self, *exception):
        with self._file:
            self._write_newest()
