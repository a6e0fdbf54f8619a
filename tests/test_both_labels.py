"""The scripts that trained the shipped model: runs on both labels, distillation, averages."""

import json
import sys
from functools import partial
from types import SimpleNamespace

import cv2
import h5py
import keras
import numpy as np
import pandas as pd
import pytest

import model_training
from model_training import EMOTIONS
from tests.conftest import script_on_both_labels as script
from tests.training_runs import arguments


def test_short_epochs_take_a_share_of_the_shuffled_images_only(both_labels):
    options = model_training.parse_options(['--share', '0.5', '--batch-size', '64'], both_labels['MORE_OPTIONS'])
    assert len(both_labels['ShortEpochs'](['a'] * 640, None, 8, options, shuffle=True)) == 5
    whole = both_labels['ShortEpochs'](['a'] * 640, None, 8, options)
    whole.face_share = 0.85  # another share
    assert len(whole) == 10


def test_votes_in_the_target():
    make_targets = script('labels')['make_targets']
    table = pd.DataFrame({'emotion': ['happy', 'uncertain']} | {name: [0, 0] for name in EMOTIONS} | {'second': None})
    table['happy'], table['neutral'], table['sad'] = [6, 3], [4, 3], [0, 4]
    assert make_targets(table).argmax(axis=1).tolist() == [4, 8]
    targets = make_targets(table, votes=0.5)
    np.testing.assert_allclose(targets[0], [0, 0, 0, 0, 0.8, 0.2, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(targets[1], [0, 0, 0, 0, 0, 0, 0, 0, 1], atol=1e-6)


def test_second_labels_in_the_target(tmp_path):
    labels = script('labels')
    table = pd.DataFrame({'image_path': list('abc'), 'emotion': ['neutral', 'uncertain', 'happy']})
    pd.DataFrame({'image_path': ['b', 'a'], 'fer2013': ['fear', 'sad']}).to_csv(tmp_path / 'second.csv', index=False)
    options = SimpleNamespace(second_labels=tmp_path / 'second.csv', emotions=EMOTIONS)
    table['second'] = labels['read_second_labels'](options, table.image_path)
    targets = labels['make_targets'](table, second_share=0.25)
    np.testing.assert_allclose(targets[0], [0, 0, 0, 0, 0, 0.75, 0.25, 0, 0])
    np.testing.assert_allclose(targets[1], [0, 0, 0, 0.25, 0, 0, 0, 0, 0.75])
    np.testing.assert_allclose(targets[2], [0, 0, 0, 0, 1, 0, 0, 0, 0])


def test_rare_emotions_are_repeated_evenly():
    oversample = script('labels')['oversample']
    table = pd.DataFrame({'emotion': ['happy'] * 6 + ['fear'] * 2, 'path': list('abcdefgh')})
    repeated = oversample(table, 5, seed=1)
    assert repeated.path.tolist()[:8] == list('abcdefgh')
    assert repeated.emotion.value_counts().to_dict() == {'happy': 6, 'fear': 5}
    assert sorted(repeated.path.value_counts()[['g', 'h']]) == [2, 3]
    assert oversample(table, 0, seed=1).equals(table)


@pytest.mark.parametrize(
    ('columns', 'message'),
    [
        ({'path': ['a'], 'x': ['sad']}, 'lacks the column image_path'),
        ({'image_path': ['a'], 'x': ['sadnes']}, r'second\.csv, row 2: unknown emotion sadnes'),
        ({'image_path': ['z'], 'x': ['sad']}, 'names none of the training images'),
    ],
)
def test_wrong_second_labels(tmp_path, columns, message):
    pd.DataFrame(columns).to_csv(tmp_path / 'second.csv', index=False)
    with pytest.raises(model_training.TrainingError, match=message):
        options = SimpleNamespace(second_labels=tmp_path / 'second.csv', emotions=EMOTIONS)
        script('labels')['read_second_labels'](options, pd.Series(['a']))


@pytest.fixture
def failure(both_labels, kaggle, small_network):
    """The one line with which a run of the draft ends."""

    def fail(*more):
        with pytest.raises(SystemExit) as caught, pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(sys, 'argv', ['run.py', *arguments(kaggle, *more)])
            both_labels['main']([])
        return caught.value.code

    return fail


@pytest.mark.parametrize(
    ('votes', 'expected'),
    [
        (None, 'train.csv: lacks the column anger, contempt'),
        ('', 'train.csv: expected numbers from 0 in the columns anger, '),
        ('-1', 'train.csv: expected numbers from 0 in the columns anger, '),
        ('many', 'train.csv: expected numbers from 0 in the columns anger, '),
    ],
)
def test_votes_that_are_not_counts(failure, kaggle, votes, expected):
    table = pd.read_csv(kaggle / 'train.csv').astype({'happy': object})
    table.loc[5, 'happy'] = votes
    columns = ['image_path', 'emotion'] if votes is None else list(table)
    table[columns].to_csv(kaggle / 'train.csv')
    assert expected in failure('--votes', 0.5)


def test_targets_that_lack_an_emotion(failure, kaggle):
    second = pd.read_csv(kaggle / 'train.csv')[['image_path', 'emotion']].replace({'emotion': {'contempt': 'anger'}})
    second.to_csv(kaggle / 'second.csv', index=False)
    reported = failure('--second-labels', kaggle / 'second.csv', '--second-share', 1)
    assert 'the targets never say contempt; choose another --second-share' in reported
    assert not (kaggle / 'out').exists()


@pytest.mark.parametrize(('option', 'value'), [('--votes', '1.5'), ('--second-share', '-0.1')])
def test_shares_outside_their_range(both_labels, option, value):
    with pytest.raises(model_training.TrainingError, match=f'{option} is {value}; expected 0 to 1'):
        model_training.parse_options([option, value], both_labels['MORE_OPTIONS'])


def test_temperature_makes_confidence_match_accuracy_on_all_kinds_of_labels(both_labels, monkeypatch):
    calibrate, priors = script('calibration')['calibrate'], dict.fromkeys(EMOTIONS, 1 / 9)
    happy, neutral = (EMOTIONS.index(emotion) for emotion in ('happy', 'neutral'))
    monkeypatch.setattr(model_training, 'REST_STRENGTH', 0.25)
    monkeypatch.setattr(model_training, 'LEADS', {'neutral': 1.0})
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(9, activation='softmax', name='emotion')])
    kernel = np.full((2, 9), -30.0)
    kernel[:, [neutral, happy]] = [[0.8, 0], [0, 0.8]]
    model.get_layer('emotion').set_weights([kernel, np.zeros(9)])
    faces = np.repeat([[1.0, 0.0]], 100, axis=0)
    first, second = np.full(100, neutral), np.full(100, -1)
    first[:20], second[:50], second[50:60] = happy, neutral, happy  # right in 0.8, and in 50 of 60
    before = model.predict(faces, verbose=0)
    # Neutral's log-odds are 0.8 / t, of which three quarters are left, and its lead of 1
    one = calibrate(model, before, [first], priors)
    assert one == pytest.approx(0.6 / (np.log(4) - 1), rel=1e-3)
    shown = model.predict(faces, verbose=0)
    shown = model_training.from_rest(shown, model_training.measure_rest(shown, first))
    np.testing.assert_allclose(shown[0, [neutral, happy]], [0.8, 0.2], atol=1e-3)

    model.get_layer('emotion').set_weights([kernel, np.zeros(9)])
    both = calibrate(model, before, [first, second], priors)
    share = (0.8 + 5 / 6) / 2  # a kind with fewer labels counts as much
    assert both == pytest.approx(0.6 / (np.log(share / (1 - share)) - 1), rel=1e-3)
    np.testing.assert_allclose(model.get_layer('emotion').get_weights()[0], kernel / both, rtol=1e-6)


def test_a_run_on_both_labels_is_calibrated_and_evaluated_on_both(both_labels, kaggle, small_network, monkeypatch):
    second = pd.read_csv(kaggle / 'train.csv')[['image_path', 'emotion']].replace({'emotion': {'contempt': 'anger'}})
    second[second.emotion != 'uncertain'].to_csv(kaggle / 'second.csv', index=False)
    given = ['--second-labels', kaggle / 'second.csv', '--votes', 0.5, '--oversample', 12, '--calibrate', '--epochs', 1]
    monkeypatch.setattr(sys, 'argv', ['run.py', *arguments(kaggle, *given)])
    calibration, kinds = both_labels['calibration'], []
    calibrate = calibration.calibrate

    def calibrate_and_note(model, probabilities, kinds_of_labels, class_priors):
        kinds.extend(kinds_of_labels)
        return calibrate(model, probabilities, kinds_of_labels, class_priors)

    monkeypatch.setattr(calibration, 'calibrate', calibrate_and_note)
    both_labels['main']([])
    first, other = kinds
    assert {EMOTIONS[number] for number in first[first != other]} == {'contempt', 'uncertain'}
    is_uncertain = first == EMOTIONS.index('uncertain')
    assert set(other[is_uncertain]) == {-1} and set(other[first == EMOTIONS.index('contempt')]) == {0}  # anger
    metrics = json.loads((kaggle / 'out' / 'metrics.json').read_text())
    assert metrics['from_rest']['images'] == len(first)
    assert metrics['from_rest_second']['images'] == len(first) - is_uncertain.sum()
    assert metrics['from_rest_second']['per_class_tta']['contempt']['support'] == 0
    assert metrics['temperature'] != pytest.approx(1, abs=0.01)

    # A run that is resumed after its end does not change
    monkeypatch.setattr(sys, 'argv', [*sys.argv, '--resume'])
    both_labels['main']([])
    again = json.loads((kaggle / 'out' / 'metrics.json').read_text())
    assert again['temperature'] == pytest.approx(metrics['temperature'], rel=1e-3)
    assert again['expected_calibration_error'] == pytest.approx(metrics['expected_calibration_error'], abs=1e-4)
    with h5py.File(kaggle / 'out' / 'model.h5') as file:
        assert json.loads(file.attrs['temperature']) == again['temperature']


def test_votes_and_second_labels_of_three_classes(both_labels, kaggle, small_network, monkeypatch):
    votes = pd.read_csv(kaggle / 'train.csv', index_col=0).drop(columns=['contempt', 'uncertain'])
    votes.to_csv(kaggle / 'train.csv', index=False)
    votes[['image_path', 'emotion']].to_csv(kaggle / 'second.csv', index=False)  # with others than the three
    given = ['--emotions', 'happy', 'neutral', 'sad', '--votes', 0.5, '--second-labels', kaggle / 'second.csv']
    monkeypatch.setattr(sys, 'argv', ['run.py', *arguments(kaggle, *given, '--calibrate', '--epochs', 1)])
    both_labels['main']([])
    metrics = json.loads((kaggle / 'out' / 'metrics.json').read_text())
    assert [*metrics['from_rest_second']['per_class_tta']] == ['happy', 'neutral', 'sad']
    assert metrics['from_rest_second']['images'] == metrics['images'] == 4


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


def test_answers_are_the_mean_of_models_and_of_views(tmp_path, monkeypatch):
    faces = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    for number, face in enumerate(faces):
        cv2.imwrite(str(tmp_path / f'{number}.png'), face)
    models = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        layers = keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(9, activation='softmax')
        model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
        model_training.save_model(
            model, tmp_path / f'{seed}.h5', dict(zip(EMOTIONS, np.arange(1, 10) / 45, strict=True)), 0.5
        )
        models.append(model)
    answer = script('answers')['answer']
    without_conversion = partial(answer.__globals__['EmotionClassifier'], runtime='keras')
    monkeypatch.setitem(answer.__globals__, 'EmotionClassifier', without_conversion)
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
