import shutil

import pytest

from emotion_recognition.faces import detection
from emotion_recognition.faces.detection import open_detector
from emotion_recognition.faces.haar import HaarFaceDetector
from emotion_recognition.faces.yunet import YuNetFaceDetector
from emotion_recognition.labels import InputError
from emotion_recognition.settings import Settings
from tests.conftest import DETECTOR_PATH, YUNET_PATH, demo_frame, find_faces

needs_yunet = pytest.mark.skipif(YUNET_PATH is None, reason='the YuNet file is not here')


def test_haar_by_its_name_and_by_its_path():
    assert isinstance(open_detector(Settings(detector_path='haar')), HaarFaceDetector)
    assert isinstance(open_detector(Settings(detector_path=DETECTOR_PATH)), HaarFaceDetector)


@needs_yunet
def test_yunet_by_its_name_and_by_its_path(monkeypatch):
    monkeypatch.setattr(detection, 'fetch', lambda address, sha256: YUNET_PATH)
    assert isinstance(open_detector(Settings(detector_path='yunet')), YuNetFaceDetector)
    assert isinstance(open_detector(Settings(detector_path=YUNET_PATH)), YuNetFaceDetector)


@needs_yunet
def test_yunet_that_is_already_there_needs_no_network(monkeypatch, tmp_path):
    monkeypatch.setattr('platformdirs.user_cache_path', lambda name: tmp_path)
    monkeypatch.setattr('socket.socket', None)
    shutil.copy(YUNET_PATH, tmp_path / 'face_detection_yunet_2026may.onnx')
    assert len(find_faces(open_detector(Settings(detector_path='yunet')), demo_frame(0))) == 1


@pytest.mark.parametrize('name', ['none.xml', 'yunett', '.'])
def test_neither_a_detector_nor_a_file(name):
    with pytest.raises(InputError) as error:
        open_detector(Settings(detector_path=name))
    assert str(error.value) == f"{name}: no such detector file; expected 'haar', 'yunet', or the path of a detector"


def test_network_named_as_a_cascade_and_a_cascade_as_a_network(tmp_path):
    shutil.copy(DETECTOR_PATH, tmp_path / 'cascade.onnx')
    with pytest.raises(InputError, match='not a YuNet'):
        open_detector(Settings(detector_path=tmp_path / 'cascade.onnx'))
    (tmp_path / 'network.xml').write_bytes(b'\x08\x08:O\n\x0c\n\x01x\x12\x01y"\x04Relu')  # begins as an ONNX file
    with pytest.raises(InputError, match='not a Haar cascade'):
        open_detector(Settings(detector_path=tmp_path / 'network.xml'))


def test_faces_below_the_smallest_size_are_left_out():
    assert len(find_faces(open_detector(Settings(detector_path='haar', min_face_size=100)), demo_frame(0))) == 1
    assert len(find_faces(open_detector(Settings(detector_path='haar', min_face_size=300)), demo_frame(0))) == 0
