import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.video import VideoReader
from emotion_recognition.video_writer import VideoWriter
from tests.conftest import SHARED, picture_times_ms, sound_packets, write_clip, write_tone

STEADY = range(0, 1000, 40)


def copy(source, target):
    """Read and write every frame as the script does. Returns numbers and times of the frames."""
    seen = []
    with VideoReader(source) as reader, VideoWriter(target, reader) as writer:
        for number, timestamp_ms, frame_bgr in reader.read_frames():
            seen.append((number, timestamp_ms))
            writer.write(timestamp_ms, frame_bgr)
    return seen


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
    seen = copy(clip, tmp_path / 'copy.mp4')
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
    seen = copy(clip, tmp_path / 'copy.mp4')
    expected = picture_times_ms(clip)
    assert len(expected) == 50
    np.testing.assert_allclose([time for _, time in seen], expected, atol=1e-6)
    np.testing.assert_allclose(picture_times_ms(tmp_path / 'copy.mp4'), expected, atol=1)
    assert sound_packets(tmp_path / 'copy.mp4')[-1][0] == pytest.approx(sound_packets(clip)[-1][0], abs=0.04)


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
    seen = copy(clip, tmp_path / 'copy.mp4')
    assert [time for _, time in seen] == [-80.0, -40.0, 0.0, 40.0]
    assert picture_times_ms(tmp_path / 'copy.mp4') == pytest.approx([0.0, 40.0, 80.0, 120.0])
    moved = sound_packets(tmp_path / 'copy.mp4')[0][0] - sound_packets(clip)[0][0]
    assert moved == pytest.approx(0.08, abs=tolerance)  # AAC encoders begin one packet early


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
    copy(clip, tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        assert [(stream.width, stream.height) for stream in container.streams.video] == [(128, 96)]
        assert len(container.streams.audio) == 1
    assert [content for _, content in sound_packets(tmp_path / 'copy.mp4')] == [
        content for _, content in sound_packets(clip)
    ]


def test_output_is_h264_that_browsers_play(tmp_path):
    copy(write_clip(tmp_path / 'clip.mp4', STEADY), tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ('h264', 'yuv420p')
    content = (tmp_path / 'copy.mp4').read_bytes()
    assert content.index(b'moov') < content.index(b'mdat')  # faststart


def test_odd_size_is_padded_by_its_last_row_and_column(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', STEADY, size=(65, 49))
    copy(clip, tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        picture = next(container.decode(video=0)).to_ndarray(format='bgr24')
    assert picture.shape == (50, 66, 3)
    np.testing.assert_allclose(picture, 20, atol=4)


def test_rotation_is_applied_once(tmp_path):
    clip = tmp_path / 'clip.mp4'
    with av.open(str(clip), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        picture = np.full((48, 64, 3), 30, np.uint8)
        picture[:, :32] = 220  # its left half is bright
        frame = av.VideoFrame.from_ndarray(picture, format='bgr24')
        container.mux([*stream.encode(frame), *stream.encode(None)])
    content = bytearray(clip.read_bytes())
    matrix = content.index(b'tkhd') + 44  # of the track's header: turn by 90 degrees to the right
    content[matrix : matrix + 36] = struct.pack('>9i', 0, 1 << 16, 0, -1 << 16, 0, 0, 48 << 16, 0, 1 << 30)
    clip.write_bytes(content)
    copy(clip, tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        frame = next(container.decode(video=0))
    upright = frame.to_ndarray(format='bgr24')
    assert (upright.shape, frame.rotation) == ((64, 48, 3), 0)
    np.testing.assert_allclose(upright[4:28], 220, atol=8)  # left has become top
    np.testing.assert_allclose(upright[36:60], 30, atol=8)


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


def write_recording(path, size, seconds, brightness=200, aspect=None, sound=('mp2', 0), codec='mpeg2video'):
    """A transport stream, 25 frames a second, all of one brightness; sound is its codec and its start in seconds."""
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
        ((480, 360), Fraction(4, 3), (slice(0, 480), slice(45, 315))),  # the shape of the pixels alone changes
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
    times = [time for _, time in copy(clip, tmp_path / 'copy.mp4')]
    assert len(times) in (99, 100)  # MPEG-2's decoder drops the last picture of a size
    np.testing.assert_allclose(np.diff(times), 40, atol=1)
    np.testing.assert_allclose(picture_times_ms(tmp_path / 'copy.mp4'), times, atol=1)
    start, starts = times[0] / 1000, np.array([start for start, _ in sound_packets(tmp_path / 'copy.mp4')])
    assert (np.diff(starts) > 0).all()
    gap = np.diff(starts).argmax()
    assert starts[gap] == pytest.approx(start + 2.0, abs=0.06)
    assert starts[gap + 1] == pytest.approx(start + 2.5, abs=0.06)  # half a second into the second recording
    assert starts[-1] == pytest.approx(start + 4.0, abs=0.06)


def test_sound_is_copied_packet_by_packet(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', STEADY, sound=('aac', 0, 1.2))
    copy(clip, tmp_path / 'copy.mp4')
    expected, copied = sound_packets(clip), sound_packets(tmp_path / 'copy.mp4')
    assert [content for _, content in copied] == [content for _, content in expected]
    np.testing.assert_allclose([time for time, _ in copied], [time for time, _ in expected], atol=1e-3)


def test_late_sound_stays_late(tmp_path):
    clip = write_clip(tmp_path / 'clip.mkv', STEADY, sound=('aac', 0.5, 0.5))
    copy(clip, tmp_path / 'copy.mp4')
    start, expected = sound_packets(tmp_path / 'copy.mp4')[0][0], sound_packets(clip)[0][0]
    assert start == pytest.approx(expected, abs=0.005)
    assert start > 0.4


def test_sound_that_mp4_cannot_carry_becomes_aac(tmp_path):
    clip = write_clip(tmp_path / 'clip.mkv', STEADY, sound=('pcm_s16le', 0, 1.0))
    copy(clip, tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        assert container.streams.audio[0].codec_context.name == 'aac'
    assert len(sound) == pytest.approx(44100, abs=2100)  # AAC pads to whole packets of 1024
    spectrum = np.abs(np.fft.rfft(sound[4410:39690]))
    assert spectrum.argmax() * 44100 / 35280 == pytest.approx(440, abs=2)


def test_no_sound_is_no_error(tmp_path):
    copy(write_clip(tmp_path / 'clip.mp4', STEADY), tmp_path / 'copy.mp4')
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


def test_no_such_video(tmp_path):
    with pytest.raises(InputError, match='no such video file'):
        VideoReader(tmp_path / 'none.mp4')


def test_file_that_is_no_video(tmp_path):
    (tmp_path / 'text.mp4').write_text('not a video')
    with pytest.raises(InputError, match='cannot be read as a video'):
        VideoReader(tmp_path / 'text.mp4')


def test_video_that_was_cut_off(tmp_path):
    content = write_clip(tmp_path / 'clip.mp4', STEADY).read_bytes()
    (tmp_path / 'cut.mp4').write_bytes(content[: content.index(b'moov')])  # without the index, which stands at the end
    with pytest.raises(InputError, match='cannot be read as a video'):
        VideoReader(tmp_path / 'cut.mp4')


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / 'sound.mp4'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('aac', rate=44100, layout='mono')
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format='fltp', layout='mono')
        frame.rate = 44100
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(InputError, match='has no picture stream'):
        VideoReader(path)


VIDEOS = ['crema_1001_six_emotions_joined.mp4', 'openmpf_new_face_video-90.mp4', 'pyfeat_face_noface.mov']
VIDEOS += ['openmpf_video01short_vp8_opus.webm', 'openmpf_video01short_xvid_aac.avi', 'intel_asl_yes.mkv']
needs_videos = pytest.mark.skipif(not (SHARED / 'videos').is_dir(), reason='the real clips are not here')


@needs_videos
@pytest.mark.parametrize('name', VIDEOS)
def test_real_clip_keeps_frames_times_and_sound(tmp_path, name):
    clip = SHARED / 'videos' / name
    copy(clip, tmp_path / 'copy.mp4')
    np.testing.assert_allclose(picture_times_ms(tmp_path / 'copy.mp4'), picture_times_ms(clip), atol=1)
    if name != 'intel_asl_yes.mkv':
        expected, copied = sound_packets(clip), sound_packets(tmp_path / 'copy.mp4')
        assert [content for _, content in copied] == [content for _, content in expected]
        np.testing.assert_allclose([time for time, _ in copied], [time for time, _ in expected], atol=1e-3)


@needs_videos
def test_real_clip_with_rotation_is_read_upright():
    with VideoReader(SHARED / 'videos' / 'openmpf_new_face_video-90.mp4') as reader:
        assert next(reader.read_frames())[2].shape == (480, 640, 3)
