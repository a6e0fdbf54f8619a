"""Where a detector finds faces, and the order and overlap of their boxes."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from emotion_recognition.labels import Points


class FoundFace(NamedTuple):
    """Where a detector found a face.

    Attributes:
        box: x, y, width, height in pixels of an upright box inside the frame.
        angle: Tilt of the head in degrees, clockwise as it is seen in the frame; 0 if the detector cannot measure it.
        score: How sure the detector is, 0 to 1; 1 if it cannot say.
        points: x, y in pixels of the eye on the left of the picture, the other eye, the tip of the nose, and the left
            and the right corner of the mouth; None if the detector does not find them.
    """

    box: tuple[int, int, int, int]
    angle: float = 0.0
    score: float = 1.0
    points: Points | None = None


def box_between(one: Iterable[int], other: Iterable[int], share: float) -> tuple[int, int, int, int]:
    """Interpolate two boxes, each x, y, width, height in pixels: the first for a share of 0, the other for 1."""
    mixed = (1 - share) * np.array(one) + share * np.array(other)
    return tuple(map(int, mixed.round()))


def sort_faces(faces: Iterable[FoundFace]) -> list[FoundFace]:
    """Sort faces from left to right."""
    return sorted(faces, key=lambda face: face.box)


def boxes_of(faces: Iterable[FoundFace]) -> np.ndarray:
    """Collect the boxes of n faces in an (n, 4) int array: x, y, width, height in pixels."""
    return np.array([face.box for face in faces], int).reshape(-1, 4)


def intersection_over_union(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Measure how far boxes overlap: the area that two share, as a part of the area that they cover together.

    Args:
        boxes: (n, 4) x, y, width, height in pixels.
        others: (m, 4), the same.

    Returns:
        (n, m) float, 0 to 1: the overlap of each box with each of the others.
    """
    boxes, others = np.asarray(boxes, float)[:, None], np.asarray(others, float)[None]
    start = np.maximum(boxes[..., :2], others[..., :2])
    end = np.minimum(boxes[..., :2] + boxes[..., 2:], others[..., :2] + others[..., 2:])
    intersection = np.clip(end - start, 0, None).prod(axis=-1)
    union = boxes[..., 2:].prod(axis=-1) + others[..., 2:].prod(axis=-1) - intersection
    return intersection / np.maximum(union, 1e-9)
