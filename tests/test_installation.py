"""An installation has all that the two scripts need, with nothing from the repository beside it."""

import os
import subprocess
import sys
import tomllib

import pytest

import emotions_from_video
from tests.paths import ROOT

SETUPTOOLS = tomllib.loads((ROOT / 'pyproject.toml').read_text())['tool']['setuptools']
PROGRAM = """
import sys
from pathlib import Path
import emotions_from_webcam
from emotion_recognition import analyse_video, commands
from emotion_recognition.settings import MODEL_WEIGHTS_PATH
table = analyse_video(sys.argv[1], start=7, end=7.2, output_folder='results')
print(table['emotions'].iloc[0], MODEL_WEIGHTS_PATH.relative_to(sys.argv[2]))
emotions_from_webcam.run = lambda settings: print(Path(settings.csv_path).parent)
sys.argv[1:] = ['--no-mirror']
commands.watch_webcam()
"""


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
    """A folder with what a wheel has."""
    folder = tmp_path_factory.mktemp('installed')
    command = [sys.executable, '-c', 'import setuptools; setuptools.setup()', '-q']
    command += ['egg_info', '--egg-base', str(folder), 'build', '--build-base', str(folder / 'build')]
    subprocess.run([*command, '--build-lib', str(folder / 'lib')], cwd=ROOT, check=True, capture_output=True)
    return folder / 'lib'


def test_all_packages_are_installed():
    packages = {
        '.'.join(path.parent.relative_to(ROOT).parts) for path in ROOT.glob('emotion_recognition/**/__init__.py')
    }
    assert {name for name in SETUPTOOLS['packages'] if name not in SETUPTOOLS['package-dir']} >= packages
    assert SETUPTOOLS['py-modules'] == ['emotions_from_video', 'emotions_from_webcam']


def test_an_installation_works_in_any_folder(installed, tmp_path):
    command = [sys.executable, '-c', PROGRAM, str(ROOT / 'examples' / 'demo.mp4'), str(installed)]
    environment = {**os.environ, 'PYTHONPATH': str(installed)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    said = done.stdout.splitlines()
    assert said[-2:] == ["['happy', 'neutral'] emotion_recognition/model_weights/model.h5", '.'], done.stderr
    written = {path.name for path in (tmp_path / 'results').iterdir()}
    assert {'demo_with_emotions.mp4', 'demo_with_emotions_review.html'} <= written
    assert not list(installed.rglob('.cache')) and not list(installed.rglob('*.csv'))


def test_the_command_for_videos_wants_a_name_where_the_demo_clip_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(emotions_from_video, 'VIDEO_PATH', tmp_path / 'demo.mp4')
    with pytest.raises(SystemExit, match='name a video, a photograph or a folder; the default, '):
        emotions_from_video.main([])
