"""Each draft differs as its folder says, and is told as it was measured."""

import json
import runpy

import pytest

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
    history = (folder / 'earlier_model' / '6' / 'history.csv').read_text().splitlines()
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
