"""What boxes and labels are drawn on: a picture in BGR, or the planes that are written to a video."""

from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np

from emotion_recognition.media.planes import Planes

FONT = cv2.FONT_HERSHEY_SIMPLEX
REMEMBERED_LINES = 256  # of text, most of which come again in the next frames; at 1080p, they take some 7 MB

Point = tuple[int, int]  # x, y in pixels
Colour = tuple[int, int, int]  # BGR


class Canvas(Protocol):
    """Draws on a picture, in place. What is beyond its border is left out."""

    def rectangle(self, start: Point, end: Point, colour_bgr: Colour, width: int) -> None:
        """Draw an outline of a width in pixels; it is filled if the width is cv2.FILLED."""

    def text(self, line: str, origin: Point, scale: float, colour_bgr: Colour, width: int) -> None:
        """Write a line from its lower left corner, in letters of a size in OpenCV's unit, of strokes of a width."""


class BgrCanvas:
    """Draws on a picture, (height, width, 3) uint8, BGR; see `Canvas`."""

    def __init__(self, picture_bgr: np.ndarray):
        self._picture = picture_bgr

    def rectangle(self, start: Point, end: Point, colour_bgr: Colour, width: int) -> None:
        cv2.rectangle(self._picture, start, end, colour_bgr, width, cv2.LINE_AA)

    def text(self, line: str, origin: Point, scale: float, colour_bgr: Colour, width: int) -> None:
        cv2.putText(self._picture, line, origin, FONT, scale, colour_bgr, width, cv2.LINE_AA)


class PlanesCanvas:
    """Draws on planes; see `Canvas`. The rest of the picture keeps its exact colours.

    What is drawn has the brightness that it has in BGR, pixel by pixel but for rounding, and its colour in half the
    resolution.
    """

    def __init__(self, planes: Planes):
        self._planes = planes

    def rectangle(self, start: Point, end: Point, colour_bgr: Colour, width: int) -> None:
        y, u, v = self._planes.to_yuv(colour_bgr)
        cv2.rectangle(self._planes.y, start, end, y, width, cv2.LINE_AA)
        for plane, value in ((self._planes.u, u), (self._planes.v, v)):  # `shift` halves the corners exactly
            cv2.rectangle(plane, start, end, value, _halve(width), cv2.LINE_AA, shift=1)

    def text(self, line: str, origin: Point, scale: float, colour_bgr: Colour, width: int) -> None:
        y, u, v = self._planes.to_yuv(colour_bgr)
        _blend(self._planes.y, y, *_letters(line, scale, width), origin)
        letters, half = _letters(line, scale / 2, _halve(width)), (round(origin[0] / 2), round(origin[1] / 2))
        for plane, value in ((self._planes.u, u), (self._planes.v, v)):
            _blend(plane, value, *letters, half)


def canvas_of(picture: np.ndarray | Planes) -> Canvas:
    """Find what draws on a picture."""
    return PlanesCanvas(picture) if isinstance(picture, Planes) else BgrCanvas(picture)


@lru_cache(REMEMBERED_LINES)
def _letters(line, scale, width):
    """Draw a line of text by itself, which takes ten times as long as to lay it over a picture.

    Returns how much of each pixel it covers, (height, width) uint16, 0 to 255, and the x and y of its origin in there.
    """
    (text_width, text_height), baseline = cv2.getTextSize(line, FONT, scale, width)
    origin = width, text_height + width
    covered = np.zeros((text_height + baseline + 2 * width, text_width + 2 * width), np.uint8)
    cv2.putText(covered, line, origin, FONT, scale, 255, width, cv2.LINE_AA)
    return covered.astype(np.uint16), origin


def _blend(plane, value, covered, covered_origin, origin):
    """Lay a value over a plane, in place, where something is covered whose origin is at a point of the plane."""
    left, top = (at - before for at, before in zip(origin, covered_origin, strict=True))
    covered = covered[max(0, -top) : max(0, plane.shape[0] - top), max(0, -left) : max(0, plane.shape[1] - left)]
    top, left = max(0, top), max(0, left)
    beneath = plane[top : top + covered.shape[0], left : left + covered.shape[1]]
    beneath[:] = (beneath * (255 - covered) + value * covered + 127) // 255


def _halve(width):
    return width if width == cv2.FILLED else max(1, (width + 1) // 2)
