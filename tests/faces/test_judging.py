import cv2
import numpy as np
import pytest

from emotion_recognition.faces.boxes import FoundFace
from emotion_recognition.faces.judging import measure
from emotion_recognition.faces.yunet import YuNetFaceDetector
from tests.clips import demo_frame

# Eyes 40 pixels apart and the nose between them, as YuNet orders the points
POINTS = ((30.0, 40.0), (70.0, 40.0), (50.0, 62.0), (33.0, 82.0), (67.0, 82.0))


def measured(picture_bgr):
    found = max(YuNetFaceDetector().search(picture_bgr), key=lambda face: face.box[2])
    return measure(picture_bgr, found)


def test_a_face_from_the_front_has_a_high_quality():
    seen = measured(demo_frame(1))
    assert seen.score > 0.9 and seen.turn < 10 and 0.6 < seen.quality < 0.9  # the portrait is a little soft
    assert 40 < seen.eye_distance < 60  # the box has 118 pixels


def test_blurred_and_small_faces_are_worse():
    frame_bgr = demo_frame(1)
    blurred = [measured(cv2.GaussianBlur(frame_bgr, (0, 0), sigma)) for sigma in (1, 2, 4)]
    small = [measured(cv2.resize(frame_bgr, None, fx=1 / k, fy=1 / k, interpolation=cv2.INTER_AREA)) for k in (1, 2, 4)]
    for qualities in ([seen.quality for seen in blurred], [seen.quality for seen in small]):
        assert qualities[0] > qualities[1] + 0.1 > qualities[2] + 0.2
    assert [round(small[0].eye_distance / seen.eye_distance) for seen in small] == [1, 2, 4]


@pytest.mark.parametrize('size', [40, 118, 300])
def test_sharpness_does_not_depend_on_size(size):
    wave = np.sin(np.linspace(0, 60, 600))
    picture = np.uint8(128 + 60 * np.add.outer(wave, wave) / 2)
    picture_bgr = cv2.cvtColor(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)
    seen = measure(picture_bgr, FoundFace((0, 0, size, size), 0.0, 0.95, POINTS))
    assert seen.sharpness == pytest.approx(0.095, rel=0.25)


@pytest.mark.parametrize(('aside', 'degrees'), [(0, 0), (20, 45), (-20, 45), (34.64, 60)])
def test_the_nose_says_how_far_a_head_is_turned(aside, degrees):
    points = np.array(POINTS)
    points[2, 0] += aside
    tilt = np.array([[0.8, -0.6], [0.6, 0.8]])  # it does not matter
    for turned in (points, points @ tilt.T):
        seen = measure(np.zeros((90, 90, 3), np.uint8), FoundFace((0, 0, 90, 90), 0.0, 0.9, tuple(map(tuple, turned))))
        assert seen.turn == pytest.approx(degrees, abs=0.1)


def test_a_detector_without_points_measures_nothing():
    assert measure(demo_frame(1), FoundFace((10, 10, 50, 50))) is None
