from fractions import Fraction

import av
import numpy as np
import pytest

from emotion_recognition.media.video import VideoReader
from tests.clips import copy_video, picture_times_ms


def draw(field, width, height):
    """A bright square on dark ground, four pixels further to the right in each field."""
    luma = np.full((height, width), 40, np.uint8)
    luma[16:48, 8 + 4 * field : 40 + 4 * field] = 200
    return luma


def write_recording(path, size=(128, 64), flags='+ilme+ildct', frame_count=10):
    """Write MPEG-2, with the lower field of each frame first if `flags` say that it is interlaced."""
    width, height = size
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('mpeg2video', rate=25, options={'flags': flags, 'qmax': '2'} if flags else {})
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        for number in range(frame_count):
            luma = draw(2 * number, width, height)
            if flags:
                luma[::2] = draw(2 * number + 1, width, height)[::2]
            frame = av.VideoFrame.from_ndarray(
                np.concatenate([luma, np.full((height // 2, width), 128, np.uint8)]), format='yuv420p'
            )
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def left_edges(frame_bgr):
    """Where the square begins in its even rows and in its odd rows, on average, in pixels."""
    square = frame_bgr[20:44, :, 1] > 120
    return square[::2].argmax(axis=1).mean(), square[1::2].argmax(axis=1).mean()


def test_interlaced_frames_are_deinterlaced_one_for_one(tmp_path):
    clip = write_recording(tmp_path / 'clip.mpg')
    with VideoReader(clip) as reader:
        frames = list(reader.read_frames())
    assert [number for number, _, _ in frames] == list(range(1, 11))
    times = np.array(picture_times_ms(clip))
    np.testing.assert_allclose([time for _, time, _ in frames], times - times[0], atol=1e-6)
    for number, _, frame_bgr in frames:
        np.testing.assert_allclose(left_edges(frame_bgr), 8 * number, atol=1)  # both where the lower field has it


def test_progressive_frames_are_not_touched(tmp_path):
    clip = write_recording(tmp_path / 'clip.mpg', flags='')
    with VideoReader(clip) as reader, av.open(str(clip)) as container:
        for (_, _, frame_bgr), frame in zip(reader.read_frames(), container.decode(video=0), strict=True):
            np.testing.assert_array_equal(frame_bgr, frame.to_ndarray(format='bgr24'))


def test_progressive_frames_after_interlaced_ones_are_not_touched(tmp_path):
    content = write_recording(tmp_path / 'first.mpg').read_bytes()
    content += write_recording(tmp_path / 'second.mpg', flags='').read_bytes()
    (tmp_path / 'both.mpg').write_bytes(content)
    with VideoReader(tmp_path / 'both.mpg') as reader, av.open(str(tmp_path / 'both.mpg')) as container:
        pairs = list(zip(reader.read_frames(), container.decode(video=0), strict=True))
    progressive = [(own[2], frame) for own, frame in pairs if not frame.interlaced_frame]
    assert len(progressive) == 10
    for frame_bgr, frame in progressive:
        np.testing.assert_array_equal(frame_bgr, frame.to_ndarray(format='bgr24'))


@pytest.mark.parametrize('flags', [('+ilme+ildct', '+ilme+ildct'), ('', '+ilme+ildct'), ('+ilme+ildct', '')])
def test_no_frame_is_lost_where_the_size_changes(tmp_path, flags):
    first = write_recording(tmp_path / 'first.mpg', flags=flags[0])
    second = write_recording(tmp_path / 'second.mpg', size=(160, 80), flags=flags[1])
    (tmp_path / 'both.mpg').write_bytes(first.read_bytes() + second.read_bytes())
    with VideoReader(tmp_path / 'both.mpg') as reader:
        frames = list(reader.read_frames())
    with av.open(str(tmp_path / 'both.mpg')) as container:
        assert len(frames) == sum(1 for _ in container.decode(video=0)) == 19  # FFmpeg loses one where the size changes
    times = [time for _, time, _ in frames]
    assert times == sorted(set(times))
    np.testing.assert_allclose(left_edges(frames[0][2]), 8, atol=1)
    np.testing.assert_allclose(left_edges(frames[8][2]), 72, atol=1)


def test_copy_of_an_interlaced_video_is_progressive(tmp_path):
    clip = write_recording(tmp_path / 'clip.mpg')
    copy_video(clip, tmp_path / 'copy.mp4')
    with av.open(str(clip)) as container:
        assert all(frame.interlaced_frame for frame in container.decode(video=0))
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        assert not any(frame.interlaced_frame for frame in container.decode(video=0))
