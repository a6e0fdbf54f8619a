"""The notebook runs from top to bottom, also where there are no data."""

import json
import sys

import matplotlib.pyplot as plt
import pytest

from tests.conftest import ROOT


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
