"""Whole runs with priors and baselines."""

import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.media.photographs import write_photograph
from emotion_recognition.pipeline import Models
from emotion_recognition.runs.baseline_pass import measure_baselines
from emotions_from_video import VideoSettings
from tests.conftest import CLASS_NAMES, DEMO_PATH, save_classifier, write_clip

PRIORS = [0.08, 0.01, 0.01, 0.02, 0.26, 0.31, 0.1, 0.11, 0.1]
CHANGES = [f'{name}_from_baseline' for name in CLASS_NAMES]


@pytest.fixture(scope='module')
def model_path(tmp_path_factory):
    """A model that calls every face sad, the brighter the surer."""
    kernel = np.zeros((3, 9))
    kernel[:, 6] = 4
    return save_classifier(tmp_path_factory.mktemp('model') / 'model.h5', kernel, class_priors=PRIORS)


def run(model_path, video_path, *options):
    emotions_from_video.main([str(video_path), '--model-weights-path', str(model_path), *map(str, options)])


def run_demo(model_path, folder, name, *options):
    """Run on the demo clip without smoothing. Returns the table of faces, and that of emotions by frames."""
    common = ['--no-write-video', '--no-compact', '--smoothing-seconds', 0]
    run(model_path, DEMO_PATH, *common, '--output-filename', folder / f'{name}.mp4', *options)
    return [pd.read_csv(folder / f'{name}_{kind}_data.csv') for kind in ('faces', 'emotions')]


def test_balance_and_baseline_of_a_whole_run(tmp_path, model_path, capsys):
    plain, _ = run_demo(model_path, tmp_path, 'plain', '--balance', 0)
    faces, emotions = run_demo(model_path, tmp_path, 'rest', '--balance', 1, '--baseline', 0, 1)
    assert 'no class priors' not in capsys.readouterr().err
    assert list(plain.columns[9:]) == [*CLASS_NAMES, 'valence']
    assert list(faces.columns[9:]) == [*CLASS_NAMES, 'valence', 'emotion_from_baseline', *CHANGES]
    assert faces[['frame', 'face', 'x']].equals(plain[['frame', 'face', 'x']])

    balanced = plain[list(CLASS_NAMES)] / PRIORS
    balanced = balanced.div(balanced.sum(axis=1), axis=0)
    np.testing.assert_allclose(faces[list(CLASS_NAMES)], balanced, atol=0.002)  # of four digits
    valence = faces.happy - faces[['anger', 'contempt', 'disgust', 'fear', 'sad']].max(axis=1)
    np.testing.assert_allclose(faces.valence, valence, atol=2e-4)
    assert set(plain.emotion) == {'sad'}

    at_rest = faces.face.isin(faces.face[faces.ms <= 1000])
    assert 0 < at_rest.sum() < len(faces)  # the demo's last faces are not there at its start
    assert faces.emotion_from_baseline.notna().equals(at_rest)
    assert faces[CHANGES].notna().all(axis=1).equals(at_rest)
    assert (faces.emotion_from_baseline[faces.ms <= 1000] == 'neutral').all()
    np.testing.assert_allclose(faces[CHANGES][at_rest].sum(axis=1), 1, atol=1e-3)

    shown = faces.emotion_from_baseline.fillna(faces.emotion).groupby(faces.frame).agg(list)
    for frame, cell in emotions[['frame', 'emotions']].itertuples(index=False):
        expected = shown.get(frame, [])
        assert cell == (expected[0] if len(expected) == 1 else str(expected))


@pytest.mark.parametrize(
    ('span', 'message'),
    [
        ((3, 1), '--baseline is 3.0 1.0; expected two times in seconds, START before END'),
        ((1, 1), '--baseline is 1.0 1.0; expected two times in seconds, START before END'),
        ((0, 'nan'), '--baseline is 0.0 nan; expected two times in seconds, START before END'),
        ((0, 0.21), r'clip.mp4: --baseline is 0.0 0.21, but it ends at 0.20 s; expected a span of it'),
    ],
)
def test_wrong_spans(tmp_path, model_path, span, message):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 200, 40))
    with pytest.raises(SystemExit) as caught:
        run(model_path, clip, '--baseline', *span)
    assert caught.value.code.startswith('emotions_from_video.py: ') and caught.value.code.endswith(message)
    assert [path.name for path in tmp_path.iterdir()] == ['clip.mp4']


def test_span_without_faces_is_told_and_nothing_more(tmp_path, model_path, capsys):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 200, 40))
    run(model_path, clip, '--baseline', 0, 0.2)  # the video's end
    assert f'{clip}: no face from 0.0 to 0.2 s, so there is no baseline\n' in capsys.readouterr().err
    assert 'emotion_from_baseline' in pd.read_csv(tmp_path / 'clip_with_emotions_faces_data.csv').columns


def test_photographs_have_no_baseline(tmp_path, model_path):
    write_photograph(tmp_path / 'a.jpg', np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(SystemExit, match=r'--baseline is a span of a video; expected one among the inputs'):
        run(model_path, tmp_path / 'a.jpg', '--baseline', 0, 1)


class NoFaces:
    def prepare(self, frame_bgr):
        return frame_bgr

    def search(self, picture):
        return []


class NoModel:
    class_names = ('neutral', 'sad')

    def predict(self, faces_bgr, test_time_augmentation):
        return np.empty((0, 2), np.float32)


def test_first_pass_can_be_interrupted(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 2000, 40))
    interruption = Interruption()
    interruption.request('Ctrl-C was pressed')
    settings = VideoSettings(baseline=(0, 1))
    with pytest.raises(InputError, match='nothing was written, Ctrl-C was pressed before the first frame'):
        measure_baselines(clip, Models(NoFaces(), NoModel()), settings, interruption)
