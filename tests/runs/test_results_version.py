"""`--skip-done` makes results again if RESULTS_VERSION differs, so it must differ when the results do."""

import json

import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.provenance import RESULTS_VERSION
from emotion_recognition.settings import MODEL_WEIGHTS_PATH
from tests.paths import DEMO_PATH, ROOT

pytestmark = pytest.mark.xdist_group('results version')  # its tests share one run
PUBLISHED = Outputs(ROOT / 'examples' / 'results' / 'demo_with_emotions.mp4')  # by examples/make_demo.py
ROUNDING = 0.002  # of probabilities and shares, since processors round differently
EXACT = {  # columns that must be the same to the letter
    'emotions': ['ms_start', 'ms_end', 'frame_start', 'frame_end', 'emotions'],
    'faces': ['frame', 'ms', 'face', 'person', 'name', 'identified', 'x', 'y', 'width', 'height', 'emotion'],
    'summary': ['video', 'span', 'person', 'name', 'identified', 'frames', 'seconds', 'changes_per_minute'],
}


def read(outputs):
    """The tables of a run, by their names."""
    return {name: pd.read_csv(getattr(outputs, name), keep_default_na=False) for name in EXACT}


def find_differences(tables, published):
    """Names of the tables and columns that differ by more than rounding."""
    differences = []
    for name, exact in EXACT.items():
        table, expected = tables[name], published[name]
        if list(table.columns) != list(expected.columns) or len(table) != len(expected):
            differences.append(f'{name}: columns or number of rows')
            continue
        for column in table:
            if column in exact:
                is_same = table[column].equals(expected[column])
            else:
                is_same = np.abs(table[column] - expected[column]).max() <= ROUNDING
            if not is_same:
                differences.append(f'{name}: {column}')
    return differences


@pytest.fixture(scope='module')
def outputs(tmp_path_factory):
    """The results of the demo as they are made now."""
    outputs = Outputs(tmp_path_factory.mktemp('demo') / PUBLISHED.annotated.name)
    classifier = EmotionClassifier(MODEL_WEIGHTS_PATH, 'openvino', 'f32')
    emotions_from_video.analyse_video(DEMO_PATH, classifier, write_video=False, output_filename=outputs.annotated)
    return outputs


def test_results_differ_only_with_the_results_version(outputs):
    published = json.loads(PUBLISHED.record.read_text())['made_with']['results_version']
    assert json.loads(outputs.record.read_text())['made_with']['results_version'] == RESULTS_VERSION
    assert published == RESULTS_VERSION, (
        f'RESULTS_VERSION is {RESULTS_VERSION}, but examples/results/ was made with {published}: '
        'run examples/make_demo.py and commit what it makes'
    )
    differences = find_differences(read(outputs), read(PUBLISHED))
    assert not differences, (
        f'the results differ from those in examples/results/ ({"; ".join(differences)}): if they should, raise '
        'RESULTS_VERSION in emotion_recognition/runs/provenance.py, run examples/make_demo.py and commit what it makes'
    )


@pytest.mark.parametrize(
    ('name', 'column', 'change', 'is_difference'),
    [
        ('emotions', 'emotions', lambda word: 'sad', True),
        ('emotions', 'frame_end', lambda number: number + 1, True),
        ('faces', 'emotion', lambda word: 'sad', True),
        ('faces', 'person', lambda number: number + 1, True),
        ('faces', 'width', lambda pixels: pixels + 1, True),
        ('faces', 'happy', lambda probability: probability + 0.003, True),
        ('faces', 'happy', lambda probability: probability + 0.001, False),
        ('summary', 'frames', lambda number: number - 1, True),
        ('summary', 'neutral_share', lambda share: share - 0.003, True),
        ('summary', 'neutral_share', lambda share: share - 0.001, False),
    ],
    ids=['words', 'frame', 'word', 'person', 'box', 'probability', 'rounding', 'frames', 'share', 'rounded share'],
)
def test_what_counts_as_a_difference(outputs, name, column, change, is_difference):
    before, after = read(outputs), read(outputs)
    after[name].loc[1, column] = change(after[name].loc[1, column])
    assert find_differences(after, before) == ([f'{name}: {column}'] if is_difference else [])


def test_rows_and_columns_count_too(outputs):
    before, after = read(outputs), read(outputs)
    after['faces'] = after['faces'][:-1]
    after['summary'] = after['summary'].rename(columns={'frames': 'pictures'})
    both = ['faces: columns or number of rows', 'summary: columns or number of rows']
    assert find_differences(after, before) == both
