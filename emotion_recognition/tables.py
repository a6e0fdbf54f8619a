"""What was seen as tables: periods, or rows per frame; each face's periods; subtitles."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pysubs2

from emotion_recognition.labels import FaceEmotion

FRAME_COLUMNS = ['ms', 'frame', 'emotions']
PERIOD_COLUMNS = ['ms_start', 'ms_end', 'frame_start', 'frame_end', 'emotions']


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
        frame_last: number of the last frame so far, 0 before any.
    """

    def __init__(self):
        self.periods: list[FacePeriod] = []
        self.ms_first: float | None = None
        self.ms_last: float | None = None
        self.frame_last = 0
        self._going_on: dict[int, FacePeriod] = {}

    def add(self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame: its number from 1, its presentation time in milliseconds, its faces."""
        self.ms_first = timestamp_ms if self.ms_first is None else self.ms_first
        self.ms_last, self.frame_last = timestamp_ms, frame_number
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

    def describe(self, most_faces: int) -> str:
        """How many faces there were and, a line each, the share of each emotion of those seen longest."""
        face_count, longest = self.face_count(), self.longest_seen(most_faces)
        lines = [f'{face_count} {"face" if face_count == 1 else "faces"}']
        for track_id, frames in longest.items():
            total = sum(frames.values())
            shares = ', '.join(f'{emotion} {count / total:.0%}' for emotion, count in frames.items())
            lines.append(f'  face {track_id}, {total} frames: {shares}')
        if face_count > len(longest):
            lines.append(f'  and {face_count - len(longest)} more, seen in fewer frames')
        return '\n'.join(lines)

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


def write_subtitles(periods: pd.DataFrame, last_frame_ms: float, path: Path, moved_by_ms: float = 0.0) -> None:
    """Write compact periods as SRT subtitles, each until the next begins; periods without faces have none.

    Args:
        periods: of a compact EmotionTable.
        last_frame_ms: how long the last frame is shown, in milliseconds.
        path: of the file.
        moved_by_ms: how much later than in the table all is shown in the video that is played, in milliseconds.
    """
    subtitles = pysubs2.SSAFile()
    ends = [*periods.ms_start[1:], *(periods.ms_end[-1:] + last_frame_ms)]
    for start, end, emotions in zip(periods.ms_start, ends, periods.emotions, strict=True):
        if len(emotions):
            text = emotions if isinstance(emotions, str) else ', '.join(emotions)
            start, end = (max(0, round(ms + moved_by_ms)) for ms in (start, end))
            subtitles.append(pysubs2.SSAEvent(start=start, end=end, text=text))
    subtitles.save(str(path), format_='srt')
