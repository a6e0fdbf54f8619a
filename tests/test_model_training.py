import json
import signal
from functools import partial
from types import SimpleNamespace

import cv2
import h5py
import keras
import numpy as np
import pandas as pd
import pytest

import model_training
from emotion_recognition.classification import EmotionClassifier
from emotion_recognition.settings import Settings
from model_training import EMOTIONS, TrainingError

RNG = np.random.default_rng(0)


def tiny_backbone(include_top, weights, input_tensor=None):
    """Stands in for EfficientNet where a test is about what surrounds it."""
    assert not include_top and weights is None
    x = keras.layers.Rescaling(1 / 255)(input_tensor)
    x = keras.layers.Normalization()(x)
    x = keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='stem_conv')(x)
    x = keras.layers.Dropout(0.2)(x)
    return SimpleNamespace(output=x)


@pytest.fixture
def small_network(monkeypatch):
    monkeypatch.setattr(keras.applications, 'EfficientNetB0', tiny_backbone)


@pytest.fixture
def kaggle(tmp_path):
    """Tables and images in Kaggle's layout: every emotion is a grey level of its own, with a corner that differs."""
    rows = []
    for number in range(9 * 12):
        emotion = EMOTIONS[number % 9]
        path = tmp_path / 'train' / emotion / f'{number}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.full((16, 16), 25 * (number % 9) + 20, np.uint8)
        picture[:8, :8] = 2 * number
        cv2.imwrite(str(path), picture)
        votes = {name: 10 * (name == emotion) for name in EMOTIONS}
        rows.append({'image_path': f'./train/{emotion}/{number}.jpg', 'emotion': emotion, **votes})
    pd.DataFrame(rows).to_csv(tmp_path / 'train.csv')
    (tmp_path / 'test_kaggle').mkdir()
    names = [f'{number}.jpg' for number in (7, 3, 5)]
    for name in names:
        cv2.imwrite(str(tmp_path / 'test_kaggle' / name), np.full((16, 16), 100, np.uint8))
    pd.DataFrame({'image_path': names, 'emotion': 'neutral'}).to_csv(tmp_path / 'sample_submission.csv', index=False)
    return tmp_path


def arguments(folder, *more):
    given = ['--images', folder, '--test-images', folder / 'test_kaggle', '--train-csv', folder / 'train.csv']
    given += ['--sample-submission', folder / 'sample_submission.csv', '--output', folder / 'out' / 'model.h5']
    given += ['--efnet-no', 0, '--weights', 'none', '--image-size', 32, '--native-size', 16, '--epochs', 2]
    return [str(argument) for argument in [*given, '--batch-size', 16, *more]]


def failure(folder, *more):
    """The one line with which main() ends."""
    with pytest.raises(SystemExit) as caught:
        model_training.main(arguments(folder, *more))
    assert isinstance(caught.value.code, str) and '\n' not in caught.value.code  # exit code 1
    return caught.value.code


# ---- the whole run


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
    np.testing.assert_allclose(histories[1], histories[0], rtol=1e-3)


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


# ---- wrong input


def test_missing_table(kaggle):
    (kaggle / 'train.csv').unlink()
    assert 'train.csv: no such table' in failure(kaggle)


def test_missing_column(kaggle):
    pd.read_csv(kaggle / 'train.csv').rename(columns={'emotion': 'label'}).to_csv(kaggle / 'train.csv')
    assert 'lacks the column emotion' in failure(kaggle)


def test_missing_vote_columns(kaggle):
    pd.read_csv(kaggle / 'train.csv')[['image_path', 'emotion']].to_csv(kaggle / 'train.csv')
    assert 'lacks the column anger, contempt' in failure(kaggle, '--votes', 0.5)


@pytest.mark.parametrize(
    ('option', 'value', 'expected'),
    [
        ('--batch-size', 0, '--batch-size is 0; expected 1 or more'),
        ('--epochs', 0, '--epochs is 0; expected 1 or more'),
        ('--image-size', 0, '--image-size is 0; expected 32 or more'),
        ('--image-size', 8, '--image-size is 8; expected 32 or more'),
        ('--native-size', 4, '--native-size is 4; expected 8 or more'),
        ('--learning-rate', -1, '--learning-rate is -1.0; expected 1e-12 or more'),
        ('--learning-rate', 'nan', '--learning-rate is nan; expected 1e-12 or more'),
        ('--votes', 1.5, '--votes is 1.5; expected 0 to 1'),
        ('--second-share', -0.1, '--second-share is -0.1; expected 0 to 1'),
        ('--output', 'm.txt', '--output is m.txt; expected a name that ends in .h5'),
    ],
)
def test_wrong_options_are_told_before_anything_is_read(kaggle, option, value, expected):
    (kaggle / 'train.csv').unlink()  # would be told next
    message = failure(kaggle, option, value)
    assert message.startswith(f'model_training.py: {expected}')
    assert not (kaggle / 'out').exists()


def test_options_that_argparse_refuses_are_told_in_one_line(kaggle):
    assert failure(kaggle, '--epochs', 'many').endswith("invalid int value: 'many' (--help lists the options)")


def test_wrong_crop(kaggle):
    assert '--crop is 1.1 0.9; expected' in failure(kaggle, '--crop', 1.1, 0.9)


def test_unknown_emotion(kaggle):
    table = pd.read_csv(kaggle / 'train.csv').replace({'emotion': {'happy': 'hapy'}})
    table.to_csv(kaggle / 'train.csv')
    assert 'unknown emotion hapy' in failure(kaggle)


def test_class_with_too_few_images(kaggle):
    table = pd.read_csv(kaggle / 'train.csv')
    table.drop(table[table.emotion == 'fear'].index[:4]).to_csv(kaggle / 'train.csv')
    assert 'too few images of fear, 8; 10 are needed' in failure(kaggle)


def test_unreadable_images_are_named(kaggle):
    (kaggle / 'test_kaggle' / '3.jpg').unlink()
    assert '1 of 3 images cannot be read' in failure(kaggle)
    (kaggle / 'train' / 'anger' / '0.jpg').write_bytes(b'')
    (kaggle / 'train' / 'contempt' / '1.jpg').write_text('text')
    message = failure(kaggle)
    assert '2 of 108 images cannot be read' in message and '0.jpg' in message and '1.jpg' in message


def test_missing_weights_file(kaggle):
    assert 'no such weights file' in failure(kaggle, '--weights', kaggle / 'none.h5')


def test_failed_download_says_what_to_pass(kaggle, monkeypatch):
    def fail(*_, **__):
        raise Exception('URL fetch failure on efficientnetb0_notop.h5: None -- unreachable')

    monkeypatch.setattr('keras.src.utils.file_utils.get_file', fail)
    message = failure(kaggle, '--weights', 'imagenet')
    assert 'efficientnetb0_notop.h5 elsewhere and pass it with --weights FILE' in message


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


# ---- data


def test_copies_stand_on_one_side_of_the_split():
    emotions = [EMOTIONS[number % 9] for number in range(900)]
    pictures = [f'{number % 600}' for number in range(900)]  # every second one twice, with the same emotion or another
    table = pd.DataFrame({'emotion': emotions, 'picture': pictures})
    training, validation = model_training.split(table)
    assert len(training) + len(validation) == 900
    assert not set(training.picture) & set(validation.picture)
    assert set(validation.emotion) == set(training.emotion) == set(EMOTIONS)
    shares = validation.emotion.value_counts() / table.emotion.value_counts()
    assert shares.between(0.05, 0.15).all()
    assert 81 <= len(validation) <= 99


def test_split_without_copies_is_stratified_exactly():
    table = pd.DataFrame({'emotion': np.repeat(EMOTIONS, 30), 'picture': [str(number) for number in range(270)]})
    _, validation = model_training.split(table)
    assert validation.emotion.value_counts().to_dict() == dict.fromkeys(EMOTIONS, 3)


def test_an_emotion_of_copies_only_cannot_be_split():
    pictures = ['one'] * 30 + [str(number) for number in range(240)]
    table = pd.DataFrame({'emotion': np.repeat(EMOTIONS, 30), 'picture': pictures})
    with pytest.raises(TrainingError, match='too few different images of anger'):
        model_training.split(table)


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
    assert "'copies_in_it': 2, 'pictures_with_contradicting_labels': 1" in printed
    assert metrics['unique_pictures']['images'] <= metrics['images'] == metrics['split_sizes']['validation']


def test_second_labels_in_the_target(tmp_path):
    table = pd.DataFrame({'image_path': list('abc'), 'emotion': ['neutral', 'uncertain', 'happy']})
    pd.DataFrame({'image_path': ['b', 'a'], 'fer2013': ['fear', 'sad']}).to_csv(tmp_path / 'second.csv', index=False)
    table['second'] = model_training.read_second_labels(tmp_path / 'second.csv', table.image_path)
    targets = model_training.make_targets(table, second_share=0.25)
    np.testing.assert_allclose(targets[0], [0, 0, 0, 0, 0, 0.75, 0.25, 0, 0])
    np.testing.assert_allclose(targets[1], [0, 0, 0, 0.25, 0, 0, 0, 0, 0.75])
    np.testing.assert_allclose(targets[2], [0, 0, 0, 0, 1, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ('columns', 'message'),
    [
        ({'path': ['a'], 'x': ['sad']}, 'lacks the column image_path'),
        ({'image_path': ['a'], 'x': ['sadness']}, 'unknown emotion sadness'),
        ({'image_path': ['z'], 'x': ['sad']}, 'names none of the training images'),
    ],
)
def test_wrong_second_labels(tmp_path, columns, message):
    pd.DataFrame(columns).to_csv(tmp_path / 'second.csv', index=False)
    with pytest.raises(TrainingError, match=message):
        model_training.read_second_labels(tmp_path / 'second.csv', pd.Series(['a']))


def test_answers_as_common_as_in_the_table():
    table = pd.DataFrame({'emotion': [*EMOTIONS, 'happy']})  # every emotion a tenth, happy two
    priors = np.array([0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    answers = model_training.as_in_table(priors[None], priors, table)
    np.testing.assert_allclose(answers[0], [0.1, 0.1, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1], rtol=1e-5)
    np.testing.assert_allclose(model_training.as_in_table(answers, answers[0], table), answers, rtol=1e-5)


def drawn_with(**options):
    return SimpleNamespace(**{name: option.default for name, option in model_training.OPTIONS.items()} | options)


def test_crop_enlarges_the_middle():
    image = np.zeros((48, 48, 3), np.uint8)
    image[16:32, 16:32] = 250
    drawn = model_training.augment(image, RNG, drawn_with(rotation=0, shift=0, crop=(0.5, 0.5)))
    assert 30 <= (drawn[24, :, 0] > 125).sum() <= 34  # 16 pixels, twice as large


def test_rare_emotions_are_repeated_evenly():
    table = pd.DataFrame({'emotion': ['happy'] * 6 + ['fear'] * 2, 'path': list('abcdefgh')})
    repeated = model_training.oversample(table, 5, seed=1)
    assert repeated.path.tolist()[:8] == list('abcdefgh')
    assert repeated.emotion.value_counts().to_dict() == {'happy': 6, 'fear': 5}
    assert sorted(repeated.path.value_counts()[['g', 'h']]) == [2, 3]
    assert model_training.oversample(table, 0, seed=1).equals(table)


def test_votes_in_the_target():
    table = pd.DataFrame({'emotion': ['happy', 'uncertain']} | {name: [0, 0] for name in EMOTIONS})
    table['happy'], table['neutral'], table['sad'] = [6, 3], [4, 3], [0, 4]
    assert model_training.make_targets(table).argmax(axis=1).tolist() == [4, 8]
    targets = model_training.make_targets(table, votes=0.5)
    np.testing.assert_allclose(targets[0], [0, 0, 0, 0, 0.8, 0.2, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(targets[1], [0, 0, 0, 0, 0, 0, 0, 0, 1], atol=1e-6)


def test_augmentation_keeps_shape_and_stays_near_the_image():
    image = np.zeros((48, 48, 3), np.uint8)
    image[20:28, 20:28] = 250
    centres = []
    for _ in range(200):
        drawn = model_training.augment(image, RNG, drawn_with())
        assert drawn.shape == image.shape and drawn.dtype == np.uint8
        centres.append(np.argwhere(drawn[..., 0] > 125).mean(axis=0) - 23.5)
    assert np.abs(centres).max() <= 0.15 * 48 + 1
    assert np.abs(centres).max() > 0.12 * 48  # and uses the range


def test_augmentation_flips_every_second_image():
    image = np.zeros((48, 48, 3), np.uint8)
    image[:, :24] = 200
    left = [model_training.augment(image, RNG, drawn_with())[24, :24].mean() > 100 for _ in range(400)]
    assert 150 < sum(left) < 250


def test_order_and_draws_follow_from_seed_and_epoch(kaggle):
    paths = sorted((kaggle / 'train').rglob('*.jpg'))

    def batch(epoch):
        options = drawn_with(batch_size=8)
        augmenter = partial(model_training.augment, options=options)
        dataset = model_training.FaceDataset(paths, np.arange(len(paths)), 16, options, augmenter, shuffle=True)
        dataset.epoch = epoch
        return dataset[3]

    np.testing.assert_array_equal(batch(1)[0], batch(1)[0])
    assert batch(1)[1].tolist() != batch(2)[1].tolist()


def test_training_images_are_shuffled_without_augmentation_too(kaggle):
    options = model_training.parse_options(arguments(kaggle, '--no-augmentation'))
    tables = model_training.load_tables(options)
    training, validation = model_training.make_datasets(options, tables['training'], tables['validation'])
    first = training[0][1].tolist()
    training.on_epoch_end()
    assert training[0][1].tolist() != first
    assert validation[0][1].argmax(axis=1).tolist() == [
        EMOTIONS.index(emotion) for emotion in tables['validation'].emotion
    ]


def test_balance_is_that_of_inference():
    answers = np.array([[0.8, 0.2], [0.2, 0.8]])
    np.testing.assert_allclose(model_training.balance(answers, [0.8, 0.2], 1), [[0.5, 0.5], [1 / 17, 16 / 17]])
    np.testing.assert_allclose(model_training.balance(answers, [0.8, 0.2], 0), answers)
    assert Settings.balance == model_training.BALANCE


# ---- network and contract


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


FACES = RNG.uniform(0, 255, (2, 32, 32, 3)).astype('float32')


def predict(model):
    return np.asarray(model.predict(FACES, verbose=0))


def test_imagenet_start_equals_keras_own_network(imagenet_file, monkeypatch):
    monkeypatch.setattr('keras.src.utils.file_utils.get_file', lambda *_, **__: str(imagenet_file))
    model = model_training.build_model(0, 'imagenet', image_size=32)
    features = keras.Model(model.input, model.get_layer('top_activation').output)
    reference = keras.applications.EfficientNetB0(include_top=False, weights='imagenet')
    assert sum(isinstance(layer, keras.layers.Rescaling) for layer in reference.layers) == 2
    np.testing.assert_allclose(predict(features), predict(reference), rtol=1e-3, atol=1e-4)


def test_saved_model_comes_back_exact_with_its_class_names(imagenet_file, tmp_path):
    model = model_training.build_model(0, str(imagenet_file), image_size=32, grayscale=True)
    model_training.save_model(model, tmp_path / 'model.h5', np.full(9, 1 / 9), 0.85)
    loaded = keras.models.load_model(tmp_path / 'model.h5', compile=False)
    np.testing.assert_array_equal(predict(loaded), predict(model))
    with h5py.File(tmp_path / 'model.h5') as file:
        assert json.loads(file.attrs['class_names']) == list(EMOTIONS)
        assert json.loads(file.attrs['class_priors']) == [0.111111] * 9
        assert json.loads(file.attrs['face_share']) == 0.85
    assert [path.name for path in tmp_path.iterdir()] == ['model.h5']


def test_going_on_from_a_model_of_this_project(imagenet_file, tmp_path):
    model = model_training.build_model(0, str(imagenet_file), image_size=32)
    model_training.save_model(model, tmp_path / 'model.h5', np.full(9, 1 / 9), 1.0)
    again = model_training.build_model(0, str(tmp_path / 'model.h5'), image_size=32)
    np.testing.assert_allclose(predict(again), predict(model), rtol=1e-5)
    with pytest.raises(TrainingError, match='not weights of EfficientNetB1'):
        model_training.build_model(1, str(tmp_path / 'model.h5'), image_size=32)


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


# ---- calibration


def test_calibration_error_of_known_confidences():
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 2)
    labels = np.array([0, 0, 0, 1, 1, 1])  # 0.9 is right in 0.75 of cases, 0.6 in all
    error = model_training.expected_calibration_error(labels, probabilities)
    assert error == pytest.approx((4 * 0.15 + 2 * 0.4) / 6)


def test_temperature_makes_confidence_match_accuracy():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation='softmax', name='emotion')])
    model.get_layer('emotion').set_weights([np.array([[4.0, 0.0], [0.0, 4.0]]), np.zeros(2)])
    faces = np.repeat([[1.0, 0.0]], 100, axis=0)
    labels = np.array([0] * 80 + [1] * 20)
    before = model.predict(faces, verbose=0)
    assert before[0, 0] == pytest.approx(0.982, abs=1e-3)
    temperature = model_training.calibrate(model, labels, before, np.array([0.5, 0.5]))
    assert temperature == pytest.approx(4 / np.log(4), abs=0.01)
    np.testing.assert_allclose(model.predict(faces, verbose=0)[0], [0.8, 0.2], atol=1e-3)
