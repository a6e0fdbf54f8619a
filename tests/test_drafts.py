import json
import runpy
import sys

import numpy as np
import pytest

import model_training
from model_training import parse_options
from tests.conftest import ROOT

DRAFTS = {  # network, augmentation, weights, published private score
    'effnetb0': (0, True, 'imagenet', '0.5572'),
    'effnetb1': (1, True, 'imagenet', '0.5708'),
    'effnetb2': (2, True, 'imagenet', '0.542'),
    'effnetb2_no_aug': (2, False, 'imagenet', '0.5192'),
    'effnetb2_no_aug_no_transfer': (2, False, 'none', '0.458'),
    'effnetb4': (4, True, 'imagenet', '0.5396'),
}


@pytest.mark.parametrize('name', DRAFTS)
def test_draft_says_only_what_differs(name):
    folder = ROOT / 'draft_pipelines' / name
    assert len((folder / 'run.py').read_text().splitlines()) <= 40
    options = parse_options(runpy.run_path(str(folder / 'run.py'))['DIFFERENCES'])
    efnet_no, augmentation, weights, private_score = DRAFTS[name]
    assert (options.efnet_no, not options.no_augmentation, options.weights) == (efnet_no, augmentation, weights)
    default = vars(parse_options([]))
    changed = {key for key, value in vars(options).items() if value != default[key]}
    assert changed <= {'efnet_no', 'no_augmentation', 'weights'}
    assert f'| {private_score} |' in (folder / 'README.md').read_text()


@pytest.mark.parametrize(
    'name', ['effnetb0/votes', 'effnetb1/votes', 'effnetb1/hard_labels', 'effnetb1/no_augmentation']
)
def test_own_runs_are_told_as_measured(name):
    folder = ROOT / 'draft_pipelines' / name
    metrics = json.loads((folder / 'metrics.json').read_text())
    told = [metrics[key] for key in ('accuracy', 'accuracy_without_uncertain', 'accuracy_tta')]
    assert ' | '.join(f'{value:.4f}' for value in told) in (folder.parent / 'README.md').read_text()
    assert len((folder / 'history.csv').read_text().splitlines()) == 1 + 4


def test_both_labels_are_told_as_measured():
    folder = ROOT / 'draft_pipelines' / 'both_labels'
    assert len((folder / 'run.py').read_text().splitlines()) <= 40
    history = (ROOT / 'model_weights' / 'earlier_runs' / '6' / 'history.csv').read_text().splitlines()
    assert f'{float(history[4].split(",")[3]):.3f} after four' in (folder / 'README.md').read_text()


def test_model_card_tells_what_was_measured():
    metrics = json.loads((ROOT / 'model_weights' / 'metrics.json').read_text())
    card = (ROOT / 'model_weights' / 'README.md').read_text()
    answers = (metrics, metrics['as_in_table'], metrics['balanced'])
    told = [metrics['accuracy'], *(answer['accuracy_tta'] for answer in answers[:2])]
    told += [metrics['balanced'][name] for name in ('accuracy', 'accuracy_tta')]
    assert '| accuracy, nine classes | ' + ' | '.join(f'{value:.4f}' for value in told) + ' |' in card
    assert f'temperature {metrics["temperature"]:.2f} ' in card


def test_every_draft_is_known():
    assert {path.parent.name for path in (ROOT / 'draft_pipelines').glob('*/run.py')} == {*DRAFTS, 'both_labels'}


@pytest.fixture(scope='module')
def both_labels():
    """What the draft's script defines; nothing is changed in model_training but that it has two more options."""
    options, path = dict(model_training.OPTIONS), list(sys.path)
    yield runpy.run_path(str(ROOT / 'draft_pipelines' / 'both_labels' / 'run.py'))
    model_training.OPTIONS.clear()
    model_training.OPTIONS.update(options)
    sys.path[:] = path


def test_short_epochs_take_a_share_of_the_shuffled_images_only(both_labels):
    options = model_training.parse_options(['--share', '0.5', '--batch-size', '64'])
    assert len(both_labels['ShortEpochs'](['a'] * 640, None, 8, options, shuffle=True)) == 5
    whole = both_labels['ShortEpochs'](['a'] * 640, None, 8, options)
    whole.face_share = 0.85  # as predict() sets it: another share
    assert len(whole) == 10


def test_damages_keep_the_shape_and_change_the_picture(both_labels):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (48, 48, 3), np.uint8)
    before = image.copy()
    for damage in both_labels['DAMAGES']:
        damaged = damage(image, rng)
        assert (damaged.shape, damaged.dtype) == ((48, 48, 3), np.uint8)
        assert (damaged != before).any() and (image == before).all()


def test_each_damage_befalls_its_share_of_the_images(both_labels, monkeypatch):
    monkeypatch.setitem(both_labels['augment_and_damage'].__globals__, 'DAMAGES', [lambda image, rng: image + 1])
    options = model_training.parse_options(['--damage', '0.2', '--rotation', '0', '--shift', '0'])
    rng, black = np.random.default_rng(0), np.zeros((8, 8, 3), np.uint8)
    damaged = [both_labels['augment_and_damage'](black, rng, options).max() for _ in range(500)]
    assert 70 < sum(damaged) < 130


def test_average_is_the_mean_of_all_weights():
    average = runpy.run_path(str(ROOT / 'draft_pipelines' / 'both_labels' / 'average.py'))['average']
    models = [model_training.build_model(0, 'none', image_size=32) for _ in range(3)]
    weights = [model.get_weights() for model in models]
    average(models[0], models[1:])
    for mean, *values in zip(models[0].get_weights(), *weights, strict=True):
        np.testing.assert_allclose(mean, sum(values) / 3, rtol=1e-5, atol=1e-7)
