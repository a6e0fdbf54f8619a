"""Pictures as H.264 stores them: brightness of each pixel, and the colour of each two by two of them (YUV 4:2:0)."""

from functools import cache

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from emotion_recognition.media.colours import BT709

FORMAT = 'yuv420p'
FROM_BGR = Interpolation.BILINEAR | Interpolation.ACCURATE_RND  # exact, so that copies do not darken further
UNKNOWN_MATRIX = 2  # FFmpeg's number; players then choose by the size, as for the original
MATRICES = {1, UNKNOWN_MATRIX, 4, 5, 7, 9}  # those of YUV that swscale converts; for others, such as RGB, BT.709


class Planes:
    """A picture that is written to a video, on which the caller may draw.

    Args:
        frame: Frame of its own, in the format `yuv420p`; nothing else uses it.
        matrix: YUV matrix, in FFmpeg's numbers.

    Attributes:
        frame: The same.
        y: (height, width) uint8, 16 for black to 235 for white. It is part of the frame, as are the others.
        u, v: (height / 2, width / 2) uint8, 128 for grey.
        shape: Height and width in pixels.
    """

    def __init__(self, frame: av.VideoFrame, matrix: int):
        self.frame, self._matrix = frame, matrix
        self.y, self.u, self.v = map(view_plane, frame.planes)
        self.shape = self.y.shape

    @classmethod
    def copy_of(cls, y: np.ndarray, u: np.ndarray, v: np.ndarray, matrix: int) -> 'Planes':
        """Copy the three planes of a picture whose height and width are even."""
        planes = cls(av.VideoFrame(y.shape[1], y.shape[0], FORMAT), matrix)
        for target, source in zip((planes.y, planes.u, planes.v), (y, u, v), strict=True):
            target[:] = source
        return planes

    @classmethod
    def of_bgr(cls, picture_bgr: np.ndarray, matrix: int, reformatter: VideoReformatter, threads: int) -> 'Planes':
        """Convert a picture, (height, width, 3) uint8, BGR.

        If the height or width is odd, the last row or column is doubled, since colours are stored for pairs of them.

        Args:
            picture_bgr: The picture.
            matrix: One of MATRICES.
            reformatter: What converts the pictures of this video.
            threads: Number of threads for it; 0 lets it choose.
        """
        height, width = picture_bgr.shape[:2]
        if height % 2 or width % 2:
            picture_bgr = cv2.copyMakeBorder(picture_bgr, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        frame = reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(picture_bgr), format='bgr24'),
            format=FORMAT,
            dst_colorspace=None if matrix == UNKNOWN_MATRIX else matrix,
            interpolation=FROM_BGR,
            threads=threads,
        )
        return cls(frame, matrix)

    def to_yuv(self, colour_bgr: tuple[int, int, int]) -> tuple[int, int, int]:
        """Convert a colour to Y, U and V as the pictures are."""
        return _to_yuv(tuple(colour_bgr), self._matrix)


def view_plane(plane: av.video.plane.VideoPlane) -> np.ndarray:
    """See a plane of a frame as a (height, width) uint8 array, without copying it."""
    return view_rows(plane)[: plane.height, : plane.width]


def view_rows(plane: av.video.plane.VideoPlane) -> np.ndarray:
    """See the rows of a plane, from the top, as a (height, n) uint8 array of their bytes, some of which are padding."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, abs(plane.line_size))
    return rows[::-1] if plane.line_size < 0 else rows  # some files store the lowest row first


def choose_matrix(matrix: int) -> int:
    """The matrix that copies of pictures with another one have: the same, if swscale converts it, otherwise BT.709."""
    return matrix if matrix in MATRICES else int(BT709.matrix)


@cache
def _to_yuv(colour_bgr, matrix):
    picture_bgr = np.full((16, 16, 3), colour_bgr, np.uint8)
    planes = Planes.of_bgr(picture_bgr, matrix, VideoReformatter(), 1)
    return tuple(int(plane[4, 4]) for plane in (planes.y, planes.u, planes.v))
