"""Boxes x, y, width, height in pixels: their order and overlap."""

import numpy as np


def sort_boxes(boxes) -> np.ndarray:
    """Boxes as an (n, 4) int array, from left to right."""
    boxes = np.array(boxes, int).reshape(-1, 4)
    return boxes[np.lexsort((boxes[:, 1], boxes[:, 0]))]


def intersection_over_union(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Overlap of each of (n, 4) with each of (m, 4) boxes x, y, width, height: (n, m), 0 to 1."""
    boxes, others = np.asarray(boxes, float)[:, None], np.asarray(others, float)[None]
    start = np.maximum(boxes[..., :2], others[..., :2])
    end = np.minimum(boxes[..., :2] + boxes[..., 2:], others[..., :2] + others[..., 2:])
    intersection = np.clip(end - start, 0, None).prod(axis=-1)
    union = boxes[..., 2:].prod(axis=-1) + others[..., 2:].prod(axis=-1) - intersection
    return intersection / np.maximum(union, 1e-9)
