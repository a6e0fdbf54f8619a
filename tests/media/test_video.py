import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from emotion_recognition.labels import InputError
from emotion_recognition.media.video import VideoReader
from tests.clips import copy_video, picture_times_ms, sound_packets, turn_clip, write_clip, write_tone
from tests.paths import SHARED

STEADY = range(0, 1000, 40)


def test_numbers_times_and_pictures_of_the_frames(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', [0, 40, 80, 120])
    with VideoReader(clip) as reader:
        frames = list(reader.read_frames())
    assert [frame[:2] for frame in frames] == [(1, 0.0), (2, 40.0), (3, 80.0), (4, 120.0)]
    assert [frame[2].shape for frame in frames] == [(48, 64, 3)] * 4
    np.testing.assert_allclose([frame[2].mean() for frame in frames], [20, 30, 40, 50], atol=3)


@pytest.mark.parametrize(
    ('times', 'time_base'),
    [
        ([0, 17, 90, 91, 400, 433, 500], Fraction(1, 1000)),  # variable rate, as phones record
        ([1500, 1540, 1580], Fraction(1, 1000)),  # late start
        (range(0, 200 * 1001, 1001), Fraction(1, 24000)),  # 23.976 frames a second
        (range(0, 200 * 1001, 1001), Fraction(1, 30000)),  # 29.97
        ([0], Fraction(1, 1000)),  # one frame
    ],
)
def test_each_frame_is_written_at_its_own_time(tmp_path, times, time_base):
    clip = write_clip(tmp_path / 'clip.mkv', times, time_base)
    seen = copy_video(clip, tmp_path / 'copy.mp4')
    expected = picture_times_ms(clip)  # Matroska rounds to milliseconds
    assert [number for number, _ in seen] == list(range(1, len(times) + 1))
    np.testing.assert_allclose([time for _, time in seen], expected, atol=1e-6)
    np.testing.assert_allclose(picture_times_ms(tmp_path / 'copy.mp4'), expected, atol=0.1)
    np.testing.assert_allclose(expected, [float(time * time_base * 1000) for time in times], atol=0.5)


@pytest.mark.parametrize(
    ('name', 'picture_codec', 'sound_codec'),
    [
        ('clip.mp4', 'libx264', 'aac'),
        ('clip.mov', 'libx265', 'aac'),
        ('clip.avi', 'mpeg4', 'mp3'),
        ('clip.webm', 'libvpx', 'libopus'),
        ('clip.mkv', 'libx264', 'flac'),
        ('clip.mpg', 'mpeg2video', 'mp2'),
        ('clip.flv', 'flv', 'mp3'),
    ],
)
def test_containers_that_people_have(tmp_path, name, picture_codec, sound_codec):
    clip = tmp_path / name
    with av.open(str(clip), 'w') as container:
        stream = container.add_stream(picture_codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, 'yuv420p'
        sound = container.add_stream(sound_codec, rate=48000, layout='mono')
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((96, 128, 3), 99, np.uint8), format='bgr24')
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        write_tone(container, sound, 0, 2.0, rate=48000)
    seen = copy_video(clip, tmp_path / 'copy.mp4')
    with av.open(str(clip)) as container:  # players subtract the start of a program stream's clock
        start = container.start_time / av.time_base if name == 'clip.mpg' else 0
    expected = np.array(picture_times_ms(clip)) - start * 1000
    assert len(expected) == 50
    np.testing.assert_allclose([time for _, time in seen], expected, atol=1e-3)
    np.testing.assert_allclose(picture_times_ms(tmp_path / 'copy.mp4'), expected, atol=1)
    last_sound = sound_packets(clip)[-1][0] - start
    assert sound_packets(tmp_path / 'copy.mp4')[-1][0] == pytest.approx(last_sound, abs=0.04)


def test_largest_picture_and_first_sound_of_several(tmp_path):
    clip = tmp_path / 'clip.mkv'
    with av.open(str(clip), 'w') as container:
        pictures = []
        for width, height in ((32, 32), (128, 96), (64, 48)):
            stream = container.add_stream('libx264', rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
            pictures.append(stream)
        tones = [container.add_stream('aac', rate=44100, layout='mono') for _ in range(2)]
        for stream in pictures:
            for number in range(10):
                frame = av.VideoFrame.from_ndarray(
                    np.full((stream.height, stream.width, 3), 99, np.uint8), format='bgr24'
                )
                frame.pts, frame.time_base = number, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        for stream, pitch in zip(tones, (440, 880), strict=True):
            write_tone(container, stream, 0, 0.4, pitch=pitch)
    copy_video(clip, tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        assert [(stream.width, stream.height) for stream in container.streams.video] == [(128, 96)]
        assert len(container.streams.audio) == 1
    assert [content for _, content in sound_packets(tmp_path / 'copy.mp4')] == [
        content for _, content in sound_packets(clip)
    ]


def test_output_is_h264_that_browsers_play(tmp_path):
    copy_video(write_clip(tmp_path / 'clip.mp4', STEADY), tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ('h264', 'yuv420p')
    content = (tmp_path / 'copy.mp4').read_bytes()
    assert content.index(b'moov') < content.index(b'mdat')  # faststart


def test_odd_size_is_padded_by_its_last_row_and_column(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', STEADY, size=(65, 49))
    copy_video(clip, tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        picture = next(container.decode(video=0)).to_ndarray(format='bgr24')
    assert picture.shape == (50, 66, 3)
    np.testing.assert_allclose(picture, 20, atol=4)


# How x and y of the picture in the file become right and down on the screen, and which corners are seen there. In the
# file, the corners are 1 2 in the upper row and 3 4 in the lower row.
ORIENTATIONS = {
    'a quarter to the right': ((0, 1, -1, 0), [[3, 1], [4, 2]]),
    'a quarter to the left': ((0, -1, 1, 0), [[2, 4], [1, 3]]),
    'upside down': ((-1, 0, 0, -1), [[4, 3], [2, 1]]),
    'mirrored': ((-1, 0, 0, 1), [[2, 1], [4, 3]]),
    'mirrored upside down': ((1, 0, 0, -1), [[3, 4], [1, 2]]),
    'mirrored and turned': ((0, 1, 1, 0), [[1, 3], [2, 4]]),
    'mirrored and turned the other way': ((0, -1, -1, 0), [[4, 2], [3, 1]]),
}


def write_oriented_clip(path, matrix):
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        corners = np.array([[50, 100], [150, 200]], np.uint8)
        picture = np.dstack([corners.repeat(24, axis=0).repeat(32, axis=1)] * 3)
        frame = av.VideoFrame.from_ndarray(picture, format='bgr24')
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return turn_clip(path, matrix)


@pytest.mark.parametrize('matrix, corners', ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_orientation_is_applied_once(tmp_path, matrix, corners):
    clip = write_oriented_clip(tmp_path / 'clip.mp4', matrix)
    copy_video(clip, tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        frame = next(container.decode(video=0))
    upright = frame.to_ndarray(format='gray')
    height, width = (64, 48) if matrix[0] == 0 else (48, 64)
    assert upright.shape == (height, width)
    assert frame.side_data.get('DISPLAYMATRIX') is None
    seen = upright[[height // 4, height * 3 // 4]][:, [width // 4, width * 3 // 4]]
    np.testing.assert_allclose(seen, np.array(corners) * 50, atol=8)


def test_pixels_become_square(tmp_path):
    clip = tmp_path / 'clip.mkv'
    with av.open(str(clip), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 99, np.uint8), format='bgr24')
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with VideoReader(clip) as reader:
        assert next(reader.read_frames())[2].shape == (48, 96, 3)


def test_no_such_video(tmp_path):
    with pytest.raises(InputError, match='no such file; expected a video'):
        VideoReader(tmp_path / 'none.mp4')


def test_animated_avif_which_has_a_still_picture_too(tmp_path):
    pictures = [Image.new('RGB', (64, 48), (60 * number, 0, 0)) for number in range(4)]
    pictures[0].save(tmp_path / 'a.avif', save_all=True, append_images=pictures[1:], duration=100)
    with VideoReader(tmp_path / 'a.avif') as reader:
        assert [frame[:2] for frame in reader.read_frames()] == [(1, 0.0), (2, 100.0), (3, 200.0), (4, 300.0)]


def test_file_that_is_no_video(tmp_path):
    (tmp_path / 'text.mp4').write_text('not a video')
    with pytest.raises(InputError, match='cannot be read as a video'):
        VideoReader(tmp_path / 'text.mp4')


def test_video_that_was_cut_off(tmp_path):
    content = write_clip(tmp_path / 'clip.mp4', STEADY).read_bytes()
    (tmp_path / 'cut.mp4').write_bytes(content[: content.index(b'moov')])  # without the index, which is at the end
    with pytest.raises(InputError, match='cannot be read as a video'):
        VideoReader(tmp_path / 'cut.mp4')


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / 'sound.mp4'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('aac', rate=44100, layout='mono')
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format='fltp', layout='mono')
        frame.rate = 44100
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(InputError, match='has no video stream'):
        VideoReader(path)


VIDEOS = ['crema_1001_six_emotions_joined.mp4', 'openmpf_new_face_video-90.mp4', 'pyfeat_face_noface.mov']
VIDEOS += ['openmpf_video01short_vp8_opus.webm', 'openmpf_video01short_xvid_aac.avi', 'intel_asl_yes.mkv']
needs_videos = pytest.mark.skipif(not (SHARED / 'videos').is_dir(), reason='the real clips are not here')


@needs_videos
@pytest.mark.parametrize('name', VIDEOS)
def test_real_clip_keeps_frames_times_and_sound(tmp_path, name):
    clip = SHARED / 'videos' / name
    copy_video(clip, tmp_path / 'copy.mp4')
    np.testing.assert_allclose(picture_times_ms(tmp_path / 'copy.mp4'), picture_times_ms(clip), atol=1)
    if name != 'intel_asl_yes.mkv':
        expected, copied = sound_packets(clip), sound_packets(tmp_path / 'copy.mp4')
        assert [content for _, content in copied] == [content for _, content in expected]
        np.testing.assert_allclose([time for time, _ in copied], [time for time, _ in expected], atol=1e-3)


@needs_videos
def test_real_clip_with_rotation_is_read_upright():
    with VideoReader(SHARED / 'videos' / 'openmpf_new_face_video-90.mp4') as reader:
        assert next(reader.read_frames())[2].shape == (480, 640, 3)


@pytest.mark.skipif(not Path('/proc/self/task').is_dir(), reason='threads are counted in Linux only')
def test_threads_do_not_grow_with_the_frames(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 4000, 40), size=(640, 360))
    before, counts = len(os.listdir('/proc/self/task')), []
    with VideoReader(clip) as reader:
        for _ in reader.read_frames():
            counts.append(len(os.listdir('/proc/self/task')))
    assert len(counts) == 100
    assert max(counts) <= before + 2 * os.cpu_count() + 4  # those of the decoder
    assert counts[-1] <= counts[10]
