"""Reading and writing photographs, and telling them from videos."""

import warnings
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
from PIL import Image, ImageOps, ImageSequence

from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError, reason
from emotion_recognition.media.input_file import check_regular_file, read_file

COPY_SUFFIXES = ['.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp']  # of the files that are written
ANIMATION_SUFFIXES = ['.apng', '.avif', '.gif', '.png']  # of files that may hold a photograph or an animation
PHOTOGRAPH_SUFFIXES = sorted(
    {*COPY_SUFFIXES, *ANIMATION_SUFFIXES, '.heic', '.heif', '.hif', '.jfif', '.jp2', '.jpe', '.mpo', '.pgm', '.ppm'}
)
# fmt: off
UNREADABLE_SUFFIXES = [  # of pictures that nothing here reads; FFmpeg would take the preview in some of them
    '.3fr', '.ai', '.arw', '.cr2', '.cr3', '.crw', '.dng', '.eps', '.erf', '.exr', '.iiq', '.jxl', '.jxr', '.kdc',
    '.mos', '.mrw', '.nef', '.nrw', '.orf', '.pdf', '.pef', '.psb', '.psd', '.raf', '.rw2', '.srw', '.svg', '.tga',
    '.x3f', '.xcf',
]
# fmt: on
PILLOW_FORMATS = ['AVIF', 'BMP', 'GIF', 'JPEG', 'PNG', 'TIFF', 'WEBP']
HEAD_SIZE = 100  # bytes from which the formats are told apart


def is_photograph(path: Path) -> bool:
    """Whether a file is a photograph and not a video. An animation that FFmpeg reads is a video.

    A name that only photographs have decides alone. Otherwise the content decides, or the name if that says nothing.
    """
    suffix = path.suffix.lower()
    if suffix in PHOTOGRAPH_SUFFIXES and suffix not in ANIMATION_SUFFIXES:
        return True
    kind, has_several = _look_into(path) if path.is_file() else (None, False)
    if kind is None:
        return suffix in PHOTOGRAPH_SUFFIXES
    if kind == 'TIFF':  # under another name: a camera's raw format
        return False
    return not has_several or kind not in ('AVIF', 'GIF', 'PNG')


def has_several_pictures(path: Path) -> bool:
    """Whether a photograph's file holds several pictures, such as pages; previews and gain maps do not count."""
    return _look_into(path)[1]


def _look_into(path):
    """The format of a picture, and whether its file holds several; None as the format if it is no picture."""
    try:
        with path.open('rb') as file:
            is_heic = _is_heic(file.read(HEAD_SIZE))
        if is_heic:
            return 'HEIC', len(pillow_heif.open_heif(path)) > 1
        with _open(path) as picture:
            if picture.format == 'MPO':  # a JPEG with further pictures in it
                sizes = [one.size for one in ImageSequence.Iterator(picture)]
                return 'MPO', sizes.count(sizes[0]) > 1  # previews and gain maps are smaller
            return picture.format, getattr(picture, 'is_animated', False)
    except Exception:  # damaged files make Pillow raise errors of all kinds
        return None, False


def _open(file):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # about large pictures, and about damage in what is not needed here
        return Image.open(file, formats=PILLOW_FORMATS)


def read_photograph(path: Path, interruption: Interruption | None = None) -> np.ndarray:
    """Read a photograph and turn it upright, as its EXIF orientation or, in HEIC and AVIF files, its header says.

    The content decides how it is read, not the name. If the file has several pictures, the first one is read, or the
    one that is marked as primary. Transparency is dropped, and more than 8 bits per colour are reduced to 8. Colour
    profiles are ignored, as the network has seen pictures without them.

    Args:
        path: Path of the file.
        interruption: Lets the user end the waiting for a disk or a network that does not answer.

    Returns:
        The picture, (height, width, 3) uint8, BGR.

    Raises:
        InputError: The file is missing or is not a picture.
    """
    check_regular_file(path, 'a photograph')
    try:
        content = read_file(path, interruption)
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({reason(error)})') from None
    try:
        picture_bgr = _decode(content) if content else None
    except Exception:  # of all kinds too; for example, for a picture above OpenCV's limit of 2^30 pixels
        picture_bgr = None
    if picture_bgr is None:
        raise InputError(f'{path}: cannot be read as a photograph')
    return picture_bgr


def check_picture(picture_bgr: np.ndarray, name: str = 'the picture') -> None:
    """Check that an array is a picture, (height, width, 3) uint8.

    Raises:
        InputError: It is not. It is called by its name.
    """
    if picture_bgr.dtype != np.uint8 or picture_bgr.ndim != 3 or picture_bgr.shape[2] != 3 or not picture_bgr.size:
        given = f'{picture_bgr.shape} {picture_bgr.dtype}'
        hint = '; cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) makes it of a grey one' if picture_bgr.ndim == 2 else ''
        raise InputError(f'{name} is {given}; expected (height, width, 3) uint8, 0 to 255, BGR{hint}')


def _decode(content):
    """Decode the content of a file to a picture in BGR, or None."""
    head = content[:HEAD_SIZE]
    if _is_heic(head):
        picture = pillow_heif.open_heif(BytesIO(content)).to_pillow()  # upright
    elif b'avif' in head or head.startswith(b'GIF8'):  # some versions of OpenCV lack these
        picture = ImageOps.exif_transpose(_open(BytesIO(content)))
    else:
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(np.array(picture.convert('RGB')), cv2.COLOR_RGB2BGR)


def _is_heic(head):
    """Whether a file is HEIC, by its first bytes: its brands, of which some are those of AVIF files too."""
    return pillow_heif.get_file_mimetype(head).startswith('image/hei') and b'avif' not in head


def write_photograph(path: Path, picture_bgr: np.ndarray) -> None:
    """Write a picture in the file format that the suffix of the path names.

    Args:
        path: Path of the new file, with one of `COPY_SUFFIXES`.
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
