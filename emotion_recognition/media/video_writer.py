"""Writing a video's frames as its copy, each at its own time, with its sound."""

from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from emotion_recognition.labels import InputError, reason
from emotion_recognition.media.encoders import DEFAULT_ENCODER, find_problem
from emotion_recognition.media.endings import FrameError
from emotion_recognition.media.frame_writer import FrameWriter
from emotion_recognition.media.packets import DECODE_ERRORS
from emotion_recognition.media.part import Part
from emotion_recognition.media.sound import Sound, find_sounds
from emotion_recognition.media.video import VideoReader

Time = TypeVar('Time', float, Fraction)
MAX_SIDE = 16384  # in pixels; libx264 encodes no larger pictures


def check_size(video_path: Path, width: int, height: int, encoder: str = DEFAULT_ENCODER) -> None:
    """Check that pictures of a video can be written: not too large, and of a size that the encoder takes here.

    Raises:
        InputError: They cannot.
    """
    if max(width, height) > MAX_SIDE:
        raise InputError(
            f'{video_path}: its pictures are {width} x {height} pixels, but H.264 in mp4 holds at most '
            f'{MAX_SIDE} x {MAX_SIDE}; make the video smaller, or add --no-write-video'
        )
    if height and (problem := find_problem(encoder, width, height)):  # 0: the file does not state it
        raise InputError(f'{video_path}: {problem}')


def shift_of_copy(start: Time, part: Part) -> Time:
    """How much later than in a video everything is shown in its annotated copy, if the first frame is shown at `start`.

    The result is in the unit of `start`.
    """
    return max(0, -start) if part.start is None else -start


class VideoWriter(FrameWriter):
    """Writes frames as H.264 in mp4, each at its own time, with the sound of the video that they come from.

    Players skip everything before time 0 of an mp4 file. A video that starts earlier is therefore moved to start there,
    and so is a part of a video that does not begin at its start.

    The file is complete when the `with` block has ended without an error.

    Args:
        path: Path of the mp4 file.
        reader: Reader of the video whose frames are written. Its unit of timestamps and its sound are used.
        threads: Number of encoding threads; 0 lets the encoder choose.
        keep_all_sound: Whether to keep all sounds of a video that has several, otherwise the one that players choose.
        encoder: Name of the encoder in `ENCODERS`.

    Attributes:
        left_out_sounds: How many of the video's sounds are left out.

    Raises:
        InputError: The file cannot be written, or see `check_size`.
    """

    def __init__(
        self,
        path: str | Path,
        reader: VideoReader,
        threads: int = 0,
        keep_all_sound: bool = False,
        encoder: str = DEFAULT_ENCODER,
    ):
        check_size(reader.path, *reader.stated_size, encoder)
        super().__init__(path, reader.time_base, reader.frame_rate, reader.colours, threads, encoder=encoder)
        self._reader = reader
        self._sounds: list[Sound] = []
        self._sound_ends = float('inf') if reader.part.end is None else reader.part.end  # seconds
        self._timestamp_ms = 0.0
        try:
            found, chosen = find_sounds(reader.path, reader.interruption)
            kept = found if keep_all_sound else chosen
            for index in kept:
                self._sounds.append(Sound(self._container, index, reader.path, reader.shifts, reader.interruption))
        except DECODE_ERRORS as error:
            self._close()
            raise InputError(f'{reader.path}: its sound cannot be read ({reason(error)})') from None
        self.left_out_sounds = len(found) - len(kept)

    def _write(self, timestamp_ms, planes):
        if self._stream is None:
            check_size(self._reader.path, *planes.shape[::-1])
        super()._write(timestamp_ms, planes)
        for sound in self._sounds:
            sound.write_until(timestamp_ms / 1000)
        self._timestamp_ms = timestamp_ms

    def _begin(self, start):
        self._delay = shift_of_copy(start, self._reader.part)
        for sound in self._sounds:
            sound.delay = self._delay
            if self._delay < 0:
                sound.leave_out_until(start)

    @property
    def sound_problem(self) -> FrameError | None:
        """Why the rest of the sound is missing, or None; known after the `with` block."""
        return next((sound.problem for sound in self._sounds if sound.problem), None)

    def end_here(self) -> None:
        """Let the sound end with the last frame written, and not where the sound of the original ends."""
        self._sound_ends = self._timestamp_ms / 1000

    def _finish(self):
        for sound in self._sounds:  # first, so that no frame has to wait for damaged sound
            sound.finish(self._sound_ends)
        super()._finish()

    def _close(self):
        for sound in self._sounds:
            sound.close()
        super()._close()
