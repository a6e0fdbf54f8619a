"""`--encoder`: where runs take it and refuse it. x264 with other options takes the place of an encoder in hardware."""

import json
from dataclasses import replace

import av
import pytest

import emotions_from_video
from emotion_recognition.labels import InputError
from emotion_recognition.media.encoders import ENCODERS, OF_HARDWARE, Encoder
from emotion_recognition.pipeline import EmotionPipeline
from emotion_recognition.results.corrections import name_run
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs import batch, ray_worker
from emotion_recognition.runs.video_settings import VideoSettings
from emotion_recognition.settings import ROOT
from tests.clips import copy_packets, write_clip
from tests.paths import DEMO_PATH

IN_HARDWARE = Encoder('libx264', 'nv12', {'preset': 'veryfast', **OF_HARDWARE})
NOWHERE = Encoder('h264_unheard_of')
REFUSAL = (
    '--encoder nvenc cannot encode pictures of 640 x 360 pixels on this machine (FFmpeg was built without '
    'h264_unheard_of); use --encoder x264'
)


@pytest.fixture
def nowhere(monkeypatch):
    """Let no machine have NVENC."""
    monkeypatch.setitem(ENCODERS, 'nvenc', NOWHERE)


def fails(*arguments):
    with pytest.raises(SystemExit) as caught:
        emotions_from_video.main([*map(str, arguments)])
    return caught.value.code


def reorders(path):
    """Whether frames wait for later ones, as x264 by itself lets them."""
    with av.open(str(path)) as container:
        times = [packet.pts for packet in container.demux(video=0) if packet.size]
    return times != sorted(times)


def test_an_encoder_that_does_not_open_is_refused_once_before_any_work(tmp_path, monkeypatch, nowhere):
    for name in ('a.mp4', 'b.mp4'):
        write_clip(tmp_path / name, [0, 40])
    monkeypatch.setattr(batch, 'open_models', None)
    assert fails(tmp_path, '--encoder', 'nvenc') == f'emotions_from_video.py: {REFUSAL}'
    table = tmp_path / 'a_with_emotions_corrected.csv'
    assert fails('--apply', table, '--encoder', 'nvenc') == f'emotions_from_video.py: {REFUSAL}'
    assert 'invalid choice' in fails(tmp_path, '--encoder', 'h264_nvenc')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.mp4', 'b.mp4']


def test_an_encoder_counts_only_where_this_machine_writes_videos(tmp_path, nowhere):
    settings, clip = VideoSettings(encoder='nvenc'), tmp_path / 'clip.mp4'
    batch.check_combinations(replace(settings, write_video=False), [clip], 1, [])
    batch.check_combinations(replace(settings, ray='auto'), [clip], 1, [])  # those of the workers count
    batch.check_combinations(settings, [], 1, [])  # photographs
    for here in (settings, replace(settings, ray='local')):
        with pytest.raises(InputError):
            batch.check_combinations(here, [clip], 1, [])


def test_a_worker_refuses_an_encoder_for_all_videos(tmp_path, monkeypatch, nowhere, colour_model_path):
    monkeypatch.setattr(ray_worker, '_name_node', lambda: 'a (10.0.0.1)')
    clip, outputs = write_clip(tmp_path / 'clip.mp4', [0]), Outputs(tmp_path / 'clip_with_emotions.mp4')
    settings = VideoSettings(colour_model_path, encoder='nvenc')
    result = ray_worker.process_on_worker(clip, outputs, None, settings, ROOT)
    assert result.affects_all and result.problem == f'node a (10.0.0.1): {REFUSAL}'


def test_pictures_of_a_wrong_size_are_refused_before_faces_are_sought(tmp_path, monkeypatch, colour_model_path):
    monkeypatch.setitem(ENCODERS, 'amf', Encoder('mpeg1video'))  # which takes sizes up to 4095
    monkeypatch.setattr(EmotionPipeline, 'run', None)
    clip = write_clip(tmp_path / 'clip.mp4', [0, 40], size=(4098, 16))
    said = fails(clip, '--encoder', 'amf', '--model-weights-path', colour_model_path)
    assert said.startswith(f'emotions_from_video.py: {clip}: --encoder amf cannot encode pictures of 4098 x 16 pixels')
    assert list(tmp_path.iterdir()) == [clip]


def test_corrected_videos_are_encoded_as_those_of_the_run_unless_it_is_said(tmp_path, monkeypatch, colour_model_path):
    monkeypatch.setitem(ENCODERS, 'nvenc', IN_HARDWARE)
    clip = copy_packets(DEMO_PATH, tmp_path / 'clip.mp4', 0.39)
    emotions_from_video.main([str(clip), '--encoder', 'nvenc', '--model-weights-path', str(colour_model_path)])
    outputs = Outputs(tmp_path / 'clip_with_emotions.mp4')
    assert json.loads(outputs.record.read_text())['made_with']['settings']['encoder'] == 'nvenc'
    table = tmp_path / 'clip_with_emotions_corrected.csv'
    rows = f'frame_start,frame_end,emotions,person,found_as,by,run\n1,5,fear,1,1,person,{name_run(outputs.faces)}\n'
    table.write_text(rows)

    emotions_from_video.main(['--apply', str(table)])
    assert not reorders(outputs.annotated) and not reorders(outputs.corrected().annotated)
    assert json.loads(outputs.corrected().record.read_text())['made_with']['settings']['encoder'] == 'nvenc'

    monkeypatch.setitem(ENCODERS, 'nvenc', NOWHERE)  # on another machine
    assert fails('--apply', table).endswith(f'{clip}: {REFUSAL}')
    emotions_from_video.main(['--apply', str(table), '--encoder', 'x264'])
    assert reorders(outputs.corrected().annotated)
    assert json.loads(outputs.corrected().record.read_text())['made_with']['settings']['encoder'] == 'x264'
