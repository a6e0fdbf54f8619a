"""The export to ONNX, and the example that uses it: the answers are those of OpenVINO."""

import runpy
import sys

import cv2
import h5py
import keras
import numpy as np
import pytest

import model_training
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.emotions.runtimes import load_network
from tests.clips import demo_frame
from tests.paths import ROOT
from tests.training_runs import small_networks

onnxruntime = pytest.importorskip('onnxruntime')
pytest.importorskip('tf2onnx')


@pytest.fixture(scope='module')
def model_path(tmp_path_factory):
    """A small network with the preprocessing of the shipped one and random weights. The shipped one takes long."""
    keras.utils.set_random_seed(0)
    with small_networks():
        model = model_training.build_model(0, 'none', 32, 16, grayscale=True)
    normalization = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    normalization.set_weights([np.array([0.4, 0.5, 0.6]), np.array([0.04, 0.05, 0.06]), np.array(0)])
    emotion = model.get_layer('emotion')
    kernel = np.random.default_rng(0).normal(0, 4, emotion.kernel.shape)
    emotion.set_weights([kernel, np.zeros(9)])
    path = tmp_path_factory.mktemp('onnx') / 'model.h5'
    model.save(path)
    with h5py.File(path, 'r+') as file:
        file.attrs.update({'class_names': '["a", "b", "c", "d", "e", "f", "g", "h", "i"]', 'face_share': '0.8'})
    return path


@pytest.fixture(scope='module')
def onnx_path(model_path):
    path = model_path.with_suffix('.onnx')
    runpy.run_path(str(ROOT / 'examples' / 'export_onnx.py'))['export'](model_path, path)
    return path


@pytest.fixture(scope='module')
def faces_bgr():
    """Sections of the demo clip with a face, some of them beside it."""
    frame = demo_frame(0)
    return [frame[top : top + 110, left : left + 110] for top, left in ((73, 259), (60, 240), (90, 300), (100, 200))]


def test_the_example_says_what_openvino_says(model_path, onnx_path, faces_bgr, tmp_path, monkeypatch, capsys):
    cv2.imwrite(str(tmp_path / 'face.png'), faces_bgr[0])
    monkeypatch.setattr(sys, 'argv', ['use_onnx.py', str(onnx_path), str(tmp_path / 'face.png')])
    runpy.run_path(str(ROOT / 'examples' / 'use_onnx.py'))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ''.join(name for name, _ in rows) == 'abcdefghi'
    (expected,) = EmotionClassifier(model_path, 'openvino', 'f32').predict(faces_bgr[:1])
    np.testing.assert_allclose([float(value) for _, value in rows], expected, rtol=0, atol=1.5e-4)  # of four digits


def test_any_number_of_faces_gets_openvinos_answers(model_path, onnx_path, faces_bgr):
    session = onnxruntime.InferenceSession(onnx_path)
    (face,) = session.get_inputs()
    assert (face.name, face.shape[1:], face.type) == ('face', [16, 16, 3], 'tensor(float)')
    batch = np.stack([cv2.resize(one, (16, 16))[:, :, ::-1] for one in faces_bgr]).astype('float32')
    expected = load_network(model_path, 'openvino', 'f32')(batch)
    assert expected.std(axis=0).max() > 0.001  # the answers to these faces differ by far more than is allowed below
    for count in (1, 4):
        (answers,) = session.run(None, {face.name: batch[:count]})
        np.testing.assert_allclose(answers, expected[:count], rtol=0, atol=1e-4)
