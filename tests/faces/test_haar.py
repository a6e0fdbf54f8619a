import numpy as np
import pytest

from emotion_recognition.faces.haar import HaarFaceDetector
from emotion_recognition.labels import InputError
from tests.clips import demo_frame
from tests.conftest import find_faces


def test_no_face_in_a_plain_frame():
    assert find_faces(HaarFaceDetector(), np.full((120, 160, 3), 90, np.uint8)) == []


def test_two_faces_from_left_to_right():
    faces = find_faces(HaarFaceDetector(), demo_frame(8))
    assert len(faces) == 2
    left, right = (x + width / 2 for x, _, width, _ in (face.box for face in faces))
    assert left < 320 < right
    assert [face.angle for face in faces] == [0, 0]


@pytest.mark.parametrize('text', ['', 'not xml', '<?xml version="1.0"?><opencv_storage><a>1</a></opencv_storage>'])
def test_file_that_is_no_cascade(tmp_path, text):
    path = tmp_path / 'cascade.xml'
    path.write_text(text)
    with pytest.raises(InputError, match='not a Haar cascade'):
        HaarFaceDetector(path)
