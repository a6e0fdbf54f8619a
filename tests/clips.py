"""Clips with known frames, times and sound, and what is in a clip."""

import math
import struct
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import Interpolation

from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from tests.paths import DEMO_PATH


def write_clip(path, times, time_base=Fraction(1, 1000), size=(64, 48), sound=None, codec='libx264'):
    """Encode a clip with frame n of brightness 10 * (n % 20) + 20, shown at times[n] in units of time_base.

    Args:
        sound: None, or (codec, start in seconds, length in seconds) of a 440 Hz tone at 44.1 kHz.
    """
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=25, options={'preset': 'veryfast'} if codec == 'libx264' else {})
        stream.width, stream.height = size
        stream.pix_fmt = 'yuv420p' if not (size[0] % 2 or size[1] % 2) else 'yuv444p'
        stream.codec_context.time_base = time_base
        audio = container.add_stream(sound[0], rate=44100, layout='mono') if sound else None
        for number, time in enumerate(times):
            picture = np.full((size[1], size[0], 3), 10 * (number % 20) + 20, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format='bgr24')
            frame = frame.reformat(format=stream.pix_fmt, interpolation=Interpolation.ACCURATE_RND)
            frame.pts, frame.time_base = time, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio:
            write_tone(container, audio, *sound[1:])
    return path


def turn_clip(path, matrix):
    """Write a rotation or reflection, (a, b, c, d), into the header of an mp4 or mov file with one video stream."""
    content = bytearray(path.read_bytes())
    place = content.index(b'tkhd') + 44  # where the matrix is in the track's header
    a, b, c, d = (value << 16 for value in matrix)
    content[place : place + 36] = struct.pack('>9i', a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def copy_packets(source, target, seconds=math.inf, repeats=1):
    """Copy a video, or its first seconds, without encoding it again. Its pictures may be repeated, not its sound."""
    with av.open(str(target), 'w') as container:
        copies = None
        for number in range(repeats):
            with av.open(str(source)) as video:
                (pictures,) = video.streams.video
                streams = [*video.streams] if number == 0 else [pictures]
                copies = copies or {stream.index: container.add_stream_from_template(stream) for stream in streams}
                for packet in video.demux(streams):
                    if packet.pts is not None and packet.pts * packet.time_base < seconds:  # the last one only flushes
                        packet.pts += number * pictures.duration
                        packet.dts += number * pictures.duration
                        packet.stream = copies[packet.stream.index]
                        container.mux(packet)
    return target


def write_tone(container, stream, start, length, pitch=440, rate=44100):
    samples = np.sin(np.arange(int(length * rate)) * 2 * np.pi * pitch / rate)
    resampler = av.AudioResampler(format=stream.format, layout='mono', rate=rate, frame_size=stream.frame_size or 1024)
    frame = av.AudioFrame.from_ndarray((samples * 20000).astype(np.int16)[None], format='s16', layout='mono')
    frame.rate, frame.pts, frame.time_base = rate, int(start * rate), Fraction(1, rate)
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def copy_video(source, target):
    """Read and write every frame as the script does. Returns numbers and times of the frames."""
    seen = []
    with VideoReader(source) as reader, VideoWriter(target, reader) as writer:
        for number, timestamp_ms, frame_bgr in reader.read_frames():
            seen.append((number, timestamp_ms))
            writer.write(timestamp_ms, frame_bgr)
    return seen


def demo_frame(seconds):
    """A frame of the demo clip, (360, 640, 3) uint8, BGR."""
    with av.open(str(DEMO_PATH)) as container:
        return next(frame for frame in container.decode(video=0) if frame.time >= seconds).to_ndarray(format='bgr24')


def picture_times_ms(path):
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base * 1000) for frame in container.decode(video=0)]


def sound_packets(path):
    """Start in seconds, and content, of each sound packet."""
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.audio[0])
        return [(float(packet.pts * packet.time_base), bytes(packet)) for packet in packets if packet.pts is not None]
