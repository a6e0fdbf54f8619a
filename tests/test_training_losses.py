"""What a training run must not lose or spoil: the work of earlier runs, requests to stop, what fits on no disk."""

import shutil
import signal
from contextlib import contextmanager

import keras
import numpy as np
import pandas as pd
import pytest

import model_training
from model_training import WATCH, EpochEnd, TrainingError
from tests.training_runs import arguments, failure, state_in, write_tables

pytestmark = pytest.mark.usefixtures('small_network_throughout')

INTERRUPTED = 'model_training.py: interrupted; the same command with --resume goes on after the last finished epoch'


class Tidied:
    """Sends a SIGTERM while Python tidies it up, where an exception is ignored."""

    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


@pytest.fixture(scope='module')
def interrupted(tmp_path_factory):
    """The data, a copy of the output of a run that was interrupted after one of two epochs, and how it ended."""
    data = write_tables(tmp_path_factory.mktemp('kaggle'))
    real_on_epoch_end = EpochEnd.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        real_on_epoch_end(self, epoch, logs)
        Tidied()

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(EpochEnd, 'on_epoch_end', on_epoch_end)
        ended = failure(data)
    return data, shutil.copytree(data / 'out', data / 'copy'), ended


@pytest.fixture
def data(interrupted):
    """The data of the interrupted run, with its output as it was."""
    data, copy, _ = interrupted
    shutil.rmtree(data / 'out', ignore_errors=True)
    shutil.copytree(copy, data / 'out')
    return data


def contents(folder):
    """The bytes of all files below a folder, by path; not those of the lock, which are none."""
    return {path: path.read_bytes() for path in folder.rglob('*') if path.is_file() and path.name != '.lock'}


def test_request_that_python_would_lose_ends_the_run_after_the_epoch(interrupted):
    _, out, ended = interrupted
    assert ended == INTERRUPTED
    assert pd.read_csv(out / 'history.csv').epoch.tolist() == [1]
    assert [row['epoch'] for row in state_in(out / model_training.CHECKPOINT)['history']] == [1]


def test_request_waits_for_the_batch_and_a_second_one_does_not():
    with WATCH, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)  # before training
    with WATCH:
        WATCH.on_train_begin()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            WATCH.on_test_batch_begin(0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with WATCH:
            signal.raise_signal(signal.SIGHUP)
            assert not WATCH.requested
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_second_run_in_a_folder_is_refused_and_changes_nothing(data):
    before = contents(data / 'out')
    with model_training.sole_run(model_training.parse_options(arguments(data))):
        for more in ((), ('--resume',), ('--output', data / 'out' / 'other.h5')):
            told = 'another run is writing there; wait until it has ended, or give another --output'
            assert failure(data, *more) == f'model_training.py: {data}/out: {told}'
    assert contents(data / 'out') == before


def test_forgotten_resume_loses_nothing(data):
    before = contents(data / 'out')
    assert failure(data) == (
        f'model_training.py: {data}/out/checkpoint: a run that was interrupted after epoch 1; go on with it by '
        '--resume, or give another --output for a new run, or delete this folder'
    )
    assert contents(data / 'out') == before


def test_finished_run_is_not_written_over(data):
    (data / 'out' / 'metrics.json').write_text('{}')
    before = contents(data / 'out')
    assert 'out/checkpoint: a run that has finished; go on with it by --resume, or give another --output' in failure(
        data
    )
    assert contents(data / 'out') == before


@pytest.mark.parametrize('more', [(), ('--resume',)])
@pytest.mark.parametrize('name', ['model.h5', 'other.h5'])
def test_model_that_no_run_made_is_not_written_over(data, name, more):
    """Such as the shipped one, and the files next to it."""
    shutil.rmtree(data / 'out' / 'checkpoint')
    (data / 'out' / 'metrics.json').write_text('{}')
    before = contents(data / 'out')
    told = failure(data, '--output', data / 'out' / name, *more)
    taken = 'model.h5, history.csv, metrics.json' if name == 'model.h5' else 'history.csv, metrics.json'
    assert told == f'model_training.py: {data}/out: has {taken} already, of no run to resume; give another --output'
    assert contents(data / 'out') == before


def test_a_run_has_a_folder_of_its_own_and_resume_finds_the_newest_unfinished_one(data, monkeypatch):
    monkeypatch.setattr(model_training, 'HERE', data)
    monkeypatch.setattr(model_training.time, 'strftime', lambda _: '2026-11-30_12-00-00')
    given = arguments(data)
    given = given[: given.index('--output')] + given[given.index('--output') + 2 :]
    new = data / 'runs' / '2026-11-30_12-00-00' / 'model.h5'
    assert model_training.parse_options(given).output == new
    for name, is_finished in (('2026-01-01_10-00-00', False), ('2026-02-01_10-00-00', False), ('2026-03-01', True)):
        shutil.copytree(data / 'out', data / 'runs' / name)
        if is_finished:
            (data / 'runs' / name / 'metrics.json').write_text('{}')
    assert model_training.parse_options(given).output == new
    options = model_training.parse_options([*given, '--resume'])
    assert options.output == data / 'runs' / '2026-02-01_10-00-00' / 'model.h5'
    options.emotions = model_training.EMOTIONS
    assert len(model_training.read_state(options)['history']) == 1  # although the folder has been moved
    shutil.rmtree(data / 'runs')
    assert model_training.parse_options([*given, '--resume']).output == new


BAD_FILES = {
    'empty': lambda content: b'',
    'cut': lambda content: content[: len(content) // 2],
    'text': lambda content: b'these are notes',
}


def refuses(data, path, damage):
    """Damage a file of the interrupted run. Its --resume must then name the file and change nothing."""
    content = damage(path.read_bytes())
    path.unlink() if content is None else path.write_bytes(content)
    before = contents(data / 'out')
    told = 'missing, damaged or unreadable; put back what the run wrote, or delete the folder checkpoint for a new run'
    assert failure(data, '--resume') == f'model_training.py: {path}: {told}'
    assert contents(data / 'out') == before


@pytest.mark.parametrize('name', ['checkpoint/last_epoch.keras', 'model.h5'])
@pytest.mark.parametrize('damage', BAD_FILES)
def test_model_that_cannot_be_resumed_is_named(data, name, damage):
    refuses(data, data / 'out' / name, BAD_FILES[damage])


def test_missing_model_is_named(data):
    refuses(data, data / 'out' / 'model.h5', lambda _: None)


def test_one_wrong_bit_of_the_weights_is_noticed(data):
    path = data / 'out' / 'checkpoint' / 'last_epoch.keras'
    kernel = keras.models.load_model(path).get_layer('emotion').get_weights()[0].tobytes()
    refuses(data, path, lambda content: content.replace(kernel, bytes([kernel[0] ^ 1]) + kernel[1:]))


def test_one_wrong_bit_of_the_state_is_noticed(data):
    path = data / 'out' / 'checkpoint' / 'last_epoch.keras'
    refuses(data, path, lambda content: content.replace(b'"val_loss"', b'"val_losr"'))


@pytest.mark.parametrize('name', ['checkpoint/last_epoch.keras', 'model.h5'])
def test_another_network_is_not_resumed(data, name, tmp_path):
    other = tmp_path / name.rpartition('/')[2]
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(other)
    refuses(data, data / 'out' / name, lambda _: other.read_bytes())


@pytest.mark.parametrize('noticed', ['after a batch', 'after the epoch'])
def test_a_loss_that_is_not_finite_ends_the_run_and_is_not_saved(data, noticed, monkeypatch):
    shutil.rmtree(data / 'out')
    if noticed == 'after the epoch':  # as if it came from the last batch, or from validation
        monkeypatch.setattr(model_training.Watch, 'on_train_batch_end', lambda self, batch, logs=None: None)
    before = contents(data / 'out')
    message = failure(data, '--learning-rate', 1e30, '--warmup-epochs', 0)
    assert message.startswith('model_training.py: the loss is ')
    assert message.endswith('; start again with a lower --learning-rate or more --warmup-epochs')
    assert contents(data / 'out') == before


def test_model_whose_answers_are_not_finite_is_not_evaluated(data):
    options = model_training.parse_options(arguments(data))
    options.emotions = model_training.EMOTIONS
    model = model_training.load_best(options)
    kernel, bias = model.get_layer('emotion').get_weights()
    model.get_layer('emotion').set_weights([kernel * np.nan, bias])
    with pytest.raises(TrainingError, match=r'out/model\.h5: the answers of this model are not finite numbers'):
        model_training.predict(model, [data / 'train' / 'anger' / '0.jpg'], options)


@contextmanager
def disk_for_files_of(size):
    """Let each write fail that would make a file larger than so many bytes."""
    resource = pytest.importorskip('resource')
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(('size', 'named'), [(30_000, r'checkpoint/last_epoch\.keras'), (500_000, r'model\.h5')])
def test_full_disk_is_named_and_leaves_the_epoch_before(tmp_path, size, named, monkeypatch):
    model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(256), keras.layers.Dense(9)])
    model.compile('adam', 'mse')
    state = {'options': {'monitor': 'val_loss', 'face_share': '1'}, 'history': [], 'seconds': 0.0}
    epoch_end = EpochEnd(tmp_path / 'model.h5', dict.fromkeys(model_training.EMOTIONS, 1 / 9), state)
    epoch_end.set_model(model)
    epoch_end.on_train_begin()
    epoch_end.on_epoch_begin(0)
    epoch_end.on_epoch_end(0, {'val_loss': 2.0})
    before = contents(tmp_path)
    if 'model' in named:  # which is smaller than the checkpoint
        monkeypatch.setattr(
            model_training, 'copy_rounded', lambda file, name, _: file.create_dataset(name, data=[0.0] * 99_999)
        )
    told = f'{named}: cannot be written: File too large$'
    with pytest.raises(TrainingError, match=told), disk_for_files_of(size):
        epoch_end.on_epoch_end(1, {'val_loss': 1.0})
    assert contents(tmp_path) == before
    names = sorted(str(path.relative_to(tmp_path)) for path in before)
    assert names == ['checkpoint/last_epoch.keras', 'history.csv', 'model.h5']
