"""The table of emotions in the published format: one row per period, or one row per frame."""

from collections.abc import Sequence

from emotion_recognition.labels import FaceEmotion
from emotion_recognition.results.table_writing import Table

FRAME_COLUMNS = ['ms', 'frame', 'emotions']
PERIOD_COLUMNS = ['ms_start', 'ms_end', 'frame_start', 'frame_end', 'emotions']


def emotions_cell(faces: Sequence[FaceEmotion]) -> str | list[str]:
    """Convert a frame's emotions to the published format: a word for exactly one face, otherwise a list of words."""
    emotions = [face.emotion for face in faces]
    return emotions[0] if len(emotions) == 1 else emotions


class EmotionTable:
    """Collects the emotions of each frame, in the published format.

    A compact table keeps only periods in memory, which grow in number with the changes, not with the frames.

    Args:
        compact: Whether the table has periods rather than frames.
    """

    def __init__(self, compact: bool = True):
        self._compact = compact
        self._periods, self._frames = [], []

    def add(self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame.

        Args:
            frame_number: Its number, from 1.
            timestamp_ms: When it is shown, in milliseconds.
            faces: Its faces, in the order of their numbers.
        """
        emotions = emotions_cell(faces)
        if self._periods and self._periods[-1][4] == emotions:
            self._periods[-1][1], self._periods[-1][3] = timestamp_ms, frame_number
        else:
            self._periods.append([timestamp_ms, timestamp_ms, frame_number, frame_number, emotions])
        if not self._compact:
            self._frames.append([timestamp_ms, frame_number, emotions])

    def to_table(self) -> Table:
        """The table: one row per period, `ms_start, ms_end, frame_start, frame_end, emotions`, if it is compact.

        Otherwise it has one per frame: `ms, frame, emotions`. A period's times are those of its first and last frame.
        """
        return Table(PERIOD_COLUMNS, self._periods) if self._compact else Table(FRAME_COLUMNS, self._frames)
