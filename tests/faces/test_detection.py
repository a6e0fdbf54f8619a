import hashlib
import shutil

import pytest

from emotion_recognition.faces import detection
from emotion_recognition.faces.detection import open_detector, path_of_detector
from emotion_recognition.faces.haar import CASCADE_PATH, HaarFaceDetector
from emotion_recognition.faces.yunet import YUNET_PATH, YuNetFaceDetector
from emotion_recognition.labels import InputError
from emotion_recognition.settings import Settings
from tests.clips import demo_frame
from tests.conftest import find_faces


@pytest.fixture
def damaged_yunet(monkeypatch, tmp_path):
    """The first half of the shipped file, in its place."""
    path = tmp_path / 'damaged.onnx'
    path.write_bytes(YUNET_PATH.read_bytes()[:110_000])
    monkeypatch.setattr(detection, 'YUNET_PATH', path)
    detection._choose_path.cache_clear()
    yield path
    detection._choose_path.cache_clear()


def test_haar_by_its_name_and_by_its_path():
    assert isinstance(open_detector(Settings(detector_path='haar')), HaarFaceDetector)
    assert isinstance(open_detector(Settings(detector_path=CASCADE_PATH)), HaarFaceDetector)


def test_yunet_by_its_name_and_by_its_path():
    assert isinstance(open_detector(Settings(detector_path='yunet')), YuNetFaceDetector)
    assert isinstance(open_detector(Settings(detector_path=YUNET_PATH)), YuNetFaceDetector)


def test_yunet_is_the_default_and_nothing_is_printed(capsys):
    assert isinstance(open_detector(Settings()), YuNetFaceDetector)
    assert path_of_detector('auto') == YUNET_PATH
    assert capsys.readouterr() == ('', '')


def test_haar_is_the_default_if_yunet_cannot_be_loaded(damaged_yunet, capsys):
    for _ in range(2):
        assert isinstance(open_detector(Settings()), HaarFaceDetector)
    assert path_of_detector('auto') == CASCADE_PATH
    line = f'{damaged_yunet}: not a YuNet face detector; OpenVINO cannot read it as one. '
    assert capsys.readouterr().err == line + 'Using Haar, which finds only upright faces from the front\n'
    with pytest.raises(InputError, match='not a YuNet'):
        open_detector(Settings(detector_path='yunet'))


def test_shipped_yunet_is_the_file_of_the_opencv_zoo():
    sha256 = 'ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0'
    assert hashlib.sha256(YUNET_PATH.read_bytes()).hexdigest() == sha256


@pytest.mark.parametrize('name', ['none.xml', 'yunett', '.'])
def test_neither_a_detector_nor_a_file(name):
    with pytest.raises(InputError) as error:
        open_detector(Settings(detector_path=name))
    expected = "expected 'auto', 'yunet', 'haar' or the path of a detector"
    assert str(error.value) == f'{name}: no such detector file; {expected}'


def test_network_named_as_a_cascade_and_a_cascade_as_a_network(tmp_path):
    shutil.copy(CASCADE_PATH, tmp_path / 'cascade.onnx')
    with pytest.raises(InputError, match='not a YuNet'):
        open_detector(Settings(detector_path=tmp_path / 'cascade.onnx'))
    (tmp_path / 'network.xml').write_bytes(b'\x08\x08:O\n\x0c\n\x01x\x12\x01y"\x04Relu')  # begins as an ONNX file
    with pytest.raises(InputError, match='not a Haar cascade'):
        open_detector(Settings(detector_path=tmp_path / 'network.xml'))


@pytest.mark.parametrize('name', ['yunet', 'haar'])
def test_faces_below_the_smallest_size_are_left_out(name):
    assert len(find_faces(open_detector(Settings(detector_path=name, min_face_size=100)), demo_frame(0))) == 1
    assert len(find_faces(open_detector(Settings(detector_path=name, min_face_size=300)), demo_frame(0))) == 0
