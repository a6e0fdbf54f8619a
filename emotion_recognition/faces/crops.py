"""Crops: cutting faces out of a frame and turning them upright."""

import cv2
import numpy as np

from emotion_recognition.faces.boxes import FoundFace

THUMBNAIL_SIZE = 24  # pixels
MAX_ALIGNED_SIDE = 256  # pixels; larger crops of tilted faces are shrunk to it, since no network here takes more


def align_face(frame_bgr: np.ndarray, face: FoundFace) -> np.ndarray:
    """Cut a face out of a frame, turned about its centre so that the head is upright.

    Args:
        frame_bgr: (height, width, 3) uint8, BGR.
        face: Where the face is.

    Returns:
        The crop, (height, width, 3) uint8, BGR. If the face is not tilted, it is a view of the frame; otherwise it is a
        square, in which the parts outside the frame have the colours of the frame's border.
    """
    x, y, width, height = face.box
    if not face.angle:
        return frame_bgr[y : y + height, x : x + width]
    side = max(width, height)
    centre = x + width / 2, y + height / 2
    return cut_square(frame_bgr, centre, side, face.angle, min(side, MAX_ALIGNED_SIDE))[0]


def grey_thumbnail(crop_bgr: np.ndarray) -> np.ndarray:
    """Shrink a crop, (height, width, 3) uint8 BGR, to a grey thumbnail, as a vector of mean 0 and length 1.

    The product of two is their correlation, by which faces are compared from frame to frame.
    """
    size = THUMBNAIL_SIZE, THUMBNAIL_SIZE
    grey = cv2.cvtColor(cv2.resize(crop_bgr, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    vector = grey.ravel() - grey.mean()
    return vector / max(1e-9, float(np.linalg.norm(vector)))


def cut_square(
    picture: np.ndarray, centre: tuple[float, float], side: float, angle: float, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a turned square out of a picture, and scale it. Outside the picture, its border pixels are repeated.

    Args:
        picture: (height, width, 3) uint8, in any colour order.
        centre: x, y of the square's centre in pixels.
        side: Side of the square in pixels.
        angle: Degrees by which the square is turned clockwise. A face of this tilt is upright in the result.
        size: Side of the result in pixels.

    Returns:
        The scaled square, (size, size, 3) uint8, and the (2, 3) float matrix from its coordinates to the picture's.
    """
    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    centre = np.asarray(centre, float)
    to_picture = side / size * np.array([[cosine, -sine], [sine, cosine]])
    to_picture = np.column_stack([to_picture, centre - to_picture @ [size / 2, size / 2]])
    # The picture is shrunk first, since warpAffine alone would skip pixels.
    reach, factor = side * (abs(cosine) + abs(sine)) / 2 + 1, max(1, int(side / size))
    region, start, factor = _shrink_around(picture, centre, reach, factor)
    # Both ends of the mapping are shifted by half a pixel: OpenCV counts from the centre of the first pixel.
    to_region = to_picture / factor
    to_region[:, 2] += to_region[:, :2] @ [0.5, 0.5] - start / factor - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    square = cv2.warpAffine(region, to_region, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return square, to_picture


def _shrink_around(picture, centre, reach, factor):
    """Cut out the region of a picture up to `reach` pixels around a point, and shrink it by an integer factor.

    Interpolation by area is fast if the factor is an integer.

    Returns:
        The shrunk region; x, y in pixels where it starts in the picture; and the factor, which is 1 if the region is
        too small to shrink.
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
