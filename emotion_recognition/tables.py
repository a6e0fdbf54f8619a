"""What was seen as tables: compact periods, rows per frame, rows per face; their CSV and subtitle files."""

import csv
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import pysubs2

from emotion_recognition.labels import FaceEmotion

FRAME_COLUMNS = ['ms', 'frame', 'emotions']
PERIOD_COLUMNS = ['ms_start', 'ms_end', 'frame_start', 'frame_end', 'emotions']
FACE_COLUMNS = ['frame', 'ms', 'face', 'x', 'y', 'width', 'height', 'emotion', 'confidence']  # then one per class
SAVE_SECONDS = 0.8  # between two times that a live table is brought to the disk


def emotions_cell(faces: Sequence[FaceEmotion]) -> str | list[str]:
    """A frame's emotions in the published format: the bare word for exactly one face, otherwise a list."""
    emotions = [face.emotion for face in faces]
    return emotions[0] if len(emotions) == 1 else emotions


class EmotionTable:
    """Collects what each frame shows, in the published format.

    Only periods are kept when `compact`, so that memory grows with the changes and not with the frames.

    Args:
        compact: `to_frame` gives periods, otherwise frames.
    """

    def __init__(self, compact: bool = True):
        self._compact = compact
        self._periods, self._frames = [], []

    def add(self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame: its number from 1, its presentation time in milliseconds, its faces in their order."""
        emotions = emotions_cell(faces)
        if self._periods and self._periods[-1][4] == emotions:
            self._periods[-1][1], self._periods[-1][3] = timestamp_ms, frame_number
        else:
            self._periods.append([timestamp_ms, timestamp_ms, frame_number, frame_number, emotions])
        if not self._compact:
            self._frames.append([timestamp_ms, frame_number, emotions])

    def periods(self) -> pd.DataFrame:
        """One row per period in which the emotions stay the same: `ms_start, ms_end, frame_start, frame_end,
        emotions`; start and end are those of its first and last frame."""
        return pd.DataFrame(self._periods, columns=PERIOD_COLUMNS)

    def to_frame(self) -> pd.DataFrame:
        """The periods if compact, otherwise one row per frame: `ms, frame, emotions`."""
        return self.periods() if self._compact else pd.DataFrame(self._frames, columns=FRAME_COLUMNS)


class FaceTable:
    """Writes one row per face and frame to a CSV file as they come, so that they need no memory.

    The file appears under its name when the `with` block ends well; otherwise nothing is left behind.

    Args:
        path: of the CSV file.
        class_names: of the probabilities, which become the last columns.
    """

    def __init__(self, path: Path, class_names: Sequence[str]):
        self._path = path
        self._temporary_path = path.with_name(f'.{path.name}.tmp')
        self._class_names = class_names

    def add(self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame's faces; a frame without faces has no row."""
        self._writer.writerows(face_row(frame_number, timestamp_ms, face) for face in faces)

    def __enter__(self):
        self._file = self._temporary_path.open('w', newline='', encoding='utf-8')
        self._writer = csv.writer(self._file, lineterminator='\n')
        self._writer.writerow([*FACE_COLUMNS, *self._class_names])
        return self

    def __exit__(self, exception_type, *exception):
        try:
            self._file.close()
            if exception_type is None:
                os.replace(self._temporary_path, self._path)
        finally:
            self._temporary_path.unlink(missing_ok=True)


class LiveFaceTable:
    """A FaceTable of a run without an end: the file itself grows, and a power cut loses no more than a second of it.

    Its last column is `time`, the wall-clock time in ISO 8601 with the offset from UTC.

    Attributes:
        row_count: rows written so far.
    """

    def __init__(self, path: Path, class_names: Sequence[str]):
        self._path = path
        self._class_names = class_names
        self._saved = 0.0
        self.row_count = 0

    def add(self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame's faces; call it for frames without faces too, so that earlier rows get to the disk."""
        now = datetime.now().astimezone().isoformat(timespec='milliseconds')
        self._writer.writerows([*face_row(frame_number, timestamp_ms, face), now] for face in faces)
        self.row_count += len(faces)
        if time.monotonic() - self._saved >= SAVE_SECONDS:
            self._save()

    def _save(self):
        self._file.flush()
        os.fsync(self._file.fileno())
        self._saved = time.monotonic()

    def __enter__(self):
        self._file = self._path.open('w', newline='', encoding='utf-8')
        self._writer = csv.writer(self._file, lineterminator='\n')
        self._writer.writerow([*FACE_COLUMNS, *self._class_names, 'time'])
        self._save()
        return self

    def __exit__(self, *exception):
        self._file.close()


def face_row(frame_number: int, timestamp_ms: float, face: FaceEmotion) -> list:
    """A face's row: FACE_COLUMNS and its probabilities."""
    confidences = [f'{value:.4f}' for value in (face.confidence, *face.probabilities)]
    return [frame_number, timestamp_ms, face.track_id, *face.box, face.emotion, *confidences]


@dataclass
class FacePeriod:
    """A face while its emotion stays the same and no frame misses it.

    Attributes:
        track_id: number of the face.
        emotion: its name.
        ms_start: when its first frame is shown.
        ms_end: when the frame after its last one is shown; of the video's last frame, when that one is.
        frame_start, frame_end: numbers of its first and last frame.
    """

    track_id: int
    emotion: str
    ms_start: float
    ms_end: float
    frame_start: int
    frame_end: int


class FacePeriods:
    """Collects each face's periods; memory grows with the changes and not with the frames.

    Attributes:
        periods: list of FacePeriod, by their start.
        ms_first, ms_last: when the first and the last frame so far are shown, None before any.
    """

    def __init__(self):
        self.periods: list[FacePeriod] = []
        self.ms_first: float | None = None
        self.ms_last: float | None = None
        self._going_on: dict[int, FacePeriod] = {}

    def add(self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame: its number from 1, its presentation time in milliseconds, its faces."""
        self.ms_first = timestamp_ms if self.ms_first is None else self.ms_first
        self.ms_last = timestamp_ms
        before, self._going_on = self._going_on, {}
        for period in before.values():
            period.ms_end = timestamp_ms
        for face in faces:
            period = before.get(face.track_id)
            if period is None or period.emotion != face.emotion:
                period = FacePeriod(face.track_id, face.emotion, timestamp_ms, timestamp_ms, frame_number, frame_number)
                self.periods.append(period)
            period.frame_end = frame_number
            self._going_on[face.track_id] = period

    def face_count(self) -> int:
        """How many faces were seen."""
        return len({period.track_id for period in self.periods})

    def longest_seen(self, most_faces: int) -> dict[int, dict[str, int]]:
        """The faces seen in most frames.

        Returns:
            Track numbers, in their order, with the number of frames of each emotion, the most frequent first.
        """
        faces: dict[int, Counter[str]] = {}
        for period in self.periods:
            faces.setdefault(period.track_id, Counter())[period.emotion] += period.frame_end - period.frame_start + 1
        longest = sorted(faces, key=lambda track_id: -faces[track_id].total())[:most_faces]
        return {track_id: dict(faces[track_id].most_common()) for track_id in sorted(longest)}


def write_subtitles(periods: pd.DataFrame, last_frame_ms: float, path: Path) -> None:
    """Write compact periods as SRT subtitles, each until the next begins; periods without faces have none.

    Args:
        periods: of a compact EmotionTable.
        last_frame_ms: how long the last frame is shown, in milliseconds.
        path: of the file.
    """
    subtitles = pysubs2.SSAFile()
    ends = [*periods.ms_start[1:], *(periods.ms_end[-1:] + last_frame_ms)]
    for start, end, emotions in zip(periods.ms_start, ends, periods.emotions, strict=True):
        if len(emotions):
            text = emotions if isinstance(emotions, str) else ', '.join(emotions)
            subtitles.append(pysubs2.SSAEvent(start=max(0, round(start)), end=max(0, round(end)), text=text))
    write_whole(path, lambda temporary_path: subtitles.save(str(temporary_path), format_='srt'))


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table whole or not at all, as `write_whole` does."""
    write_whole(path, lambda temporary_path: table.to_csv(temporary_path, index=False))


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let a file be written under a temporary name and move it into place.

    Raises:
        OSError: the folder cannot be written or the disk is full; a file that stood there stays as it was.
    """
    temporary_path = path.with_name(f'.{path.stem}.tmp{path.suffix}')
    try:
        write(temporary_path)
        os.replace(temporary_path, path)
    finally:
        temporary_path.unlink(missing_ok=True)
