"""Carrying a video's sound over into another file."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from emotion_recognition.media.packets import DECODE_ERRORS, decode, demux, mux, open_container
from emotion_recognition.media.timestamps import repair_timestamps

CODECS_THAT_MP4_CARRIES = {'aac', 'mp3', 'ac3', 'eac3', 'alac', 'flac', 'opus'}  # other sound becomes AAC
OTHER_RATE = 48_000  # samples a second, of sound that comes at a rate which AAC has not


class Sound:
    """Carries the first sound stream of a file into a container, in step with the pictures.

    Its packets are copied where mp4 can hold them, otherwise encoded anew as AAC. A file without sound is no error, and
    packets that are damaged are left out.

    Args:
        path: of the file.
        target: the container, to which nothing was written yet.
        shifts: by how many seconds the pictures of each of the file's recordings are moved, see
            `VideoReader.shifts`; it may grow while the sound is carried over.

    Attributes:
        delay: by how much all of it is moved, in seconds.
    """

    delay = Fraction(0)

    def __init__(self, path: Path, target: av.container.OutputContainer, shifts: Sequence[Fraction] = ()):
        self._target = target
        self._shifts = shifts
        self._source = open_container(path, metadata_errors='replace')
        self._packets = iter(())
        self._waiting = None  # the first packet that is not due yet, with its time
        self._position = None  # seconds, where the last one written starts
        self._is_encoded = False
        self._resampler = self._form = None  # the form of the sound that the resampler takes
        stream = next((stream for stream in self._source.streams.audio if _is_sound(stream)), None)
        if stream is None:
            return
        self._source_stream, self._time_base = stream, stream.time_base
        packets = (packet for packet in demux(self._source, stream) if packet.pts is not None)
        self._packets = repair_timestamps(
            ((packet.pts, packet.duration or 1, packet) for packet in packets), self._time_base
        )
        self._waiting = next(self._packets, None)
        if self._waiting is None:  # mp4 does not take a stream without packets in each codec
            return
        if stream.codec_context.codec.canonical_name in CODECS_THAT_MP4_CARRIES:
            self._stream = target.add_stream_from_template(stream)
        else:
            self._is_encoded = True
            layout = 'mono' if stream.layout.nb_channels == 1 else 'stereo'
            self._stream = target.add_stream('aac', rate=_aac_rate(stream.rate), layout=layout)

    def write_until(self, seconds: float, is_end: bool = False) -> None:
        """Write what starts up to a time; at the end also what was to follow pictures that never came."""
        while True:
            packet = self._waiting or next(self._packets, None)
            self._waiting = packet
            start = None if packet is None else self._start(packet, is_end)
            if start is None or start > seconds:
                return
            self._waiting = None
            if self._position is None or start > self._position:
                self._position = start
                self._mux(packet.item, start + self.delay)

    def finish(self, seconds: float) -> None:
        """Write what starts up to a time and flush the encoder."""
        self.write_until(seconds, is_end=True)
        if self._is_encoded:
            for frame in [*self._flush(), None]:
                mux(self._target, self._stream.encode(frame))

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _start(self, packet, is_end):
        """When a packet starts, in seconds; None while the pictures of its recording are still to come."""
        if packet.recording < len(self._shifts):
            return packet.pts * self._time_base + self._shifts[packet.recording]
        return (packet.pts + packet.shift) * self._time_base if is_end or not self._shifts else None

    def _mux(self, packet, start):
        packet.pts = packet.dts = round(start / self._time_base)
        if not self._is_encoded:
            packet.stream = self._stream
            mux(self._target, [packet])
            return
        for frame in self._decode(packet):
            mux(self._target, self._stream.encode(frame))

    def _decode(self, packet):
        """A packet's sound as the encoder takes it; none of a damaged one."""
        resampled = []
        try:
            for frame in decode(self._source_stream, packet):
                form = frame.format.name, frame.layout.name, frame.sample_rate
                if form != self._form:
                    resampled += self._flush()
                    self._resampler = av.AudioResampler('fltp', self._stream.layout, self._stream.rate)
                    self._form = form
                frame.pts = packet.pts if frame.pts is None else frame.pts
                resampled += self._resampler.resample(frame)
        except DECODE_ERRORS:
            pass
        return resampled

    def _flush(self):
        return [frame for frame in self._resampler.resample(None) if frame is not None] if self._resampler else []


def _aac_rate(rate):
    """The same rate where AAC has it."""
    return rate if rate in av.Codec('aac', 'w').audio_rates else OTHER_RATE


def _is_sound(stream):
    return stream.codec_context is not None and stream.rate > 0 and stream.layout.nb_channels > 0
