"""Runs with other classes than the usual nine, and a first run on drawn faces, through every output."""

import contextlib
import io
import json
import runpy
import time

import h5py
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

import model_training
from emotion_recognition.emotions import model_file
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.emotions.model_file import read_model_file
from tests.paths import ROOT
from tests.training_runs import arguments, draw_plot, failure, write_tables

pytestmark = pytest.mark.usefixtures('small_network_throughout')

FER2013 = {'anger': 'Angry', 'disgust': 'Disgust', 'fear': 'Fear', 'happy': ' Happiness', 'neutral': 'Neutral'}
FER2013 |= {'sad': 'sadness', 'surprise': 'Surprised'}
SEVEN = ('anger', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Tables in which seven emotions have other usual names."""
    folder = write_tables(tmp_path_factory.mktemp('seven'))
    table = pd.read_csv(folder / 'train.csv', index_col=0)
    table.assign(emotion=table.emotion.map(FER2013)).dropna().to_csv(folder / 'train.csv', index=False)
    return folder


def run(*given):
    """What a run prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        model_training.main([*map(str, given)])
    return printed.getvalue()


def test_seven_classes_with_other_names(data):
    printed = run(*arguments(data, '--epochs', 1))
    changed = (
        'Angry as anger, Disgust as disgust, Fear as fear,  Happiness as happy, Neutral as neutral, sadness as sad'
    )
    assert f'train.csv: takes {changed}, Surprised as surprise\n' in printed
    assert f'Images: {", ".join(f"{name} 12" for name in SEVEN)}\n' in printed
    metrics = json.loads((data / 'out' / 'metrics.json').read_text())
    assert tuple(metrics['per_class_tta']) == tuple(metrics['from_rest']['per_class_tta']) == SEVEN
    assert metrics['log_odds_at_rest']['median'][SEVEN.index('neutral')] == 0
    assert 'accuracy_without_uncertain' not in metrics
    assert set(pd.read_csv(data / 'out' / 'submission.csv').emotion) <= {*SEVEN}
    classifier = EmotionClassifier(data / 'out' / 'model.h5', 'keras')
    assert classifier.class_names == SEVEN
    assert classifier.predict([np.zeros((16, 16, 3), np.uint8)]).shape == (1, 7)


def test_three_classes_in_a_chosen_order_begin_from_the_seven(data, tmp_path):
    given = ['--emotions', 'Sadness', 'happy', 'fear', '--weights', data / 'seven.h5', '--epochs', 1]
    model = model_training.build_model(0, 'none', 32, 16, classes=7)
    model.save(data / 'seven.h5', include_optimizer=False)
    printed = run(*arguments(data, *given, '--output', tmp_path / 'model.h5'))
    assert 'Images: sad 12, happy 12, fear 12; left out: anger, disgust, neutral, surprise\n' in printed
    assert f'Use it: python emotions_from_video.py --model-weights-path {tmp_path}/model.h5 my_video.mp4' in printed
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    assert (metrics['log_odds_at_rest'], [*metrics['per_class_tta']]) == (None, ['sad', 'happy', 'fear'])
    assert read_model_file(tmp_path / 'model.h5').class_names == ('sad', 'happy', 'fear')
    with h5py.File(tmp_path / 'model.h5') as file:
        assert len(json.loads(file.attrs['class_priors'])) == 3
    assert len(pd.read_csv(tmp_path / 'submission_from_rest.csv')) == 3


@pytest.mark.parametrize(
    ('label', 'given', 'expected'),
    [
        ('', (), 'train.csv, row 4: no emotion; expected anger, contempt, '),
        ('bored', (), 'train.csv: too few images of bored, 1 (row 4); 10 are needed; correct the name, or choose'),
        ('Angry', ('--emotions', 'Face', 'happy'), 'train.csv: a class cannot be called face, as'),
        ('Angry', ('--emotions', 'a_from_rest', 'happy'), 'a class cannot be called a_from_rest, as'),
        ('Angry', ('--emotions', 'happy', 'bored'), 'train.csv: too few images of bored, 0; 10 are needed'),
        ('Angry', ('--emotions', 'happy', 'Happiness'), 'train.csv: expected two emotions or more, not happy, happy'),
    ],
)
def test_classes_that_cannot_be_trained_are_told_before_any_image_is_read(tmp_path, label, given, expected):
    names = ['Angry', 'Angry', label, *['Angry', 'Happiness'] * 10]
    table = pd.DataFrame({'image_path': 'missing.png', 'emotion': names})
    table.to_csv(tmp_path / 'train.csv', index=False)
    (tmp_path / 'sample_submission.csv').write_text('image_path,emotion\nmissing.png,happy\n')
    assert expected in failure(tmp_path, *given)


def test_inference_refuses_the_same_names_of_classes():
    assert model_training.COLUMN_NAMES == model_file.COLUMN_NAMES


def test_first_run_on_drawn_faces(tmp_path):
    draw_tables = runpy.run_path(str(ROOT / 'examples' / 'draw_faces.py'))['draw_tables']
    draw_tables(tmp_path / 'faces', images=11)
    table = pd.read_csv(tmp_path / 'faces' / 'train.csv')
    assert table.emotion.value_counts().to_dict() == dict.fromkeys(model_training.EMOTIONS, 11)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(model_training, 'HERE', tmp_path)
        monkeypatch.setattr(Figure, 'savefig', draw_plot)
        monkeypatch.setattr(model_training, 'QUICK_IMAGES', 10)
        printed = run('--quick', '--train-csv', tmp_path / 'faces' / 'train.csv', '--epochs', 2)
    (out,) = (tmp_path / 'runs').iterdir()
    assert 'Images: anger 11, contempt 11, ' in printed and 'Epoch 2: accuracy ' in printed
    assert printed.endswith(f'Use it: python emotions_from_video.py --model-weights-path {out}/model.h5 my_video.mp4\n')
    metrics = json.loads((out / 'metrics.json').read_text())
    assert metrics['split_sizes'] == {'training': 81, 'validation': 9, 'test': 9}
    for name in ('confusion_matrix.png', 'learning_curves.png'):
        with Image.open(out / name) as plot:
            assert min(plot.size) > 400
    names = {'classification_report.txt', 'confusion_matrix.png', 'history.csv', 'learning_curves.png', 'checkpoint'}
    names |= {'metrics.json', 'model.h5', 'submission.csv', 'submission_from_rest.csv'}
    assert {path.name for path in out.iterdir()} == names


def test_without_a_sample_submission_there_are_no_answers_to_test_images(data, tmp_path):
    options = model_training.parse_options(['--train-csv', str(data / 'train.csv')])
    assert (options.images, options.test_images) == (data, data / 'test_kaggle')
    assert options.sample_submission == data / 'sample_submission.csv'
    options.sample_submission = model_training.parse_options(['--train-csv', str(tmp_path / 'a.csv')]).sample_submission
    assert [*model_training.load_tables(options)] == ['training', 'validation']


def test_progress_is_a_line_now_and_then_in_logs(monkeypatch):
    monkeypatch.setattr(model_training, 'LOG_SECONDS', 0.3)
    with contextlib.redirect_stdout(io.StringIO()) as log, model_training.show_progress('Epoch 1', 800) as bar:
        for _ in range(80):
            time.sleep(0.01)
            bar.update(10)
    lines = log.getvalue().splitlines()
    assert 1 <= len(lines) <= 4 and '\r' not in log.getvalue()
    assert all('image/s]' in line and '/800 [' in line for line in lines)
