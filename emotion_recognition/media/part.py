"""The part of a video that is wanted, and the packets before it, which need not be decoded."""

from typing import NamedTuple

import av
from av.format import Flags

from emotion_recognition.labels import InputError

# Codecs each of whose packets holds one picture, so that pictures can be counted without decoding them. VP8, for
# example, has packets that show nothing.
COUNTED_CODECS = {'h264', 'hevc', 'av1', 'vp9', 'mpeg4', 'mjpeg', 'prores', 'dnxhd', 'ffv1'}
MAX_HELD = 2000  # packets since the last key frame that wait; with more, they are decoded


class Part(NamedTuple):
    """A part of a video.

    Attributes:
        start: When it begins, in seconds as players show them; None for the video's own start.
        end: When it ends, likewise; a frame that is shown then is no longer part of it. None for the video's own end.
    """

    start: float | None = None
    end: float | None = None

    def limits_ms(self) -> tuple[float, float]:
        """Start and end in milliseconds, to three decimals, as the times in the tables; infinite if there is none."""
        start = float('-inf') if self.start is None else round(self.start * 1000, 3)
        return start, float('inf') if self.end is None else round(self.end * 1000, 3)


WHOLE_VIDEO = Part()


def check_part(part: Part, rest_span: tuple[float, float] | None = None) -> None:
    """Check what the user gave.

    Args:
        part: The part.
        rest_span: Start and end of the span at rest in seconds, if there is one.

    Raises:
        InputError: A time is before 0, the end is not after the start, or the span at rest is not in the part.
    """
    start, end = part.start or 0.0, float('inf') if part.end is None else part.end
    if not 0 <= start < float('inf'):
        raise InputError(f'--start is {start:g}; expected 0 or more, in seconds or as h:mm:ss')
    if not start < end:
        raise InputError(f'--end is {end:g} s; expected a time after the start, {start:g} s')
    if rest_span and not (start <= rest_span[0] and rest_span[1] <= end):
        analysed = f'{start:g} s on' if part.end is None else f'{start:g} to {end:g} s'
        raise InputError(
            f'--rest is {rest_span[0]:g} {rest_span[1]:g}, but the video is analysed from {analysed}; expected '
            'a span of that part'
        )


class SkippedPackets:
    """Finds the packets before a moment that no later picture needs: all before the last key frame.

    Their pictures are counted, but not decoded, so that those after them keep their numbers. Where it is not certain
    how many pictures there are, all packets are decoded.

    Args:
        stream: Stream of the packets.
        start: The moment, in units of the stream's timestamps; None to skip nothing.
    """

    def __init__(self, stream: av.VideoStream, start: int | None):
        can_count = stream.codec_context.codec.canonical_name in COUNTED_CODECS
        may_jump = bool(stream.container.format.flags & Flags.ts_discont.value)
        self._start = start
        self._is_over = start is None or not can_count or may_jump
        self._is_reached = start is None
        self._held: list[av.Packet] = []  # since the last key frame
        self._key: int | None = None  # timestamp of that
        self._newest: int | None = None  # timestamp of decoding of the newest packet
        self._counted_until: int | None = None

    def add(self, packet: av.Packet) -> tuple[list[int], list[av.Packet]]:
        """Take the next packet.

        Returns:
            The timestamps of pictures that are counted and not decoded, in the order in which they are shown; and the
            packets to decode now.
        """
        if self._is_over:
            return [], [packet]
        is_key = packet.is_keyframe and packet.pts is not None and packet.pts <= self._start
        if self._is_reached_by(packet, is_key):
            self._is_over = True
            return self._release(packet)
        self._newest = packet.dts
        counted = []
        if is_key:
            counted = sorted(held.pts for held in self._held)
            self._counted_until = packet.pts if counted or self._counted_until is not None else None
            self._held, self._key = [], packet.pts
        self._held.append(packet)
        return counted, []

    def _is_reached_by(self, packet, is_key):
        """Whether the held packets must be decoded now, since the start is reached or something is not as usual."""
        if packet.pts is None or packet.dts is None or len(self._held) >= MAX_HELD:
            return True
        if self._newest is not None and packet.dts < self._newest:  # another recording begins here, or there is damage
            self._is_reached = True
            return True
        return packet.pts >= self._start and not is_key and (self._key is None or packet.pts > self._key)

    def _release(self, packet):
        held, self._held = [*self._held, packet], []
        if self._counted_until is None:
            return [], held
        # Shown before the key frame, they may need pictures from before it
        return sorted(one.pts for one in held if one.pts is not None and one.pts < self._counted_until), held

    def is_counted(self, pts: int | None) -> bool:
        """Whether a decoded picture has been counted already. Such pictures come first, and may be incomplete."""
        if self._counted_until is None or pts is None or pts >= self._counted_until:
            self._counted_until = None
            return False
        return True

    def is_before(self, pts: int | None) -> bool:
        """Whether a decoded picture is shown before the start. Such pictures come first."""
        self._is_reached = self._is_reached or pts is None or pts >= self._start
        return not self._is_reached
