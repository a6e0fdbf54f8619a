"""Reading a video's frames with their own timestamps, and writing them back with the original sound.

Both sides use PyAV (FFmpeg's libraries), which alone of the usual packages tells each frame's presentation time.
"""

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.stream import Disposition
from av.video.reformatter import Interpolation, VideoReformatter

from emotion_recognition.labels import InputError
from emotion_recognition.sound import Sound

VIDEO_ENCODER = 'libx264'
VIDEO_OPTIONS = {'preset': 'veryfast', 'crf': '20'}  # crf: 0 is lossless, 51 the worst
TO_BGR = Interpolation.BILINEAR  # rounds down, some 1 of 255, in a seventh of the time that exact rounding takes
FROM_BGR = Interpolation.BILINEAR | Interpolation.ACCURATE_RND  # exact, so that copies do not darken further
ENDS_EARLY_SECONDS = 1  # before the end that its header names, a file was cut off
ROTATIONS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, -90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180}
TAGGED_COLOUR_SPACES = {1, 4, 5, 7, 9}  # those that swscale converts from and to; 2 is 'unspecified'


class FrameError(InputError):
    """A frame cannot be decoded."""


class VideoReader:
    """A video file's largest picture stream; use it in a `with` statement.

    Args:
        path: any file that FFmpeg reads.

    Attributes:
        time_base: unit of the file's timestamps, in seconds.
        frame_rate: average, in frames a second.
        frame_count: as far as the file tells, else estimated from its duration; for progress bars only.
        colour_space: FFmpeg's number of the YUV matrix, 2 where the file does not say.

    Raises:
        InputError: no such file, not a video, or no picture in it.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f'{self.path}: no such video file')
        try:
            self._container = av.open(str(self.path))
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(f'{self.path}: cannot be read as a video ({_reason(error)})') from None
        streams = [stream for stream in self._container.streams.video if _is_moving_picture(stream)]
        if not streams:
            self._container.close()
            raise InputError(f'{self.path}: has no picture stream')
        self._stream = max(streams, key=_default_then_largest)
        self._stream.thread_type = 'AUTO'
        self.time_base: Fraction = self._stream.time_base
        self.frame_rate: Fraction = self._stream.average_rate or self._stream.guessed_rate or Fraction(30)
        self.frame_count = self._stream.frames or self._estimate_frame_count()
        self.colour_space = int(self._stream.codec_context.colorspace)

    def _estimate_frame_count(self):
        seconds = self._container.duration / av.time_base if self._container.duration else 0
        return round(seconds * self.frame_rate)

    def read_frames(self) -> Iterator[tuple[int, float, np.ndarray]]:
        """Decode from the start.

        Yields:
            Frame number from 1; the file's own presentation time in milliseconds; the upright picture with square
            pixels, (height, width, 3) uint8, BGR, which is the caller's to draw on.

        Raises:
            FrameError: a frame cannot be decoded, or the file ends early. All before that have been yielded.
        """
        last_pts = None
        try:
            for frame_number, frame in enumerate(self._decode(), start=1):
                pts = self._next_pts(frame.pts, last_pts)
                last_pts = pts
                yield frame_number, float(pts * self.time_base * 1000), self._to_bgr(frame)
        except av.error.FFmpegError as error:
            time = 'at its start' if last_pts is None else f'after {float(last_pts * self.time_base):.2f} s'
            raise FrameError(f'{self.path}: cannot be decoded {time} ({_reason(error)})') from None

    def _decode(self):
        """Frames; the sound is read along to know where the file itself ends."""
        ends = Fraction(0)  # seconds
        for packet in self._container.demux(self._stream, *self._container.streams.audio[:1]):
            if packet.pts is not None:
                ends = max(ends, (packet.pts + (packet.duration or 0)) * packet.time_base)
            if packet.stream is self._stream:
                yield from packet.decode()
        if self._container.duration:
            promised = Fraction(self._container.duration + (self._container.start_time or 0), av.time_base)
            if ends < promised - ENDS_EARLY_SECONDS:
                raise FrameError(f'the file ends early, at {float(ends):.1f} of {float(promised):.1f} s')

    def _next_pts(self, pts, last_pts):
        """Fill in a missing timestamp, and keep damaged ones in order, which players need."""
        if last_pts is None:
            return 0 if pts is None else pts
        if pts is None:
            return last_pts + max(1, round(1 / (self.frame_rate * self.time_base)))
        return max(pts, last_pts + 1)

    def _to_bgr(self, frame):
        aspect = self._stream.sample_aspect_ratio or 1
        width = round(frame.width * aspect)
        frame_bgr = frame.to_ndarray(format='bgr24', width=width, height=frame.height, interpolation=TO_BGR)
        rotation = ROTATIONS.get(round(frame.rotation))
        return frame_bgr if rotation is None else cv2.rotate(frame_bgr, rotation)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class VideoWriter:
    """Writes frames as H.264 in mp4, each at its own time, with the sound of the video that they come from.

    Players leave out what mp4 holds before its time 0: a video that starts before it is moved there as a whole.

    The file appears under its name when the `with` block ends well; otherwise nothing is left behind, and a file that
    stood there stays as it was.

    Args:
        path: of the mp4 file.
        reader: of the video whose frames are written; its timestamps' unit and its sound are taken over.

    Raises:
        InputError: the folder cannot be written.
    """

    def __init__(self, path: str | Path, reader: VideoReader):
        self.path = Path(path)
        self._reader = reader
        self._temporary_path = self.path.with_name(f'.{self.path.stem}.tmp.mp4')
        try:
            self._container = av.open(str(self._temporary_path), 'w', options={'movflags': '+faststart'})
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(f'{self.path}: cannot be written ({_reason(error)})') from None
        self._stream = None
        self._reformatter = VideoReformatter()
        self._sound = Sound(reader.path, self._container)
        self._sound_ends = float('inf')  # seconds
        self._timestamp_ms = 0.0

    def write(self, timestamp_ms: float, frame_bgr: np.ndarray) -> None:
        """Write the next frame.

        Args:
            timestamp_ms: when it is shown, in milliseconds; above the previous one's.
            frame_bgr: (height, width, 3) uint8, BGR; all frames have one size. An odd last row or column is doubled,
                since H.264 stores colour for pairs of them.
        """
        height, width = frame_bgr.shape[:2]
        if height % 2 or width % 2:
            frame_bgr = cv2.copyMakeBorder(frame_bgr, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        if self._stream is None:
            self._open_stream(frame_bgr.shape[1], frame_bgr.shape[0])
            self._sound.delay = self._delay = max(Fraction(0), -self._to_time(timestamp_ms))
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(frame_bgr), format='bgr24')
        tagged = self._reader.colour_space in TAGGED_COLOUR_SPACES
        colour_space = self._reader.colour_space if tagged else None
        frame = self._reformatter.reformat(frame, format='yuv420p', dst_colorspace=colour_space, interpolation=FROM_BGR)
        frame.time_base = self._reader.time_base
        frame.pts = round((self._to_time(timestamp_ms) + self._delay) / self._reader.time_base)
        self._container.mux(self._stream.encode(frame))
        self._sound.write_until(timestamp_ms / 1000)
        self._timestamp_ms = timestamp_ms

    def _to_time(self, timestamp_ms):
        """Seconds, exactly on the grid of the file's timestamps."""
        return round(timestamp_ms / 1000 / self._reader.time_base) * self._reader.time_base

    def end_here(self) -> None:
        """Let the sound end with the last frame written, instead of where the original's ends."""
        self._sound_ends = self._timestamp_ms / 1000

    def _open_stream(self, width, height):
        self._stream = self._container.add_stream(VIDEO_ENCODER, rate=self._reader.frame_rate, options=VIDEO_OPTIONS)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, 'yuv420p'
        self._stream.codec_context.time_base = self._reader.time_base
        self._stream.codec_context.colorspace = self._reader.colour_space

    def __enter__(self):
        return self

    def __exit__(self, exception_type, *exception):
        try:
            if exception_type is None and self._stream is not None:
                self._container.mux(self._stream.encode(None))
                self._sound.finish(self._sound_ends)
                self._container.close()
                os.replace(self._temporary_path, self.path)
        finally:
            self._sound.close()
            self._container.close()
            self._temporary_path.unlink(missing_ok=True)


def _is_moving_picture(stream):
    """Whether a picture stream is a film and not, say, the cover of a song."""
    return stream.width > 0 and not stream.disposition & Disposition.attached_pic


def _default_then_largest(stream):
    return bool(stream.disposition & Disposition.default), stream.width * stream.height


def _reason(error):
    return getattr(error, 'strerror', None) or str(error)
