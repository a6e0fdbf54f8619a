"""A part of a video: the frames and the sound from one time to another."""

from fractions import Fraction

import av
import numpy as np
import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.media.part import Part, check_part
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from tests.clips import picture_times_ms, sound_packets, write_tone


def write_parts(path, codec, options=None, count=75):
    """A clip of 25 frames a second with key frames in every tenth, ever brighter, and a tone."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 48, 'yuv420p', 10
        sound = container.add_stream('aac' if path.suffix != '.webm' else 'libopus', rate=48_000, layout='mono')
        for number in range(count):
            picture = np.full((48, 64, 3), 20 + 3 * number, np.uint8)
            picture[number % 48] = 255  # so that pictures differ much, and need one another
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format='bgr24')))
        container.mux(stream.encode(None))
        write_tone(container, sound, 0, count / 25, rate=48_000)
    return path


def read(path, part=None):
    with VideoReader(path, **({'part': part} if part else {})) as reader:
        return [(number, ms, picture.tobytes()) for number, ms, picture in reader.read_frames()]


OPEN_GROUPS = {'x264-params': 'open-gop=1:keyint=10:min-keyint=10:bframes=3:scenecut=0'}


@pytest.mark.parametrize(
    ('name', 'codec', 'options'),
    [
        ('clip.mp4', 'libx264', {'bf': '3'}),
        ('clip.mkv', 'libx264', OPEN_GROUPS),  # pictures before a key frame that need those before it
        ('clip.mp4', 'libx265', {'x265-params': 'keyint=10:min-keyint=10:open-gop=1:log-level=none'}),
        ('clip.ts', 'libx264', {}),  # its clock does not begin at 0
        ('clip.avi', 'mpeg4', {}),
        ('clip.webm', 'libvpx', {'auto-alt-ref': '1', 'lag-in-frames': '16'}),  # has packets that show nothing
    ],
)
def test_a_part_has_the_frames_of_the_whole_video_with_their_numbers(tmp_path, name, codec, options):
    clip = write_parts(tmp_path / name, codec, options)
    whole = read(clip)
    assert len(whole) == 75
    for start, end in ((0.4, 0.44), (0.41, 1.2), (0.8, 2.0), (1.17, None), (2.95, None), (None, 0.39)):
        first, last = -1.0 if start is None else start * 1000, 1e9 if end is None else end * 1000
        expected = [frame for frame in whole if first <= round(frame[1], 3) < last]
        assert read(clip, Part(start, end)) == expected, (start, end)


def test_what_no_frame_needs_is_not_decoded(tmp_path):
    clip, decoded = write_parts(tmp_path / 'clip.mp4', 'libx264'), []
    with VideoReader(clip, part=Part(2.5, 2.7)) as reader:
        add = reader._deinterlacer.add
        reader._deinterlacer.add = lambda frame: decoded.append(frame.pts) or add(frame)
        assert [number for number, *_ in reader.read_frames()] == [64, 65, 66, 67, 68]
    assert len(decoded) < 25  # those since the key frame in frame 61


def test_a_part_is_written_from_time_0_on_with_its_own_sound_in_step(tmp_path):
    clip, copy, part = write_parts(tmp_path / 'clip.mp4', 'libx264'), tmp_path / 'copy.mp4', Part(1.0, 2.0)
    with VideoReader(clip, part=part) as reader, VideoWriter(copy, reader) as writer:
        for _, timestamp_ms, frame_bgr in reader.read_frames():
            writer.write(timestamp_ms, frame_bgr)
    np.testing.assert_allclose(picture_times_ms(copy), range(0, 1000, 40), atol=0.1)
    expected = [(time - 1.0, content) for time, content in sound_packets(clip) if 1.0 <= time <= 2.0]
    copied = sound_packets(copy)
    assert [content for _, content in copied] == [content for _, content in expected]
    np.testing.assert_allclose([time for time, _ in copied], [time for time, _ in expected], atol=1e-3)


def test_sound_that_must_be_encoded_is_in_step_too(tmp_path):
    clip, copy = tmp_path / 'clip.mkv', tmp_path / 'copy.mp4'
    with av.open(str(clip), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        sound = container.add_stream('pcm_s16le', rate=48_000, layout='mono')
        for number in range(50):
            picture = np.full((48, 64, 3), 4 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format='bgr24')))
        container.mux(stream.encode(None))
        samples = np.zeros((1, 96_000), np.int16)
        samples[0, 72_000:] = 9000 * np.sign(np.sin(np.arange(24_000) / 10))  # loud from 1.5 s on
        frame = av.AudioFrame.from_ndarray(samples, format='s16', layout='mono')
        frame.rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
        for part in av.AudioResampler(format='s16', layout='mono', rate=48_000, frame_size=960).resample(frame):
            container.mux(sound.encode(part))
    with VideoReader(clip, part=Part(1.0)) as reader, VideoWriter(copy, reader) as writer:
        for _, timestamp_ms, frame_bgr in reader.read_frames():
            writer.write(timestamp_ms, frame_bgr)
    with av.open(str(copy)) as container:
        frames = list(container.decode(audio=0))
        loud = next(frame.time for frame in frames if np.abs(frame.to_ndarray()).max() > 0.1)
        assert loud == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ('part', 'message'),
    [
        (Part(3.0), '--start is 3 s, but the last frame of the video is shown at 2.96 s; expected a time before that'),
        (Part(1.01, 1.02), 'no frame is shown from 1.01 to 1.02 s; expected a later --end'),
    ],
)
def test_a_part_without_frames_is_an_error(tmp_path, part, message):
    clip = write_parts(tmp_path / 'clip.mp4', 'libx264')
    with VideoReader(clip, part=part) as reader, pytest.raises(InputError) as caught:
        list(reader.read_frames())
    assert str(caught.value) == f'{clip}: {message}'


@pytest.mark.parametrize(
    ('part', 'rest', 'message'),
    [
        (Part(-1), None, '--start is -1; expected 0 or more, in seconds or as h:mm:ss'),
        (Part(5, 3), None, '--end is 3 s; expected a time after the start, 5 s'),
        (Part(None, 0), None, '--end is 0 s; expected a time after the start, 0 s'),
        (Part(3), (2, 4), '--rest is 2 4, but the video is analysed from 3 s on; expected a span of that part'),
        (Part(3, 9), (4, 10), '--rest is 4 10, but the video is analysed from 3 to 9 s; expected a span of that part'),
    ],
)
def test_times_that_cannot_be_are_refused(part, rest, message):
    with pytest.raises(InputError) as caught:
        check_part(part, rest)
    assert str(caught.value) == message
    check_part(Part(3, 9), (3, 9))
