"""The table of faces of a live run."""

import csv
import errno
import io
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from emotion_recognition.labels import FaceEmotion, InputError, reason
from emotion_recognition.results.face_table import FaceColumns

LAST_COLUMNS = ('recording', 'recording_frame', 'time', 'mark')
SAVE_SECONDS = 0.8  # between two times that the table is saved to the disk


class LiveFaceTable:
    """A table of faces for a run of any length: it is saved as it grows, so a power cut loses a second at most.

    It has the columns of the comparison with the reference at rest. Its last columns are `recording` and
    `recording_frame`, the file in which the frame was recorded and its number there, `time`, the wall-clock time at
    which the frame was read (ISO 8601 with the offset from UTC), and `mark`. A frame can be marked until the next one
    arrives, so its rows are written only then. At the end of the `with` block it prints what was written.

    Args:
        path: Path of the CSV file, which must not exist.
        class_names: Names of the classes that the probabilities belong to.
        with_people: Whether there are columns that say whose face it is.
        with_quality: Whether there are columns that say how well it can be seen.

    Raises:
        InputError: In `add`, and on entering and leaving the `with` block: the table cannot be written, or is gone. The
            rows of earlier saves stay, and no others.
    """

    def __init__(self, path: Path, class_names: Sequence[str], with_people: bool = False, with_quality: bool = False):
        self._path = path
        self._columns = FaceColumns(
            tuple(class_names), with_rest=True, with_people=with_people, with_quality=with_quality
        )
        self._save_time = 0.0
        self._saved_count = self._saved_bytes = 0
        self._unsaved: list[list] = []  # rows
        self._newest: list[list] = []  # the newest frame's rows
        self._newest_faceless: list = []  # the row that it gets if it has no faces and is marked
        self._marks: list[str] = []  # of the newest frame

    @property
    def row_count(self) -> int:
        """Number of rows so far; after the `with` block, of those in the file."""
        return self._saved_count + len(self._unsaved) + len(self._rows())

    def mark(self, mark: str) -> None:
        """Mark the newest frame. If it has no faces, it gets a row in which the columns of a face are empty."""
        self._marks.append(mark)

    def add(
        self,
        frame_number: int,
        timestamp_ms: float,
        faces: Sequence[FaceEmotion],
        read_at: datetime | None = None,
        recorded: tuple[str, int] | None = None,
    ) -> None:
        """Add the next frame's faces. Call it for frames without faces too, so that earlier rows are saved.

        Args:
            frame_number: Its number, from 1.
            timestamp_ms: Its time since the first frame, in milliseconds.
            faces: Its faces, in the order of their numbers.
            read_at: When it was read from the camera; by default now.
            recorded: Name of the recording that has it, and its number there; None if none has it.
        """
        self._end_newest()
        clock = (read_at or datetime.now()).astimezone().isoformat(timespec='milliseconds')
        last = [*(recorded or ('', '')), clock]
        self._newest = [[*self._columns.cells(frame_number, timestamp_ms, face), *last] for face in faces]
        self._newest_faceless = [frame_number, timestamp_ms, *[''] * (len(self._columns.names) - 2), *last]
        if time.monotonic() - self._save_time >= SAVE_SECONDS:
            self._save()

    def _rows(self):
        rows = self._newest or [self._newest_faceless] * bool(self._marks and self._newest_faceless)
        return [[*row, ' '.join(self._marks)] for row in rows]

    def _end_newest(self):
        if self._newest_faceless:  # otherwise there is no frame yet, and the marks are for the first one
            self._unsaved += self._rows()
            self._newest, self._newest_faceless, self._marks = [], [], []

    def _save(self):
        self._write(self._unsaved)
        self._saved_count += len(self._unsaved)
        self._unsaved = []

    def _write(self, rows):
        text = io.StringIO()
        csv.writer(text, lineterminator='\n').writerows(rows)
        rest = memoryview(text.getvalue().encode())
        try:
            if not self._path.exists():
                raise FileNotFoundError(errno.ENOENT, 'it was deleted or moved')
            self._file.seek(self._saved_bytes)  # not behind rows that a second Ctrl-C has cut off
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._give_up()
            before = f'{self._saved_count} rows were written before'
            raise InputError(f'{self._path}: cannot be written ({reason(error)}); {before}') from None
        self._saved_bytes, self._save_time = self._file.tell(), time.monotonic()

    def _give_up(self):
        """Leave the file as the last save left it."""
        self._unsaved, self._newest, self._newest_faceless, self._marks = [], [], [], []
        with suppress(OSError), self._file:
            self._file.truncate(self._saved_bytes)
            if not self._saved_bytes:
                self._path.unlink()

    def __enter__(self):
        self._file = self._path.open('xb', buffering=0)  # 'x': never overwrites a file
        self._write([[*self._columns.names, *LAST_COLUMNS]])
        return self

    def __exit__(self, *exception):
        if self._file.closed:  # the error has said what there is
            return
        with self._file:
            self._end_newest()
            self._save()
        print(f'Wrote {self._path}, {self._saved_count} rows')
