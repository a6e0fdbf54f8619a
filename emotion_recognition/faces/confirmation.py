"""Which faces count: those that are seen for a while, and not for a frame or two, as a detector's mistakes are."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from emotion_recognition.labels import FaceEmotion

Frame = tuple[int, float, np.ndarray, list[FaceEmotion]]  # number, timestamp in milliseconds, picture, faces

MOST_HELD = 60  # frames that wait for a decision: 2 s at 30 frames a second; up to 360 MB at 1920x1080
ROUNDED_MS = 1.0  # many files round their timestamps to milliseconds


class FaceConfirmation:
    """Tells the faces that count from those that do not, and numbers them from 1, without holes.

    A face counts from then on when it has been seen in frames that follow each other and are shown for a certain time:
    0.1 s are three frames at 25 or 30 frames a second, and a single one where there are ten or fewer.

    Args:
        seconds: that time; 0 for every face at once.
    """

    def __init__(self, seconds: float):
        self._needed_ms = seconds * 1000 - ROUNDED_MS
        self._newest_ms: float | None = None
        self._gap_ms = np.inf  # before the newest frame
        self._since: dict[int, float] = {}  # of the faces in the newest frame: since when no frame has missed them
        self._numbers: dict[int, int] = {}

    def add(self, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Take the next frame: its time in milliseconds and its faces, numbered as the tracker does."""
        self._count_in_seen_until(timestamp_ms)
        gap_ms = 0 if self._newest_ms is None else timestamp_ms - self._newest_ms
        # This frame is shown as long as those before it, of which one may have stood still for a while.
        shown_ms, self._gap_ms = min(gap_ms, self._gap_ms), gap_ms or self._gap_ms
        self._newest_ms = timestamp_ms
        self._since = {face.track_id: self._since.get(face.track_id, timestamp_ms) for face in faces}
        self._count_in_seen_until(timestamp_ms + shown_ms)

    def end(self, faces: Iterable[FaceEmotion]) -> None:
        """There is no further frame, and the one before was the first: how long it is shown nobody knows; all count."""
        for face in faces:
            self._count_in(face.track_id)

    def _count_in_seen_until(self, end_ms):
        for track_id, since_ms in sorted(self._since.items(), key=lambda item: (item[1], item[0])):
            if end_ms - since_ms >= self._needed_ms:
                self._count_in(track_id)

    def _count_in(self, track_id):
        self._numbers.setdefault(track_id, len(self._numbers) + 1)

    def may_still_count(self, timestamp_ms: float, face: FaceEmotion) -> bool:
        """Whether a face of an earlier frame, of that time, does not count yet but has been seen ever since."""
        return face.track_id not in self._numbers and self._since.get(face.track_id, np.inf) <= timestamp_ms

    def select(self, faces: Iterable[FaceEmotion]) -> list[FaceEmotion]:
        """Those faces of a frame that count so far, in the order of their new numbers."""
        counted = [
            replace(face, track_id=self._numbers[face.track_id]) for face in faces if face.track_id in self._numbers
        ]
        return sorted(counted, key=lambda face: face.track_id)


def confirm_ahead(frames: Iterable[Frame], seconds: float) -> Iterator[Frame]:
    """Leave out the faces that do not count. Frames wait until that is known, so that a face is there from the first
    frame on in which it was seen, or from MOST_HELD frames before it counts, whichever is later.

    Args:
        frames: with faces as the tracker numbers them.
        seconds: see `FaceConfirmation`.

    Yields:
        The same frames.
    """
    confirmation, held, frame_count = FaceConfirmation(seconds), deque(), 0
    for frame in frames:
        frame_count += 1
        confirmation.add(frame[1], frame[3])
        held.append(frame)
        while held and (len(held) > MOST_HELD or not _is_open(held[0], confirmation)):
            yield _selected(held.popleft(), confirmation)
    if frame_count == 1 and held:
        confirmation.end(held[0][3])
    while held:
        yield _selected(held.popleft(), confirmation)


def _is_open(frame, confirmation):
    return any(confirmation.may_still_count(frame[1], face) for face in frame[3])


def _selected(frame, confirmation):
    return *frame[:3], confirmation.select(frame[3])
