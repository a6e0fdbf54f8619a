"""Rows per frame, compact periods, and their CSV file."""

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from emotion_recognition.labels import FaceEmotion

FRAME_COLUMNS = ['ms', 'frame', 'emotions']
PERIOD_COLUMNS = ['ms_start', 'ms_end', 'frame_start', 'frame_end', 'emotions']


def emotions_cell(faces: Sequence[FaceEmotion]) -> str | list[str]:
    """A frame's emotions in the published format: the bare word for exactly one face, otherwise a list."""
    emotions = [face.emotion for face in faces]
    return emotions[0] if len(emotions) == 1 else emotions


class EmotionTable:
    """Collects what each frame shows.

    Only periods are kept when `compact`, so that memory grows with the changes and not with the frames.

    Args:
        compact: one row per period in which the emotions stay the same (`ms_start, ms_end, frame_start, frame_end,
            emotions`; start and end are those of its first and last frame), otherwise one per frame
            (`ms, frame, emotions`).
    """

    def __init__(self, compact: bool = True):
        self._compact = compact
        self._rows = []

    def add(self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame: its number from 1, its presentation time in milliseconds, its faces in their order."""
        emotions = emotions_cell(faces)
        if not self._compact:
            self._rows.append([timestamp_ms, frame_number, emotions])
        elif self._rows and self._rows[-1][4] == emotions:
            self._rows[-1][1], self._rows[-1][3] = timestamp_ms, frame_number
        else:
            self._rows.append([timestamp_ms, timestamp_ms, frame_number, frame_number, emotions])

    def to_frame(self) -> pd.DataFrame:
        """All rows so far."""
        return pd.DataFrame(self._rows, columns=PERIOD_COLUMNS if self._compact else FRAME_COLUMNS)


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table whole or not at all.

    Raises:
        OSError: the folder cannot be written or the disk is full; a file that stood there stays as it was.
    """
    temporary_path = path.with_name(f'.{path.name}.tmp')
    try:
        table.to_csv(temporary_path, index=False)
        os.replace(temporary_path, path)
    finally:
        temporary_path.unlink(missing_ok=True)
