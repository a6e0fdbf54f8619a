"""The sound of the annotated video."""

from fractions import Fraction

import av
import numpy as np
import pytest

from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from tests.conftest import copy_video, picture_times_ms, sound_packets, write_clip, write_tone

STEADY = range(0, 1000, 40)


def test_sound_is_copied_packet_by_packet(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', STEADY, sound=('aac', 0, 1.2))
    copy_video(clip, tmp_path / 'copy.mp4')
    expected, copied = sound_packets(clip), sound_packets(tmp_path / 'copy.mp4')
    assert [content for _, content in copied] == [content for _, content in expected]
    np.testing.assert_allclose([time for time, _ in copied], [time for time, _ in expected], atol=1e-3)


def test_late_sound_stays_late(tmp_path):
    clip = write_clip(tmp_path / 'clip.mkv', STEADY, sound=('aac', 0.5, 0.5))
    copy_video(clip, tmp_path / 'copy.mp4')
    start, expected = sound_packets(tmp_path / 'copy.mp4')[0][0], sound_packets(clip)[0][0]
    assert start == pytest.approx(expected, abs=0.005)
    assert start > 0.4


def test_sound_that_mp4_cannot_carry_becomes_aac(tmp_path):
    clip = write_clip(tmp_path / 'clip.mkv', STEADY, sound=('pcm_s16le', 0, 1.0))
    copy_video(clip, tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        assert container.streams.audio[0].codec_context.name == 'aac'
    assert len(sound) == pytest.approx(44100, abs=2100)  # AAC pads to complete packets of 1024 samples
    spectrum = np.abs(np.fft.rfft(sound[4410:39690]))
    assert spectrum.argmax() * 44100 / 35280 == pytest.approx(440, abs=2)


def test_no_sound_is_no_error(tmp_path):
    copy_video(write_clip(tmp_path / 'clip.mp4', STEADY), tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        assert not container.streams.audio


def test_sound_ends_with_the_last_frame_of_a_run_that_is_ended_early(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 4000, 40), sound=('aac', 0, 4.0))
    with VideoReader(clip) as reader, VideoWriter(tmp_path / 'copy.mp4', reader) as writer:
        for number, timestamp_ms, frame_bgr in reader.read_frames():
            writer.write(timestamp_ms, frame_bgr)
            if number == 26:
                writer.end_here()
                break
    assert picture_times_ms(tmp_path / 'copy.mp4')[-1] == pytest.approx(1000)
    assert sound_packets(tmp_path / 'copy.mp4')[-1][0] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(('sound_codec', 'tolerance'), [('aac', 0.001), ('pcm_s16le', 0.025)])
def test_start_before_zero_is_moved_to_zero_with_its_sound(tmp_path, sound_codec, tolerance):
    clip = tmp_path / 'clip.mkv'
    with av.open(str(clip), 'w', container_options={'avoid_negative_ts': 'disabled'}) as container:
        stream = container.add_stream('mpeg4', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        sound = container.add_stream(sound_codec, rate=44100, layout='mono')
        for pts in (-2, -1, 0, 1):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 99, np.uint8), format='bgr24')
            frame.pts, frame.time_base = pts, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        write_tone(container, sound, 0.2, 0.5)
    seen = copy_video(clip, tmp_path / 'copy.mp4')
    assert [time for _, time in seen] == [-80.0, -40.0, 0.0, 40.0]
    assert picture_times_ms(tmp_path / 'copy.mp4') == pytest.approx([0.0, 40.0, 80.0, 120.0])
    moved = sound_packets(tmp_path / 'copy.mp4')[0][0] - sound_packets(clip)[0][0]
    assert moved == pytest.approx(0.08, abs=tolerance)  # AAC encoders begin one packet early
