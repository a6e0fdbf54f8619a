"""Converting a decoder's frames to upright pictures with square pixels, all of one size."""

from fractions import Fraction
from functools import partial
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from emotion_recognition.media.colours import ColourMapping, Colours
from emotion_recognition.media.picture import DecodedPicture, sampling_step
from emotion_recognition.media.planes import FORMAT, Planes, view_plane, view_rows

INTERPOLATION = Interpolation.BILINEAR  # rounds down, by about 1 of 255, in a seventh of the time of exact rounding
EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND  # for colours that are mapped, which would double the error
FLIP_CODES = {(True, False): 1, (False, True): 0, (True, True): -1}  # (left-right, top-bottom) -> code of cv2.flip
MAX_PIXEL_ASPECT = 8  # of width to height, or height to width; only damaged headers name more


def _make_unknown_type(cls, value):
    member = object.__new__(cls)
    member._name_, member._value_ = f'UNKNOWN_{value}', value
    return member


# FFmpeg has more types of side data than PyAV has names for, such as EXIF and which eye's view it is. Without names for
# these too, PyAV could give none of a frame's side data, not even its orientation.
SideDataType._missing_ = classmethod(_make_unknown_type)


def find_video_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """Find the video stream that the file names as its default, otherwise the largest one. None if it has none.

    Moving pictures go before a still one, which an animated AVIF also has.
    """
    streams = [stream for stream in container.streams.video if _is_video(stream)]
    return max(streams, key=_moving_then_default_then_largest, default=None)


class Layout(NamedTuple):
    """What makes a frame an upright picture with square pixels.

    Attributes:
        is_transposed: Whether rows become columns.
        flips: Code of the flip after that, see `cv2.flip`, or None.
        scaled: Width and height to which the frame is scaled before all this.
        fitting: Width and height of the upright picture, which is then padded with black.
    """

    is_transposed: bool
    flips: int | None
    scaled: tuple[int, int]
    fitting: tuple[int, int]


class FrameConverter:
    """Converts the frames of one stream.

    All pictures get the size of the first one: others are scaled to fit into it, and padded with black.

    Args:
        stream: Stream that the frames are decoded from.
        path: Path of the video, for errors.

    Attributes:
        size: Width and height of all pictures in pixels, or None before the first one.
    """

    def __init__(self, stream: av.VideoStream, path: Path):
        self._stream, self._path = stream, path
        self._own_aspect = stream.codec_context.sample_aspect_ratio or 1  # what the first frames say
        self._aspect = stream.sample_aspect_ratio or 1  # what the container says, if it says anything
        # They are kept, with one thread: else each frame would start as many as there are cores
        self._reformatter, self._sampler = VideoReformatter(), VideoReformatter()
        self._lock = Lock()  # pictures are converted by several stages of a run
        self._mappings: dict[Colours, ColourMapping] = {}
        self.size: tuple[int, int] | None = None

    @property
    def stated_size(self) -> tuple[int, int]:
        """Width and height of the pictures with square pixels, as the file states them, before they are turned."""
        return max(1, round(self._stream.width * _plausible(self._aspect))), self._stream.height

    def convert(self, frame: av.VideoFrame) -> DecodedPicture:
        """Convert the next frame, when its picture is first asked for.

        Args:
            frame: Frame as it was decoded; frames are given in the order of decoding.

        Returns:
            The upright picture. HDR and wide-gamut colours are mapped to BT.709.
        """
        is_transposed, flips = _read_orientation(frame)
        width, height = max(1, round(frame.width * self._pixel_aspect(frame))), frame.height
        upright = (height, width) if is_transposed else (width, height)
        self.size = self.size or upright
        fitting = _fit(upright, self.size)
        layout = Layout(is_transposed, flips, fitting[::-1] if is_transposed else fitting, fitting)
        convert, copy_planes = partial(self._to_bgr, frame, layout), partial(self._copy_planes, frame, layout)
        return DecodedPicture(self.size[::-1], convert, partial(self._sample, frame), copy_planes, self._path)

    def _to_bgr(self, frame, layout):
        picture_bgr = _turn_upright(self._reformat(frame, *layout.scaled), layout)
        return picture_bgr if layout.fitting == self.size else _pad_with_black(picture_bgr, self.size)

    def _reformat(self, frame, width, height):
        colours = Colours.of(frame)
        pixels, interpolation = ('rgb48le', EXACT) if colours.are_mapped else ('bgr24', INTERPOLATION)
        with self._lock:
            converted = self._reformatter.reformat(frame, width, height, pixels, interpolation=interpolation, threads=1)
            if not colours.are_mapped:
                return _view_bgr(converted)
            mapping = self._mappings.get(colours) or self._mappings.setdefault(colours, ColourMapping(colours))
            return mapping.apply(converted.to_ndarray())

    def _sample(self, frame):
        """Take every nth pixel of every nth row. Neither turning nor mapping the picture changes what it is for."""
        step = sampling_step(frame.height)
        size = max(1, frame.width // step), max(1, frame.height // step)
        with self._lock:
            sample = self._sampler.reformat(frame, *size, 'bgr24', interpolation=Interpolation.POINT, threads=1)
        return sample.to_ndarray()

    def _copy_planes(self, frame, layout, matrix):
        """Copy the planes of a frame that differs from what is written by nothing but its orientation, else None."""
        colours = Colours.of(frame)
        is_written = frame.format.name == FORMAT and frame.color_range != ColorRange.JPEG
        is_written = is_written and colours.matrix == matrix and not colours.are_mapped
        is_scaled = layout.scaled != (frame.width, frame.height) or layout.fitting != self.size
        if is_scaled or not is_written or frame.width % 2 or frame.height % 2:
            return None
        return Planes.copy_of(*(_turn_upright(view_plane(plane), layout) for plane in frame.planes), matrix)

    def _pixel_aspect(self, frame):
        """Width of a pixel divided by its height. The container's value counts until that of the frames changes."""
        decoder = self._stream.codec_context
        own_aspect = decoder.sample_aspect_ratio or 1
        # A frame that was held back while the decoder went on to another size still has the previous aspect.
        is_newest = (decoder.width, decoder.height) == (frame.width, frame.height)
        if is_newest and own_aspect != self._own_aspect:
            self._own_aspect = self._aspect = own_aspect
        return _plausible(self._aspect)


def _view_bgr(frame):
    """See a frame as a (height, width, 3) uint8 array, without copying it; OpenCV can draw on it."""
    picture = view_rows(frame.planes[0])[:, : 3 * frame.width].reshape(frame.height, frame.width, 3)
    return picture if frame.planes[0].line_size > 0 else picture.copy()  # OpenCV draws on no rows in reverse


def _turn_upright(picture, layout):
    picture = cv2.transpose(picture) if layout.is_transposed else picture
    return picture if layout.flips is None else cv2.flip(picture, layout.flips)


def _plausible(pixel_aspect):
    return pixel_aspect if 1 / MAX_PIXEL_ASPECT <= pixel_aspect <= MAX_PIXEL_ASPECT else 1


def _read_orientation(frame):
    """Read from a frame's display matrix what makes it upright, to the nearest quarter turn.

    Returns:
        Whether rows become columns, and the code of the flip after that, or None.
    """
    # Not frame.side_data, which the frame would keep: a circle that holds its memory until Python looks for circles
    matrix = SideDataContainer(frame).get('DISPLAYMATRIX')
    if matrix is None:
        return False, None
    (right_of_x, down_of_x, _), (right_of_y, down_of_y, _), _ = np.frombuffer(matrix, np.int32).reshape(3, 3).tolist()
    is_transposed = abs(down_of_x) > abs(right_of_x)
    right, down = (right_of_y, down_of_x) if is_transposed else (right_of_x, down_of_y)
    return is_transposed, FLIP_CODES.get((right < 0, down < 0))


def _is_video(stream):
    """Whether a stream can be decoded, and is a video and not, for example, the cover of a song."""
    return stream.codec_context and stream.width > 0 and not stream.disposition & Disposition.attached_pic


def _moving_then_default_then_largest(stream):
    return stream.frames != 1, bool(stream.disposition & Disposition.default), stream.width * stream.height


def _fit(size, room):
    """Scale a size to the largest one of the same shape that fits into another size."""
    factor = min(Fraction(room[0], size[0]), Fraction(room[1], size[1]))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _pad_with_black(picture_bgr, size):
    height, width = picture_bgr.shape[:2]
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    right, bottom = size[0] - width - left, size[1] - height - top
    return cv2.copyMakeBorder(picture_bgr, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))
