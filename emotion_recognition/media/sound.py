"""Copying a video's sound to another file."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from emotion_recognition.interruption import Interruption
from emotion_recognition.media.input_file import InputFile
from emotion_recognition.media.packets import DECODE_ERRORS, decode, demux, may_pass, mux, open_input, reason
from emotion_recognition.media.timestamps import repair_timestamps
from emotion_recognition.media.video import FrameError, ReadError

MP4_CODECS = {'aac', 'mp3', 'ac3', 'eac3', 'alac', 'flac', 'opus'}  # mp4 holds these; other sound is encoded as AAC
FALLBACK_RATE = 48_000  # samples per second, for sound at a rate that AAC does not support


class Sound:
    """Copies the first sound stream of a file to a container, in step with the frames.

    Its packets are copied if mp4 can hold their codec, and otherwise encoded as AAC. Damaged packets are left out. A
    file without sound is not an error.

    Args:
        path: Path of the file.
        target: Container that the sound is written to. Nothing may have been written to it yet.
        shifts: Seconds by which the frames of each of the file's recordings are moved, see `VideoReader.shifts`. It
            may grow while the sound is copied.
        interruption: Lets the user end the waiting for a disk or a network that does not answer.

    Attributes:
        delay: Seconds by which all of the sound is moved.
        problem: Why the rest of the sound is missing, or None.

    Raises:
        One of DECODE_ERRORS: The file cannot be opened.
    """

    delay = Fraction(0)
    problem: FrameError | None = None

    def __init__(
        self,
        path: Path,
        target: av.container.OutputContainer,
        shifts: Sequence[Fraction] = (),
        interruption: Interruption | None = None,
    ):
        self._path = path
        self._target = target
        self._shifts = shifts
        self._file = InputFile(path, interruption)
        self._source = open_input(self._file)
        self._packets = iter(())
        self._waiting = None  # the first packet that is not due yet, with its time
        self._position = None  # seconds at which the last written packet starts
        self._is_encoded = False
        self._resampler = self._resampled_format = None  # the resampler, and the format of the sound that it takes
        stream = next((stream for stream in self._source.streams.audio if _is_sound(stream)), None)
        if stream is None:
            return
        self._source_stream, self._time_base = stream, stream.time_base
        timed = ((packet.pts, packet.duration or 1, packet) for packet in self._read() if packet.pts is not None)
        self._packets = repair_timestamps(timed, self._time_base)
        self._waiting = next(self._packets, None)
        if self._waiting is None:  # with some codecs, mp4 refuses a stream without packets
            return
        if stream.codec_context.codec.canonical_name in MP4_CODECS:
            self._stream = target.add_stream_from_template(stream)
        else:
            self._is_encoded = True
            layout = 'mono' if stream.layout.nb_channels == 1 else 'stereo'
            self._stream = target.add_stream('aac', rate=_choose_aac_rate(stream.rate), layout=layout)

    def _read(self):
        """Yield the packets. The pictures go on without the sound that cannot be read."""
        try:
            yield from demux(self._source, self._file, self._source_stream)
        except DECODE_ERRORS as error:
            kind = ReadError if may_pass(error) else FrameError
            self.problem = kind(f'{self._path}: the rest of its sound cannot be read ({reason(error)})')

    def write_until(self, seconds: float, is_end: bool = False) -> None:
        """Write the packets that start up to a time.

        Args:
            seconds: The time, in seconds of the annotated video without `delay`.
            is_end: Whether no frames follow. Then the packets of recordings whose frames never came are written too.
        """
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
        """Write the packets that start up to a time in seconds, and flush the encoder."""
        self.write_until(seconds, is_end=True)
        if self._is_encoded:
            for frame in [*self._flush(), None]:
                mux(self._target, self._stream.encode(frame))

    def close(self) -> None:
        """Close the file that the sound comes from."""
        self._source.close()
        self._file.close()

    def _start(self, packet, is_end):
        """When a packet starts, in seconds, or None while the frames of its recording have not come yet."""
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
        """Decode a packet to sound in the encoder's format. A damaged packet gives none."""
        resampled = []
        try:
            for frame in decode(self._source_stream, packet):
                sound_format = frame.format.name, frame.layout.name, frame.sample_rate
                if sound_format != self._resampled_format:
                    resampled += self._flush()
                    self._resampler = av.AudioResampler('fltp', self._stream.layout, self._stream.rate)
                    self._resampled_format = sound_format
                frame.pts = packet.pts if frame.pts is None else frame.pts
                resampled += self._resampler.resample(frame)
        except DECODE_ERRORS:
            pass
        return resampled

    def _flush(self):
        return [frame for frame in self._resampler.resample(None) if frame is not None] if self._resampler else []


def _choose_aac_rate(rate):
    """Keep a sampling rate if AAC supports it."""
    return rate if rate in av.Codec('aac', 'w').audio_rates else FALLBACK_RATE


def _is_sound(stream):
    return stream.codec_context is not None and stream.rate > 0 and stream.layout.nb_channels > 0
