"""A frame's picture, in the form that somebody needs: BGR to look at, YUV planes to draw on and to write."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from av.video.reformatter import VideoReformatter

from emotion_recognition.labels import reason
from emotion_recognition.media.endings import FrameError, ReadError
from emotion_recognition.media.packets import DECODE_ERRORS, may_pass
from emotion_recognition.media.planes import Planes

SAMPLED_ROWS = 120  # at least; using all pixels of a large frame would take a sixth of the time of its search


def sampling_step(height: int) -> int:
    """Of how many rows, and of how many pixels in them, one is enough to compare scenes in pictures of a height."""
    return max(1, height // SAMPLED_ROWS)


class Picture:
    """A picture that is BGR already.

    Args:
        bgr: (height, width, 3) uint8, BGR.
    """

    def __init__(self, bgr: np.ndarray):
        self._bgr = bgr

    @property
    def bgr(self) -> np.ndarray:
        """(height, width, 3) uint8, BGR. Nobody may change it, but for who hides faces in it.

        Raises:
            FrameError: The decoder's frame cannot be converted; `ReadError` if that is for want of memory.
        """
        return self._bgr

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self._bgr.shape[:2]

    def sample(self) -> np.ndarray:
        """A picture in which some of the pixels are left out, by which scenes are compared: BGR, of any size."""
        return self.bgr

    def to_planes(self, matrix: int, reformatter: VideoReformatter, threads: int) -> Planes:
        """Make planes that can be drawn on and written, see `Planes.of_bgr`."""
        return Planes.of_bgr(self.bgr, matrix, reformatter, threads)


class DecodedPicture(Picture):
    """A picture that is converted from the decoder's frame, when it is first asked for.

    Args:
        shape: Height and width in pixels.
        convert: Makes `bgr`.
        sample: Makes `sample`.
        copy_planes: Copies the frame's planes if they are what is written, with a matrix, otherwise gives None.
        path: Path of the video, for errors.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        convert: Callable[[], np.ndarray],
        sample: Callable[[], np.ndarray],
        copy_planes: Callable[[int], Planes | None],
        path: Path,
    ):
        self._shape, self._path, self._bgr = shape, path, None
        self._convert, self._sample, self._copy_planes = convert, sample, copy_planes

    @property
    def bgr(self) -> np.ndarray:
        if self._bgr is None:
            self._bgr = self._call(self._convert)
        return self._bgr

    @property
    def shape(self) -> tuple[int, int]:
        return self._shape

    def sample(self) -> np.ndarray:
        return self._call(self._sample)

    def to_planes(self, matrix: int, reformatter: VideoReformatter, threads: int) -> Planes:
        planes = self._call(self._copy_planes, matrix)
        return super().to_planes(matrix, reformatter, threads) if planes is None else planes

    def _call(self, function, *arguments):
        try:
            return function(*arguments)
        except DECODE_ERRORS as error:
            kind = ReadError if may_pass(error) else FrameError
            raise kind(f'{self._path}: a picture cannot be converted ({reason(error)})') from None
