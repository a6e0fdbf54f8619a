import av
import numpy as np
import pytest

from emotion_recognition.detection import HaarFaceDetector
from emotion_recognition.labels import InputError
from tests.conftest import DEMO_PATH, DETECTOR_PATH


def test_no_face_in_a_plain_frame():
    boxes = HaarFaceDetector(DETECTOR_PATH).detect(np.full((120, 160, 3), 90, np.uint8))
    assert boxes.shape == (0, 4)


def test_two_faces_from_left_to_right():
    with av.open(str(DEMO_PATH)) as container:
        frame = next(frame for frame in container.decode(video=0) if frame.time >= 8).to_ndarray(format='bgr24')
    boxes = HaarFaceDetector(DETECTOR_PATH).detect(frame)
    assert len(boxes) == 2
    (left, right) = boxes[:, 0] + boxes[:, 2] / 2
    assert left < 320 < right


def test_missing_cascade(tmp_path):
    with pytest.raises(InputError, match='no such cascade file'):
        HaarFaceDetector(tmp_path / 'none.xml')


@pytest.mark.parametrize('text', ['', 'not xml', '<?xml version="1.0"?><opencv_storage><a>1</a></opencv_storage>'])
def test_file_that_is_no_cascade(tmp_path, text):
    path = tmp_path / 'cascade.xml'
    path.write_text(text)
    with pytest.raises(InputError, match='not a Haar cascade'):
        HaarFaceDetector(path)
