"""The notebooks run from top to bottom; that of the training also where there are no data."""

import json
import sys

import matplotlib.pyplot as plt
import pytest

from tests.clips import copy_packets
from tests.paths import DEMO_PATH, ROOT


@pytest.fixture
def fresh_folder(tmp_path, monkeypatch):
    """A folder with what the repository has and no data, in which the notebook runs."""
    for name in ('model_weights', 'draft_pipelines', 'examples'):
        (tmp_path / name).symlink_to(ROOT / name, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if 'both_labels' in str(getattr(sys.modules[name], '__file__', '')):  # such as `run`, a name of many
            del sys.modules[name]
    plt.close('all')


@pytest.mark.usefixtures('fresh_folder')
def test_the_notebook_runs_on_drawn_faces_without_data(capsys):
    cells = json.loads((ROOT / 'best_pipeline.ipynb').read_text(encoding='utf-8'))['cells']
    names = {}
    for cell in cells:
        if cell['cell_type'] == 'code':
            exec(''.join(line for line in cell['source'] if not line.startswith('%')), names)
    said = capsys.readouterr().out
    assert 'data/train.csv is not here, so the images are drawn' in said
    sizes = {name: len(table) for name, table in names['tables'].items()}
    assert sizes == {'training': 162, 'validation': 18, 'test': 18}
    assert names['computed']['images'] == 18
    (answers,) = (line for line in said.splitlines() if line.startswith('the drawn faces: '))
    assert len(answers.split()) == 3 + 18


def test_the_tour_is_small_and_runs(tmp_path, monkeypatch, capsys):
    path = ROOT / 'examples' / 'tour.ipynb'
    assert path.stat().st_size < 300_000
    copy_packets(DEMO_PATH, tmp_path / 'demo.mp4', seconds=1)
    monkeypatch.chdir(tmp_path)
    cells = [cell for cell in json.loads(path.read_text(encoding='utf-8'))['cells'] if cell['cell_type'] == 'code']
    assert [cell['execution_count'] for cell in cells] == [*range(1, len(cells) + 1)]
    assert 'image/png' in [kind for cell in cells for output in cell['outputs'] for kind in output.get('data', ())]
    names = {}
    for cell in cells:
        exec(''.join(cell['source']), names)
    plt.close('all')
    assert names['table']['emotion'].unique().tolist() == ['happy']
    assert [face.emotion for face in names['faces']] == ['neutral']
    assert (tmp_path / 'tour_results' / 'demo_with_emotions_review.html').exists()
    assert 'Wrote tour_results' in capsys.readouterr().out
