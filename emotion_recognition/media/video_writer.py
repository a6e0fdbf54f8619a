"""Writing frames as a video, each at its own time, with the sound of the video that they come from."""

from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from emotion_recognition.labels import InputError, reason
from emotion_recognition.media.colours import BT709
from emotion_recognition.media.endings import FrameError
from emotion_recognition.media.packets import DECODE_ERRORS, MUX_ERRORS, mux, open_output
from emotion_recognition.media.part import Part
from emotion_recognition.media.sound import Sound, find_sounds
from emotion_recognition.media.video import VideoReader

VIDEO_ENCODER = 'libx264'
VIDEO_OPTIONS = {'preset': 'veryfast', 'crf': '20'}  # crf: from 0, which is lossless, to 51, the worst
FROM_BGR = Interpolation.BILINEAR | Interpolation.ACCURATE_RND  # exact, so that copies do not darken further
MAX_FRAME_RATE = 1000  # frames per second that the header may state; FFmpeg cannot read its own mp4 with 20 000
UNKNOWN_MATRIX = 2  # FFmpeg's number; players then choose by the size, as for the original
MATRICES = {1, UNKNOWN_MATRIX, 4, 5, 7, 9}  # those of YUV that swscale converts; for others, such as RGB, BT.709
Time = TypeVar('Time', float, Fraction)
MAX_SIDE = 16384  # in pixels; libx264 encodes no larger pictures


def check_size(video_path: Path, width: int, height: int) -> None:
    """Check that pictures of a video are small enough to be written.

    Raises:
        InputError: They are too large.
    """
    if max(width, height) > MAX_SIDE:
        raise InputError(
            f'{video_path}: its pictures are {width} x {height} pixels, but H.264 in mp4 holds at most '
            f'{MAX_SIDE} x {MAX_SIDE}; make the video smaller, or add --no-write-video'
        )


def shift_of_copy(start: Time, part: Part) -> Time:
    """How much later than in a video everything is shown in its annotated copy, if the first frame is shown at `start`.

    The result is in the unit of `start`.
    """
    return max(0, -start) if part.start is None else -start


class VideoWriter:
    """Writes frames as H.264 in mp4, each at its own time, with the sound of the video that they come from.

    Players skip everything before time 0 of an mp4 file. A video that starts earlier is therefore moved to start there,
    and so is a part of a video that does not begin at its start.

    The file is complete when the `with` block has ended without an error.

    Args:
        path: Path of the mp4 file.
        reader: Reader of the video whose frames are written. Its unit of timestamps and its sound are used.
        threads: Number of encoding threads; 0 lets the encoder choose.
        keep_all_sound: Whether to keep all sounds of a video that has several, otherwise the one that players choose.

    Attributes:
        left_out_sounds: How many of the video's sounds are left out.

    Raises:
        InputError: The file cannot be written, or the pictures are too large.
    """

    def __init__(self, path: str | Path, reader: VideoReader, threads: int = 0, keep_all_sound: bool = False):
        check_size(reader.path, *reader.stated_size)
        self.path = Path(path)
        self._reader, self._threads = reader, threads
        self._matrix = reader.colours.matrix if reader.colours.matrix in MATRICES else BT709.matrix
        self._stream = None
        self._reformatter = VideoReformatter()
        self._sounds: list[Sound] = []
        self._sound_ends = float('inf') if reader.part.end is None else reader.part.end  # seconds
        self._timestamp_ms = 0.0
        with _as_input_error(self.path):
            self._container = open_output(self.path, options={'movflags': '+faststart'})
        try:
            found, chosen = find_sounds(reader.path, reader.interruption)
            kept = found if keep_all_sound else chosen
            for index in kept:
                self._sounds.append(Sound(self._container, index, reader.path, reader.shifts, reader.interruption))
        except DECODE_ERRORS as error:
            self._close()
            raise InputError(f'{reader.path}: its sound cannot be read ({reason(error)})') from None
        self.left_out_sounds = len(found) - len(kept)

    def write(self, timestamp_ms: float, frame_bgr: np.ndarray) -> None:
        """Write the next frame.

        Args:
            timestamp_ms: When the frame is shown, in milliseconds, after the previous frame.
            frame_bgr: (height, width, 3) uint8, BGR. All frames have the same size. If the height or width is odd, the
                last row or column is doubled, since H.264 stores colour for pairs of them.

        Raises:
            InputError: The disk is full, or mp4 cannot hold the video's times or size.
        """
        height, width = frame_bgr.shape[:2]
        if height % 2 or width % 2:
            frame_bgr = cv2.copyMakeBorder(frame_bgr, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        with _as_input_error(self.path):
            self._write(timestamp_ms, frame_bgr)
        self._timestamp_ms = timestamp_ms

    def _write(self, timestamp_ms, frame_bgr):
        if self._stream is None:
            self._open_stream(frame_bgr.shape[1], frame_bgr.shape[0])
            start = self._to_time(timestamp_ms)
            self._delay = shift_of_copy(start, self._reader.part)
            for sound in self._sounds:
                sound.delay = self._delay
                if self._delay < 0:
                    sound.leave_out_until(start)
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(frame_bgr), format='bgr24')
        frame = self._reformatter.reformat(
            frame,
            format='yuv420p',
            dst_colorspace=None if self._matrix == UNKNOWN_MATRIX else self._matrix,
            interpolation=FROM_BGR,
            threads=self._threads,
        )
        frame.time_base = self._reader.time_base
        frame.pts = round((self._to_time(timestamp_ms) + self._delay) / self._reader.time_base)
        mux(self._container, self._stream.encode(frame))
        for sound in self._sounds:
            sound.write_until(timestamp_ms / 1000)

    def _to_time(self, timestamp_ms):
        """Convert milliseconds to seconds, rounded exactly to the unit of the file's timestamps."""
        return round(timestamp_ms / 1000 / self._reader.time_base) * self._reader.time_base

    @property
    def sound_problem(self) -> FrameError | None:
        """Why the rest of the sound is missing, or None; known after the `with` block."""
        return next((sound.problem for sound in self._sounds if sound.problem), None)

    def end_here(self) -> None:
        """Let the sound end with the last frame written, and not where the sound of the original ends."""
        self._sound_ends = self._timestamp_ms / 1000

    def _open_stream(self, width, height):
        check_size(self._reader.path, width, height)
        rate = min(self._reader.frame_rate, MAX_FRAME_RATE)
        self._stream = self._container.add_stream(VIDEO_ENCODER, rate=rate, options=VIDEO_OPTIONS)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, 'yuv420p'
        self._stream.codec_context.time_base = self._reader.time_base
        self._stream.codec_context.thread_count = self._threads
        self._tag_colours(self._stream.codec_context)
        self._container.start_encoding()

    def _tag_colours(self, encoder):
        encoder.colorspace, encoder.color_range = self._matrix, ColorRange.MPEG
        encoder.color_primaries, encoder.color_trc = self._reader.colours.primaries, self._reader.colours.transfer

    def __enter__(self):
        return self

    def __exit__(self, exception_type, *exception):
        try:
            if exception_type is None and self._stream is not None:
                with _as_input_error(self.path):
                    for sound in self._sounds:  # first, so that no frame has to wait for damaged sound
                        sound.finish(self._sound_ends)
                    mux(self._container, self._stream.encode(None))
                    self._close_container()
        finally:
            self._close()

    def _close(self):
        for sound in self._sounds:
            sound.close()
        with suppress(av.error.FFmpegError):  # the error itself is already being raised
            self._container.close()

    def _close_container(self):
        try:
            self._container.close()
        except MUX_ERRORS:  # damaged sound after the last frame does not matter, as long as the index was written
            av.open(str(self.path.absolute())).close()


@contextmanager
def _as_input_error(path):
    """Turn PyAV's errors into an InputError that names the file."""
    try:
        yield
    except (av.error.FFmpegError, OSError, ArithmeticError, MemoryError) as error:
        raise InputError(f'{path}: cannot be written ({reason(error)})') from None
