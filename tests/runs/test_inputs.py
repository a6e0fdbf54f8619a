from pathlib import Path

import pytest
from PIL import Image

from emotion_recognition.labels import InputError
from emotion_recognition.runs.inputs import find_files


def test_folders_give_their_videos_and_photographs_but_no_outputs(tmp_path):
    for name in ('b.mp4', 'a.JPG', 'c.tiff', 'a_with_emotions.JPG', 'b_with_emotions.mp4', '.hidden.jpg', 'notes.txt'):
        (tmp_path / name).touch()
    for name in ('b_with_emotions_timeline.png', 'b_with_emotions_corrected.mp4'):
        (tmp_path / name).touch()
    (tmp_path / 'b_with_emotions_corrected_timeline.png').touch()
    (tmp_path / 'b_timeline.png').touch()
    for name in ('named.mp4', 'named_timeline.png', 'named_corrected.mp4', 'named_run.json'):  # --output-filename
        (tmp_path / name).touch()
    for name in ('LOUD.MP4', 'LOUD_run.json'):
        (tmp_path / name).touch()
    videos, photographs, _ = find_files([tmp_path, tmp_path / 'x.mov', tmp_path / 'y.png'])
    assert videos == [tmp_path / 'b.mp4', tmp_path / 'x.mov']
    assert photographs == {
        tmp_path: [tmp_path / 'a.JPG', tmp_path / 'b_timeline.png', tmp_path / 'c.tiff'],
        None: [tmp_path / 'y.png'],
    }


def test_files_that_are_named_twice_count_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('a.mp4', 'b.jpg'):
        (tmp_path / name).touch()
    a, b = tmp_path / 'a.mp4', tmp_path / 'b.jpg'
    assert find_files([a, Path('a.mp4')]) == ([a], {}, {})
    assert find_files([b, a, tmp_path, Path()]) == ([a], {tmp_path: [b]}, {})


def test_folders_say_what_they_leave_out(tmp_path, capsys):
    for name in ('a.mp4', 'b.jxl', 'c.JXL', 'd.dng', 'e.pdf', 'f.lrv', '.g.jxl', 'notes.txt'):
        (tmp_path / name).touch()
    assert find_files([tmp_path]) == ([tmp_path / 'a.mp4'], {}, {})
    assert capsys.readouterr().err == f'{tmp_path}: not taken: 1 .dng, 2 .jxl, 1 .pdf, 1 .lrv\n'


def test_pictures_of_kinds_that_cannot_be_read(tmp_path):
    (tmp_path / 'a.jxl').touch()
    with pytest.raises(InputError, match=r'a\.jxl: \.jxl files cannot be read; expected a JPEG'):
        find_files([tmp_path / 'a.jxl'])
    videos, _, problems = find_files([tmp_path / 'a.jxl', tmp_path / 'b.mp4'])
    assert videos == [tmp_path / 'b.mp4'] and list(problems) == [tmp_path / 'a.jxl']


def test_folders_give_photographs_and_animations_by_their_content(tmp_path):
    picture = Image.new('RGB', (32, 32))
    picture.save(tmp_path / 'no_suffix', 'JPEG')
    picture.save(tmp_path / 'still.gif')
    picture.save(tmp_path / 'moving.gif', save_all=True, append_images=[Image.new('RGB', (32, 32), 'red')])
    (tmp_path / 'IMG_1.HEIC').touch()
    (tmp_path / 'IMG_1.HEIC_with_emotions.jpg').touch()
    photographs = [tmp_path / name for name in ('IMG_1.HEIC', 'no_suffix', 'still.gif')]
    assert find_files([tmp_path]) == ([tmp_path / 'moving.gif'], {tmp_path: photographs}, {})


def test_folder_without_videos_and_photographs(tmp_path):
    with pytest.raises(InputError, match='holds no video and no photograph'):
        find_files([tmp_path])
    videos, _, problems = find_files([tmp_path, tmp_path / 'a.mp4'])
    assert videos == [tmp_path / 'a.mp4'] and 'holds no video' in problems[tmp_path]


def test_name_that_is_too_long_for_results_does_not_end_the_run_of_a_folder(tmp_path):
    (tmp_path / f'{"ä" * 124}.mp4').touch()
    (tmp_path / 'a.mp4').touch()
    videos, _, _ = find_files([tmp_path])
    assert [video.stem for video in videos] == ['a', 'ä' * 124]
