"""Carrying a video's sound over to another file."""

from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
from av.stream import Disposition

from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import reason
from emotion_recognition.media.endings import FrameError, ReadError
from emotion_recognition.media.input_file import InputFile
from emotion_recognition.media.packets import DECODE_ERRORS, decode, demux, may_pass, mux, open_input
from emotion_recognition.media.timestamps import repair_timestamps

COPIED_CODECS = {'aac', 'mp3', 'flac', 'opus'}  # what browsers play in mp4; other sound is encoded as AAC
FALLBACK_RATE = 48_000  # samples per second, for sound at a rate that AAC does not support
FOR_FEW = Disposition.hearing_impaired | Disposition.visual_impaired  # such as the description of a film for the blind


def find_sounds(path: Path, interruption: Interruption | None = None) -> tuple[list[int], list[int]]:
    """Find a file's sound streams.

    Args:
        path: Path of the file.
        interruption: Lets the user end the waiting for a disk or a network that does not answer.

    Returns:
        The indices of all sounds among the file's streams; and of the one that FFmpeg and players choose, if there are
        any: the first that the file flags as its default, otherwise the first. Those for few, such as the blind, come
        last.
    """
    with closing(InputFile(path, interruption)) as file, closing(open_input(file)) as source:
        streams = [stream for stream in source.streams.audio if _is_sound(stream)]
        chosen = [max(streams, key=_rank)] if streams else []
        return [stream.index for stream in streams], [stream.index for stream in chosen]


class Sound:
    """Carries one sound stream of a file over to a container, in step with the frames.

    Its packets are copied if browsers play their codec in mp4, and otherwise encoded as AAC. Damaged packets are left
    out.

    Args:
        target: Container that the sound is written to. Nothing may have been written to it yet.
        index: Index of the sound among the file's streams, see `find_sounds`.
        path: Path of the file.
        shifts: Seconds by which the frames of each of the file's recordings are moved, see `VideoReader.shifts`. It
            may grow while the sound is carried over.
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
        target: av.container.OutputContainer,
        index: int,
        path: Path,
        shifts: Sequence[Fraction],
        interruption: Interruption | None = None,
    ):
        self._path = path
        self._target = target
        self._shifts = shifts
        self._file = InputFile(path, interruption)
        self._source = open_input(self._file)
        try:
            self._begin(self._source.streams[index])
        except BaseException:
            self.close()
            raise

    def _begin(self, stream):
        self._source_stream = stream
        self._time_base = stream.time_base
        self._is_encoded = stream.codec_context.codec.canonical_name not in COPIED_CODECS
        self._min_step = 0 if self._is_encoded else 1  # an encoder takes packets of one time; mp4 does not
        self._earliest = float('-inf')  # seconds at which the next packet may start
        self._resampler = self._resampled_format = None  # the resampler, and the format of the sound that it takes
        timed = ((packet.pts, packet.duration or 1, packet) for packet in self._read() if packet.pts is not None)
        self._packets = repair_timestamps(timed, self._time_base, min_step=self._min_step)
        self._waiting = next(self._packets, None)  # the first packet that is not due yet, with its time
        # With some codecs, mp4 refuses a stream without packets.
        self._stream = None if self._waiting is None else self._add_stream()

    def _add_stream(self):
        source = self._source_stream
        if self._is_encoded:
            layout = 'mono' if source.layout.nb_channels == 1 else 'stereo'
            stream = self._target.add_stream('aac', rate=_choose_aac_rate(source.rate), layout=layout)
        else:
            stream = self._target.add_stream_from_template(source)
        stream.disposition = source.disposition
        title = source.metadata.get('title') or source.metadata.get('handler_name')  # mp4 has the latter alone
        stream.metadata.update({'language': source.metadata.get('language', 'und'), 'handler_name': title or ''})
        return stream

    def _read(self):
        """Yield the packets. The pictures go on without the sound that cannot be read."""
        try:
            yield from demux(self._source, self._file, self._source_stream)
        except DECODE_ERRORS as error:
            kind = ReadError if may_pass(error) else FrameError
            self.problem = kind(f'{self._path}: the rest of its sound cannot be read ({reason(error)})')

    def leave_out_until(self, seconds: float) -> None:
        """Leave out the packets that start before a time in seconds."""
        self._earliest = seconds

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
            if start >= self._earliest:
                self._earliest = start + self._min_step * self._time_base
                self._mux(packet.item, start + self.delay)

    def finish(self, seconds: float) -> None:
        """Write the packets that start up to a time in seconds, and flush the encoder."""
        self.write_until(seconds, is_end=True)
        if self._stream and self._is_encoded:
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
        return (packet.pts + packet.shift) * self._time_base + self._shifts[0] if is_end else None

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


def _rank(stream):
    return bool(stream.disposition & Disposition.default) - bool(stream.disposition & FOR_FEW)
