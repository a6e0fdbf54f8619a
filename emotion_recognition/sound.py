"""Carrying a video's sound over into another file."""

from fractions import Fraction
from pathlib import Path

import av

CODECS_THAT_MP4_CARRIES = {'aac', 'mp3', 'ac3', 'eac3', 'alac', 'flac', 'opus'}  # other sound becomes AAC


class Sound:
    """Carries the first sound stream of a file into a container, in step with the pictures.

    Its packets are copied where mp4 can hold them, otherwise encoded anew as AAC. A file without sound is no error.

    Attributes:
        delay: by how much it is moved, in seconds.
    """

    delay = Fraction(0)

    def __init__(self, path: Path, target: av.container.OutputContainer):
        self._target = target
        self._source = av.open(str(path))
        self._packets = iter(())
        self._waiting = None  # the first packet that is not due yet
        self._resampler = None
        stream = next((stream for stream in self._source.streams.audio if stream.codec_context), None)
        if stream is None:
            return
        self._packets = (packet for packet in self._source.demux(stream) if packet.pts is not None)
        if stream.codec_context.codec.canonical_name in CODECS_THAT_MP4_CARRIES:
            self._stream = target.add_stream_from_template(stream)
        else:
            self._stream = target.add_stream('aac', rate=stream.rate)
            self._resampler = av.AudioResampler(format='fltp', layout=stream.layout, rate=stream.rate)

    def write_until(self, seconds: float) -> None:
        """Write what starts up to a time."""
        while True:
            packet = self._waiting or next(self._packets, None)
            self._waiting = packet
            if packet is None or packet.pts * packet.time_base > seconds:
                return
            self._waiting = None
            self._mux(packet)

    def finish(self, seconds: float) -> None:
        """Write what starts up to a time and flush the encoder."""
        self.write_until(seconds)
        if self._resampler:
            for frame in self._resampler.resample(None):
                self._target.mux(self._stream.encode(frame))
            self._target.mux(self._stream.encode(None))

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _mux(self, packet):
        if self._resampler is None:
            ticks = round(self.delay / packet.time_base)
            packet.pts, packet.dts = packet.pts + ticks, None if packet.dts is None else packet.dts + ticks
            packet.stream = self._stream
            self._target.mux(packet)
            return
        for decoded in packet.decode():
            decoded.pts += round(self.delay / decoded.time_base)
            for frame in self._resampler.resample(decoded):
                self._target.mux(self._stream.encode(frame))
