"""Writing frames as a video, each at its own time."""

from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

from emotion_recognition.labels import InputError, reason
from emotion_recognition.media.colours import BT709, Colours
from emotion_recognition.media.encoders import DEFAULT_ENCODER, add_stream
from emotion_recognition.media.packets import MUX_ERRORS, mux, open_output
from emotion_recognition.media.picture import Picture
from emotion_recognition.media.planes import Planes, choose_matrix
from emotion_recognition.threads import count_cores

MAX_THREADS = 16  # each has a frame in work, which takes memory
MAX_FRAME_RATE = 1000  # frames per second that the header may state; FFmpeg cannot read its own mp4 with 20 000
INDEX_FIRST = {'movflags': '+faststart'}  # so that players can begin before they have all of the file
# A recording can be played but for its last second however its writing ends; once closed, it is an ordinary mp4.
ALWAYS_PLAYABLE = {'movflags': '+hybrid_fragmented', 'frag_duration': '1000000', 'flush_packets': '1'}  # microseconds
# Of x264: no picture waits for later ones, so it does not look ahead either, as it does for files.
LIVE_OPTIONS = {'tune': 'zerolatency', 'mbtree': '0', 'rc-lookahead': '0'}


class FrameWriter:
    """Writes frames as H.264 in mp4, each at its own time.

    The file is complete when the `with` block has ended without an error.

    Args:
        path: Path of the mp4 file.
        time_base: Unit of the file's timestamps, in seconds.
        frame_rate: Average number of frames per second, for the header.
        colours: Colours of the frames.
        threads: Number of encoding threads; 0 lets the encoder choose.
        is_live: Whether the frames come from a camera. Then the file can be played however its writing ends, for
            example if the machine loses its power, but for the last second.
        encoder: Name of the encoder in `ENCODERS`; x264 if it is live.

    Raises:
        InputError: The file cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        time_base: Fraction,
        frame_rate: Fraction,
        colours: Colours = BT709,
        threads: int = 0,
        is_live: bool = False,
        encoder: str = DEFAULT_ENCODER,
    ):
        self.path = Path(path)
        self._time_base, self._frame_rate, self._colours, self._threads = time_base, frame_rate, colours, threads
        self._matrix = choose_matrix(colours.matrix)
        self._stream = None
        self._reformatter = VideoReformatter()
        self._is_live, self._encoder, self._options = is_live, encoder, LIVE_OPTIONS if is_live else {}
        self._delay = Fraction(0)  # seconds by which everything is shown later than its own time
        with as_input_error(self.path):
            self._container = open_output(self.path, options=ALWAYS_PLAYABLE if is_live else INDEX_FIRST)

    def to_planes(self, picture: Picture) -> Planes:
        """Convert a picture to the form that is written, on which the caller may draw.

        Raises:
            InputError: It cannot be converted.
        """
        with as_input_error(self.path):
            return picture.to_planes(self._matrix, self._reformatter, self._threads)

    def write(self, timestamp_ms: float, picture: Planes | np.ndarray) -> None:
        """Write the next frame.

        Args:
            timestamp_ms: When the frame is shown, in milliseconds, after the previous frame.
            picture: What `to_planes` gave, or (height, width, 3) uint8, BGR. All have the same size.

        Raises:
            InputError: The disk is full, or mp4 cannot hold the video's times or size.
        """
        with as_input_error(self.path):
            self._write(timestamp_ms, picture if isinstance(picture, Planes) else self.to_planes(Picture(picture)))

    def _write(self, timestamp_ms, planes):
        if self._stream is None:
            self._open_stream(planes.frame.width, planes.frame.height)
            self._begin(self._to_time(timestamp_ms))
        planes.frame.time_base = self._time_base
        planes.frame.pts = round((self._to_time(timestamp_ms) + self._delay) / self._time_base)
        mux(self._container, self._stream.encode(planes.frame))

    def _to_time(self, timestamp_ms):
        """Convert milliseconds to seconds, rounded exactly to the unit of the file's timestamps."""
        return round(timestamp_ms / 1000 / self._time_base) * self._time_base

    def _begin(self, start):
        """Called before the first frame, with its time in seconds."""

    def _open_stream(self, width, height):
        rate = min(self._frame_rate, MAX_FRAME_RATE)
        self._stream = add_stream(self._container, self._encoder, width, height, rate, self._options)
        encoder = self._stream.codec_context
        encoder.time_base, encoder.thread_count = self._time_base, self._threads
        if not self._is_live:  # several frames at once use all cores; PyAV's default is several parts of one frame
            encoder.thread_type = 'FRAME'
            encoder.thread_count = self._threads or min(count_cores() * 3 // 2, MAX_THREADS)  # x264's own choice
        encoder.colorspace, encoder.color_range = self._matrix, ColorRange.MPEG
        encoder.color_primaries, encoder.color_trc = self._colours.primaries, self._colours.transfer
        self._container.start_encoding()

    def __enter__(self):
        return self

    def __exit__(self, exception_type, *exception):
        try:
            if exception_type is None and self._stream is not None:
                with as_input_error(self.path):
                    self._finish()
        finally:
            self._close()

    def _finish(self):
        mux(self._container, self._stream.encode(None))
        try:
            self._container.close()
        except MUX_ERRORS:  # damaged sound after the last frame does not matter, as long as the index was written
            av.open(str(self.path.absolute())).close()

    def _close(self):
        with suppress(av.error.FFmpegError):  # the error itself is already being raised
            self._container.close()


@contextmanager
def as_input_error(path: Path):
    """Turn PyAV's errors into an InputError that names the file."""
    try:
        yield
    except (av.error.FFmpegError, OSError, ArithmeticError, MemoryError) as error:
        raise InputError(f'{path}: cannot be written ({reason(error)})') from None
