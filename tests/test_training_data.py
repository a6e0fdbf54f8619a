"""From the tables to batches: the split, the targets, the random changes in each epoch."""

from functools import partial
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest

import model_training
from model_training import EMOTIONS, TrainingError
from tests.training_runs import arguments

RNG = np.random.default_rng(0)


def test_copies_are_on_one_side_of_the_split():
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


def drawn_with(**options):
    return SimpleNamespace(**{name: option.default for name, option in model_training.OPTIONS.items()} | options)


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


def test_augmentation_turns_to_either_side():
    image = np.zeros((48, 48, 3), np.uint8)
    image[22:26] = 250
    angles = []
    for _ in range(200):
        y, x = np.argwhere(model_training.augment(image, RNG, drawn_with(rotation=10, shift=0))[..., 0] > 125).T
        angles.append(np.degrees(np.arctan(np.polyfit(x, y, 1)[0])))
    assert 8 < max(angles) < 11 and -11 < min(angles) < -8


def test_augmentation_changes_contrast_and_brightness():
    image = np.full((48, 48, 3), 100, np.uint8)
    image[:, 24:] = 140
    drawn = [model_training.augment(image, RNG, drawn_with(contrast=0.2, rotation=0, shift=0)) for _ in range(400)]
    spreads = [picture.max() - picture.min() for picture in drawn]
    means = [picture.mean() for picture in drawn]
    assert 32 <= min(spreads) < 34 and 46 < max(spreads) <= 48  # 40, 0.2 up and down
    assert 94.5 <= min(means) < 98 and 142 < max(means) <= 145.5  # 120, and 0.2 of 127.5


def test_validation_images_are_shown_as_inference_shows_them(kaggle):
    table = pd.DataFrame({'path': [kaggle / 'train' / 'anger' / '0.jpg'], 'emotion': ['anger']})
    cv2.imwrite(str(table.path[0]), RNG.integers(0, 256, (16, 16), np.uint8))
    options = drawn_with(native_size=16, face_share=0.5, no_augmentation=True)
    training, validation = model_training.make_datasets(options, {'training': table, 'validation': table})
    image = model_training.read_image(table.path[0])
    np.testing.assert_array_equal(validation[0][0][0], model_training.resize(image, 16, 0.5))
    np.testing.assert_array_equal(training[0][0][0], image)


def test_crop_enlarges_the_middle():
    image = np.zeros((48, 48, 3), np.uint8)
    image[16:32, 16:32] = 250
    drawn = model_training.augment(image, RNG, drawn_with(rotation=0, shift=0, crop=(0.5, 0.5)))
    assert 30 <= (drawn[24, :, 0] > 125).sum() <= 34  # 16 pixels, twice as large


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
    training, validation = model_training.make_datasets(options, tables)
    first = training[0][1].tolist()
    training.on_epoch_end()
    assert training[0][1].tolist() != first
    assert validation[0][1].argmax(axis=1).tolist() == [
        EMOTIONS.index(emotion) for emotion in tables['validation'].emotion
    ]
