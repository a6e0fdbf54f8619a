"""The network: what it starts from, and the file that it becomes."""

import json

import h5py
import keras
import numpy as np
import pytest

import model_training
from model_training import EMOTIONS, TrainingError
from tests.training_runs import stored_types

RNG = np.random.default_rng(0)
FACES = RNG.uniform(0, 255, (2, 32, 32, 3)).astype('float32')


@pytest.fixture(scope='module')
def imagenet_file(tmp_path_factory):
    """Weights as Keras publishes them, with statistics that are far from 0 and 1."""
    backbone = keras.applications.EfficientNetB0(include_top=False, weights=None)
    normalization = next(layer for layer in backbone.layers if isinstance(layer, keras.layers.Normalization))
    normalization.load_own_variables({'0': np.array([0.485, 0.456, 0.406]), '1': np.array([0.05, 0.06, 0.07]), '2': 0})
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(RNG.normal(0, 0.1, layer.moving_mean.shape))
    path = tmp_path_factory.mktemp('weights') / 'b0.weights.h5'
    backbone.save_weights(path)
    return path


def predict(model):
    return keras.ops.convert_to_numpy(model(FACES, training=False))


def test_imagenet_start_equals_keras_own_network(imagenet_file, monkeypatch):
    monkeypatch.setattr('keras.src.utils.file_utils.get_file', lambda *_, **__: str(imagenet_file))
    model = model_training.build_model(0, 'imagenet', image_size=32)
    features = keras.Model(model.input, model.get_layer('top_activation').output)
    reference = keras.applications.EfficientNetB0(include_top=False, weights='imagenet')
    assert sum(isinstance(layer, keras.layers.Rescaling) for layer in reference.layers) == 2
    np.testing.assert_allclose(predict(features), predict(reference), rtol=1e-3, atol=1e-4)


@pytest.fixture(scope='module')
def model(imagenet_file):
    return model_training.build_model(0, str(imagenet_file), image_size=32, grayscale=True)


@pytest.fixture(scope='module')
def before_saving(model):
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


@pytest.fixture(scope='module')
def saved_path(model, before_saving, tmp_path_factory):
    path = tmp_path_factory.mktemp('saved') / 'model.h5'
    model_training.save_model(model, path, dict.fromkeys(EMOTIONS, 1 / 9), 0.85)
    return path


def test_saved_model_has_what_inference_must_know(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model_training.save_model(model, tmp_path / 'model.h5', dict.fromkeys(EMOTIONS, 1 / 9), 0.85)
    with h5py.File(tmp_path / 'model.h5') as file:
        assert json.loads(file.attrs['class_names']) == list(EMOTIONS)
        assert json.loads(file.attrs['class_priors']) == [0.111111] * 9
        assert json.loads(file.attrs['face_share']) == 0.85
        assert 'log_odds_at_rest' not in file.attrs
    rest = {'median': [-1.5] * 9, 'low': [-3.0] * 9, 'high': [0.25] * 9}
    model_training.save_model(model, tmp_path / 'model.h5', dict.fromkeys(EMOTIONS, 1 / 9), 0.85, rest, temperature=0.7)
    with h5py.File(tmp_path / 'model.h5') as file:
        assert json.loads(file.attrs['log_odds_at_rest']) == rest
        assert json.loads(file.attrs['temperature']) == 0.7
    assert [path.name for path in tmp_path.iterdir()] == ['model.h5']


def test_saved_weights_are_rounded_to_float16_except_those_of_normalisations(before_saving, model, saved_path):
    loaded = keras.models.load_model(saved_path, compile=False)
    normalisations = keras.layers.BatchNormalization | keras.layers.Normalization
    rounded = exact = 0
    for name, weights in before_saving.items():
        is_exact = isinstance(model.get_layer(name), normalisations)
        exact, rounded = exact + is_exact, rounded + (not is_exact)
        saved, kept = (each.get_layer(name).get_weights() for each in (loaded, model))
        for old, new, same in zip(weights, saved, kept, strict=True):
            assert new.dtype == old.dtype
            np.testing.assert_array_equal(new, old if is_exact else old.astype('float16'))
            np.testing.assert_array_equal(same, old)  # saving does not change the model in memory
    assert (rounded, exact) == (83, 50)  # EfficientNetB0, the grey layer and the last one
    np.testing.assert_allclose(predict(loaded), predict(model), atol=1e-3)
    assert saved_path.stat().st_size < 2.2 * model.count_params()  # bytes
    assert stored_types(saved_path, 'kernel') == stored_types(saved_path, 'bias') == {np.dtype('float16')}
    assert stored_types(saved_path, 'moving_variance') == stored_types(saved_path, 'gamma') == {np.dtype('float32')}


def test_kernel_that_is_too_large_for_float16_keeps_float32(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    for largest, expected in ((65504.0, 0.1 - 2.44140625e-5), (65537.0, np.float32(0.1))):  # float16's step at 0.1
        model.set_weights([np.array([[largest, 0.1], [1e-9, 0]]), np.array([1e-5, 0])])
        model_training.save_model(model, tmp_path / 'model.h5', dict.fromkeys(EMOTIONS, 1 / 9), 1.0)
        kernel, bias = keras.models.load_model(tmp_path / 'model.h5', compile=False).get_weights()
        assert kernel[0, 0] == largest
        assert kernel[0, 1] == pytest.approx(expected, abs=1e-9)
        assert bias[0] == pytest.approx(1e-5, abs=3e-8)


def test_going_on_from_a_model_of_this_project(model, saved_path):
    again = model_training.build_model(0, str(saved_path), image_size=32, grayscale=True)
    np.testing.assert_allclose(predict(again), predict(model), atol=1e-3)  # its weights are rounded
    with pytest.raises(TrainingError, match='not weights of EfficientNetB1'):
        model_training.build_model(1, str(saved_path), image_size=32)


def test_grey_and_small_faces_are_handled_inside_the_model(small_network):
    model = model_training.build_model(0, 'none', image_size=32, native_size=16, grayscale=True)
    assert (model.input_shape, model.output_shape) == ((None, 16, 16, 3), (None, 9))
    enlarged = keras.Model(model.input, model.get_layer('enlarge').output)
    red = np.zeros((1, 16, 16, 3), 'float32')
    red[..., 0] = 200
    seen = np.asarray(enlarged.predict(red, verbose=0))
    assert seen.shape == (1, 32, 32, 3)
    np.testing.assert_allclose(seen, 0.299 * 200, rtol=1e-5)
    # Called without an argument it infers, as predict does: no layer's own default may set the others to training.
    np.testing.assert_allclose(model(red), model.predict(red, verbose=0), atol=1e-5)


def test_random_start_is_the_identity_in_every_residual_block():
    model = model_training.build_model(0, 'none', image_size=32)
    added = [layer.name.removesuffix('_add') for layer in model.layers if layer.name.endswith('_add')]
    assert len(added) == 9
    assert all(not np.any(keras.ops.convert_to_numpy(model.get_layer(f'{name}_project_bn').gamma)) for name in added)
    assert np.all(keras.ops.convert_to_numpy(model.get_layer('block1a_se_expand').bias) == 2)
