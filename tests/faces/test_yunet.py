import cv2
import numpy as np
import pytest

from emotion_recognition.faces.boxes import intersection_over_union
from emotion_recognition.faces.haar import CASCADE_PATH, HaarFaceDetector
from emotion_recognition.faces.nearby import NearbySearch
from emotion_recognition.faces.yunet import YUNET_PATH, YuNetFaceDetector
from emotion_recognition.faces.yunet_network import YuNetNetwork
from emotion_recognition.labels import InputError
from tests.clips import demo_frame
from tests.conftest import find_faces

# An ONNX file that OpenCV can read: y = Relu(x), with x and y of 1x3x128x128.
OTHER_NETWORK = bytes.fromhex(
    '08083a4f0a0c0a0178120179220452656c751201675a1d0a017812180a16080112120a0208010a0208030a030880010a03088001'
    '621d0a017912180a16080112120a0208010a0208030a030880010a0308800142040a00100d'
)


def turned(picture, angle):
    """Returns the picture turned clockwise by an angle in degrees."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 1)
    return cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


def test_same_face_as_haar():
    frame = demo_frame(0)
    (face,) = find_faces(YuNetFaceDetector(), frame)
    (haar_face,) = find_faces(HaarFaceDetector(min_face_size=48), frame)
    assert intersection_over_union([face.box], [haar_face.box])[0, 0] > 0.6
    assert abs(face.angle) < 6


@pytest.mark.parametrize('size', [(50, 2000), (2000, 50), (20, 20)])
def test_no_face_in_a_narrow_plain_frame(size):
    for _ in range(40):  # one in six wide frames had a false face, see MIN_SIDE
        assert find_faces(YuNetFaceDetector(), np.full((*size, 3), 90, np.uint8)) == []


def test_faces_below_the_smallest_size_are_left_out():
    assert find_faces(YuNetFaceDetector(min_face_size=400), demo_frame(0)) == []


@pytest.mark.parametrize('angle', [25, -25])
def test_tilt_of_a_head(angle):
    (face,) = find_faces(YuNetFaceDetector(), turned(demo_frame(0), angle))
    assert face.angle == pytest.approx(angle, abs=10)


@pytest.mark.parametrize('angle', [25, -25])
def test_tilt_of_a_head_that_is_followed(angle):
    search = NearbySearch(YuNetFaceDetector(), whole_frame_every=10)
    for _ in range(8):
        (face,) = search.detect(turned(demo_frame(0), angle))
    assert face.angle == pytest.approx(angle, abs=12)


def test_other_network_is_one_that_opencv_reads(tmp_path):
    path = tmp_path / 'other.onnx'
    path.write_bytes(OTHER_NETWORK)
    assert not cv2.dnn.readNetFromONNX(str(path)).empty()


@pytest.mark.parametrize(
    'content', [b'', b'nothing', CASCADE_PATH.read_bytes(), OTHER_NETWORK], ids=['empty', 'text', 'cascade', 'other']
)
def test_file_that_is_no_yunet(tmp_path, content):
    path = tmp_path / 'yunet.onnx'
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        YuNetFaceDetector(path)
    assert str(error.value) == f'{path}: not a YuNet face detector; OpenVINO cannot read it as one'


@pytest.mark.parametrize('size', [(640, 360), (333, 217), (128, 128)])
def test_the_network_answers_as_it_does_in_opencv(size):
    picture = cv2.resize(demo_frame(0), size, interpolation=cv2.INTER_AREA)
    opencv = cv2.FaceDetectorYN.create(str(YUNET_PATH), '', size, 0.3)
    _, expected = opencv.detect(picture)
    for side in (None, 128) if size == (128, 128) else (None,):
        np.testing.assert_allclose(YuNetNetwork(YUNET_PATH, 0.3, side).find(picture), expected, atol=2e-3)
    assert len(expected) >= 1
