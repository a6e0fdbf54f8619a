import re

import cv2
import numpy as np
import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.live.live_files import name_table, save_pictures


def test_names_of_a_table_and_its_pictures(tmp_path):
    folder = tmp_path / '100%d'
    folder.mkdir()
    path = name_table(folder / 'p%%_%Y.csv')
    assert path.parent == folder and re.fullmatch(r'p%_\d{4}\.csv', path.name)
    (folder / 'a_1.png').write_text('of an earlier recording')
    for brightness in (0, 9):
        shown = np.full((4, 4, 3), brightness, np.uint8)
        save_pictures(folder / 'a.csv', shown, shown + 1)
    names = ['a_1.png', 'a_2.png', 'a_2_camera.png', 'a_3.png', 'a_3_camera.png']
    assert sorted(path.name for path in folder.iterdir()) == names
    assert [cv2.imread(str(folder / name)).max() for name in names[1:]] == [0, 1, 9, 10]
    assert (folder / 'a_1.png').read_text() == 'of an earlier recording'


def test_codes_that_give_no_name_for_a_table(tmp_path):
    with pytest.raises(InputError, match='do not give a file name'):
        name_table(tmp_path / '%D.csv')


def test_a_picture_that_does_not_fit_on_the_disk_leaves_nothing(tmp_path, file_size_limit, capsys):
    file_size_limit(50)
    picture_bgr = np.zeros((48, 64, 3), np.uint8)
    save_pictures(tmp_path / 'faces.csv', picture_bgr, picture_bgr)
    assert list(tmp_path.iterdir()) == []
    paths = (tmp_path / 'faces_1.png', tmp_path / 'faces_1_camera.png')
    assert capsys.readouterr().err == ''.join(f'{path}: cannot be written (File too large)\n' for path in paths)
