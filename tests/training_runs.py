"""Small training runs: tables and images as on Kaggle, and a network that learns in seconds."""

import json
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import cv2
import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import model_training
from model_training import EMOTIONS


def write_tables(folder):
    """Write tables and images in Kaggle's layout: each emotion is one grey level, and each image has another corner."""
    rows = []
    for number in range(9 * 12):
        emotion = EMOTIONS[number % 9]
        path = folder / 'train' / emotion / f'{number}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.full((16, 16), 25 * (number % 9) + 20, np.uint8)
        picture[:8, :8] = 2 * number
        cv2.imwrite(str(path), picture)
        votes = {name: 10 * (name == emotion) for name in EMOTIONS}
        rows.append({'image_path': f'./train/{emotion}/{number}.jpg', 'emotion': emotion, **votes})
    pd.DataFrame(rows).to_csv(folder / 'train.csv')
    (folder / 'test_kaggle').mkdir()
    names = [f'{number}.jpg' for number in (7, 3, 5)]
    for name in names:
        cv2.imwrite(str(folder / 'test_kaggle' / name), np.full((16, 16), 100, np.uint8))
    pd.DataFrame({'image_path': names, 'emotion': 'neutral'}).to_csv(folder / 'sample_submission.csv', index=False)
    return folder


def tiny_backbone(include_top, weights, input_tensor=None):
    """Stands in for EfficientNet in tests of what surrounds it."""
    assert not include_top and weights is None
    x = keras.layers.Rescaling(1 / 255)(input_tensor)
    x = keras.layers.Normalization()(x)
    x = keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='stem_conv')(x)
    x = keras.layers.Dropout(0.2)(x)
    return SimpleNamespace(output=x)


draw_plot = Figure.savefig


@contextmanager
def small_networks():
    """Let `tiny_backbone` stand in for EfficientNetB0, and draw no plots, which takes longer than such a run."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Figure, 'savefig', lambda self, path, **_: Path(path).touch())
        monkeypatch.setattr(keras.applications, 'EfficientNetB0', tiny_backbone)
        yield


def arguments(folder, *more):
    given = ['--images', folder, '--test-images', folder / 'test_kaggle', '--train-csv', folder / 'train.csv']
    given += ['--sample-submission', folder / 'sample_submission.csv', '--output', folder / 'out' / 'model.h5']
    given += ['--efnet-no', 0, '--weights', 'none', '--image-size', 32, '--native-size', 16, '--epochs', 2]
    return [str(argument) for argument in [*given, '--batch-size', 16, *more]]


def state_in(checkpoint):
    """The state of the run that wrote a checkpoint."""
    with ZipFile(checkpoint) as archive:
        return json.loads(archive.read('state.json'))


def stored_types(path, name):
    """The types of all arrays of a name in a model.h5."""
    found = []
    with h5py.File(path) as file:
        file.visit(found.append)
        return {file[array].dtype for array in found if array.endswith(f'/{name}')}


def failure(folder, *more):
    """The one line with which main() ends."""
    with pytest.raises(SystemExit) as caught:
        model_training.main(arguments(folder, *more))
    assert isinstance(caught.value.code, str) and '\n' not in caught.value.code  # exit code 1
    return caught.value.code
