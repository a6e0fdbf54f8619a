"""Formats whose own clock starts anywhere, such as those of camcorders: times count from where it starts."""

import json
from fractions import Fraction

import av
import pandas as pd
import pytest
from pympi.Elan import Eaf

import emotions_from_video
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.media.video import VideoReader
from tests.clips import copy_video, demo_frame, picture_times_ms, sound_packets, write_tone

HOUR = 3600


def write_recording(path, picture, picture_starts=0.0, sound_codecs=('mp2',), frame_count=50):
    """Write a recording, 25 frames a second of one picture, whose clock shows one hour when its sound starts.

    Args:
        path: Its suffix names the format.
        picture: (height, width, 3) uint8, BGR.
        picture_starts: Seconds from the start of the sound to that of the picture.
        sound_codecs: Codec of each sound.
        frame_count: Number of frames.
    """
    with av.open(str(path), 'w', container_options={'muxdelay': '0', 'muxpreload': '0'}) as container:
        stream = container.add_stream('mpeg2video', rate=25, options={'bf': '0', 'qmin': '2', 'qmax': '4'})
        stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], 'yuv420p'
        sounds = [container.add_stream(codec, rate=48000, layout='mono') for codec in sound_codecs]
        for number in range(frame_count):
            frame = av.VideoFrame.from_ndarray(picture, format='bgr24')
            frame.pts, frame.time_base = round((HOUR + picture_starts) * 25) + number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for sound in sounds:
            write_tone(container, sound, HOUR, picture_starts + frame_count / 25, rate=48000)
    return path


def clock_of(path):
    """What the clock shows at the start of a file, in seconds, according to FFmpeg."""
    with av.open(str(path)) as container:
        return container.start_time / av.time_base


@pytest.mark.parametrize('name', ['clip.ts', 'clip.m2ts', 'clip.mpg', 'clip.vob'])
def test_times_count_from_where_the_stream_starts(tmp_path, name):
    clip = write_recording(tmp_path / name, demo_frame(0)[::4, ::4], picture_starts=0.4)
    start = clock_of(clip)
    assert start > HOUR - 1
    times = [time for _, time in copy_video(clip, tmp_path / 'copy.mp4')]
    assert times == pytest.approx([time - start * 1000 for time in picture_times_ms(clip)], abs=0.01)
    assert times[0] == pytest.approx(400, abs=35)  # MP2 begins up to one packet early
    assert picture_times_ms(tmp_path / 'copy.mp4') == pytest.approx(times, abs=1)
    assert sound_packets(tmp_path / 'copy.mp4')[0][0] == pytest.approx(0, abs=0.03)
    with VideoReader(clip) as reader:
        assert float(reader.start) == pytest.approx(start, abs=1e-5)


def test_sound_after_the_last_picture_follows_it(tmp_path):
    first = write_recording(tmp_path / 'first.ts', demo_frame(0)[::4, ::4])
    sound_alone = write_recording(tmp_path / 'second.ts', demo_frame(0)[::4, ::4], picture_starts=1.0, frame_count=0)
    (tmp_path / 'both.ts').write_bytes(first.read_bytes() + sound_alone.read_bytes())
    copy_video(tmp_path / 'both.ts', tmp_path / 'copy.mp4')
    starts = [start for start, _ in sound_packets(tmp_path / 'copy.mp4')]
    assert starts[0] == pytest.approx(0, abs=0.03) and starts[-1] == pytest.approx(3.0, abs=0.06)


def test_formats_whose_time_lines_start_at_zero_keep_their_times(tmp_path):
    for name in ('clip.mkv', 'clip.mov'):
        clip = write_recording(tmp_path / name, demo_frame(0)[::4, ::4], picture_starts=0.4, sound_codecs=['aac'])
        assert clock_of(clip) == pytest.approx(HOUR, abs=0.1)
        with VideoReader(clip) as reader:
            assert reader.start == 0
            assert next(reader.read_frames())[1] == pytest.approx(HOUR * 1000 + 400, abs=1)


def test_all_results_have_the_seconds_that_players_show(tmp_path, colour_model_path, capsys):
    clip = write_recording(tmp_path / 'clip.mts', demo_frame(0), sound_codecs=['ac3', 'mp2'], frame_count=30)
    spans = tmp_path / 'spans.csv'
    spans.write_text('video,start,end,name\nclip.mts,0,1,film\n')
    classifier = EmotionClassifier(colour_model_path)
    options = {'rest': (0, 1), 'spans': spans, 'elan': True, 'subtitles': True}
    table = emotions_from_video.analyse_video(clip, classifier, **options)
    messages = capsys.readouterr().err
    assert 'reaches beyond' not in messages
    assert f'{clip}: has 2 sound streams' in messages and '--keep-all-sound' in messages
    assert table.ms_start[0] == pytest.approx(0, abs=35)
    summary = pd.read_csv(tmp_path / 'clip_with_emotions_summary.csv')
    assert summary.seconds[summary.span == 'film'].tolist() == pytest.approx([1.0], abs=0.05)
    record = json.loads((tmp_path / 'clip_with_emotions_run.json').read_text())
    assert record['video']['clock_at_start'] == pytest.approx(clock_of(clip), abs=1e-4)
    assert [face['reference'] for face in record['references_at_rest']] == ['span']
    periods = Eaf(tmp_path / 'clip_with_emotions.eaf').get_annotation_data_for_tier('person 1')
    assert periods[0][0] == round(table.ms_start[0])
    assert (tmp_path / 'clip_with_emotions_periods.srt').read_text().startswith('1\n00:00:00,0')
    emotions_from_video.analyse_video(clip, classifier, keep_all_sound=True, **options)
    assert 'sound streams' not in capsys.readouterr().err
    with av.open(str(tmp_path / 'clip_with_emotions.mp4')) as container:
        assert [sound.codec_context.name for sound in container.streams.audio] == ['aac', 'aac']
