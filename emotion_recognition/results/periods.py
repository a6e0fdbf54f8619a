"""What was seen as tables: periods, or rows per frame; each face's periods; subtitles."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from emotion_recognition.labels import FaceEmotion


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
