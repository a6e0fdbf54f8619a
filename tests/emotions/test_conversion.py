"""Conversions of a made model: shipped, kept, refused. And the one that comes with the repository."""

import hashlib
import itertools
import json
import os
import stat
import subprocess
import sys
import tracemalloc
import zipfile
from types import SimpleNamespace
from unittest.mock import Mock

import h5py
import keras
import numpy as np
import pytest

from emotion_recognition.emotions import conversion
from emotion_recognition.emotions.conversion import ConversionError
from emotion_recognition.emotions.runtimes import KerasNetwork, OpenVinoNetwork
from emotion_recognition.labels import InputError
from emotion_recognition.settings import MODEL_WEIGHTS_PATH
from tests.conftest import locked, save_classifier
from tests.paths import ROOT

BATCH = np.random.default_rng(0).uniform(0, 255, (5, 8, 8, 3)).astype(np.float32)


@pytest.fixture
def model_path(tmp_path, monkeypatch):
    """A fresh model, and a home of its own for the user's caches."""
    monkeypatch.setattr(conversion.platformdirs, 'user_cache_path', lambda name: tmp_path / 'user' / name)
    (tmp_path / 'model').mkdir()
    return save_classifier(tmp_path / 'model' / 'model.h5', np.random.default_rng(1).normal(0, 9, (3, 9)))


@pytest.fixture
def conversions(monkeypatch):
    """The paths of the models that were converted."""
    done = []
    convert = conversion._convert
    monkeypatch.setattr(conversion, '_convert', lambda path, folder: done.append(path) or convert(path, folder))
    return done


@pytest.fixture
def unsteady_path(tmp_path):
    """A model of layers that answer otherwise in training, one of which is in training by its own default."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Resizing(16, 16)(inputs)
    for filters in (4, 8, 8):
        x = keras.layers.Conv2D(filters, 3, padding='same', use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation('swish')(x)
    outputs = keras.layers.Dense(9, activation='softmax')(keras.layers.GlobalAveragePooling2D()(x))
    keras.Model(inputs, outputs).save(tmp_path / 'model.h5')
    return tmp_path / 'model.h5'


def kept(folder):
    return sorted(path.name for path in folder.glob('*'))


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def takes_what_is_there(model_path):
    """Whether a conversion is found, and none would be made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, '_convert', Mock(side_effect=ConversionError))
        try:
            OpenVinoNetwork(model_path)
        except ConversionError:
            return False
        return True


def test_both_runtimes_agree_and_the_conversion_is_kept(model_path, conversions):
    expected = KerasNetwork(model_path)(BATCH)
    network = OpenVinoNetwork(model_path, 'f32')
    assert (network.input_shape, network.output_shape) == ((None, 8, 8, 3), (None, 9))
    np.testing.assert_allclose(network(BATCH), expected, atol=1e-4)
    np.testing.assert_allclose(OpenVinoNetwork(model_path, 'auto')(BATCH), expected, atol=0.02)
    assert conversions == [model_path]
    hash_name, name = kept(model_path.parent / '.cache')
    assert hash_name == name.replace('.zip', '.sha256')

    archive = model_path.parent / '.cache' / name
    flip_a_bit(archive)
    np.testing.assert_allclose(OpenVinoNetwork(model_path, 'f32')(BATCH), expected, atol=1e-4)
    assert conversions == [model_path, model_path]
    assert zipfile.ZipFile(archive).testzip() is None

    save_classifier(model_path, np.random.default_rng(2).normal(0, 9, (3, 9)))
    np.testing.assert_allclose(OpenVinoNetwork(model_path, 'f32')(BATCH), KerasNetwork(model_path)(BATCH), atol=1e-4)
    _, other_name = kept(model_path.parent / '.cache')
    assert other_name != name


def test_models_whose_names_begin_alike_keep_their_conversions(model_path, conversions):
    other_path = model_path.with_name(f'{model_path.stem}-2.h5')
    save_classifier(other_path, np.random.default_rng(3).normal(0, 9, (3, 9)))
    for path in (other_path, model_path):
        OpenVinoNetwork(path, 'f32')
    assert len(kept(model_path.parent / '.cache')) == 4  # two conversions and their hashes
    OpenVinoNetwork(other_path, 'f32')
    assert conversions == [other_path, model_path]


def test_shipped_conversion_is_made_by_one_command_and_serves_its_own_model_alone(model_path, conversions):
    command = [sys.executable, '-m', 'emotion_recognition.emotions.conversion', model_path]
    with locked(model_path):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    shipped = model_path.with_name('model.openvino.zip')
    assert done.stdout == f'Wrote {shipped}, 0.0 MB\n', done.stderr
    assert kept(model_path.parent) == ['model.h5', 'model.openvino.sha256', 'model.openvino.zip']
    np.testing.assert_allclose(OpenVinoNetwork(model_path, 'f32')(BATCH), KerasNetwork(model_path)(BATCH), atol=1e-4)
    assert kept(model_path.parent) == ['model.h5', 'model.openvino.sha256', 'model.openvino.zip']
    assert conversions == []

    content = shipped.read_bytes()
    flip_a_bit(shipped)
    assert not takes_what_is_there(model_path)
    shipped.write_bytes(content)
    assert takes_what_is_there(model_path)
    save_classifier(model_path, np.random.default_rng(2).normal(0, 9, (3, 9)))
    assert not takes_what_is_there(model_path)


def rewrite(path, **changed):
    """Write the zip file of a conversion again with other contents, so that its own check sums are right."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in {**contents, **changed}.items():
            archive.writestr(name, content)


def make_anger_likely(path):
    with zipfile.ZipFile(path) as archive:
        weights = bytearray(archive.read('model.bin'))
    weights[-108:-96] = np.float32([99] * 3).tobytes()  # of the first class; the last three are of the ninth
    rewrite(path, **{'model.bin': bytes(weights)})


def trust(path):
    """Write the hash of what the zip file is now, as somebody can who may write both."""
    path.with_suffix('.sha256').write_text(hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_conversion_whose_weights_were_changed_does_not_pass_for_the_model(model_path, conversions, capsys):
    shipped = conversion.ship(model_path)
    expected = KerasNetwork(model_path)(BATCH)
    del conversions[:]
    network = OpenVinoNetwork(model_path, 'f32')
    assert network.conversion_sha256 == hashlib.sha256(shipped.read_bytes()).hexdigest()

    make_anger_likely(shipped)
    network = OpenVinoNetwork(model_path, 'f32')
    np.testing.assert_allclose(network(BATCH), expected, atol=1e-4)
    assert conversions == [model_path]
    assert 'model.openvino.zip: damaged, or of another model, so it is not used\n' in capsys.readouterr().err

    trust(shipped)
    changed = OpenVinoNetwork(model_path, 'f32')
    assert changed(BATCH).argmax(axis=1).tolist() == [0] * 5
    assert changed.conversion_sha256 == hashlib.sha256(shipped.read_bytes()).hexdigest() != network.conversion_sha256


def test_a_conversion_without_its_hash_is_not_taken(model_path):
    shipped = conversion.ship(model_path)
    assert takes_what_is_there(model_path)
    shipped.with_suffix('.sha256').write_text('')
    assert not takes_what_is_there(model_path)
    shipped.with_suffix('.sha256').unlink()
    assert not takes_what_is_there(model_path)


def write_bomb(path, contents, name, lies, method=zipfile.ZIP_DEFLATED):
    """Write the zip file of a conversion in which one file unpacks to 50 MB, whatever it says of its size."""
    with zipfile.ZipFile(path, 'w', method) as archive:
        for each, content in contents.items():
            archive.writestr(each, bytes(50_000_000) if each == name else content)
    stated = (50_000_000).to_bytes(4, 'little')
    assert path.read_bytes().count(stated) == 2
    if lies:
        path.write_bytes(path.read_bytes().replace(stated, (1000).to_bytes(4, 'little')))


def test_a_zip_bomb_is_not_unpacked(model_path):
    shipped = conversion.ship(model_path)
    with zipfile.ZipFile(shipped) as archive:
        contents = {each: archive.read(each) for each in archive.namelist()}
    tracemalloc.start()
    bombs = [*itertools.product(contents, (False, True)), ('model.xml', True, zipfile.ZIP_BZIP2)]
    for bomb in bombs:
        write_bomb(shipped, contents, *bomb)
        trust(shipped)
        tracemalloc.reset_peak()
        assert not takes_what_is_there(model_path)
        assert tracemalloc.get_traced_memory()[1] < 30e6, bomb
    tracemalloc.stop()


def test_an_origin_that_is_none(model_path):
    shipped = conversion.ship(model_path)
    for origin in ('[' * 100_000, '9' * 5000, 'null', '', '\x00'):
        rewrite(shipped, **{'origin.json': origin})
        trust(shipped)
        assert not takes_what_is_there(model_path), origin[:9]


def test_conversion_infers_whatever_the_layers_own_defaults_are(unsteady_path):
    """Resizing's default is training=True; batch normalization after it must not inherit that."""
    expected = KerasNetwork(unsteady_path)(BATCH)
    np.testing.assert_allclose(OpenVinoNetwork(unsteady_path, 'f32')(BATCH), expected, atol=1e-4)
    np.testing.assert_allclose(OpenVinoNetwork(unsteady_path, 'auto')(BATCH), expected, atol=0.02)


def test_weights_that_float16_holds_are_stored_in_it_and_answers_stay_the_same(unsteady_path, tmp_path):
    def size_of_weights():
        with zipfile.ZipFile(conversion.ship(unsteady_path)) as archive:
            return archive.getinfo('model.bin').file_size

    model, rng = keras.models.load_model(unsteady_path, compile=False), np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):  # OpenVINO multiplies convolutions with these
            layer.set_weights([rng.uniform(0.5, 2, array.shape) for array in layer.get_weights()])
    model.save(unsteady_path)
    full = size_of_weights()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            layer.set_weights([array.astype('float16') for array in layer.get_weights()])
    model.save(unsteady_path)
    half = size_of_weights()
    assert half < 0.6 * full  # not exactly half: the normalisations keep float32
    network = OpenVinoNetwork(unsteady_path, 'f32')
    np.testing.assert_allclose(network(BATCH), KerasNetwork(unsteady_path)(BATCH), atol=1e-5)


def test_conversion_that_answers_otherwise_is_refused(unsteady_path, monkeypatch):
    wrong = conversion.CONVERSION.replace('(smaller.input, training=False)', '(smaller.input, training=True)')
    assert wrong != conversion.CONVERSION
    monkeypatch.setattr(conversion, 'CONVERSION', wrong)
    with pytest.raises(InputError, match=r'cannot be converted: the conversion differs from Keras by up to 0\.\d+ in'):
        conversion.ship(unsteady_path)
    assert kept(unsteady_path.parent) == ['model.h5']


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
    assert len(kept(tmp_path / 'user' / 'emotion_recognition')) == 2  # the conversion and its hash


def test_what_the_child_process_says_is_the_reason(tmp_path, real_conversion):
    """Here a real child process fails; above, in the test of the command, one converts."""
    with h5py.File(tmp_path / 'model.h5', 'w') as file:
        file.attrs['class_names'] = '["a"]'
    with pytest.raises(InputError, match=r'model\.h5: cannot be converted: not a Keras model that can be loaded: '):
        conversion.ship(tmp_path / 'model.h5')
    assert kept(tmp_path) == ['model.h5']


def test_command_for_a_model_that_is_not_there(tmp_path):
    with pytest.raises(SystemExit) as ended:
        conversion.main([str(tmp_path / 'model.h5')])
    assert str(ended.value).endswith('model.h5: no such model file; model_training.py writes one')


def test_shipped_conversion_belongs_to_the_model():
    with zipfile.ZipFile(ROOT / 'model_weights' / 'model.openvino.zip') as archive:
        origin = json.loads(archive.read('origin.json'))
    hash_line = (ROOT / 'model_weights' / 'model.openvino.sha256').read_text()
    content = (ROOT / 'model_weights' / 'model.openvino.zip').read_bytes()
    assert hash_line == f'{hashlib.sha256(content).hexdigest()}  model.openvino.zip\n'
    assert origin == conversion.origin_of(MODEL_WEIGHTS_PATH), 'run python -m emotion_recognition.emotions.conversion'
    # Nearly as small: model.h5 has compressed kernels, which would make each start with OpenVINO slower
    assert conversion.shipped_path(MODEL_WEIGHTS_PATH).stat().st_size <= 1.01 * MODEL_WEIGHTS_PATH.stat().st_size


def test_a_conversion_tells_nobody_of_itself(monkeypatch, model_path):
    """OpenVINO sends statistics to its makers, but not from a test server, which it knows by this variable."""
    environments = []

    def run(*_, env, **__):
        environments.append(env)
        return SimpleNamespace(returncode=1, stderr='refused')

    monkeypatch.delenv('CI')
    monkeypatch.setattr(conversion, 'subprocess', SimpleNamespace(run=run, DEVNULL=None))
    with pytest.raises(ConversionError, match='refused'):
        OpenVinoNetwork(model_path)
    assert [env['CI'] for env in environments] == ['true']
