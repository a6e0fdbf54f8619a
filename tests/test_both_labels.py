"""The scripts that trained the shipped model: runs on both labels, distillation, averages."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import keras
import numpy as np
import openvino
import pytest

import model_training
from model_training import EMOTIONS
from tests.conftest import ROOT
from tests.conftest import script_on_both_labels as script


def test_short_epochs_take_a_share_of_the_shuffled_images_only(both_labels):
    options = model_training.parse_options(['--share', '0.5', '--batch-size', '64'], both_labels['MORE_OPTIONS'])
    assert len(both_labels['ShortEpochs'](['a'] * 640, None, 8, options, shuffle=True)) == 5
    whole = both_labels['ShortEpochs'](['a'] * 640, None, 8, options)
    whole.face_share = 0.85  # another share
    assert len(whole) == 10


def test_damages_keep_the_shape_and_change_the_picture(both_labels):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (48, 48, 3), np.uint8)
    before = image.copy()
    for damage in both_labels['DAMAGES']:
        damaged = damage(image, rng)
        assert (damaged.shape, damaged.dtype) == ((48, 48, 3), np.uint8)
        assert (damaged != before).any() and (image == before).all()


def test_each_damage_changes_its_share_of_the_images(both_labels, monkeypatch):
    monkeypatch.setitem(both_labels['augment_and_damage'].__globals__, 'DAMAGES', [lambda image, rng: image + 1])
    options = model_training.parse_options(
        ['--damage', '0.2', '--rotation', '0', '--shift', '0'], both_labels['MORE_OPTIONS']
    )
    rng, black = np.random.default_rng(0), np.zeros((8, 8, 3), np.uint8)
    damaged = [both_labels['augment_and_damage'](black, rng, options).max() for _ in range(500)]
    assert 70 < sum(damaged) < 130


def test_answers_of_models_are_mixed_into_the_targets(distil, tmp_path):
    table = 'image_path,uncertain,' + ','.join(EMOTIONS[:8]) + '\n'
    table += './b.png,0,0,0,0,0,1,0,0,0\n' + './a/a.png,0.1,0.2,0,0,0,0,0,0,0.2\n'
    (tmp_path / 'answers.csv').write_text(table)
    given = ['--answers', str(tmp_path / 'answers.csv'), '--answers-share', '0.25']
    options = model_training.parse_options(given, distil['MORE_OPTIONS'])
    options.images, paths = tmp_path, [tmp_path / 'a' / 'a.png', tmp_path / 'b.png', tmp_path / 'b.png']
    anger, happy = np.eye(9, dtype='float32')[[0, 4]]
    mixed = distil['mix_in'](np.stack([anger, anger, happy]), paths, options)
    expected = [[0.85, 0, 0, 0, 0, 0, 0, 0.1, 0.05], [0.75, 0, 0, 0, 0.25, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 0, 0]]
    np.testing.assert_allclose(mixed, expected, atol=1e-6)
    assert mixed.dtype == np.float32
    with pytest.raises(model_training.TrainingError, match='lacks 1 of the training images'):
        distil['mix_in'](mixed, [*paths, tmp_path / 'c.png'], options)


def test_mixup_mixes_training_images_with_their_neighbours_as_their_targets(distil, tmp_path):
    paths = [tmp_path / f'{number}.png' for number in range(4)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), np.full((8, 8, 3), 60 * number, np.uint8))
    targets = np.eye(9, dtype='float32')[:4]
    options = model_training.parse_options(['--mixup', '1', '--batch-size', '4'], distil['MORE_OPTIONS'])
    dataset = distil['MixedFaces'](paths, targets, 8, options, shuffle=True)
    images, mixed = dataset[0]
    assert images.dtype == mixed.dtype == np.float32
    np.testing.assert_allclose(images[:, 3, 4, 1], mixed[:, :4] @ [0, 60, 120, 180], rtol=1e-5)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, rtol=1e-6)
    assert ((mixed > 0).sum(axis=1) == 2).all() and (mixed.max(axis=1) >= 0.5).all()
    np.testing.assert_array_equal(dataset[0][0], images)
    dataset.on_epoch_end()
    assert (np.sort(dataset[0][1].max(axis=1)) != np.sort(mixed.max(axis=1))).all()
    validation = distil['MixedFaces'](paths, targets, 8, options)
    np.testing.assert_array_equal(validation[0][1], targets)


def test_frozen_stages_are_those_of_efficientnet(distil):
    options = model_training.parse_options(['--frozen-stages', '2'], distil['MORE_OPTIONS'])
    model = model_training.build_model(0, 'none', image_size=32)
    distil['freeze_and_compile'](model, options, 4)
    learning = {layer.name.partition('_')[0] for layer in model.layers if layer.trainable and layer.weights}
    assert not {'stem', 'block1a', 'block2a', 'block2b'} & learning
    assert {'block3a', 'block3b', 'block7a', 'top', 'emotion'} <= learning


def stages_backbone(include_top, weights, input_tensor):
    """Stands in for EfficientNet: a stem, three stages and a top by its names."""
    x = keras.layers.Normalization()(input_tensor)
    for name in ('stem', 'block1a', 'block2a', 'block3a', 'top'):
        x = keras.layers.Conv2D(2, 1, name=f'{name}_conv')(x)
        x = keras.layers.BatchNormalization(name=f'{name}_bn')(x)
    return SimpleNamespace(output=x)


def test_frozen_stages_do_not_change(distil, monkeypatch):
    monkeypatch.setattr(keras.applications, 'EfficientNetB0', stages_backbone)
    given = ['--frozen-stages', '2', '--learning-rate', '0.1', '--warmup-epochs', '0', '--efnet-no', '0']
    given += ['--weights', 'none', '--image-size', '32']
    options = model_training.parse_options(given, distil['MORE_OPTIONS'])
    model = distil['make_model'](options, range(4))
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    for _ in range(2):  # the first step only warms up
        model.train_on_batch(np.full((2, 32, 32, 3), 99, 'float32'), np.eye(9, dtype='float32')[:2])
    changed = {
        layer.name
        for layer in model.layers
        if any((new != old).any() for new, old in zip(layer.get_weights(), before.get(layer.name, ()), strict=True))
    }
    assert changed == {'block3a_conv', 'block3a_bn', 'top_conv', 'top_bn', 'emotion'}


def test_answers_are_the_mean_of_models_and_of_views(tmp_path):
    faces = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    for number, face in enumerate(faces):
        cv2.imwrite(str(tmp_path / f'{number}.png'), face)
    models = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        layers = keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(9, activation='softmax')
        model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
        model_training.save_model(model, tmp_path / f'{seed}.h5', np.arange(1, 10) / 45, 0.5)
        models.append(model)
    answer = script('answers')['answer']
    paths = [str(tmp_path / f'{seed}.h5') for seed in (1, 2, 1)]
    answers = answer(paths, [tmp_path / f'{number}.png' for number in range(3)])
    views = []
    for share in (1, 0.85):
        rgb = np.stack([model_training.resize(face[..., ::-1], 8, share) for face in faces]).astype('float32')
        views += [rgb, rgb[:, :, ::-1]]
    assert (views[0] != views[2]).any()
    one, other = (np.mean([model(view, training=False) for view in views], axis=0) for model in models)
    assert np.abs(one - other).max() > 0.1
    np.testing.assert_allclose(answers[list(EMOTIONS)], (2 * one + other) / 3, atol=1e-4)


def test_average_is_the_mean_of_all_weights(monkeypatch):
    monkeypatch.setattr(keras.applications, 'EfficientNetB0', stages_backbone)
    average = script('average')['average']
    models = [model_training.build_model(0, 'none', image_size=32) for _ in range(3)]
    for number, model in enumerate(models):
        (normalization,) = (layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
        normalization.load_own_variables({'0': np.full(3, number), '1': np.full(3, number + 1.0), '2': 0})
        model.get_layer('stem_bn').moving_mean.assign([number, 2 * number])
    weights = [model.get_weights() for model in models]
    average(models[0], models[1:])
    for mean, *values in zip(models[0].get_weights(), *weights, strict=True):
        np.testing.assert_allclose(mean, sum(values) / 3, rtol=1e-5, atol=1e-7)
    normalization = next(layer for layer in models[0].layers if isinstance(layer, keras.layers.Normalization))
    seen = keras.ops.convert_to_numpy(normalization(np.full((1, 1, 1, 3), 3.0)))
    np.testing.assert_allclose(seen, 2 / 2**0.5, rtol=1e-5)  # mean 1, variance 2


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
    epoch_end = match['EmotionEpochEnd'](tmp_path / 'model.h5', None, None)
    epoch_end.set_model(model)
    model_training.save_model(epoch_end.kept_model(), tmp_path / 'model.h5', np.full(9, 1 / 9), 1.0)
    kept = keras.models.load_model(tmp_path / 'model.h5', compile=False)
    assert (kept.input_shape, kept.output_shape) == ((None, 32, 32, 3), (None, 9))
    np.testing.assert_allclose(kept(faces), model(faces, training=False)[0], atol=1e-6)


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
