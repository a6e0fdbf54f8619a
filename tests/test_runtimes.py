import os
import stat
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

from emotion_recognition import runtimes
from emotion_recognition.labels import InputError
from emotion_recognition.runtimes import KerasNetwork, OpenVinoNetwork, load_network
from tests.conftest import ROOT, save_classifier

BATCH = np.random.default_rng(0).uniform(0, 255, (5, 8, 8, 3)).astype(np.float32)


@pytest.fixture
def model_path(tmp_path, monkeypatch):
    """A fresh model, and a home of its own for the user's caches."""
    monkeypatch.setattr(runtimes.platformdirs, 'user_cache_path', lambda name: tmp_path / 'user' / name)
    (tmp_path / 'model').mkdir()
    return save_classifier(tmp_path / 'model' / 'model.h5', np.random.default_rng(1).normal(0, 9, (3, 9)))


@pytest.fixture
def conversions(monkeypatch):
    """The paths of the models that were converted."""
    done = []
    convert = runtimes._convert
    monkeypatch.setattr(runtimes, '_convert', lambda path, folder: done.append(path) or convert(path, folder))
    return done


def kept(folder):
    return sorted(path.name for path in folder.glob('*'))


def test_both_runtimes_agree_and_the_conversion_is_kept(model_path, conversions):
    expected = KerasNetwork(model_path)(BATCH)
    network = OpenVinoNetwork(model_path, 'f32')
    assert (network.input_shape, network.output_shape) == ((None, 8, 8, 3), (None, 9))
    np.testing.assert_allclose(network(BATCH), expected, atol=1e-4)
    np.testing.assert_allclose(OpenVinoNetwork(model_path, 'auto')(BATCH), expected, atol=0.02)
    assert conversions == [model_path]
    (name,) = kept(model_path.parent / '.cache')

    archive = model_path.parent / '.cache' / name
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1  # one bit
    archive.write_bytes(content)
    np.testing.assert_allclose(OpenVinoNetwork(model_path, 'f32')(BATCH), expected, atol=1e-4)
    assert conversions == [model_path, model_path]
    assert zipfile.ZipFile(archive).testzip() is None

    save_classifier(model_path, np.random.default_rng(2).normal(0, 9, (3, 9)))
    np.testing.assert_allclose(OpenVinoNetwork(model_path, 'f32')(BATCH), KerasNetwork(model_path)(BATCH), atol=1e-4)
    (other_name,) = kept(model_path.parent / '.cache')
    assert other_name != name


def test_conversion_infers_whatever_the_layers_own_defaults_are(tmp_path):
    """Resizing's default is training=True; batch normalization behind it must not take that over."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Resizing(16, 16)(inputs)
    for filters in (4, 8, 8):
        x = keras.layers.Conv2D(filters, 3, padding='same', use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation('swish')(x)
    outputs = keras.layers.Dense(9, activation='softmax')(keras.layers.GlobalAveragePooling2D()(x))
    keras.Model(inputs, outputs).save(tmp_path / 'model.h5')
    expected = KerasNetwork(tmp_path / 'model.h5')(BATCH)
    np.testing.assert_allclose(OpenVinoNetwork(tmp_path / 'model.h5', 'f32')(BATCH), expected, atol=1e-4)
    np.testing.assert_allclose(OpenVinoNetwork(tmp_path / 'model.h5', 'auto')(BATCH), expected, atol=0.02)


@pytest.mark.skipif(not hasattr(os, 'geteuid'), reason='Windows has other rights')
def test_conversion_goes_to_the_users_cache_where_the_folder_is_read_only(model_path, conversions, tmp_path):
    folder = model_path.parent
    if os.geteuid() == 0:  # for whom nothing is read-only: a file stands where the folder would be
        (folder / '.cache').write_text('')
    else:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    OpenVinoNetwork(model_path)
    OpenVinoNetwork(model_path)
    folder.chmod(stat.S_IRWXU)
    assert conversions == [model_path]
    assert len(kept(tmp_path / 'user' / 'emotion_recognition')) == 1


def test_second_start_imports_no_tensorflow(model_path):
    OpenVinoNetwork(model_path)
    code = """
import sys
from emotion_recognition.classification import EmotionClassifier
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


def test_keras_where_it_has_a_gpu(model_path, monkeypatch):
    monkeypatch.setattr(runtimes, '_keras_has_gpu', lambda: True)
    assert isinstance(load_network(model_path, 'auto'), KerasNetwork)
    assert isinstance(load_network(model_path, 'openvino'), OpenVinoNetwork)


def test_no_gpu_behind_a_driver_that_keras_cannot_use(monkeypatch, tmp_path):
    monkeypatch.setattr(runtimes, 'GPU_SIGNS', (tmp_path,))
    import keras

    monkeypatch.setattr(keras.distribution, 'list_devices', lambda kind: [])
    assert not runtimes._keras_has_gpu()
    monkeypatch.setattr(keras.distribution, 'list_devices', lambda kind: ['gpu:0'])
    assert runtimes._keras_has_gpu()
