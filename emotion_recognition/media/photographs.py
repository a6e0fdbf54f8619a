"""Reading and writing photographs."""

from pathlib import Path

import cv2
import numpy as np

from emotion_recognition.labels import InputError

PHOTOGRAPH_SUFFIXES = ['.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp']


def is_photograph(path: Path) -> bool:
    """Whether a file is taken for a photograph and not for a video."""
    return path.suffix.lower() in PHOTOGRAPH_SUFFIXES


def read_photograph(path: Path) -> np.ndarray:
    """Read a photograph, upright as its EXIF orientation says: (height, width, 3) uint8, BGR.

    Of a file with several pictures, the first; transparency is left out, and depth above 8 bits reduced.

    Raises:
        InputError: the file is missing or not a picture.
    """
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread cannot open every name on Windows
    except FileNotFoundError:
        raise InputError(f'{path}: no such photograph') from None
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from None
    try:
        picture_bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except cv2.error:  # such as one above OpenCV's limit of 2^30 pixels
        picture_bgr = None
    if picture_bgr is None:
        raise InputError(f'{path}: cannot be read as a photograph')
    return picture_bgr


def write_photograph(path: Path, picture_bgr: np.ndarray) -> None:
    """Write a (height, width, 3) uint8 BGR picture as the kind of file that its name says.

    Raises:
        InputError: a picture of this size does not fit into this kind.
        OSError: the file cannot be written.
    """
    try:
        written, data = cv2.imencode(path.suffix, picture_bgr)
    except cv2.error:
        written = False
    if not written:
        height, width = picture_bgr.shape[:2]
        raise InputError(
            f'{path.name}: {width}x{height} pixels do not fit into {path.suffix}; expected a smaller picture'
        )
    path.write_bytes(data)
