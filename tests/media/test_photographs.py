import cv2
import numpy as np
import pytest
from PIL import Image

from emotion_recognition.labels import InputError
from emotion_recognition.media.photographs import read_photograph, write_photograph
from tests.conftest import DEMO_PATH


@pytest.fixture(scope='module')
def portrait():
    """A picture of the demo clip with one face: (360, 640, 3) uint8, BGR."""
    video = cv2.VideoCapture(str(DEMO_PATH))
    video.set(cv2.CAP_PROP_POS_FRAMES, 30)
    return video.read()[1]


@pytest.mark.parametrize(('orientation', 'turn'), [(3, 180), (6, 90), (8, 270)])
def test_orientation_of_exif_is_obeyed(tmp_path, portrait, orientation, turn):
    upright = Image.fromarray(portrait[..., ::-1])
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright.rotate(turn, expand=True).save(tmp_path / 'turned.jpg', exif=exif, quality=95)
    picture = read_photograph(tmp_path / 'turned.jpg')
    assert picture.shape == portrait.shape
    assert np.abs(picture.astype(int) - portrait).mean() < 3


def test_photographs_that_are_not_there_or_empty(tmp_path):
    with pytest.raises(InputError, match='no such photograph'):
        read_photograph(tmp_path / 'none.jpg')
    (tmp_path / 'empty.jpg').touch()
    with pytest.raises(InputError, match='cannot be read as a photograph'):
        read_photograph(tmp_path / 'empty.jpg')


def test_picture_that_its_kind_cannot_hold(tmp_path):
    with pytest.raises(InputError, match=r'20000x2 pixels do not fit into \.webp'):
        write_photograph(tmp_path / 'a.webp', np.zeros((2, 20_000, 3), np.uint8))


def test_grey_deep_and_transparent_pictures(tmp_path):
    cv2.imwrite(str(tmp_path / 'grey.png'), np.full((4, 5), 77, np.uint8))
    cv2.imwrite(str(tmp_path / 'deep.png'), np.full((4, 5, 3), 77 * 257, np.uint16))
    cv2.imwrite(str(tmp_path / 'transparent.png'), np.full((4, 5, 4), 77, np.uint8))
    for name in ('grey', 'deep', 'transparent'):
        picture = read_photograph(tmp_path / f'{name}.png')
        assert (picture == 77).all() and picture.shape == (4, 5, 3) and picture.dtype == np.uint8
