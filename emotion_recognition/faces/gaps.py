"""Faces that the detector missed for a moment: filled in from both ends of the gap."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotion_recognition.faces.boxes import FoundFace
from emotion_recognition.faces.confirmation import Frame
from emotion_recognition.faces.tracking import LOST_SECONDS, weight_of_newest
from emotion_recognition.labels import FaceEmotion

LONGEST_GAP = 60  # frames, which wait until the face is back or given up: 0.5 s at 120 a second, 360 MB at 1920x1080

Classify = Callable[[np.ndarray, Sequence[FoundFace]], np.ndarray]  # picture, faces -> their (n, K) probabilities


@dataclass(frozen=True)
class _Sighting:
    index: int  # of its frame
    timestamp_ms: float
    face: FaceEmotion


def fill_gaps(frames: Iterable[Frame], classify: Classify, smoothing_seconds: float) -> Iterator[Frame]:
    """Put faces into the frames that miss them, between two frames that have them: LOST_SECONDS apart at
    most, and LONGEST_GAP frames.

    Box and tilt are interpolated over time; the emotion is that of the frame itself, at that place, smoothed as the
    tracker does. Such a face is not `detected`.

    Args:
        frames: whose faces keep their numbers.
        classify: for faces of a frame.
        smoothing_seconds: time constant of the smoothing.

    Yields:
        The same frames. Those that miss a face wait until it is back or given up.
    """
    held: deque[Frame] = deque()  # the newest last
    newest: dict[int, _Sighting] = {}
    for index, (number, timestamp_ms, picture_bgr, faces) in enumerate(frames):
        held.append((number, timestamp_ms, picture_bgr, list(faces)))
        for face in faces:
            sighting = _Sighting(index, timestamp_ms, face)
            before = newest.get(face.track_id)
            if before and before.index < index - 1:
                gap = list(held)[before.index - index : -1]
                _fill(gap, before, sighting, classify, smoothing_seconds)
            newest[face.track_id] = sighting
        newest = {
            track_id: sighting
            for track_id, sighting in newest.items()
            if timestamp_ms - sighting.timestamp_ms < LOST_SECONDS * 1000 and index - sighting.index < LONGEST_GAP
        }
        missed_for = max((index - sighting.index for sighting in newest.values()), default=0)
        while len(held) > missed_for:
            yield _sorted(held.popleft())
    yield from map(_sorted, held)


def _fill(gap, before, after, classify, smoothing_seconds):
    probabilities, shown_ms = before.face.probabilities, before.timestamp_ms
    for _, timestamp_ms, picture_bgr, faces in gap:
        share = (timestamp_ms - before.timestamp_ms) / (after.timestamp_ms - before.timestamp_ms)
        box = (1 - share) * np.array(before.face.box) + share * np.array(after.face.box)
        angle = (1 - share) * before.face.angle + share * after.face.angle
        place = FoundFace(tuple(map(int, box.round())), float(angle))
        weight = weight_of_newest(timestamp_ms - shown_ms, smoothing_seconds * 1000)
        probabilities = probabilities + weight * (classify(picture_bgr, [place])[0] - probabilities)
        shown_ms = timestamp_ms
        face = replace(after.face, box=place.box, angle=place.angle, probabilities=probabilities, detected=False)
        faces.append(face)


def _sorted(frame):
    return *frame[:3], sorted(frame[3], key=lambda face: face.track_id)
