"""Where faces are: boxes x, y, width, height in pixels, their order and overlap, and how faces are turned."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class FoundFace(NamedTuple):
    """Where a detector found a face.

    Attributes:
        box: x, y, width, height in pixels, upright, inside the frame.
        angle: degrees by which the head is tilted, clockwise as one sees it; 0 where the detector cannot tell.
    """

    box: tuple[int, int, int, int]
    angle: float = 0.0


def sort_faces(faces: Iterable[FoundFace]) -> list[FoundFace]:
    """Faces from left to right."""
    return sorted(faces, key=lambda face: face.box)


def boxes_of(faces: Iterable[FoundFace]) -> np.ndarray:
    """Boxes of faces as an (n, 4) int array."""
    return np.array([face.box for face in faces], int).reshape(-1, 4)


def intersection_over_union(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Overlap of each of (n, 4) with each of (m, 4) boxes x, y, width, height: (n, m), 0 to 1."""
    boxes, others = np.asarray(boxes, float)[:, None], np.asarray(others, float)[None]
    start = np.maximum(boxes[..., :2], others[..., :2])
    end = np.minimum(boxes[..., :2] + boxes[..., 2:], others[..., :2] + others[..., 2:])
    intersection = np.clip(end - start, 0, None).prod(axis=-1)
    union = boxes[..., 2:].prod(axis=-1) + others[..., 2:].prod(axis=-1) - intersection
    return intersection / np.maximum(union, 1e-9)
