"""Learning from teachers that look at the same picture: match.py, and the averages of its checkpoints."""

import runpy
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import openvino
import pytest

import model_training
from tests.conftest import script_on_both_labels as script
from tests.paths import ROOT


@pytest.fixture
def match(distil):
    yield script('match')
    del sys.modules['distil']


def small_teacher(path, seed):
    """A network with a layer `pooling`, saved."""
    keras.utils.set_random_seed(seed)
    face = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D(name='pooling')(keras.layers.Rescaling(1 / 255)(face))
    teacher = keras.Model(face, keras.layers.Dense(9, activation='softmax')(pooled))
    teacher.save(path)
    return teacher


def test_teachers_answer_to_the_image_that_is_learnt_from(match, tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / f'{number}.png' for number in range(4)]
    for path in paths:
        cv2.imwrite(str(path), rng.integers(0, 256, (8, 8, 3), np.uint8))
    models = [small_teacher(tmp_path / f'{seed}.h5', seed) for seed in (1, 2)]
    targets = np.eye(9, dtype='float32')[:4]
    options = model_training.parse_options(['--mixup', '1', '--batch-size', '4'], match['MORE_OPTIONS'])
    plain = script('distil')['MixedFaces']
    images, mixed = plain(paths, targets, 8, options, shuffle=True)[0]

    dataset = match['MatchedFaces'](paths, targets, 8, options, shuffle=True)
    np.testing.assert_array_equal(dataset[0][1], mixed)  # without teachers: evaluation
    dataset.teachers, dataset.share = match['Teachers']([tmp_path / '1.h5', tmp_path / '2.h5']), 0.75
    dataset.mean, dataset.deviation = np.array([0.5, 0.4, 0.3]), np.array([1, 2, 4])
    seen, (probabilities, features) = dataset[0]
    np.testing.assert_array_equal(seen, images)
    answers = np.mean([model(images, training=False) for model in models], axis=0)
    np.testing.assert_allclose(probabilities, 0.25 * mixed + 0.75 * answers, atol=1e-5)
    pooled = images.mean(axis=(1, 2)) / 255
    np.testing.assert_allclose(features, (pooled - [0.5, 0.4, 0.3]) / [1, 2, 4], atol=1e-5)
    validation = match['MatchedFaces'](paths, targets, 8, options)
    validation.teachers, validation.mean, validation.deviation = dataset.teachers, 0, 1
    np.testing.assert_array_equal(validation[0][1][0], targets)
    with pytest.raises(model_training.TrainingError, match=r'3\.h5: no such weights file'):
        match['Teachers']([tmp_path / '1.h5', tmp_path / '3.h5'])


def test_teachers_have_the_given_weights_and_the_first_gives_the_features(match, tmp_path):
    models = [small_teacher(tmp_path / f'{seed}.h5', seed) for seed in (1, 2)]
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype('float32')
    first, second = (np.asarray(model(images, training=False)) for model in models)
    weights = model_training.parse_options(['--teachers-weights', '1', '3'], match['MORE_OPTIONS']).teachers_weights
    teachers = match['Teachers']([tmp_path / '1.h5', tmp_path / '2.h5'], weights)
    answers, features = teachers(images)
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers, 0.25 * first + 0.75 * second, atol=1e-5)
    np.testing.assert_array_equal(teachers.features(images), features)
    for wrong in ([1.0], [0.0, 0.0]):
        with pytest.raises(model_training.TrainingError, match='for each of 2 teachers'):
            match['Teachers']([tmp_path / '1.h5', tmp_path / '2.h5'], wrong)


def test_teachers_keep_their_weights_when_the_models_they_were_made_from_are_gone(match, tmp_path, monkeypatch):
    # Whether shared memory is overwritten soon is chance, so that answers alone would seldom tell.
    small_teacher(tmp_path / '1.h5', 1)
    convert, shares = openvino.convert_model, []

    def convert_and_note(model, share_weights=True):
        shares.append(share_weights)
        return convert(model, share_weights=share_weights)

    monkeypatch.setattr(openvino, 'convert_model', convert_and_note)
    match['Teachers']([tmp_path / '1.h5'])
    assert shares == [False]


def test_hint_is_learnt_next_to_the_emotions_and_not_kept(match, small_network, tmp_path):
    options = model_training.parse_options(['--hint', '2', '--learning-rate', '0.01'], match['MORE_OPTIONS'])
    model = match['add_hint'](model_training.build_model(0, 'none', image_size=32), 5)
    match['compile_for_both'](model, options, 4)
    faces, rng = np.full((2, 32, 32, 3), 99, 'float32'), np.random.default_rng(0)
    before = model.get_layer('hint').get_weights()[0]
    for _ in range(2):  # the first step only warms up
        features = rng.normal(size=(2, 5))
        logs = model.train_on_batch(faces, (np.eye(9)[:2], features), return_dict=True)
    assert logs['loss'] == pytest.approx(logs['emotion_loss'] + 2 * logs['hint_loss'], rel=1e-4)
    assert (model.get_layer('hint').get_weights()[0] != before).any()
    state = {'options': {'monitor': 'val_loss', 'face_share': '0.9'}, 'history': [], 'seconds': 0.0}
    epoch_end = match['EmotionEpochEnd'](tmp_path / 'model.h5', dict.fromkeys(model_training.EMOTIONS, 1 / 9), state)
    epoch_end.set_model(model)
    epoch_end.on_train_begin()
    epoch_end.on_epoch_begin(0)
    epoch_end.on_epoch_end(0, {'val_emotion_loss': 1.0})
    kept = keras.models.load_model(tmp_path / 'model.h5', compile=False)
    assert (kept.input_shape, kept.output_shape) == ((None, 32, 32, 3), (None, 9))
    np.testing.assert_allclose(kept(faces), model(faces, training=False)[0], atol=1e-4)  # its weights are rounded


def test_history_has_the_usual_names_for_the_measures_of_emotions(match, monkeypatch):
    recorded = []
    monkeypatch.setattr(
        model_training.EpochEnd, 'on_epoch_end', lambda self, epoch, logs: recorded.append((epoch, logs))
    )
    logs = {'emotion_accuracy': 0.5, 'emotion_loss': 1, 'hint_loss': 2, 'loss': 3}
    validation = {f'val_{name}': value + 10 for name, value in logs.items()}
    match['EmotionEpochEnd'](Path('model.h5'), None, None).on_epoch_end(4, logs | validation)
    expected = {'accuracy': 0.5, 'loss': 1, 'hint_loss': 2, 'val_accuracy': 10.5, 'val_loss': 11, 'val_hint_loss': 12}
    assert recorded == [(4, expected)]


def test_average_from_the_command_line_goes_without_a_hint(small_network, match, tmp_path, monkeypatch):
    paths = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        model = model_training.build_model(0, 'none', image_size=32)
        paths.append(tmp_path / f'epoch_{seed}.keras')
        match['add_hint'](model, 3).save(paths[-1])
    path = ROOT / 'draft_pipelines' / 'both_labels' / 'average.py'
    monkeypatch.setattr(sys, 'argv', [str(path), *map(str, paths), str(tmp_path / 'mean.h5')])
    runpy.run_path(str(path), run_name='__main__')
    mean = keras.models.load_model(tmp_path / 'mean.h5', compile=False)
    one, other = (keras.models.load_model(path, compile=False).get_layer('emotion') for path in paths)
    assert mean.output_shape == (None, 9)
    np.testing.assert_allclose(mean.get_layer('emotion').kernel, (one.kernel + other.kernel) / 2, atol=1e-6)
