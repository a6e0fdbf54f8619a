import os
import subprocess
import sys

import numpy as np
import pytest

from emotion_recognition.emotions import conversion, runtimes
from emotion_recognition.emotions.runtimes import KerasNetwork, OpenVinoNetwork, load_network
from emotion_recognition.labels import InputError
from emotion_recognition.settings import MODEL_WEIGHTS_PATH
from tests.conftest import save_classifier
from tests.paths import ROOT


@pytest.fixture
def model_path(tmp_path, monkeypatch):
    """A fresh model, and a home of its own for the user's caches."""
    monkeypatch.setattr(conversion.platformdirs, 'user_cache_path', lambda name: tmp_path / 'user' / name)
    (tmp_path / 'model').mkdir()
    return save_classifier(tmp_path / 'model' / 'model.h5', np.random.default_rng(1).normal(0, 9, (3, 9)))


def test_second_start_imports_no_tensorflow(model_path):
    OpenVinoNetwork(model_path)
    code = """
import sys
from emotion_recognition.emotions.classifier import EmotionClassifier
EmotionClassifier(sys.argv[1])
print('tensorflow' in sys.modules, 'keras' in sys.modules)
"""
    done = subprocess.run([sys.executable, '-c', code, model_path], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ['False', 'False'], done.stderr


def test_keras_where_openvino_is_not(model_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    assert isinstance(load_network(model_path, 'auto'), KerasNetwork)
    with pytest.raises(InputError, match='OpenVINO cannot run it'):
        load_network(model_path, 'openvino')


def test_backend_that_is_not_installed(model_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'keras', None)
    with pytest.raises(InputError, match='Keras cannot run it: keras is not installed; pip install -r requirements'):
        load_network(model_path, 'keras')
    code = 'from emotion_recognition.emotions.runtimes import load_network; load_network("model.h5", "keras")'
    hidden = 'import sys; sys.modules["torch"] = None; '
    environment = {**os.environ, 'KERAS_BACKEND': 'torch'}
    command = [sys.executable, '-c', hidden + code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stderr.endswith('model.h5: Keras cannot run it: torch is not installed; pip install torch\n')


def test_keras_where_it_has_a_gpu(model_path, monkeypatch):
    monkeypatch.setattr(runtimes, '_keras_has_gpu', lambda: True)
    assert isinstance(load_network(model_path, 'auto'), KerasNetwork)
    assert isinstance(load_network(model_path, 'openvino'), OpenVinoNetwork)


def test_no_gpu_behind_a_driver_that_keras_cannot_use(monkeypatch, tmp_path):
    monkeypatch.setattr(runtimes, 'GPU_SIGNS', (tmp_path,))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, 'keras', None)
        assert not runtimes._keras_has_gpu()
    import keras

    monkeypatch.setattr(keras.distribution, 'list_devices', lambda kind: [])
    assert not runtimes._keras_has_gpu()
    monkeypatch.setattr(keras.distribution, 'list_devices', lambda kind: ['gpu:0'])
    assert runtimes._keras_has_gpu()


TWO_NETWORKS = """
import gc, signal, sys
from emotion_recognition.emotions.runtimes import OpenVinoNetwork
first, second = OpenVinoNetwork(sys.argv[1]), OpenVinoNetwork(sys.argv[1])
del first
gc.collect()
del second
gc.collect()
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print('interrupted')
"""


def test_ctrl_c_does_not_crash_a_process_that_closed_two_networks():
    """It did where the processor has AMX."""
    command = [sys.executable, '-c', TWO_NETWORKS, MODEL_WEIGHTS_PATH]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (result.stdout, result.returncode) == ('interrupted\n', 0), result.stderr


@pytest.mark.parametrize('count', [1, 2, 3, 9])
def test_a_batch_has_the_same_answers_in_one_piece_and_in_several(count):
    faces = np.random.default_rng(0).integers(0, 256, (count, 48, 48, 3)).astype(np.float32)
    whole, in_pieces = (load_network(MODEL_WEIGHTS_PATH, 'openvino', threads=threads)(faces) for threads in (1, 4))
    assert whole.shape == (count, 9)
    np.testing.assert_allclose(in_pieces, whole, atol=1e-6)
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-3)
