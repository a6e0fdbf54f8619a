"""Wrong sources, and the list of cameras. No machine that runs tests has cameras, so OpenCV's part is played."""

import os
from types import SimpleNamespace

import cv2
import pytest

import emotions_from_webcam
from emotion_recognition.labels import InputError
from emotion_recognition.media import camera_sources
from emotion_recognition.media.camera_sources import list_cameras, open_source, open_video
from tests.paths import ROOT


@pytest.mark.parametrize(
    ('source', 'message'),
    [
        ('.', "camera '.' cannot be opened: this is a folder; expected a number, an address"),
        ('', "camera '' cannot be opened: the name is empty; expected a number"),
        ('-1', 'camera -1 cannot be opened: no camera has this number; cameras are numbered from 0'),
        ('none.mp4', 'camera none.mp4 cannot be opened: there is no such device or file; expected a number'),
        (os.devnull, 'it is no camera, or another program uses it'),
    ],
)
def test_the_answer_fits_the_mistake(source, message):
    with pytest.raises(InputError) as error:
        open_source(source)
    assert message in str(error.value)


def test_a_photograph_is_no_camera():
    with pytest.raises(InputError, match=r'is a photograph; emotions_from_video.py takes photographs'):
        open_video(str(ROOT / 'examples' / 'results' / 'portrait_with_emotions.jpg'))


@pytest.fixture
def open_numbers(monkeypatch):
    """Numbers of the cameras that OpenCV can open; it writes to stderr by itself about the others."""
    numbers = set()

    def open_camera(number):
        if number not in numbers:
            os.write(2, b'out device of bound')
        return SimpleNamespace(isOpened=lambda: number in numbers, get=lambda _: 480.0, release=lambda: None)

    monkeypatch.setattr(cv2, 'VideoCapture', open_camera)
    return numbers


def test_cameras_are_named_as_the_system_names_them(tmp_path, monkeypatch, open_numbers, capfd):
    open_numbers |= {0, 7}
    for number, name, index in ((0, 'Integrated Camera', 0), (1, 'Integrated Camera', 1), (2, 'Desk Camera', 0)):
        folder = tmp_path / f'video{number}'
        folder.mkdir()
        (folder / 'name').write_text(name + '\n')
        (folder / 'index').write_text(f'{index}\n')
    monkeypatch.setattr(camera_sources, 'SYSTEM_CAMERAS', tmp_path)
    first, second, third = list_cameras()
    assert first == '0: Integrated Camera, 480 x 480 pixels'
    assert second.startswith('2: Desk Camera, cannot be opened: ')
    assert third == '7: camera, 480 x 480 pixels'
    assert capfd.readouterr().err == ''


def test_the_option_prints_them_or_says_that_there_is_none(tmp_path, monkeypatch, open_numbers, capfd):
    monkeypatch.setattr(camera_sources, 'SYSTEM_CAMERAS', tmp_path)
    with pytest.raises(SystemExit) as error:
        emotions_from_webcam.main(['--list-cameras'])
    tried = 'no camera was found at 0 to 9; a stream or a video file can take its place'
    assert str(error.value) == f'emotions_from_webcam.py: {tried}'
    open_numbers.add(3)
    emotions_from_webcam.main(['--list-cameras'])
    assert capfd.readouterr() == ('3: camera, 480 x 480 pixels\n', '')
