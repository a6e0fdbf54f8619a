"""Where something small stands in the window: in the corner in which it covers the fewest labels and faces."""

from collections.abc import Iterable

TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT, BOTTOM_RIGHT = CORNERS = ((0, 0), (1, 0), (0, 1), (1, 1))
LABEL_WEIGHT = 10  # of a covered pixel of a label, compared with one of a face
CLEARLY_LESS = 0.5  # it moves if another corner costs at most this share, and otherwise stays, so that it does not jump

Box = tuple[int, int, int, int]  # x, y, width, height in pixels


class Corner:
    """The corner of one thing. It stays there until faces need the place.

    Args:
        first: The corner in which it begins: 0 or 1 for left or right, and for top or bottom.
    """

    def __init__(self, first: tuple[int, int]):
        self._corner = first

    def place(
        self, frame_shape: tuple[int, ...], size: tuple[int, int], labels: Iterable[Box], faces: Iterable[Box]
    ) -> Box:
        """Place it.

        Args:
            frame_shape: Height and width of the frame in pixels; what follows does not count.
            size: Its width and height in pixels.
            labels: What it should not cover.
            faces: What it should cover only if it must.

        Returns:
            Its box: x, y, width, height in pixels.
        """
        labels, faces = list(labels), list(faces)
        places = {corner: _place(corner, frame_shape, size) for corner in CORNERS}
        costs = {
            corner: LABEL_WEIGHT * _covered(place, labels) + _covered(place, faces) for corner, place in places.items()
        }
        best = min(CORNERS, key=lambda corner: (costs[corner], corner[1] != self._corner[1], corner[0]))
        if costs[best] < costs[self._corner] * CLEARLY_LESS:
            self._corner = best
        return places[self._corner]


def _place(corner, frame_shape, size):
    left, top = (max(0, side - length) for side, length in zip(frame_shape[1::-1], size, strict=True))
    return corner[0] * left, corner[1] * top, *size


def _covered(place, boxes):
    """How many pixels of boxes a place covers."""
    x, y, width, height = place
    total = 0
    for left, top, across, down in boxes:
        covered_across = min(x + width, left + across) - max(x, left)
        covered_down = min(y + height, top + down) - max(y, top)
        total += max(0, covered_across) * max(0, covered_down)
    return total
