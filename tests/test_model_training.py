"""Complete runs; what they read, build and answer has its own modules, test_training_*.py."""

import contextlib
import io
import json
import shutil
import signal

import h5py
import keras
import numpy as np
import pandas as pd
import pytest

import model_training
from emotion_recognition.emotions.classifier import EmotionClassifier
from model_training import EMOTIONS
from tests.conftest import default_handlers
from tests.training_runs import arguments, failure, state_in, write_tables

pytestmark = pytest.mark.usefixtures('small_network_throughout')

OPTIONS = ('--epochs', 4, '--face-share', 0.7)
OPTIONS += ('--batch-size', 4, '--learning-rate', 0.1)  # so that it learns something


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Tables in which some pictures are copies: of a validation and of a training image, and one of the test images."""
    folder = write_tables(tmp_path_factory.mktemp('kaggle'))
    copies = {
        'train/contempt/10.jpg': 'train/uncertain/8.jpg',  # row 8 is the first for validation: they follow it
        'train/disgust/11.jpg': 'train/uncertain/8.jpg',
        'train/anger/9.jpg': 'train/anger/0.jpg',  # the same label
        'test_kaggle/5.jpg': 'train/sad/6.jpg',
    }
    for copy, original in copies.items():
        shutil.copy(folder / original, folder / copy)
    return folder


@pytest.fixture(scope='module')
def run(data):
    """The folder of a run that nothing interrupted, in which files were before, and what the run printed."""
    checkpoint = data / 'out' / 'checkpoint'
    checkpoint.mkdir(parents=True)
    (checkpoint / 'notes.txt').write_text('mine')
    (checkpoint / '.last_epoch.tmp.keras').touch()  # of a run that was killed
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        model_training.main(arguments(data, *OPTIONS))
    return data / 'out', printed.getvalue()


@pytest.fixture(scope='module')
def metrics(run):
    return json.loads((run[0] / 'metrics.json').read_text())


def test_run_from_tables_to_submission(run, metrics):
    out, printed = run
    assert (out / 'classification_report.txt').stat().st_size > 300
    history = pd.read_csv(out / 'history.csv')
    assert history.epoch.tolist() == [1, 2, 3, 4]
    assert metrics['split_sizes'] == {'training': 95, 'validation': 13, 'test': 3}
    assert metrics['seed'] == 17
    assert metrics['accuracy'] == pytest.approx(history.val_accuracy.max(), abs=1e-6)
    assert set(metrics['per_class_tta']) == set(EMOTIONS)
    assert f'test-time augmented {metrics["accuracy_tta"]:.4f}' in printed
    for name in ('submission.csv', 'submission_from_rest.csv'):
        submission = pd.read_csv(out / name)
        assert submission.columns.tolist() == ['image_path', 'emotion']
        assert submission.image_path.tolist() == ['7.jpg', '3.jpg', '5.jpg']
        assert set(submission.emotion) <= set(EMOTIONS)


def test_finished_model_says_what_faces_at_rest_look_like_to_it(run, metrics):
    with h5py.File(run[0] / 'model.h5') as file:
        rest = json.loads(file.attrs['log_odds_at_rest'])
        assert len(json.loads(file.attrs['class_priors'])) == 9
    assert rest == metrics['log_odds_at_rest']
    assert {name: len(values) for name, values in rest.items()} == {'median': 9, 'low': 9, 'high': 9}
    assert rest['median'][5] == rest['low'][5] == rest['high'][5] == 0  # neutral's own
    assert sorted(path.name for path in run[0].glob('.*')) == []


def test_copies_are_counted_in_metrics_and_reported(run, metrics):
    assert metrics['copies'] == {
        'training_table': 108,
        'pictures_in_it': 105,
        'copies_in_it': 3,
        'pictures_with_contradicting_labels': 1,
        'test_images_in_it': 1,
    }
    assert '3 of 108 images are copies' in run[1]


def test_each_picture_counts_once_among_the_unique_ones(metrics):
    assert (metrics['images'], metrics['unique_pictures']['images']) == (13, 11)


def test_new_run_leaves_other_files_alone(run):
    names = sorted(path.name for path in (run[0] / 'checkpoint').iterdir())
    assert names == ['.lock', 'last_epoch.keras', 'notes.txt']
    assert len(state_in(run[0] / 'checkpoint' / 'last_epoch.keras')['history']) == 4


def test_run_that_is_resumed_after_its_end_does_not_change(data, run, metrics):
    face = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)

    def answer():
        classifier = EmotionClassifier(run[0] / 'model.h5', 'keras')
        assert (classifier.image_size, classifier.class_names) == (16, EMOTIONS)
        assert classifier.model_file.face_share == 0.7
        return classifier.predict([face])

    before = answer()
    model_training.main(arguments(data, *OPTIONS, '--resume'))
    again = json.loads((run[0] / 'metrics.json').read_text())
    assert again['accuracy_tta'] == metrics['accuracy_tta']
    np.testing.assert_allclose(answer(), before, atol=1e-4)


@pytest.fixture(scope='module')
def resumed(data):
    """The folder of a run that was interrupted twice, the options' mistake between, and the decayed weights' paths."""
    folder, interruptions, decayed = data / 'resumed', {1: signal.SIGTERM, 2: signal.SIGINT}, []
    real_on_epoch_begin = model_training.EpochEnd.on_epoch_begin

    def on_epoch_begin(self, epoch, logs=None):
        real_on_epoch_begin(self, epoch, logs)
        uses = self.model.optimizer._use_weight_decay
        decayed.append({variable.path for variable in self.model.trainable_variables if uses(variable)})
        if epoch in interruptions:
            signal.raise_signal(interruptions.pop(epoch))

    options = (*OPTIONS, '--output', folder / 'model.h5')
    with pytest.MonkeyPatch.context() as monkeypatch, default_handlers():
        before = signal.getsignal(signal.SIGTERM)
        monkeypatch.setattr(model_training.EpochEnd, 'on_epoch_begin', on_epoch_begin)
        for finished, more in ((1, ()), (2, ('--resume',))):
            assert 'the same command with --resume goes on after the last finished' in failure(data, *options, *more)
            assert signal.getsignal(signal.SIGTERM) == before
            assert len(pd.read_csv(folder / 'history.csv')) == finished
        assert 'batch_size 4 (now 8)' in failure(data, *options, '--resume', '--batch-size', 8)
        model_training.main(arguments(data, *options, '--resume'))
    return folder, decayed


def test_run_that_was_interrupted_twice_equals_an_uninterrupted_one(run, resumed):
    histories = [pd.read_csv(folder / 'history.csv') for folder in (run[0], resumed[0])]
    assert histories[1].epoch.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(histories[1], histories[0], rtol=1e-5)


def test_a_resumed_run_decays_the_weights_that_a_new_one_does(resumed):
    decayed = resumed[1]
    assert len(decayed) == 6 and 'emotion/kernel' in decayed[0]  # epochs 1, 2; 2, 3; 3, 4
    assert all(paths == decayed[0] for paths in decayed)
    assert not any('bias' in path or 'gamma' in path for path in decayed[0])


@pytest.mark.parametrize(('monitor', 'kept'), [('val_accuracy', 2), ('val_loss', 3)])
def test_keeps_the_best_epoch(tmp_path, monitor, kept):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    state = {'options': {'monitor': monitor, 'face_share': '0.9'}, 'history': [], 'seconds': 0.0}
    epoch_end = model_training.EpochEnd(tmp_path / 'model.h5', dict.fromkeys(EMOTIONS, 1 / 9), state)
    epoch_end.set_model(model)
    epoch_end.on_train_begin()
    for epoch, (accuracy, loss) in enumerate([(0.1, 3.0), (0.5, 2.0), (0.4, 1.0), (0.5, 2.0)]):
        model.set_weights([np.array([[epoch + 1.0]])])
        epoch_end.on_epoch_begin(epoch)
        epoch_end.on_epoch_end(epoch, {'val_accuracy': accuracy, 'val_loss': loss})
    assert keras.models.load_model(tmp_path / 'model.h5', compile=False).get_weights()[0].item() == kept
    assert pd.read_csv(tmp_path / 'history.csv').epoch.tolist() == [1, 2, 3, 4]
