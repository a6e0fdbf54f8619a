import signal
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import emotions_from_video
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.labels import InputError
from emotion_recognition.media.endings import FrameError
from emotion_recognition.media.input_file import InputFile
from emotion_recognition.media.packets import demux
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from tests.clips import picture_times_ms, sound_packets, write_tone

TIME_LIMIT_SECONDS = 20  # for one damaged file, which normally takes some hundredths of a second


def out_of_time(*_):
    raise TimeoutError(f'not done after {TIME_LIMIT_SECONDS} s')


@pytest.fixture
def time_limit():
    if not hasattr(signal, 'SIGALRM'):
        pytest.skip('no such time limit on Windows')
    before = signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(TIME_LIMIT_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def write_moving_clip(path, picture_codec, sound_codec, frame_count=31, gop_size=12):
    """Encode coloured squares that move to the right, at 25 frames a second, and a tone of the same length."""
    squares = np.random.default_rng(5).integers(0, 256, (8, 12, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(picture_codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, 'yuv420p'
        stream.codec_context.gop_size = gop_size
        sound = container.add_stream(sound_codec, rate=48000, layout='mono')
        for number in range(frame_count):
            frame = av.VideoFrame.from_ndarray(np.roll(squares, 3 * number, axis=1), format='bgr24')
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        write_tone(container, sound, 0, frame_count / 25, rate=48000)
    return path


def packets_of(path, kind):
    """Returns the position of each packet's content in the file, and its length, in bytes."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        packets = [(packet.pos, bytes(packet)) for packet in container.demux(stream) if packet.size]
    file = path.read_bytes()
    return [(file.index(content, position), len(content)) for position, content in packets]


def overwrite(path, position, content):
    file = bytearray(path.read_bytes())
    file[position : position + len(content)] = content
    path.write_bytes(file)


def copy(source, target):
    """Read and write all frames as the script does. Returns their times, the reader, and why they ended early."""
    times, stopped = [], None
    with VideoReader(source) as reader, VideoWriter(target, reader) as writer:
        try:
            for _, timestamp_ms, frame_bgr in reader.read_frames():
                times.append(timestamp_ms)
                writer.write(timestamp_ms, frame_bgr)
        except FrameError as error:
            stopped = str(error)
            writer.end_here()
    return times, reader, stopped


def damage_pictures(clip, numbers, length=5):
    """Overwrite the first bytes of some picture packets, which are numbered from 0. Returns the clip."""
    packets = packets_of(clip, 'video')
    for number in numbers:
        position, size = packets[number]
        overwrite(clip, position, b'\xff' * min(size, length))
    return clip


@pytest.mark.parametrize(
    ('name', 'codec', 'sound_codec'), [('clip.avi', 'mpeg4', 'mp3'), ('clip.webm', 'libvpx', 'libopus')]
)
def test_damaged_packet_in_the_middle_is_skipped(tmp_path, name, codec, sound_codec):
    clip = write_moving_clip(tmp_path / name, codec, sound_codec)
    expected = picture_times_ms(clip)
    del expected[4]
    times, reader, stopped = copy(damage_pictures(clip, [4]), tmp_path / 'copy.mp4')
    assert stopped is None
    assert len(times) == 30
    np.testing.assert_allclose(times, expected, atol=0.5)
    assert expected[3] < reader.first_skipped_ms < expected[4]
    assert reader.skipped_packets == 1
    np.testing.assert_allclose(picture_times_ms(tmp_path / 'copy.mp4'), expected, atol=0.5)
    assert sound_packets(tmp_path / 'copy.mp4')[-1][0] == pytest.approx(sound_packets(clip)[-1][0], abs=0.04)


def test_whole_file_skips_nothing(tmp_path):
    _, reader, stopped = copy(write_moving_clip(tmp_path / 'clip.avi', 'mpeg4', 'mp3'), tmp_path / 'copy.mp4')
    assert (stopped, reader.skipped_packets, reader.first_skipped_ms) == (None, 0, None)


def test_several_damaged_packets_are_counted_and_the_first_is_reported(tmp_path):
    clip = damage_pictures(write_moving_clip(tmp_path / 'clip.avi', 'mpeg4', 'mp3'), [10, 11, 20, 30])
    times, reader, stopped = copy(clip, tmp_path / 'copy.mp4')
    assert (len(times), stopped) == (27, None)
    assert (reader.skipped_packets, reader.first_skipped_ms) == (4, pytest.approx(440))


@pytest.mark.parametrize('name', ['clip.mp4', 'clip.mkv'])
def test_a_second_sound_that_lasts_longer_is_no_early_end(tmp_path, name):
    clip = tmp_path / name
    with av.open(str(clip), 'w') as container:
        pictures = container.add_stream('libx264', rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, 'yuv420p'
        sounds = [container.add_stream('aac', rate=44100, layout='mono') for _ in range(2)]
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), format='bgr24')
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        for stream, seconds in zip(sounds, (1, 4), strict=True):
            write_tone(container, stream, 0, seconds)
    with VideoReader(clip) as reader:
        assert len(list(reader.read_frames())) == 25


def test_nothing_but_damage_from_some_point_on_ends_the_run_there(tmp_path):
    clip = write_moving_clip(tmp_path / 'clip.avi', 'mpeg4', 'mp3', frame_count=60)
    times, _, stopped = copy(damage_pictures(clip, range(20, 60), length=10**6), tmp_path / 'copy.mp4')
    assert len(times) == len(picture_times_ms(tmp_path / 'copy.mp4')) == 20
    assert 'cannot be decoded after 0.80 s' in stopped
    assert sound_packets(tmp_path / 'copy.mp4')[-1][0] == pytest.approx(0.8, abs=0.05)


def test_nothing_but_damage_from_the_start(tmp_path):
    clip = write_moving_clip(tmp_path / 'clip.avi', 'mpeg4', 'mp3')
    damage_pictures(clip, range(31), length=10**6)
    with VideoReader(clip) as reader, pytest.raises(FrameError, match='cannot be decoded at its start'):
        next(reader.read_frames())


class BrokenContainer:
    """Gives packets 1 and 2 with damage before, between and after them; then only damage."""

    def __init__(self):
        self._turns = iter([(), (1,), (2,)])
        self.tries = 0

    def demux(self, *streams):
        self.tries += 1
        yield from next(self._turns, ())
        raise av.error.InvalidDataError(1, 'Invalid data')


def test_damaged_container_is_read_on_after_the_damage_but_not_for_ever(tmp_path, time_limit):
    with av.open(str(write_moving_clip(tmp_path / 'clip.avi', 'mpeg4', 'mp3'))) as container:
        broken = BrokenContainer()
        packets = demux(broken, InputFile(Path(container.name)), container.streams.video[0])
        assert [next(packets), next(packets)] == [1, 2]
        assert next(packets).size == 0  # an empty packet makes the decoder return its last frames
        with pytest.raises(av.error.InvalidDataError):
            next(packets)
    assert broken.tries == 103  # two with a packet, and 101 in a row without any


@pytest.mark.parametrize(('name', 'sound_codec'), [('clip.mkv', 'mp2'), ('clip.avi', 'mp3')])
def test_damaged_sound_packets_lose_their_sound_alone(tmp_path, name, sound_codec):
    clip = write_moving_clip(tmp_path / name, 'mpeg4', sound_codec, frame_count=75)
    packets = packets_of(clip, 'audio')
    for position, size in packets[40:44]:
        overwrite(clip, position + 8, bytes(max(0, size - 8)))
    times, _, stopped = copy(clip, tmp_path / 'copy.mp4')
    assert (len(times), stopped) == (75, None)
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert len(sound) == pytest.approx(144_000, abs=5_000)  # 3 s at 48 kHz
    loudness = np.abs(sound[: 48_000 * 29 // 10].reshape(-1, 4_800)).max(axis=1)  # of each tenth of a second
    assert np.delete(loudness, [9, 10]).min() > 0.3  # packets 40 to 43, 24 ms each, belong to these two


def test_copied_sound_packets_that_mp4_refuses_are_left_out(tmp_path):
    clip = write_moving_clip(tmp_path / 'clip.mkv', 'mpeg4', 'aac')
    whole = [content for _, content in sound_packets(clip)]
    packets = packets_of(clip, 'audio')
    for number in (0, 10, 11):
        position, size = packets[number]
        overwrite(clip, position, b'\xff' * size)
    times, _, stopped = copy(clip, tmp_path / 'copy.mp4')
    assert (len(times), stopped) == (31, None)
    np.testing.assert_allclose(picture_times_ms(tmp_path / 'copy.mp4'), times, atol=0.1)
    copied = [content for _, content in sound_packets(tmp_path / 'copy.mp4')]
    assert copied == whole[1:10] + whole[12:-1]  # FFmpeg loses the last packet after such damage


@pytest.mark.parametrize('kind', ['video', 'audio'])
@pytest.mark.parametrize('sound_codec', ['aac', 'pcm_s16le'])
@pytest.mark.parametrize('damage', [b'\x7f\xff', b'\x80\x00'], ids=['ahead', 'back'])
def test_damaged_time_stays_alone(tmp_path, kind, sound_codec, damage):
    clip = write_moving_clip(tmp_path / 'clip.mkv', 'mpeg4', sound_codec)
    copy(clip, tmp_path / 'expected.mp4')
    position, _ = packets_of(clip, kind)[10]
    overwrite(clip, position - 3, damage)  # its time in ms, relative to its cluster: 32 s ahead, or back
    times, _, stopped = copy(clip, tmp_path / 'copy.mp4')
    assert stopped is None
    np.testing.assert_allclose(times, picture_times_ms(tmp_path / 'expected.mp4'), atol=25)
    np.testing.assert_allclose(picture_times_ms(tmp_path / 'copy.mp4'), times, atol=0.1)
    starts, expected = ([start for start, _ in sound_packets(tmp_path / name)] for name in ('copy.mp4', 'expected.mp4'))
    assert len(starts) == len(expected)
    np.testing.assert_allclose(starts, expected, atol=0.025)


class StreamBeganLate:
    """Ends as PyAV does if a stream appears that was not there when the file was opened."""

    def demux(self, *streams):
        yield from (1, 2)
        raise IndexError('list index out of range')


def test_stream_that_begins_late_is_no_error():
    assert list(demux(StreamBeganLate(), InputFile(Path(__file__)))) == [1, 2]


CONTAINERS = [('clip.mp4', 'libx264', 'aac'), ('clip.avi', 'mpeg4', 'mp3')]


@pytest.fixture(scope='module', params=CONTAINERS, ids=['mp4', 'avi'])
def whole_clip(request, tmp_path_factory):
    name, *codecs = request.param
    return write_moving_clip(tmp_path_factory.mktemp('whole') / name, *codecs)


def corrupt(content, seed):
    """Returns the content with some bytes changed: in the header if the seed is even, anywhere if it is odd."""
    generator = np.random.default_rng(seed)
    content = bytearray(content)
    room = len(content) if seed % 2 else 1_500
    for position in generator.integers(0, room, generator.integers(1, 30)):
        content[position] = generator.integers(0, 256)
    return content


@pytest.fixture(scope='module')
def classifier(colour_model_path):
    return EmotionClassifier(colour_model_path)


def read_times(clip):
    """Times of the frames that can be read, however the file ends."""
    times = []
    with suppress(InputError), VideoReader(clip) as reader:
        for _, timestamp_ms, _ in reader.read_frames():
            times.append(timestamp_ms)
    return times


SEEDS = range(25)


@pytest.mark.parametrize('seed', SEEDS)
def test_random_damage_ends_in_whole_outputs_or_one_line(tmp_path, whole_clip, classifier, seed, time_limit):
    """A file is refused only if not a single frame of it can be read."""
    clip = tmp_path / whole_clip.name
    clip.write_bytes(corrupt(whole_clip.read_bytes(), seed))
    times = read_times(clip)
    if not times:
        with pytest.raises(InputError) as refused:
            emotions_from_video.analyse_video(clip, classifier, compact=False)
        assert '\n' not in str(refused.value) and str(tmp_path) in str(refused.value)
        assert [path.name for path in tmp_path.iterdir()] == [clip.name]
        return
    table = emotions_from_video.analyse_video(clip, classifier, compact=False)
    assert table.ms.tolist() == pytest.approx(times, abs=1e-3)
    assert len(picture_times_ms(tmp_path / 'clip_with_emotions.mp4')) == len(table)
    assert (np.diff(table.ms) > 0).all()
    results = ['.mp4', '_emotions_data.csv', '_faces_data.csv', '_review.html', '_run.json', '_summary.csv']
    results.append('_timeline.png')
    expected = [clip.name, *(f'clip_with_emotions{ending}' for ending in results)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(expected)


def test_random_damage_is_seldom_a_reason_to_refuse_a_file(tmp_path, whole_clip):
    """22 of the mp4 files and 20 of the avi files can be read, with nearly all of their 31 frames."""
    counts = []
    for seed in SEEDS:
        clip = tmp_path / f'{seed}_{whole_clip.name}'
        clip.write_bytes(corrupt(whole_clip.read_bytes(), seed))
        counts.append(len(read_times(clip)))
    assert np.count_nonzero(counts) >= 18 and sum(counts) >= 500, counts


def test_what_was_skipped_is_reported(tmp_path, classifier, capsys):
    clip = damage_pictures(write_moving_clip(tmp_path / 'clip.avi', 'mpeg4', 'mp3'), [10])
    table = emotions_from_video.analyse_video(clip, classifier, compact=False)
    assert 'Skipped 1 packets that could not be decoded, the first one at 0.44 s' in capsys.readouterr().err
    assert len(table) == 30
