"""Recordings that were joined: the size of the picture changes, or the start of the sound."""

from fractions import Fraction

import av
import numpy as np
import pytest

from emotion_recognition.media.video import VideoReader
from tests.clips import copy_video, picture_times_ms, sound_packets, write_tone


def write_recording(path, size, seconds, brightness=200, aspect=None, sound=('mp2', 0), codec='mpeg2video'):
    """Write a transport stream, 25 frames a second, of one brightness; sound is its codec and its start in seconds."""
    with av.open(str(path), 'w', format='mpegts') as container:
        stream = container.add_stream(codec, rate=25)
        (stream.width, stream.height), stream.pix_fmt = size, 'yuv420p'
        stream.codec_context.sample_aspect_ratio = aspect or Fraction(1)
        tone = container.add_stream(sound[0], rate=48000, layout='mono')
        for number in range(round(seconds * 25)):
            picture = np.full((size[1], size[0], 3), brightness, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format='bgr24')
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        write_tone(container, tone, sound[1], seconds - sound[1], rate=48000)
    return path


def join(path, *recordings):
    path.write_bytes(b''.join(recording.read_bytes() for recording in recordings))
    return path


@pytest.mark.parametrize(
    ('size', 'aspect', 'bright'),  # bright: columns and rows of the 480x360 picture that the second one covers
    [
        ((640, 480), None, (slice(0, 480), slice(0, 360))),
        ((640, 360), None, (slice(0, 480), slice(45, 315))),
        ((240, 360), None, (slice(120, 360), slice(0, 360))),
        ((240, 360), Fraction(2), (slice(0, 480), slice(0, 360))),
        ((480, 360), Fraction(4, 3), (slice(0, 480), slice(45, 315))),  # only the shape of the pixels changes
    ],
)
@pytest.mark.parametrize('codec', ['mpeg2video', 'libx264'])
def test_picture_of_another_size_is_fitted_into_the_first(tmp_path, codec, size, aspect, bright):
    first = write_recording(tmp_path / 'first.ts', (480, 360), 0.8, codec=codec)
    second = write_recording(tmp_path / 'second.ts', size, 0.8, aspect=aspect, codec=codec)
    with VideoReader(join(tmp_path / 'both.ts', first, second)) as reader:
        pictures = [frame_bgr for _, _, frame_bgr in reader.read_frames()]
    assert len(pictures) >= 38
    assert {picture.shape for picture in pictures} == {(360, 480, 3)}
    assert pictures[0].min() > 190
    columns, rows = bright
    fitted = pictures[-1].astype(int)
    assert fitted[rows, columns][2:-2, 2:-2].min() > 190
    fitted[rows, columns] = 0
    assert fitted.max() == 0


def test_joined_recordings_follow_each_other_with_their_sound(tmp_path):
    first = write_recording(tmp_path / 'first.ts', (480, 360), 2.0)
    second = write_recording(tmp_path / 'second.ts', (640, 480), 2.0, sound=('mp2', 0.5))
    clip = join(tmp_path / 'both.ts', first, second)
    times = [time for _, time in copy_video(clip, tmp_path / 'copy.mp4')]
    assert len(times) in (99, 100)  # MPEG-2's decoder drops the last picture of a size
    np.testing.assert_allclose(np.diff(times), 40, atol=1)
    np.testing.assert_allclose(picture_times_ms(tmp_path / 'copy.mp4'), times, atol=1)
    start, starts = times[0] / 1000, np.array([start for start, _ in sound_packets(tmp_path / 'copy.mp4')])
    assert (np.diff(starts) > 0).all()
    gap = np.diff(starts).argmax()
    assert starts[gap] == pytest.approx(start + 2.0, abs=0.06)
    assert starts[gap + 1] == pytest.approx(start + 2.5, abs=0.06)  # half a second into the second recording
    assert starts[-1] == pytest.approx(start + 4.0, abs=0.06)
