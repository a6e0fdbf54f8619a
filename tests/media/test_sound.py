"""The sound of the annotated video."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition

from emotion_recognition.labels import InputError
from emotion_recognition.media.input_file import InputFile
from emotion_recognition.media.sound import Sound
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from tests.clips import copy_video, picture_times_ms, sound_packets, write_clip, write_tone

STEADY = range(0, 1000, 40)


@pytest.mark.parametrize(('name', 'codec'), [('clip.mp4', 'aac'), ('clip.mkv', 'mp3'), ('clip.mkv', 'flac')])
def test_sound_that_browsers_play_is_copied_packet_by_packet(tmp_path, name, codec):
    clip = write_clip(tmp_path / name, STEADY, sound=(codec, 0, 1.2))
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


@pytest.mark.parametrize('codec', ['pcm_s16le', 'ac3', 'eac3', 'alac', 'mp2'])
def test_sound_that_browsers_do_not_play_becomes_aac(tmp_path, codec):
    clip = write_clip(tmp_path / 'clip.mkv', STEADY, sound=(codec, 0, 1.0))
    copy_video(clip, tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        assert container.streams.audio[0].codec_context.name == 'aac'
    assert len(sound) == pytest.approx(44100, abs=2100)  # AAC pads to complete packets of 1024 samples
    spectrum = np.abs(np.fft.rfft(sound[4410:39690]))
    assert spectrum.argmax() * 44100 / 35280 == pytest.approx(440, abs=2)


def test_packets_shorter_than_a_millisecond_stay_in_step(tmp_path):
    """As in Dolby TrueHD in Matroska, which knows no time between two milliseconds."""
    clip, rate, length = tmp_path / 'clip.mkv', 48_000, 40
    with av.open(str(write_clip(tmp_path / 'picture.mkv', STEADY))) as source, av.open(str(clip), 'w') as container:
        pictures = container.add_stream_from_template(source.streams.video[0])
        sound = container.add_stream('pcm_s16le', rate=rate, layout='mono')
        for packet in source.demux(video=0):
            if packet.pts is not None:
                packet.stream = pictures
                container.mux(packet)
        for start in range(0, rate, length):  # a second that grows louder from tenth to tenth
            samples = np.full((1, length), 2000 * (1 + start * 10 // rate), np.int16)
            samples[:, : length // 2] *= -1
            frame = av.AudioFrame.from_ndarray(samples, format='s16', layout='mono')
            frame.rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(sound.encode(frame))
    assert len(sound_packets(clip)) == 1200
    copy_video(clip, tmp_path / 'copy.mp4')
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        frames = [(frame.time, np.abs(frame.to_ndarray()).mean()) for frame in container.decode(audio=0)]
    times, loudness = np.array(frames).T
    assert times[-1] == pytest.approx(1.0, abs=0.03)
    expected = 2000 / 2**15 * (1 + (times + 512 / rate) * 10 // 1)
    is_inside = (times * 10 % 1 > 0.1) & (times * 10 % 1 < 0.7) & (times < 0.95)  # of a tenth of a second
    assert is_inside.sum() > 20
    np.testing.assert_allclose(loudness[is_inside], expected[is_inside], rtol=0.15)


def write_two_sounds(path, *dispositions):
    """Write a clip with tones of 440 and 880 Hz, which are called Room and Mic."""
    with av.open(str(path), 'w', container_options={'default_mode': 'passthrough'}) as container:
        pictures = container.add_stream('libx264', rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, 'yuv420p'
        tones = [container.add_stream('aac', rate=44100, layout='mono') for _ in dispositions]
        for tone, title, language, disposition in zip(
            tones, ('Room', 'Mic'), ('eng', 'deu'), dispositions, strict=True
        ):
            tone.metadata.update(title=title, language=language)
            tone.disposition = disposition
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 99, np.uint8), format='bgr24')
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        for tone, pitch in zip(tones, (440, 880), strict=True):
            write_tone(container, tone, 0, 1.0, pitch=pitch)
    return path


def find_pitches(path):
    """Frequency of each sound stream, in Hz."""
    pitches = []
    with av.open(str(path)) as container:
        for index in range(len(container.streams.audio)):
            container.seek(0)
            sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=index)])[4410:39690]
            pitches.append(round(np.abs(np.fft.rfft(sound)).argmax() * 44100 / 35280, -1))
    return pitches


@pytest.mark.parametrize(
    ('dispositions', 'pitch'),
    [
        ((Disposition(0), Disposition.default), 880),
        ((Disposition.default, Disposition(0)), 440),
        ((Disposition.default, Disposition.default), 440),
        ((Disposition(0), Disposition(0)), 440),
        ((Disposition.visual_impaired, Disposition(0)), 880),  # the description of a film for the blind
    ],
)
def test_of_several_sounds_the_one_that_players_choose_is_kept(tmp_path, dispositions, pitch):
    clip = write_two_sounds(tmp_path / 'clip.mkv', *dispositions)
    copy_video(clip, tmp_path / 'copy.mp4')
    assert find_pitches(tmp_path / 'copy.mp4') == [pitch]
    with VideoReader(clip) as reader, VideoWriter(tmp_path / 'copy.mp4', reader) as writer:
        assert writer.left_out_sounds == 1


def test_all_sounds_are_kept_with_their_names_and_the_default_one(tmp_path):
    clip = write_two_sounds(tmp_path / 'clip.mkv', Disposition(0), Disposition.default)
    with VideoReader(clip) as reader, VideoWriter(tmp_path / 'copy.mp4', reader, keep_all_sound=True) as writer:
        assert writer.left_out_sounds == 0
        for _, timestamp_ms, frame_bgr in reader.read_frames():
            writer.write(timestamp_ms, frame_bgr)
    assert find_pitches(tmp_path / 'copy.mp4') == [440, 880]
    with av.open(str(tmp_path / 'copy.mp4')) as container:
        sounds = container.streams.audio
        assert [bool(sound.disposition & Disposition.default) for sound in sounds] == [False, True]
        assert [sound.metadata['handler_name'] for sound in sounds] == ['Room', 'Mic']
        assert [sound.metadata['language'] for sound in sounds] == ['eng', 'deu']


def test_sound_that_cannot_be_opened_leaves_no_file_open(tmp_path, monkeypatch):
    clip = write_two_sounds(tmp_path / 'clip.mkv', Disposition(0), Disposition(0))
    closed, add_stream, close = [], Sound._add_stream, InputFile.close

    def fail_at_the_second(self):
        if self._source_stream.index == 2:
            raise OSError(5, 'Input/output error')
        return add_stream(self)

    monkeypatch.setattr(Sound, '_add_stream', fail_at_the_second)
    monkeypatch.setattr(InputFile, 'close', lambda self: (closed.append(self), close(self)))
    with VideoReader(clip) as reader, pytest.raises(InputError) as caught:
        VideoWriter(tmp_path / 'copy.mp4', reader, keep_all_sound=True)
    assert str(caught.value) == f'{clip}: its sound cannot be read (Input/output error)'
    assert len(set(closed)) == 4  # that of the pictures, the search for sounds, and both sounds


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
