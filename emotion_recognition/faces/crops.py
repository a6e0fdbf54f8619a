"""Cutting a turned square out of a picture."""

import cv2
import numpy as np

from emotion_recognition.faces.boxes import FoundFace

LARGEST_LEVEL_SIDE = 256  # pixels; larger levelled faces are shrunk to it, no network here takes more


def align_face(frame_bgr: np.ndarray, face: FoundFace) -> np.ndarray:
    """The picture of a face, turned about its middle so that the head is upright.

    Args:
        frame_bgr: (height, width, 3) uint8, BGR.
        face: where it is.

    Returns:
        (height, width, 3) uint8, BGR: of a face that is not tilted a view of the frame, otherwise a square; what of it
        lies outside the frame has the colours of the frame's border.
    """
    x, y, width, height = face.box
    if not face.angle:
        return frame_bgr[y : y + height, x : x + width]
    side = max(width, height)
    centre = x + width / 2, y + height / 2
    return cut_square(frame_bgr, centre, side, face.angle, min(side, LARGEST_LEVEL_SIDE))[0]


def cut_square(
    picture: np.ndarray, centre: tuple[float, float], side: float, angle: float, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a turned square out of a picture, and scale it; outside the picture its border goes on.

    Args:
        picture: (height, width, 3) uint8.
        centre: x, y of the square's middle in pixels.
        side: of the square in pixels.
        angle: degrees by which it is turned clockwise; what is tilted so stands upright in the result.
        size: in pixels, of the result's sides.

    Returns:
        (size, size, 3) uint8, and the (2, 3) matrix from its coordinates to the picture's.
    """
    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    centre = np.asarray(centre, float)
    to_picture = side / size * np.array([[cosine, -sine], [sine, cosine]])
    to_picture = np.column_stack([to_picture, centre - to_picture @ [size / 2, size / 2]])
    # Shrunk first, since warpAffine alone would leave out pixels.
    reach, factor = side * (abs(cosine) + abs(sine)) / 2 + 1, max(1, int(side / size))
    region, start, factor = _shrink_around(picture, centre, reach, factor)
    # Both ends of the mapping are shifted by half a pixel: OpenCV counts from the middle of the first one.
    to_region = to_picture / factor
    to_region[:, 2] += to_region[:, :2] @ [0.5, 0.5] - start / factor - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    square = cv2.warpAffine(region, to_region, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return square, to_picture


def _shrink_around(picture, centre, reach, factor):
    """The part of a picture up to `reach` pixels around a point, shrunk by area by a whole number, which is fast.

    Returns:
        It, the x, y where it starts in the picture, and the number by which it was shrunk, 1 for a part that is tiny.
    """
    limits = np.array([picture.shape[1], picture.shape[0]])
    start = np.clip(np.floor(centre - reach), 0, limits - 1).astype(int)
    end = np.clip(np.ceil(centre + reach + factor), start + 1, limits).astype(int)
    shrunk = (end - start) // factor
    if factor == 1 or not shrunk.all():
        return picture[start[1] : end[1], start[0] : end[0]], start, 1
    end = start + shrunk * factor
    region = picture[start[1] : end[1], start[0] : end[0]]
    return cv2.resize(region, tuple(map(int, shrunk)), interpolation=cv2.INTER_AREA), start, factor
