"""Filling in the frames between those that are analysed, with `--every`."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace

import numpy as np

from emotion_recognition.faces.boxes import box_between
from emotion_recognition.faces.confirmation import Frame
from emotion_recognition.labels import FaceEmotion


def fill_between(frames: Iterable[Frame], cuts: Container[int]) -> Iterator[Frame]:
    """Fill in the faces of frames that were not analysed.

    A face that is in the analysed frames before and after is between them in place and probabilities. Before a scene
    cut and at the end of the video, nobody knows what comes after, and a face stays as it was. A face that is not in
    the next analysed frame ends with the one before. The `detected` of a face that was filled in is False.

    Args:
        frames: Frames whose faces have their final numbers; the faces of one that was not analysed are None.
        cuts: Numbers of the frames that begin another scene, which are all analysed. It may grow.

    Yields:
        The same frames, all with faces. Those that were not analysed wait for the next one that was.
    """
    before, waiting = None, []
    for frame in frames:
        if frame[3] is None:
            waiting.append(frame)
            continue
        yield from _fill(waiting, before, None if frame[0] in cuts else frame)
        yield frame
        before, waiting = frame, []
    yield from _fill(waiting, before, None)


def _fill(waiting, before, after):
    """Yield the waiting frames with their faces. Without a frame after them, the faces before them stay."""
    following = {face.track_id: face for face in after[3]} if after else {}
    for number, timestamp_ms, picture, _ in waiting:
        share = (timestamp_ms - before[1]) / (after[1] - before[1]) if after else 0.0
        faces = [
            _between(face, following.get(face.track_id, face), share)
            for face in before[3]
            if face.track_id in following or not after
        ]
        yield number, timestamp_ms, picture, faces


def _between(one: FaceEmotion, other: FaceEmotion, share: float) -> FaceEmotion:
    def mix(name):
        return (1 - share) * np.array(getattr(one, name)) + share * np.array(getattr(other, name))

    return replace(
        one,
        box=box_between(one.box, other.box, share),
        angle=float(mix('angle')),
        score=float(mix('score')),
        points=tuple(map(tuple, mix('points').tolist())) if one.points and other.points else None,
        probabilities=mix('probabilities').astype(np.float32),
        detected=False,
        seen=None,
    )
