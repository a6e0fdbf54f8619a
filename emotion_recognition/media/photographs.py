"""Reading and writing photographs."""

from pathlib import Path

import cv2
import numpy as np

from emotion_recognition.labels import InputError

PHOTOGRAPH_SUFFIXES = ['.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp']


def is_photograph(path: Path) -> bool:
    """Whether a file counts as a photograph, judging by its name, and not as a video."""
    return path.suffix.lower() in PHOTOGRAPH_SUFFIXES


def read_photograph(path: Path) -> np.ndarray:
    """Read a photograph and turn it upright, as its EXIF orientation says.

    If the file has several pictures, the first one is read. Transparency is dropped, and more than 8 bits per colour
    are reduced to 8.

    Args:
        path: Path of the file.

    Returns:
        The picture, (height, width, 3) uint8, BGR.

    Raises:
        InputError: The file is missing or is not a picture.
    """
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread cannot open every name on Windows
    except FileNotFoundError:
        raise InputError(f'{path}: no such photograph') from None
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from None
    try:
        picture_bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except cv2.error:  # for example, a picture above OpenCV's limit of 2^30 pixels
        picture_bgr = None
    if picture_bgr is None:
        raise InputError(f'{path}: cannot be read as a photograph')
    return picture_bgr


def write_photograph(path: Path, picture_bgr: np.ndarray) -> None:
    """Write a picture in the file format that the suffix of the path names.

    Args:
        path: Path of the new file.
        picture_bgr: (height, width, 3) uint8, BGR.

    Raises:
        InputError: The format cannot hold a picture of this size.
        OSError: The file cannot be written.
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
