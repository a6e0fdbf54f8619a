"""Each face's periods: from when to when it showed which emotion."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from emotion_recognition.labels import FaceEmotion


@dataclass
class FacePeriod:
    """A stretch of frames in which one face is seen without a break and its emotion stays the same.

    Attributes:
        track_id: Number of the face.
        emotion: Name of the emotion.
        ms_start: When its first frame is shown, in milliseconds.
        ms_end: When the frame after its last one is shown, in milliseconds. If its last frame is the video's last,
            this is when that frame itself is shown.
        frame_start, frame_end: Numbers of its first and last frame.
    """

    track_id: int
    emotion: str
    ms_start: float
    ms_end: float
    frame_start: int
    frame_end: int


class FacePeriods:
    """Collects the periods of all faces. Memory grows with the changes, not with the frames.

    Attributes:
        periods: The periods, ordered by their start.
        ms_first, ms_last: When the first and the last frame so far are shown, in milliseconds; None before the first.
        frame_last: Number of the last frame so far, 0 before the first.
    """

    def __init__(self):
        self.periods: list[FacePeriod] = []
        self.ms_first: float | None = None
        self.ms_last: float | None = None
        self.frame_last = 0
        self._ongoing: dict[int, FacePeriod] = {}

    def add(self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame: its number from 1, when it is shown in milliseconds, and its faces."""
        self.ms_first = timestamp_ms if self.ms_first is None else self.ms_first
        self.ms_last, self.frame_last = timestamp_ms, frame_number
        before, self._ongoing = self._ongoing, {}
        for period in before.values():
            period.ms_end = timestamp_ms
        for face in faces:
            period = before.get(face.track_id)
            if period is None or period.emotion != face.emotion:
                period = FacePeriod(face.track_id, face.emotion, timestamp_ms, timestamp_ms, frame_number, frame_number)
                self.periods.append(period)
            period.frame_end = frame_number
            self._ongoing[face.track_id] = period

    def face_count(self) -> int:
        """Number of faces that were seen."""
        return len({period.track_id for period in self.periods})

    def describe(self, max_faces: int) -> str:
        """Describe how many faces there were, and in a line each, the emotions of those seen longest."""
        face_count, longest = self.face_count(), self.longest_seen(max_faces)
        lines = [f'{face_count} {"face" if face_count == 1 else "faces"}']
        for track_id, frames in longest.items():
            total = sum(frames.values())
            shares = ', '.join(f'{emotion} {count / total:.0%}' for emotion, count in frames.items())
            lines.append(f'  face {track_id}, {total} frames: {shares}')
        if face_count > len(longest):
            lines.append(f'  and {face_count - len(longest)} more, seen in fewer frames')
        return '\n'.join(lines)

    def longest_seen(self, max_faces: int) -> dict[int, dict[str, int]]:
        """Find the faces that were seen in the largest numbers of frames, at most `max_faces` of them.

        Returns:
            For each face, in the order of their numbers, the number of frames of each emotion, the most frequent first.
        """
        faces: dict[int, Counter[str]] = {}
        for period in self.periods:
            faces.setdefault(period.track_id, Counter())[period.emotion] += period.frame_end - period.frame_start + 1
        longest = sorted(faces, key=lambda track_id: -faces[track_id].total())[:max_faces]
        return {track_id: dict(faces[track_id].most_common()) for track_id in sorted(longest)}
