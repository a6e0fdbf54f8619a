"""Reading a video's frames with their own timestamps.

It uses PyAV (FFmpeg's libraries), the only common package that gives each frame's presentation time.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.format import Flags

from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError, reason
from emotion_recognition.media.colours import BT709, Colours
from emotion_recognition.media.deinterlacing import Deinterlacer
from emotion_recognition.media.endings import FrameError, ReadError
from emotion_recognition.media.frame_conversion import FrameConverter, find_video_stream
from emotion_recognition.media.input_file import FileStatus, InputFile, check_regular_file
from emotion_recognition.media.packets import DECODE_ERRORS, decode, demux, may_pass, open_input
from emotion_recognition.media.part import WHOLE_VIDEO, Part, SkippedPackets
from emotion_recognition.media.picture import Picture
from emotion_recognition.media.timestamps import repair_timestamps

END_TOLERANCE_SECONDS = 1  # a file that ends earlier than its header says, by more than this, was cut off


class VideoReader:
    """Reads the video stream that a file names as its default, or otherwise its largest one.

    Use it in a `with` statement. Damaged packets are skipped. Frames of another size than the first one are scaled to
    fit into it.

    Args:
        path: Path of any file that FFmpeg reads.
        threads: Number of decoding threads; 0 for as many as there are cores.
        interruption: Lets the user end the waiting for a disk or a network that does not answer.
        part: Part of the video that is wanted.

    Attributes:
        part: The same.
        opened: The file as it was when it was opened.
        time_base: Unit of the file's timestamps, in seconds.
        frame_rate: Average number of frames per second.
        frame_count: Number of frames as the file states it, otherwise an estimate from its duration or that of the
            part. For progress bars only.
        colours: Colours of the pictures that are read, for the tags of a copy; those of the file, or BT.709 if its own
            are mapped to that.
        stated_size: Width and height of the pictures in pixels as the file states them, before they are turned upright.
        skipped_packets: Number of packets that could not be decoded so far.
        first_skipped_ms: Time of the first such packet in milliseconds, or None.
        start: What the file's own clock shows at time 0, in seconds. Players count from there, and so do the frames'
            times. It is 0 but for the formats whose clock starts anywhere, such as MPEG transport streams.
        shifts: Seconds by which each of the recordings that were joined in the file is moved: the first by `-start`,
            the others to follow the one before. The list grows while frames are read.

    Raises:
        InputError: There is no such file, it is not a video, or it has no video stream.
    """

    def __init__(
        self, path: str | Path, threads: int = 0, interruption: Interruption | None = None, part: Part = WHOLE_VIDEO
    ):
        self.path = Path(path)
        self.interruption, self.part = interruption, part
        check_regular_file(self.path, 'a video')
        try:
            self.opened = FileStatus.of(self.path)
            self._file = InputFile(self.path, interruption)
            self._container = open_input(self._file)
        except DECODE_ERRORS as error:
            raise InputError(f'{self.path}: cannot be read as a video ({reason(error)})') from None
        self._stream = find_video_stream(self._container)
        if self._stream is None:
            self.close()
            raise InputError(f'{self.path}: has no video stream that can be decoded')
        # Not 'AUTO': frame threads report damage some frames late, and then lose the last frames of a file.
        self._stream.thread_type, self._stream.codec_context.thread_count = 'SLICE', threads
        self.time_base: Fraction = self._stream.time_base
        self.frame_rate: Fraction = self._stream.average_rate or self._stream.guessed_rate or Fraction(30)
        self.frame_count = self._estimate_frame_count()
        colours = Colours.of(self._stream.codec_context)
        self.colours = BT709 if colours.are_mapped else colours
        self.skipped_packets, self.first_skipped_ms = 0, None
        self.start = self._find_start()
        self.shifts = [-self.start]
        start = None if part.start is None else round((Fraction(part.start) + self.start) / self.time_base)
        self._before_part = SkippedPackets(self._stream, start)
        self._converter, self._deinterlacer = FrameConverter(self._stream, self.path), Deinterlacer()
        self.stated_size = self._converter.stated_size

    def _find_start(self):
        if not self._container.format.flags & Flags.ts_discont.value or self._container.start_time is None:
            return Fraction(0)
        return round(Fraction(self._container.start_time, av.time_base) / self.time_base) * self.time_base

    def _estimate_frame_count(self):
        seconds = self._container.duration / av.time_base if self._container.duration else 0
        if self.part == WHOLE_VIDEO:
            return self._stream.frames or round(seconds * self.frame_rate)
        ends = seconds if self.part.end is None else min(seconds, self.part.end)
        return round(max(0, ends - (self.part.start or 0)) * self.frame_rate)

    def read_frames(self) -> Iterator[tuple[int, float, np.ndarray]]:
        """Decode the video to BGR, see `read_pictures`. The caller may draw on the pictures."""
        return ((number, timestamp_ms, picture.bgr) for number, timestamp_ms, picture in self.read_pictures())

    def read_pictures(self, lazily: bool = False) -> Iterator[tuple[int, float, Picture]]:
        """Decode the video, or the part of it that is wanted.

        Args:
            lazily: Whether each picture is converted when it is first asked for. Otherwise it is converted to BGR at
                once, in the thread that reads, and nothing else of the frame is kept.

        Yields:
            Frame number, from 1 for the first of the video; the time at which players show it, in milliseconds; and
            the upright picture with square pixels. All have the size of the first one.

        Raises:
            FrameError: The rest of the file cannot be decoded, or the file ends early. All frames before that have
                been yielded.
            ReadError: The same, but the machine is to blame and not the file.
            InputError: The video ends before the part begins.
        """
        last_ms, is_reached = None, False
        start_ms, end_ms = self.part.limits_ms()
        end = self._stated_end()
        step = max(1, round(1 / (self.frame_rate * self.time_base)))
        frames = ((pts, step, picture) for pts, picture in self._decode())
        end_pts = None if end is None else round(end / self.time_base)
        try:
            for number, frame in enumerate(repair_timestamps(frames, self.time_base, end_pts), start=1):
                if frame.recording == len(self.shifts):
                    self.shifts.append(frame.shift * self.time_base - self.start)
                last_ms = float((frame.pts * self.time_base + self.shifts[frame.recording]) * 1000)
                if round(last_ms, 3) >= end_ms:
                    break
                if round(last_ms, 3) >= start_ms and frame.item is not None:
                    is_reached = True
                    yield number, last_ms, frame.item if lazily else Picture(frame.item.bgr)
        except DECODE_ERRORS as error:
            time = 'at its start' if last_ms is None else f'after {last_ms / 1000:.2f} s'
            if may_pass(error):
                raise ReadError(f'{self.path}: could not be read {time} ({reason(error)})') from None
            raise FrameError(f'{self.path}: cannot be decoded {time} ({reason(error)})') from None
        if last_ms is not None and not is_reached:
            raise InputError(self._describe_empty_part(last_ms, end_ms))

    def _describe_empty_part(self, last_ms, end_ms):
        start = self.part.start or 0
        if last_ms < start * 1000 and last_ms < end_ms:
            ends = f'the last frame of the video is shown at {last_ms / 1000:.2f} s'
            return f'{self.path}: --start is {start:g} s, but {ends}; expected a time before that'
        return f'{self.path}: no frame is shown from {start:g} to {self.part.end:g} s; expected a later --end'

    def _decode(self):
        """Yield timestamps and pictures; None for a picture before the part that is wanted.

        The other streams are read too, to learn where the file itself ends.
        """
        ends = shown = self.start  # seconds, on the file's own clock
        problem, lost = None, 0  # why the latest packets could not be decoded, and how many they are
        shortage = None  # of memory, for which a packet was skipped that may be whole
        for packet in demux(self._container, self._file, *self._container.streams):
            if packet.pts is not None:
                ends = max(ends, (packet.pts + (packet.duration or 0)) * packet.time_base)
            if packet.stream is not self._stream:
                continue
            counted, to_decode = self._before_part.add(packet)
            yield from ((pts, None) for pts in counted)
            for held in to_decode:
                try:
                    frames = decode(self._stream, held)
                except DECODE_ERRORS as error:
                    problem, lost = error, lost + 1
                    shortage = error if isinstance(error, MemoryError) else shortage
                    self._note_skipped(held, shown)
                    continue
                for frame in frames:
                    lost, shown = 0, shown if frame.pts is None else frame.pts * self.time_base
                    if not self._before_part.is_counted(frame.pts):
                        yield from map(self._to_picture, self._deinterlacer.add(frame))
        yield from map(self._to_picture, self._deinterlacer.flush())
        if lost and (self._converter.size is None or lost > END_TOLERANCE_SECONDS * self.frame_rate):
            raise problem
        if shortage:
            raise shortage
        stated = self._stated_end()
        if stated is not None and ends < stated - END_TOLERANCE_SECONDS:
            at, stated = float(ends - self.start), float(stated - self.start)
            raise FrameError(f'{self.path}: ends early, at {at:.1f} of {stated:.1f} s')

    def _stated_end(self):
        """Where the file ends according to its header, in seconds, or None if it does not say."""
        if not self._container.duration:
            return None
        return Fraction(self._container.duration + (self._container.start_time or 0), av.time_base)

    def _note_skipped(self, packet, shown):
        self.skipped_packets += 1
        if self.first_skipped_ms is None:
            time = shown if packet.pts is None else packet.pts * packet.time_base
            self.first_skipped_ms = float((time + self.shifts[-1]) * 1000)

    def _to_picture(self, timed):
        pts, frame = timed
        return pts, None if self._before_part.is_before(pts) else self._converter.convert(frame)

    def close(self) -> None:
        """Close the file."""
        self._container.close()
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
