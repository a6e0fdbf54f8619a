"""Whole runs; what they read, build and answer has modules of its own, test_training_*.py."""

import json
import signal
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import model_training
from emotion_recognition.emotions.classifier import EmotionClassifier
from model_training import EMOTIONS
from tests.training_runs import arguments, failure


def test_run_from_tables_to_submission(kaggle, small_network, capsys):
    model_training.main(arguments(kaggle))
    out = kaggle / 'out'
    for name in ('confusion_matrix.png', 'learning_curves.png', 'classification_report.txt'):
        assert (out / name).stat().st_size > 300
    history = pd.read_csv(out / 'history.csv')
    assert history.epoch.tolist() == [1, 2]
    metrics = json.loads((out / 'metrics.json').read_text())
    assert metrics['split_sizes'] == {'training': 97, 'validation': 11, 'test': 3}
    assert metrics['seed'] == 17
    assert metrics['accuracy'] == pytest.approx(history.val_accuracy.max(), abs=1e-6)
    assert set(metrics['per_class_tta']) == set(EMOTIONS)
    submission = pd.read_csv(out / 'submission.csv')
    assert submission.columns.tolist() == ['image_path', 'emotion']
    assert submission.image_path.tolist() == ['7.jpg', '3.jpg', '5.jpg']
    assert set(submission.emotion) <= set(EMOTIONS)
    classifier = EmotionClassifier(out / 'model.h5')
    assert (classifier.image_size, classifier.class_names) == (16, EMOTIONS)
    assert f'test-time augmented {metrics["accuracy_tta"]:.4f}' in capsys.readouterr().out


def test_copies_are_counted_in_metrics_and_told(kaggle, small_network, capsys):
    train = kaggle / 'train'
    (train / 'anger' / '9.jpg').write_bytes((train / 'anger' / '0.jpg').read_bytes())  # same label
    (train / 'fear' / '12.jpg').write_bytes((train / 'anger' / '0.jpg').read_bytes())  # another one
    (kaggle / 'test_kaggle' / '5.jpg').write_bytes((train / 'sad' / '6.jpg').read_bytes())
    model_training.main(arguments(kaggle, '--epochs', 1))
    metrics = json.loads((kaggle / 'out' / 'metrics.json').read_text())
    assert metrics['copies'] == {
        'training_table': 108,
        'pictures_in_it': 106,
        'copies_in_it': 2,
        'pictures_with_contradicting_labels': 1,
        'test_images_in_it': 1,
    }
    printed = capsys.readouterr().out
    assert '2 of 108 images are copies' in printed
    assert metrics['unique_pictures']['images'] <= metrics['images'] == metrics['split_sizes']['validation']


def test_each_picture_counts_once_among_the_unique_ones(kaggle, small_network):
    options = arguments(kaggle, '--epochs', 1)
    tables = model_training.load_tables(model_training.parse_options(options))
    first = tables['validation'].index[0]
    for path in tables['training'].path.loc[first:][:2]:  # rows behind it: they follow it to its side
        Path(path).write_bytes(Path(tables['validation'].path[first]).read_bytes())
    model_training.main(options)
    metrics = json.loads((kaggle / 'out' / 'metrics.json').read_text())
    assert (metrics['images'], metrics['unique_pictures']['images']) == (13, 11)


def test_killed_and_resumed_run_equals_an_uninterrupted_one(kaggle, small_network, monkeypatch):
    options = ('--epochs', 5, '--votes', 0.5)
    model_training.main(arguments(kaggle, *options, '--output', kaggle / 'whole' / 'model.h5'))

    real_on_epoch_begin = model_training.EpochEnd.on_epoch_begin

    def die_in_epoch_three(self, epoch, logs=None):
        real_on_epoch_begin(self, epoch, logs)
        if epoch == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(model_training.EpochEnd, 'on_epoch_begin', die_in_epoch_three)
    with pytest.raises(SystemExit, match='with --resume goes on'):
        model_training.main(arguments(kaggle, *options))
    assert len(pd.read_csv(kaggle / 'out' / 'history.csv')) == 2
    monkeypatch.setattr(model_training.EpochEnd, 'on_epoch_begin', real_on_epoch_begin)
    model_training.main(arguments(kaggle, *options, '--resume'))

    histories = [pd.read_csv(kaggle / name / 'history.csv') for name in ('whole', 'out')]
    assert histories[1].epoch.tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(histories[1], histories[0], rtol=1e-5)


def test_calibrated_run_that_is_resumed_after_its_end_stays_as_it_is(kaggle, small_network):
    options = ('--epochs', 1, '--calibrate', '--face-share', 0.7)
    model_training.main(arguments(kaggle, *options))
    metrics = json.loads((kaggle / 'out' / 'metrics.json').read_text())
    assert metrics['temperature'] != pytest.approx(1, abs=0.01)
    face = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    classifier = EmotionClassifier(kaggle / 'out' / 'model.h5', balance=0)
    assert classifier.face_share == 0.7
    answer = classifier.predict([face])
    model_training.main(arguments(kaggle, *options, '--resume'))
    again = json.loads((kaggle / 'out' / 'metrics.json').read_text())
    assert again['temperature'] == pytest.approx(metrics['temperature'], rel=1e-3)
    np.testing.assert_allclose(
        EmotionClassifier(kaggle / 'out' / 'model.h5', balance=0).predict([face]), answer, atol=1e-4
    )


def test_new_run_removes_its_own_checkpoint_and_nothing_else(kaggle, small_network):
    folder = kaggle / 'out' / 'checkpoint'
    folder.mkdir(parents=True)
    (folder / 'notes.txt').write_text('mine')
    (folder / 'epoch_7.keras').touch()
    model_training.main(arguments(kaggle, '--epochs', 1))
    assert sorted(path.name for path in folder.iterdir()) == ['epoch_1.keras', 'notes.txt', 'state.json']


def test_sigterm_ends_training_as_ctrl_c_does(kaggle, small_network, monkeypatch):
    real_on_epoch_begin = model_training.EpochEnd.on_epoch_begin

    def terminate_in_epoch_two(self, epoch, logs=None):
        real_on_epoch_begin(self, epoch, logs)
        if epoch == 1:
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(model_training.EpochEnd, 'on_epoch_begin', terminate_in_epoch_two)
    assert 'with --resume goes on' in failure(kaggle)
    assert signal.getsignal(signal.SIGTERM) == before
    monkeypatch.setattr(model_training.EpochEnd, 'on_epoch_begin', real_on_epoch_begin)
    model_training.main(arguments(kaggle, '--resume'))
    assert pd.read_csv(kaggle / 'out' / 'history.csv').epoch.tolist() == [1, 2]


def test_a_resumed_run_decays_the_weights_that_a_new_one_does(kaggle, small_network, monkeypatch):
    decayed = []

    class Watching(model_training.EpochEnd):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            uses = self.model.optimizer._use_weight_decay
            decayed.append({variable.path for variable in self.model.trainable_variables if uses(variable)})
            if epoch == 1 and len(decayed) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(model_training, 'EpochEnd', Watching)
    assert 'with --resume goes on' in failure(kaggle)
    model_training.main(arguments(kaggle, '--resume'))
    assert decayed[0] == decayed[2] and 'emotion/kernel' in decayed[0]
    assert not any('bias' in path or 'gamma' in path for path in decayed[0])


def test_resume_keeps_to_the_options_of_the_run(kaggle, small_network):
    model_training.main(arguments(kaggle, '--epochs', 1))
    assert 'batch_size 16 (now 8)' in failure(kaggle, '--epochs', 1, '--resume', '--batch-size', 8)


@pytest.mark.parametrize(('monitor', 'kept'), [('val_accuracy', 2), ('val_loss', 3)])
def test_keeps_the_best_epoch(tmp_path, monitor, kept):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    (tmp_path / 'checkpoint').mkdir()
    state = {'options': {'monitor': monitor, 'face_share': '0.9'}, 'history': [], 'seconds': 0.0}
    epoch_end = model_training.EpochEnd(tmp_path / 'model.h5', np.full(9, 1 / 9), state)
    epoch_end.set_model(model)
    for epoch, (accuracy, loss) in enumerate([(0.1, 3.0), (0.5, 2.0), (0.4, 1.0), (0.5, float('nan'))]):
        model.set_weights([np.array([[epoch + 1.0]])])
        epoch_end.on_epoch_begin(epoch)
        epoch_end.on_epoch_end(epoch, {'val_accuracy': accuracy, 'val_loss': loss})
    assert keras.models.load_model(tmp_path / 'model.h5', compile=False).get_weights()[0].item() == kept
    assert pd.read_csv(tmp_path / 'history.csv').epoch.tolist() == [1, 2, 3, 4]
