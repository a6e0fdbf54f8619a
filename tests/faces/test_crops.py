import cv2
import numpy as np
import pytest

from emotion_recognition.faces.boxes import FoundFace
from emotion_recognition.faces.crops import align_face, cut_square


@pytest.fixture
def picture():
    """Returns soft spots of all colours, (300, 400, 3)."""
    spots = np.random.default_rng(0).integers(0, 255, (15, 20, 3), dtype=np.uint8)
    return cv2.resize(spots, (400, 300), interpolation=cv2.INTER_CUBIC)


def test_face_that_is_not_tilted_is_a_view_of_the_frame(picture):
    level = align_face(picture, FoundFace((10, 20, 60, 50)))
    assert level.base is picture
    assert (level == picture[20:70, 10:70]).all()


def test_square_that_is_neither_turned_nor_scaled_is_exact(picture):
    square, to_picture = cut_square(picture, (100, 120), 80, 0, 80)
    assert (square == picture[80:160, 60:140]).all()
    assert to_picture.tolist() == [[1, 0, 60], [0, 1, 80]]


def test_quarter_turn_is_exact(picture):
    square, to_picture = cut_square(picture, (200, 150), 80, 90, 80)
    assert np.abs(square.astype(int) - np.rot90(picture[110:190, 160:240])).max() == 0
    assert to_picture @ [40, 0, 1] == pytest.approx([240, 150])  # the top of the crop was on the right


def test_tilted_face_is_cut_out_upright(picture):
    turn = cv2.getRotationMatrix2D((199.5, 149.5), -25, 1)  # clockwise
    tilted = cv2.warpAffine(picture, turn, (400, 300), flags=cv2.INTER_CUBIC)
    level = align_face(tilted, FoundFace((160, 110, 80, 80), 25.0))
    assert np.abs(level.astype(int) - picture[110:190, 160:240]).mean() < 2
    assert np.abs(tilted[110:190, 160:240].astype(int) - picture[110:190, 160:240]).mean() > 20


def test_every_pixel_counts_where_it_shrinks():
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 200
    square, _ = cut_square(stripes, (200, 200), 320, 10, 40)
    assert square.min() >= 95 and square.max() <= 105


def test_border_goes_on_outside_the_frame(picture):
    picture[:, :20] = (10, 20, 30)
    level = align_face(picture, FoundFace((0, 100, 80, 80), -45.0))
    assert level.shape == (80, 80, 3)
    square, _ = cut_square(picture, (0, 150), 80, 0, 80)
    assert (square[:, :60] == (10, 20, 30)).all()
    assert (square[:, 60:] == picture[110:190, 20:40]).all()


def test_large_faces_are_shrunk(picture):
    assert align_face(cv2.resize(picture, (1600, 1200)), FoundFace((100, 100, 900, 900), 10.0)).shape == (256, 256, 3)
