from pathlib import Path

import pytest
from PIL import Image

from emotion_recognition.labels import InputError
from emotion_recognition.runs.folder_inputs import expand_patterns
from emotion_recognition.runs.inputs import find_files, name_all_outputs
from emotions_from_video import VideoSettings


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
    assert videos == {tmp_path / 'b.mp4': tmp_path, tmp_path / 'x.mov': None}
    assert photographs == {
        tmp_path: [tmp_path / 'a.JPG', tmp_path / 'b_timeline.png', tmp_path / 'c.tiff'],
        None: [tmp_path / 'y.png'],
    }


def test_files_that_are_named_twice_count_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('a.mp4', 'b.jpg'):
        (tmp_path / name).touch()
    a, b = tmp_path / 'a.mp4', tmp_path / 'b.jpg'
    assert find_files([a, Path('a.mp4')]) == ({a: None}, {}, {})
    assert find_files([b, a, tmp_path, Path()]) == ({a: tmp_path}, {tmp_path: [b]}, {})


def test_folders_say_what_they_leave_out(tmp_path, capsys):
    for name in ('a.mp4', 'b.jxl', 'c.JXL', 'd.dng', 'e.pdf', 'f.lrv', '.g.jxl', 'notes'):
        (tmp_path / name).touch()
    for name in ('a_with_emotions_run.json', 'a_with_emotions.eaf', 'x_with_emotions_corrected.csv'):  # own results
        (tmp_path / name).touch()
    for name in ('named_run.json', 'named_summary.csv', 'named_corrected_faces_data.csv'):  # --output-filename
        (tmp_path / name).touch()
    assert find_files([tmp_path]) == ({tmp_path / 'a.mp4': tmp_path}, {}, {})
    line = f'{tmp_path}: 2 .jxl, 1 without a suffix, 1 .dng, 1 .lrv, 1 .pdf not taken\n'
    assert capsys.readouterr().err == line


def test_folders_that_are_not_searched_are_named(tmp_path, capsys):
    (tmp_path / 'a.mp4').touch()
    for name in (
        'P02/b.mp4',
        'P01/c.jpg',
        'results/a_with_emotions.mp4',
        'notes/d.txt',
        '.cache/e.mp4',
        'P03/deep/f.mp4',
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    assert find_files([tmp_path]) == ({tmp_path / 'a.mp4': tmp_path}, {}, {})
    line = f'{tmp_path}: not searched: P01, P02; --recursive searches the folders in it too\n'
    assert capsys.readouterr().err == line
    find_files([tmp_path], recursive=True)
    assert 'not searched' not in capsys.readouterr().err


def test_pictures_of_kinds_that_cannot_be_read(tmp_path):
    (tmp_path / 'a.jxl').touch()
    with pytest.raises(InputError, match=r'a\.jxl: \.jxl files cannot be read; expected a JPEG'):
        find_files([tmp_path / 'a.jxl'])
    videos, _, problems = find_files([tmp_path / 'a.jxl', tmp_path / 'b.mp4'])
    assert list(videos) == [tmp_path / 'b.mp4'] and list(problems) == [tmp_path / 'a.jxl']


def test_folders_give_photographs_and_animations_by_their_content(tmp_path):
    picture = Image.new('RGB', (32, 32))
    picture.save(tmp_path / 'no_suffix', 'JPEG')
    picture.save(tmp_path / 'still.gif')
    picture.save(tmp_path / 'moving.gif', save_all=True, append_images=[Image.new('RGB', (32, 32), 'red')])
    (tmp_path / 'IMG_1.HEIC').touch()
    (tmp_path / 'IMG_1.HEIC_with_emotions.jpg').touch()
    photographs = [tmp_path / name for name in ('IMG_1.HEIC', 'no_suffix', 'still.gif')]
    assert find_files([tmp_path]) == ({tmp_path / 'moving.gif': tmp_path}, {tmp_path: photographs}, {})


def test_folder_without_videos_and_photographs(tmp_path):
    with pytest.raises(
        InputError, match=r'holds no video and no photograph .*; --recursive searches the folders in it'
    ):
        find_files([tmp_path])
    videos, _, problems = find_files([tmp_path, tmp_path / 'a.mp4'])
    assert list(videos) == [tmp_path / 'a.mp4'] and 'holds no video' in problems[tmp_path]


def test_name_that_is_too_long_for_results_does_not_end_the_run_of_a_folder(tmp_path):
    (tmp_path / f'{"ä" * 124}.mp4').touch()
    (tmp_path / 'a.mp4').touch()
    videos, _, _ = find_files([tmp_path])
    assert [video.stem for video in videos] == ['a', 'ä' * 124]


@pytest.fixture
def tree(tmp_path):
    """A folder with folders in it, some of which are no one's inputs."""
    names = ('a.mp4', 'p1/a.mp4', 'p1/deep/b.jpg', '.hidden/c.mp4', 'a_with_emotions_not_moved_0a1b2c3d/named.mp4')
    for name in (*names, 'p1/results/a_with_emotions.mp4', '.0a1b2c-0a1b2c3d.emotions.tmp/d.mp4'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_folders_in_a_folder_are_searched_only_if_that_is_wanted(tree):
    assert find_files([tree]) == ({tree / 'a.mp4': tree}, {}, {})
    found = {tree / 'a.mp4': tree, tree / 'p1' / 'a.mp4': tree}, {tree: [tree / 'p1' / 'deep' / 'b.jpg']}, {}
    assert find_files([tree], recursive=True) == found
    assert find_files([tree, tree / 'p1'], recursive=True) == found
    assert find_files([tree, tree / 'p1']) == ({tree / 'a.mp4': tree, tree / 'p1' / 'a.mp4': tree / 'p1'}, {}, {})


def test_patterns_stand_for_files_where_no_file_has_such_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('b.mp4', 'a.mp4', 'a_with_emotions.mp4', 'named.mp4', 'named_run.json', '[ab].mp4', '.c.mp4', 'd.avi'):
        Path(name).touch()
    Path('p1').mkdir()
    assert expand_patterns([Path('?.mp4'), Path('d.avi')]) == [Path('a.mp4'), Path('b.mp4'), Path('d.avi')]
    assert expand_patterns([Path('*.mp4')]) == [Path('[ab].mp4'), Path('a.mp4'), Path('b.mp4')]
    assert expand_patterns([Path('[ab].mp4'), Path('e*.mp4')]) == [Path('[ab].mp4'), Path('e*.mp4')]
    assert expand_patterns([tmp_path / 'p*']) == [tmp_path / 'p1']


def test_results_in_one_folder_have_the_places_that_the_inputs_have(tmp_path):
    study, out = tmp_path / 'study', tmp_path / 'out'
    files = {study / 'a.avi': study, study / 'p1' / 'a.mp4': study, tmp_path / 'b.mp4': None}
    outputs, problems = name_all_outputs(files, VideoSettings(output_folder=out))
    names = ('a_with_emotions.mp4', 'p1/a_with_emotions.mp4', 'b_with_emotions.mp4')
    assert [named.annotated for named in outputs.values()] == [out / name for name in names] and problems == {}


def test_two_inputs_of_one_name_are_refused_for_one_folder_of_results(tmp_path):
    one, other, out = tmp_path / 'p1' / 'a.mp4', tmp_path / 'p2' / 'a.mp4', tmp_path / 'out'
    with pytest.raises(InputError) as caught:
        name_all_outputs({one: one.parent, other: other.parent}, VideoSettings(output_folder=out))
    hint = 'name a folder above both, with --recursive, or use two output folders'
    assert str(caught.value) == f'{other}: its results in {out} would be called like those of {one}; {hint}'
    in_one_folder = {tmp_path / 'a.mp4': None, tmp_path / 'a.avi': None}
    outputs, problems = name_all_outputs(in_one_folder, VideoSettings(output_folder=out))
    assert list(outputs) == [tmp_path / 'a.mp4'] and list(problems) == [tmp_path / 'a.avi']
