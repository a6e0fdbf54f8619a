"""Each draft differs as its folder says, its figures are those that were measured, and the commands are right."""

import json
import re
import runpy
import shlex
import sys

import pytest

import model_training
from model_training import parse_options
from tests.paths import ROOT

DRAFT_FOLDER = ROOT / 'draft_pipelines'
DRAFTS = {  # network, augmentation, weights
    'effnetb0': (0, True, 'imagenet'),
    'effnetb1': (1, True, 'imagenet'),
    'effnetb2': (2, True, 'imagenet'),
    'effnetb2_no_aug': (2, False, 'imagenet'),
    'effnetb2_no_aug_no_transfer': (2, False, 'none'),
    'effnetb4': (4, True, 'imagenet'),
}


def table_rows(path):
    """The rows of all tables of a document, as lists of cells without emphasis and link targets."""
    text = re.sub(r'\[([^]]*)]\([^)]*\)|\*\*', r'\1', path.read_text(encoding='utf-8'))
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in text.splitlines() if line.startswith('|')]


@pytest.mark.parametrize('name', DRAFTS)
def test_draft_runs_the_script_with_what_differs(name, monkeypatch):
    given = []
    path = DRAFT_FOLDER / name / 'run.py'
    monkeypatch.setattr(sys, 'path', [*sys.path])  # the draft adds to it
    monkeypatch.setattr(sys, 'argv', [str(path), '--epochs', '3'])
    monkeypatch.setattr(model_training, 'main', given.extend)
    runpy.run_path(str(path), run_name='__main__')
    assert len(path.read_text().splitlines()) <= 40
    options, default = parse_options(given), vars(parse_options([]))
    assert (options.efnet_no, not options.no_augmentation, options.weights) == DRAFTS[name]
    assert (options.output, options.epochs) == (path.with_name('model.h5'), 3)
    changed = {key for key, value in vars(options).items() if value != default[key]}
    assert changed <= {'efnet_no', 'no_augmentation', 'weights', 'output', 'epochs'}


def test_every_draft_is_known():
    names = {path.parent.name for path in DRAFT_FOLDER.glob('*/run.py')}
    assert names == {*DRAFTS, 'both_labels', 'many_machines', 'one_run'}


def test_one_run_is_both_labels_with_its_options(monkeypatch):
    given, path = [], DRAFT_FOLDER / 'one_run' / 'run.py'
    monkeypatch.setattr(sys, 'path', [*sys.path])  # the draft adds to it
    monkeypatch.delitem(sys.modules, 'run', raising=False)  # a name of many
    monkeypatch.setattr(sys, 'argv', [str(path), '--second-labels', 'other.csv', '--epochs', '3'])
    monkeypatch.setattr(model_training, 'main', lambda *arguments: given.extend(arguments))
    runpy.run_path(str(path), run_name='__main__')
    del sys.modules['run']
    arguments, more_options, _ = given
    options = parse_options(arguments, more_options)
    assert (options.epochs, options.image_size, options.votes, options.share) == (3, 80, 1.0, 0.5)
    assert (options.output, options.second_labels.name) == (path.with_name('model.h5'), 'other.csv')


def test_published_results_are_the_same_in_all_places():
    published = runpy.run_path(str(DRAFT_FOLDER / 'compare.py'))['PUBLISHED']
    assert set(published) == set(DRAFTS)
    overview = table_rows(DRAFT_FOLDER / 'README.md')
    for name, values in published.items():
        assert [name, *map(str, values)] in overview
        assert [*map(str, values)] in table_rows(DRAFT_FOLDER / name / 'README.md')


@pytest.mark.parametrize(
    'name', ['effnetb0/votes', 'effnetb1/votes', 'effnetb1/hard_labels', 'effnetb1/no_augmentation']
)
def test_tables_of_own_runs_show_what_was_measured(name):
    folder = DRAFT_FOLDER / name
    metrics = json.loads((folder / 'metrics.json').read_text())
    history = (folder / 'history.csv').read_text().splitlines()
    assert len(history) == 1 + 4
    measured = [f'{metrics[key]:.4f}' for key in ('accuracy', 'accuracy_without_uncertain', 'accuracy_tta')]
    (row,) = (row for row in table_rows(folder.parent / 'README.md') if row[0].startswith(folder.name))
    assert row[1:] == [*measured, f'{float(history[-1].split(",")[1]):.3f}']


def test_both_labels_cites_what_was_measured():
    folder = DRAFT_FOLDER / 'both_labels'
    history = (folder / 'earlier_model' / '6' / 'history.csv').read_text().splitlines()
    assert f'{float(history[4].split(",")[3]):.3f} after four' in (folder / 'README.md').read_text()


def test_model_card_shows_what_was_measured():
    metrics = json.loads((ROOT / 'model_weights' / 'metrics.json').read_text())
    shown, other = metrics['from_rest'], metrics['from_rest_second']
    measured = [metrics['accuracy'], metrics['accuracy_tta'], metrics['as_in_table']['accuracy_tta']]
    measured += [shown['accuracy'], shown['accuracy_tta']]
    card = ROOT / 'model_weights' / 'README.md'
    rows = table_rows(card)
    assert ['accuracy, nine classes', *(f'{value:.4f}' for value in measured)] in rows
    for name, of_labels in (("FER+'s labels", shown), ("FER2013's labels", other)):
        errors = [of_labels[f'expected_calibration_error{suffix}'] for suffix in ('', '_tta')]
        assert [name, *(f'{error:.3f}' for error in errors)] in rows
    for emotion in model_training.EMOTIONS:
        measures = [of_labels['per_class_tta'][emotion] for of_labels in (shown, other)]
        figures = [measures[0]['confidence'], measures[0]['precision'], measures[1]['precision']]
        assert [emotion, *(f'{figure:.2f}' for figure in figures)] in rows
    assert f'{metrics["temperature"]:.2f}' in card.read_text()


def training_commands():
    """Each command in the drafts' documents that trains without a variable: its script and its arguments."""
    for path in sorted(DRAFT_FOLDER.rglob('README.md')):
        for block in re.findall('```bash\n(.*?)```', path.read_text(encoding='utf-8'), re.DOTALL):
            for line in block.replace('\\\n', '').splitlines():
                words = [word for word in shlex.split(line, comments=True) if word != '...']
                script = next((word for word in words if word.endswith(('run.py', 'model_training.py'))), None)
                if script is not None:
                    yield script, words[words.index(script) + 1 :]


@pytest.mark.parametrize(('script', 'given'), [*training_commands()])
def test_commands_in_the_documents_are_right(script, given, monkeypatch):
    assert (ROOT / script).is_file()
    monkeypatch.setattr(sys, 'path', [*sys.path])
    monkeypatch.setattr(model_training.keras.backend, 'backend', lambda: 'jax')
    more_options = runpy.run_path(str(ROOT / script)).get('MORE_OPTIONS', {})
    given = ['0' if word.startswith('$') else word for word in given]  # a number that the computer knows
    parse_options(given, more_options)
