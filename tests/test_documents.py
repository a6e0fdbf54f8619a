"""The documents: links lead somewhere, and commands, examples and names are those of the program."""

import argparse
import csv
import json
import re
import runpy
import shlex
import shutil
import sys
from importlib.util import find_spec

import pytest

from tests.clips import write_clip
from tests.paths import ROOT

DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for path in ROOT.rglob('README.md')
    if not any(part.startswith('.') for part in path.relative_to(ROOT).parts)
)
PACKAGE_DOCUMENT = ROOT / 'emotion_recognition' / 'README.md'
CODE_BLOCK = re.compile(r'^```(\w*)\n(.*?)^```', re.MULTILINE | re.DOTALL)
LINK = re.compile(r'\]\(([^()\s]+)\)')
HEADING = re.compile(r'^#+ (.+)$', re.MULTILINE)
STEP = re.compile(r'^\| \d+ \| \[[\w/]+\.py\]\(([\w/.]+)\) \| `(\w+)` \|', re.MULTILINE)
PYTHON = '.venv/bin/python'
LONGEST_README = 180  # lines


def code_blocks(path, language):
    return [block for of, block in CODE_BLOCK.findall(path.read_text()) if of == language]


def links(path):
    """The links of a document within the repository: file, and anchor of a heading."""
    text = re.sub(r'`[^`\n]+`', '', CODE_BLOCK.sub('', path.read_text()))
    return [link.partition('#')[::2] for link in LINK.findall(text) if not link.startswith('https://')]


def anchors(path):
    """The anchors of a document's headings, as GitHub makes them."""
    found = []
    for heading in HEADING.findall(CODE_BLOCK.sub('', path.read_text())):
        anchor = re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')
        found.append(f'{anchor}-{found.count(anchor)}' if anchor in found else anchor)
    return found


def commands(path):
    """What stands after `.venv/bin/python` in a document's commands: script or module, and arguments."""
    for block in code_blocks(path, 'bash'):
        for line in block.replace('\\\n', ' ').replace("'", ' ').splitlines():
            for command in re.split(r'&&|[|;]', line.partition(' #')[0]):
                if f'{PYTHON} ' in command:
                    words = shlex.split(re.sub(r'\$\w+', '0', command))
                    if PYTHON in words:
                        yield [word for word in words[words.index(PYTHON) + 1 :] if word != '...']


COMMANDS = sorted({tuple(words) for path in DOCUMENTS for words in commands(ROOT / path)})


@pytest.mark.parametrize('document', DOCUMENTS, ids=str)
def test_links_lead_to_files_and_headings(document):
    path = ROOT / document
    for name, anchor in links(path):
        target = path.parent / name if name else path
        assert target.exists(), name
        assert not anchor or anchor in anchors(target), f'{name}#{anchor}'


def test_readme_is_for_the_first_five_minutes():
    assert len((ROOT / 'README.md').read_text().splitlines()) <= LONGEST_README


def test_readme_says_how_often_it_is_right_as_measured():
    balanced = json.loads((ROOT / 'model_weights' / 'metrics.json').read_text())['from_rest']
    recalls = {name: f'{measured["recall"]:.0%}' for name, measured in balanced['per_class_tta'].items()}
    said = re.findall(r'(\d+) %', (ROOT / 'README.md').read_text().partition('## Get the files')[0])
    named = ('happy', 'surprise', 'neutral', 'disgust', 'contempt', 'uncertain')
    measured = [f'{balanced["accuracy"]:.0%}', '11%', *(recalls[name] for name in named)]
    assert [f'{number}%' for number in said] == measured
    assert 0.7 < 1 - balanced['per_class_tta']['fear']['precision'] < 0.8  # three of four


def test_recipe_says_what_was_measured():
    run = ROOT / 'draft_pipelines' / 'both_labels' / 'earlier_model' / '1'
    metrics = json.loads((run / 'metrics.json').read_text())
    recalls = [measured['recall'] for measured in metrics['per_class_tta'].values()]
    with (run / 'history.csv').open() as file:
        history = {int(row['epoch']): f'{float(row["val_accuracy"]):.3f}' for row in csv.DictReader(file)}
    recipe = (ROOT / 'model_weights' / 'README.md').read_text().partition('## What the model is')[0]
    rows = [line.strip('| ').split(' | ') for line in recipe.splitlines() if line.startswith('| ')]
    epochs, accuracies, _, time, *figures = (row[1:] for row in rows)
    assert accuracies == [history[int(epoch)] for epoch in epochs]
    assert time[0].startswith(f'{metrics["training_seconds"]:,} s')
    expected = [f'{metrics["accuracy"]:.4f}', f'{metrics["accuracy_tta"]:.4f}', f'{sum(recalls) / len(recalls):.3f}']
    assert [figure for (figure,) in figures] == expected


def test_commands_are_found():
    assert {words[0] for words in COMMANDS} >= {
        'emotions_from_video.py',
        'emotions_from_webcam.py',
        'model_training.py',
        '-m',
    }


class CommandLineRead(BaseException):
    """Ends a script when its command line has been read."""


@pytest.mark.parametrize('words', COMMANDS, ids=' '.join)
def test_commands_name_scripts_and_options_that_exist(words, monkeypatch):
    if words[0] == '-m':
        assert find_spec(words[1])
        return
    script = ROOT / words[0]
    assert script.is_file()
    if not any(word.startswith('-') for word in words):
        return
    assert re.search('argparse|Parser|model_training', script.read_text()), 'takes no options'

    def read_and_end(self, *arguments):
        parse_arguments(self, *arguments)
        raise CommandLineRead

    parse_arguments = argparse.ArgumentParser.parse_args
    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', read_and_end)
    monkeypatch.setattr(sys, 'argv', [str(script), *words[1:]])
    with pytest.raises(CommandLineRead):
        runpy.run_path(str(script), run_name='__main__')


@pytest.mark.parametrize('path', [ROOT / 'README.md', PACKAGE_DOCUMENT], ids=lambda path: path.parent.name)
def test_python_examples_run(path, tmp_path, monkeypatch, capsys):
    results = tmp_path / 'examples' / 'results'
    results.mkdir(parents=True)
    shutil.copy(ROOT / 'examples' / 'results' / 'demo_with_emotions.png', results)
    write_clip(tmp_path / 'examples' / 'demo.mp4', range(0, 400, 40))
    monkeypatch.chdir(tmp_path)
    blocks = code_blocks(path, 'python')
    assert blocks
    for block in blocks:
        exec(compile(block, path, 'exec'), {})
    assert 'happy' in capsys.readouterr().out
    written = tmp_path / 'results' / 'demo_with_emotions_faces_data.csv'
    assert written.exists() == (path == PACKAGE_DOCUMENT)


def test_one_frames_way_names_what_exists():
    steps = STEP.findall(PACKAGE_DOCUMENT.read_text())
    assert len(steps) >= 15
    for file, name in steps:
        assert re.search(rf'^\s*(def|class) {name}\b', (PACKAGE_DOCUMENT.parent / file).read_text(), re.MULTILINE), name
