"""Where only requirements-inference.txt is installed: what works, and what says why it does not."""

import shutil
import subprocess
import sys

import cv2
import pytest

from emotion_recognition.emotions import conversion
from emotion_recognition.emotions.runtimes import KerasNetwork, load_network
from emotion_recognition.labels import InputError
from tests.clips import demo_frame
from tests.paths import ROOT

WITHOUT_TRAINING = """
import runpy, sys
sys.modules.update(dict.fromkeys(['tensorflow', 'keras', 'sklearn', 'moviepy']))
script, sys.argv = sys.argv[1], sys.argv[1:]
runpy.run_path(script, run_name='__main__')
"""


@pytest.fixture
def photograph_path(tmp_path):
    cv2.imwrite(str(tmp_path / 'portrait.png'), demo_frame(1))
    return tmp_path / 'portrait.png'


def run_without_training(*arguments):
    command = [sys.executable, '-c', WITHOUT_TRAINING, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_shipped_model_needs_no_tensorflow(photograph_path):
    done = run_without_training('emotions_from_video.py', photograph_path)
    assert done.returncode == 0, done.stderr
    assert 'Preparing' not in done.stderr
    table = photograph_path.with_name('portrait_with_emotions_faces_data.csv')
    assert len(table.read_text().splitlines()) == 2  # the names of the columns, and the face


def test_other_models_need_it_and_say_so(photograph_path, colour_model_path, tmp_path):
    model_path = shutil.copy(colour_model_path, tmp_path / 'other.h5')
    how = 'pip install -r requirements.txt, with Python 3.11 to 3.13'
    why = f'OpenVINO cannot run it: converting it needs tensorflow and keras, not installed here; {how}'
    for runtime, reason in (('auto', why), ('keras', f'Keras cannot run it: keras is not installed; {how}')):
        options = ['--model-weights-path', model_path, '--runtime', runtime]
        done = run_without_training('emotions_from_video.py', photograph_path, *options)
        assert (done.returncode, done.stderr) == (1, f'emotions_from_video.py: {model_path}: {reason}\n')


def test_training_says_so_too():
    done = run_without_training('model_training.py', '--help')
    assert done.returncode == 1
    assert done.stderr.startswith('model_training.py: keras is not installed; pip install -r requirements.txt')
    assert done.stderr.count('\n') == 1


def test_keras_takes_a_model_that_tensorflow_is_missing_for(colour_model_path, tmp_path, monkeypatch):
    """Keras may have another backend."""
    model_path = shutil.copy(colour_model_path, tmp_path / 'other.h5')
    monkeypatch.setattr(conversion.platformdirs, 'user_cache_path', lambda name: tmp_path / 'user' / name)
    monkeypatch.setattr(conversion, 'find_spec', lambda name: None if name == 'tensorflow' else True)
    assert isinstance(load_network(model_path, 'auto'), KerasNetwork)
    with pytest.raises(InputError, match='converting it needs tensorflow, not installed here; pip install -r'):
        load_network(model_path, 'openvino')
