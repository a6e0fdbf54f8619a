"""Which faces count: those that are seen for a while. A detector's mistakes usually last for a frame or two."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotion_recognition.labels import FaceEmotion
from emotion_recognition.media.picture import Picture

Frame = tuple[int, float, Picture, list[FaceEmotion]]  # number, timestamp in milliseconds, picture, faces

MAX_WAITING_FRAMES = 60  # frames that wait for a decision: 2 s at 30 per second; up to 360 MB at 1920x1080
ROUNDING_MS = 1.0  # many files round their timestamps to milliseconds
MIN_FRAMES = 3  # what 0.1 s are at 25 or 30 frames per second, at which the detector's mistakes rarely last so long
# Frames this far apart may show a person only once. Mistakes are as rare as frames there, and one clear sighting does.
SPARSE_MS = 500.0
# On eight clips, 98.6 % of YuNet's scores of real faces reach this, on validation images 94 %; of the five false faces
# that it found in 2,415 pictures without faces, two do.
CLEAR_SCORE = 0.85


@dataclass
class _Sightings:
    """A face's frames without a break, up to the newest frame."""

    since_ms: float
    count: int = 0
    score: float = 0.0  # in the newest frame


class FaceConfirmation:
    """Decides which faces count, and numbers these from 1 without gaps.

    A face counts once it has been seen without a break for a certain time and in MIN_FRAMES frames. In a frame that is
    shown for SPARSE_MS or longer, a score of CLEAR_SCORE or more replaces the other frames. A face that counts does so
    for the rest of the video.

    Args:
        seconds: How long a face must be seen, in seconds; 0 lets every face count at once.
    """

    def __init__(self, seconds: float):
        self._needed_ms = seconds * 1000 - ROUNDING_MS
        self._newest_ms: float | None = None
        self._gap_ms = np.inf  # between the newest frame and the one before
        self._seen: dict[int, _Sightings] = {}  # the faces in the newest frame
        self._numbers: dict[int, int] = {}  # the tracker's number of a face -> its number among those that count

    def add(self, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Take the faces of the next frame.

        Args:
            timestamp_ms: When the frame is shown, in milliseconds.
            faces: Its faces, with the tracker's numbers.
        """
        self._confirm_seen_until(timestamp_ms)
        gap_ms = 0 if self._newest_ms is None else timestamp_ms - self._newest_ms
        # This frame is expected to be shown as long as the shorter of the two before it: one may be a pause.
        shown_ms, self._gap_ms = min(gap_ms, self._gap_ms), gap_ms or self._gap_ms
        self._newest_ms = timestamp_ms
        self._seen = {face.track_id: self._seen.get(face.track_id, _Sightings(timestamp_ms)) for face in faces}
        for face in faces:
            seen = self._seen[face.track_id]
            seen.count, seen.score = seen.count + 1, face.score
        self._confirm_seen_until(timestamp_ms + shown_ms)

    def end(self, faces: Iterable[FaceEmotion]) -> None:
        """Let all faces of a video's only frame count, since nobody knows how long it is shown."""
        for face in faces:
            self._confirm(face.track_id)

    def _confirm_seen_until(self, end_ms):
        """Let the faces count that have been seen enough if the newest frame is shown until then."""
        for track_id, seen in sorted(self._seen.items(), key=lambda item: (item[1].since_ms, item[0])):
            is_clear = seen.score >= CLEAR_SCORE and end_ms - self._newest_ms >= SPARSE_MS - ROUNDING_MS
            is_enough = seen.count >= MIN_FRAMES or is_clear or self._needed_ms <= 0
            if is_enough and end_ms - seen.since_ms >= self._needed_ms:
                self._confirm(track_id)

    def _confirm(self, track_id):
        self._numbers.setdefault(track_id, len(self._numbers) + 1)

    def may_still_count(self, timestamp_ms: float, face: FaceEmotion) -> bool:
        """Whether a face of an earlier frame does not count yet, but has been in every frame since.

        Args:
            timestamp_ms: When the earlier frame is shown, in milliseconds.
            face: Face of that frame, with the tracker's number.
        """
        seen = self._seen.get(face.track_id)
        return face.track_id not in self._numbers and seen is not None and seen.since_ms <= timestamp_ms

    def select(self, faces: Iterable[FaceEmotion]) -> list[FaceEmotion]:
        """Select the faces of a frame that count so far, with their new numbers and in the order of these."""
        counted = [
            replace(face, track_id=self._numbers[face.track_id]) for face in faces if face.track_id in self._numbers
        ]
        return sorted(counted, key=lambda face: face.track_id)


def confirm_ahead(frames: Iterable[Frame], seconds: float) -> Iterator[Frame]:
    """Leave out the faces that do not count.

    Frames wait until this is known. So a face is there from the first frame in which it was seen, but at most from
    MAX_WAITING_FRAMES before the frame in which it counts.

    Args:
        frames: Frames whose faces have the tracker's numbers; None in place of the faces of a frame that was not
            analysed. Such a frame tells nothing of a face.
        seconds: How long a face must be seen, in seconds, see `FaceConfirmation`.

    Yields:
        The same frames, with the faces that count and their new numbers.
    """
    confirmation, held, frame_count = FaceConfirmation(seconds), deque(), 0
    for frame in frames:
        if frame[3] is not None:
            frame_count += 1
            confirmation.add(frame[1], frame[3])
        held.append(frame)
        while held and (len(held) > MAX_WAITING_FRAMES or not _is_undecided(held[0], confirmation)):
            yield _select(held.popleft(), confirmation)
    if frame_count == 1:
        confirmation.end(face for frame in held for face in frame[3] or ())
    while held:
        yield _select(held.popleft(), confirmation)


def _is_undecided(frame, confirmation):
    return any(confirmation.may_still_count(frame[1], face) for face in frame[3] or ())


def _select(frame, confirmation):
    return *frame[:3], None if frame[3] is None else confirmation.select(frame[3])
