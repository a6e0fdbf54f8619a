"""Each face's periods: from when to when it showed which emotion."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from emotion_recognition.labels import FACES, FaceEmotion


@dataclass
class FacePeriod:
    """A stretch of frames in which one face is seen without a break and its emotion stays the same.

    Attributes:
        number: Number of the face: of its person, see `FaceEmotion`.
        who: What names it, see `FaceEmotion`.
        emotion: Name of the emotion.
        ms_start: When its first frame is shown, in milliseconds.
        ms_end: When the frame after its last one is shown, in milliseconds. If its last frame is the video's last,
            this is when that frame itself is shown.
        frame_start, frame_end: Numbers of its first and last frame.
    """

    number: int
    who: str
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
            period = before.get(face.number)
            if period is None or period.emotion != face.emotion:
                times = timestamp_ms, timestamp_ms, frame_number, frame_number
                period = FacePeriod(face.number, face.who, face.emotion, *times)
                self.periods.append(period)
            period.frame_end = frame_number
            self._ongoing[face.number] = period

    def face_count(self) -> int:
        """Number of faces that were seen, or of people if they are told apart."""
        return len({period.number for period in self.periods})

    def names(self) -> dict[int, str]:
        """What names each face, by its number, in the order of the numbers."""
        return {period.number: period.who for period in sorted(self.periods, key=lambda period: period.number)}

    def end_ms(self, period: FacePeriod, last_frame_ms: float) -> float:
        """When a period ends, in milliseconds, if the video's last frame is shown for `last_frame_ms`."""
        return period.ms_end + (last_frame_ms if period.frame_end == self.frame_last else 0)

    def seen_seconds(self, last_frame_ms: float) -> dict[int, tuple[float, float, float]]:
        """For how long each face is seen, when first and when last, in seconds, by its number.

        Args:
            last_frame_ms: How long the video's last frame is shown, in milliseconds.
        """
        seen: dict[int, tuple[float, float, float]] = {}
        for period in self.periods:
            start, end = period.ms_start / 1000, self.end_ms(period, last_frame_ms) / 1000
            total, first, last = seen.get(period.number, (0.0, start, end))
            seen[period.number] = total + end - start, first, max(last, end)
        return seen

    def describe(self, max_faces: int, last_frame_ms: float, words: tuple[str, str] = FACES) -> str:
        """Describe how many faces there were, and in a line each, the emotions of those seen longest.

        Args:
            max_faces: Number of lines at most.
            last_frame_ms: How long the video's last frame is shown, in milliseconds.
            words: Words for one face and for several.
        """
        face_count, longest, names = self.face_count(), self.longest_seen(max_faces, last_frame_ms), self.names()
        lines = [f'{face_count} {words[face_count != 1]}']
        for number, shown_ms in longest.items():
            total = sum(shown_ms.values())
            shares = ', '.join(f'{emotion} {ms / total:.0%}' for emotion, ms in shown_ms.items())
            lines.append(f'  {names[number]}, {total / 1000:.1f} s: {shares}')
        if face_count > len(longest):
            lines.append(f'  and {face_count - len(longest)} more, seen for a shorter time')
        return '\n'.join(lines)

    def longest_seen(self, max_faces: int, last_frame_ms: float) -> dict[int, dict[str, float]]:
        """Find the faces that were seen longest, at most `max_faces` of them.

        Args:
            max_faces: Number of faces at most.
            last_frame_ms: How long the video's last frame is shown, in milliseconds.

        Returns:
            For each face, in the order of their numbers, for how many milliseconds each emotion was shown, the longest
            first.
        """
        faces: dict[int, Counter[str]] = {}
        for period in self.periods:
            shown_ms = self.end_ms(period, last_frame_ms) - period.ms_start
            faces.setdefault(period.number, Counter())[period.emotion] += shown_ms
        longest = sorted(faces, key=lambda number: -faces[number].total())[:max_faces]
        return {number: dict(faces[number].most_common()) for number in sorted(longest)}
