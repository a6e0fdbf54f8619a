"""Filling in faces that the detector missed for a moment, from both ends of the gap."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotion_recognition.faces.boxes import FoundFace, box_between
from emotion_recognition.faces.confirmation import Frame
from emotion_recognition.faces.tracking import LOST_SECONDS, weight_of_newest
from emotion_recognition.labels import FaceEmotion
from emotion_recognition.media.picture import Picture

MAX_GAP_FRAMES = 60  # frames that wait until the face is back or given up: 0.5 s at 120 per second, 360 MB at 1920x1080

Classify = Callable[[Picture, Sequence[FoundFace]], np.ndarray]  # picture, n faces -> (n, K) probabilities


@dataclass(frozen=True)
class _Sighting:
    index: int  # of the frame, from 0
    timestamp_ms: float
    face: FaceEmotion


def fill_gaps(frames: Iterable[Frame], classify: Classify, smoothing_seconds: float) -> Iterator[Frame]:
    """Fill in the faces that are missing between two frames that have them.

    The two frames are at most LOST_SECONDS and MAX_GAP_FRAMES apart. Box and tilt are interpolated over time; the
    probabilities are those of the frame itself at that box, smoothed as the tracker does. The `detected` of a face that
    was filled in is False.

    Args:
        frames: Frames whose faces have their final numbers.
        classify: Gives the probabilities of faces in a frame.
        smoothing_seconds: Time constant of the smoothing, in seconds.

    Yields:
        The same frames. Frames in which a face is missing wait until it is back or given up.
    """
    held: deque[Frame] = deque()  # the newest frame is the last
    newest: dict[int, _Sighting] = {}
    for index, (number, timestamp_ms, picture, faces) in enumerate(frames):
        held.append((number, timestamp_ms, picture, list(faces)))
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
            if timestamp_ms - sighting.timestamp_ms < LOST_SECONDS * 1000 and index - sighting.index < MAX_GAP_FRAMES
        }
        missed_for = max((index - sighting.index for sighting in newest.values()), default=0)
        while len(held) > missed_for:
            yield _sorted(held.popleft())
    yield from map(_sorted, held)


def _fill(gap, before, after, classify, smoothing_seconds):
    probabilities, shown_ms = before.face.probabilities, before.timestamp_ms
    for _, timestamp_ms, picture, faces in gap:
        share = (timestamp_ms - before.timestamp_ms) / (after.timestamp_ms - before.timestamp_ms)
        angle = (1 - share) * before.face.angle + share * after.face.angle
        place = FoundFace(box_between(before.face.box, after.face.box, share), float(angle))
        weight = weight_of_newest(timestamp_ms - shown_ms, smoothing_seconds * 1000)
        probabilities = probabilities + weight * (classify(picture, [place])[0] - probabilities)
        shown_ms = timestamp_ms
        face = replace(
            after.face, box=place.box, angle=place.angle, probabilities=probabilities, detected=False, seen=None
        )
        faces.append(face)


def _sorted(frame):
    return *frame[:3], sorted(frame[3], key=lambda face: face.track_id)
