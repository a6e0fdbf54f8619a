import ctypes
import io
import sys
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.media.encoders import ENCODERS, OF_HARDWARE, Encoder, add_stream, find_problem
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from tests.clips import picture_times_ms, write_clip

TIMES = [0, 17, 90, 91, 400, 433, 500, 540, 580, 620, 660, 700]  # variable rate, as phones record


def copy(clip, target, encoder):
    with VideoReader(clip) as reader, VideoWriter(target, reader, encoder=encoder) as writer:
        for _, timestamp_ms, frame_bgr in reader.read_frames():
            writer.write(timestamp_ms, frame_bgr)


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    """65x49 pixels, the left half blue and the right half redder with each frame, with the colours of PAL."""
    path = tmp_path_factory.mktemp('clip') / 'clip.mkv'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25, options={'crf': '5'})
        stream.width, stream.height, stream.pix_fmt = 65, 49, 'yuv444p'
        encoder = stream.codec_context
        encoder.time_base, encoder.colorspace = Fraction(1, 1000), 5
        encoder.color_primaries, encoder.color_trc = 5, 6
        for number, time in enumerate(TIMES):
            picture = np.full((49, 65, 3), (40, 80, 10 * number + 90), np.uint8)
            picture[:, :32] = (200, 40, 60)
            frame = av.VideoFrame.from_ndarray(picture, format='bgr24')
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(('encoder', 'reorders'), [('x264', True), ('quicksync', False)])
def test_all_encoders_write_the_same_kind_of_file(tmp_path, monkeypatch, clip, encoder, reorders):
    """x264 itself takes the place of an encoder in hardware: with nv12, and the options that all of those have."""
    monkeypatch.setitem(ENCODERS, 'quicksync', Encoder('libx264', 'nv12', {'crf': '20', **OF_HARDWARE}))
    target = tmp_path / 'copy.mp4'
    copy(clip, target, encoder)
    np.testing.assert_allclose(picture_times_ms(target), TIMES, atol=0.1)
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert (stream.codec.name, stream.pix_fmt, stream.width, stream.height) == ('h264', 'yuv420p', 66, 50)
        times = [packet.pts for packet in container.demux(stream) if packet.size]
        assert (times != sorted(times)) == reorders
    with av.open(str(target)) as container:
        frames = list(container.decode(video=0))
    tags = {(frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) for frame in frames}
    assert tags == {(5, 5, 6, 1)}
    with VideoReader(target) as reader:
        pictures = [picture_bgr for *_, picture_bgr in reader.read_frames()]
    np.testing.assert_allclose([picture[25, 10] for picture in pictures], [(200, 40, 60)] * 12, atol=6)
    reds = [(40, 80, 10 * number + 90) for number in range(12)]
    np.testing.assert_allclose([picture[25, 50] for picture in pictures], reds, atol=6)


@pytest.mark.parametrize('name', ENCODERS)
def test_ffmpeg_knows_what_an_encoder_is_given(name):
    encoder = ENCODERS[name]
    is_there = encoder.codec in av.codecs_available  # VideoToolbox, which only Macs have, has only general options
    options = av.CodecContext.create(encoder.codec if is_there else 'libx264', 'w').supported_options
    known = {option.name: option for option in (*options.generic, *options.private)}
    for option, value in encoder.options.items():
        names = [choice.name for choice in known[option].choices]
        assert value.lstrip('+') in names if names else value.isdigit() or name == 'x264', (option, value)
    if is_there:
        stream = add_stream(av.open(io.BytesIO(), 'w', format='mp4'), name, 66, 50, rate=25)
        assert stream.pix_fmt in [form.name for form in stream.codec.video_formats]


@pytest.mark.parametrize(
    ('name', 'library', 'why'),
    [
        ('nvenc', 'libcuda.so.1', 'Cannot load libcuda.so.1'),
        ('amf', 'libamfrt64.so.1', 'DLL libamfrt64.so.1 failed to open'),
    ],
)
def test_the_machine_says_why_it_lacks_an_encoder(name, library, why):
    if sys.platform != 'linux' or ENCODERS[name].codec not in av.codecs_available:
        pytest.skip('FFmpeg says something else here')
    with suppress(OSError):
        ctypes.CDLL(library)
        pytest.skip(f'{library} is here')
    expected = (
        f'--encoder {name} cannot encode pictures of 640 x 360 pixels on this machine ({why}); use --encoder x264'
    )
    assert [find_problem(name), find_problem(name)] == [expected] * 2  # FFmpeg would rather not repeat itself


def test_an_encoder_that_ffmpeg_was_built_without_is_named(monkeypatch):
    monkeypatch.setitem(ENCODERS, 'amf', Encoder('h264_unheard_of'))
    assert '(FFmpeg was built without h264_unheard_of)' in find_problem('amf')


def test_pictures_of_a_size_that_an_encoder_cannot_encode_are_refused(tmp_path, monkeypatch):
    av.logging.set_level(None)
    monkeypatch.setitem(ENCODERS, 'amf', Encoder('mpeg1video'))  # which takes sizes up to 4095
    assert find_problem('amf', 65, 49) is None
    clip = write_clip(tmp_path / 'clip.mp4', [0], size=(4098, 16))
    with VideoReader(clip) as reader, pytest.raises(InputError) as refusal:
        VideoWriter(tmp_path / 'copy.mp4', reader, encoder='amf')
    why = 'MPEG-1 video does not support resolutions above 4095x4095'
    said = f'--encoder amf cannot encode pictures of 4098 x 16 pixels on this machine ({why}); use --encoder x264'
    assert str(refusal.value) == f'{clip}: {said}'
    assert not (tmp_path / 'copy.mp4').exists()
    assert av.logging.get_level() is None  # FFmpeg prints nothing from here on either
