import os
import subprocess
import sys
import threading
from io import FileIO
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
import pandas as pd
import pillow_heif
import pytest
from PIL import Image

import emotions_from_video
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.media import input_file
from emotion_recognition.media.photographs import read_photograph, write_photograph
from emotion_recognition.results.output_paths import Outputs, name_outputs, name_table_of_folder
from emotion_recognition.runs.photograph_batch import read_photographs
from emotion_recognition.runs.photograph_group import PhotographGroup, find_pending_photographs
from emotions_from_video import VideoSettings
from tests.clips import write_clip
from tests.paths import DEMO_PATH, ROOT, SHARED

CUT_OUT_FACES = SHARED / 'data' / 'emotions9.zip'


@pytest.fixture(scope='module')
def portrait():
    """A picture with one face, of the demo: (360, 640, 3) uint8, BGR."""
    video = cv2.VideoCapture(str(DEMO_PATH))
    video.set(cv2.CAP_PROP_POS_FRAMES, 30)
    return video.read()[1]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def run(model_path, *arguments):
    emotions_from_video.main([*map(str, arguments), '--model-weights-path', str(model_path)])


@pytest.mark.parametrize('suffix', ['.jpg', '.JPEG', '.png', '.webp', '.bmp', '.tif', '.tiff'])
def test_each_kind_of_photograph(tmp_path, portrait, colour_model_path, suffix):
    path = tmp_path / f'face{suffix}'
    write_photograph(path, portrait)
    run(colour_model_path, path)
    assert names(tmp_path) == sorted([path.name, f'face_with_emotions{suffix}', 'face_with_emotions_faces_data.csv'])
    annotated = read_photograph(tmp_path / f'face_with_emotions{suffix}')
    assert annotated.shape == portrait.shape
    assert (np.abs(annotated.astype(int) - portrait).max(axis=2) > 60).sum() > 500  # a box and a label were drawn
    table = pd.read_csv(tmp_path / 'face_with_emotions_faces_data.csv')
    assert table[['frame', 'ms', 'face']].to_numpy().tolist() == [[1, 0.0, 1]]
    x, y, width, height = table.loc[0, ['x', 'y', 'width', 'height']]
    assert (x < 320 < x + width) and (y < 180 < y + height)


def test_a_photograph_on_a_disk_that_does_not_answer_can_be_left(tmp_path, portrait, monkeypatch):
    paths = [tmp_path / name for name in ('a.png', 'b.png', 'c.png')]
    for path in paths:
        write_photograph(path, portrait)
    interruption, problems, answer = Interruption(), {}, threading.Event()

    class File(FileIO):
        def read(self, size=-1):
            if self.name == str(paths[1]):
                interruption.request('Ctrl-C was pressed')
                answer.wait()
            return super().read(size)

    monkeypatch.setattr(input_file, 'FileIO', File)
    monkeypatch.setattr(input_file, 'PATIENCE_SECONDS', 0.2)
    assert [index for index, *_ in read_photographs(paths, problems, interruption)] == [0]
    answer.set()
    assert problems == {
        paths[1]: f'{paths[1]}: cannot be read (it does not answer, and Ctrl-C was pressed)',
        paths[2]: f'{paths[2]}: not begun, Ctrl-C was pressed',
    }


def test_photograph_with_a_foreign_name(tmp_path, portrait, colour_model_path):
    path = tmp_path / '前 [1].png'
    write_photograph(path, portrait)
    run(colour_model_path, path)
    assert '前 [1]_with_emotions.png' in names(tmp_path)


def test_folder_of_photographs_and_a_video_with_one_broken(tmp_path, portrait, colour_model_path, capsys):
    folder = tmp_path / 'holiday'
    folder.mkdir()
    write_photograph(folder / 'a.jpg', portrait)
    write_photograph(folder / 'b.png', np.hstack([portrait[:, 140:500], portrait[:, 140:500]]))
    write_photograph(folder / 'empty.bmp', np.full((100, 100, 3), 90, np.uint8))
    (folder / 'broken.jpg').write_text('no picture')
    write_clip(folder / 'clip.mp4', [0, 40])
    with pytest.raises(SystemExit) as caught:
        run(colour_model_path, folder)
    failed = f'1 of 5 files failed:\n  {folder / "broken.jpg"}: cannot be read as a photograph'
    assert caught.value.code == f'emotions_from_video.py: {failed}'
    table = pd.read_csv(folder / 'holiday_with_emotions_all_faces_data.csv')
    assert table.columns[:4].tolist() == ['file', 'frame', 'ms', 'face']
    faces = [['a.jpg', 1], ['b.png', 1], ['b.png', 2], ['empty.bmp', 0]]
    assert table[['file', 'face']].to_numpy().tolist() == faces
    assert table.x[1] < table.x[2]
    assert table.loc[3].dropna().to_dict() == {'file': 'empty.bmp', 'frame': 1, 'ms': 0.0, 'face': 0}
    assert (folder / 'b_with_emotions.png').is_file() and not (folder / 'b_with_emotions_faces_data.csv').exists()
    assert (folder / 'clip_with_emotions.mp4').is_file()
    table_path = folder / 'holiday_with_emotions_all_faces_data.csv'
    wrote = f'Wrote {table_path} with the faces of all, and of each an annotated copy\n'
    assert f'Photographs done: 3, faces: 3. {wrote}' in capsys.readouterr().out
    before = names(folder)
    with pytest.raises(SystemExit):
        run(colour_model_path, folder)  # takes none of its own outputs
    assert names(folder) == before


def test_photographs_of_other_kinds_get_copies_that_everything_opens(tmp_path, portrait, colour_model_path, capsys):
    picture = Image.fromarray(portrait[..., ::-1])
    pillow_heif.from_pillow(picture).save(tmp_path / 'IMG_1.HEIC', quality=95)
    picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / 'IMG_1.JPG')
    picture.save(tmp_path / 'b.avif')
    picture.save(tmp_path / 'c.jfif')
    picture.save(tmp_path / 'd.gif')
    run(colour_model_path, tmp_path, '--single-tables')
    for name in ('IMG_1', 'IMG_1.HEIC', 'b.avif', 'c.jfif', 'd.gif'):
        copy = tmp_path / f'{name}_with_emotions.{"JPG" if name == "IMG_1" else "jpg"}'
        assert copy.read_bytes().startswith(b'\xff\xd8\xff')  # a JPEG
        assert len(pd.read_csv(tmp_path / f'{name}_with_emotions_faces_data.csv')) == 1
    assert 'Photographs done: 5, faces: 5. ' in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r'a\.heic: expected a name for a copy of the photograph .* \(\.bmp \.jpeg '):
        run(colour_model_path, tmp_path / 'IMG_1.HEIC', '--output-filename', tmp_path / 'a.heic')


def test_animations_are_videos_or_only_their_first_picture_is_taken(tmp_path, portrait, colour_model_path, capsys):
    pictures = [Image.fromarray(np.roll(portrait, 4 * number, axis=1)[..., ::-1]) for number in range(4)]
    for name in ('a.gif', 'b.webp'):
        pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], duration=100)
    pictures[0].save(tmp_path / 'c.tif', save_all=True, append_images=pictures[1:])
    run(colour_model_path, tmp_path)
    assert pd.read_csv(tmp_path / 'a_with_emotions_faces_data.csv').ms.tolist() == [0, 100, 200, 300]
    assert (tmp_path / 'a_with_emotions.mp4').is_file()
    (table,) = (pd.read_csv(path) for path in tmp_path.glob('*_all_faces_data.csv'))
    assert table[['file', 'face']].to_numpy().tolist() == [['b.webp', 1], ['c.tif', 1]]
    assert 'Only the first picture was taken of b.webp, c.tif. ' in capsys.readouterr().err


def test_photographs_without_a_face_are_named(tmp_path, portrait, colour_model_path, capsys):
    for number in range(12):
        write_photograph(tmp_path / f'{number:02}.png', cv2.resize(portrait[90:270, 230:410], (48, 48)))
    run(colour_model_path, tmp_path)
    error = capsys.readouterr().err
    names = ', '.join(f'{number:02}.png' for number in range(10))
    hint = 'Try a smaller --min-face-size than 48 or another detector, --detector-path haar, or --whole-picture for'
    assert f'No face was found in {names} and 2 more. {hint} pictures of nothing but a face\n' in error
    assert 'first picture' not in error


def test_photograph_instead_of_a_video_from_python(tmp_path):
    with pytest.raises(InputError, match=r'a\.jpg: is a photograph, but analyse_video takes a video'):
        emotions_from_video.analyse_video(tmp_path / 'a.jpg', None)


def test_a_face_that_a_photograph_misses_is_no_gap(tmp_path, portrait, colour_model_path):
    for name, picture in (('a.png', portrait), ('b.png', np.zeros_like(portrait)), ('c.png', portrait)):
        write_photograph(tmp_path / name, picture)
    run(colour_model_path, tmp_path, '--fill-gaps')
    (table,) = (pd.read_csv(path) for path in tmp_path.glob('*_all_faces_data.csv'))
    assert table[table.face > 0].file.tolist() == ['a.png', 'c.png']


def test_a_photograph_is_not_overwritten_with_ray_either(tmp_path, portrait, colour_model_path):
    path = tmp_path / 'a.png'
    write_photograph(path, portrait)
    before = path.read_bytes()
    with pytest.raises(SystemExit, match='overwrite the input itself'):
        run(colour_model_path, path, '--output-filename', path, '--ray')
    assert path.read_bytes() == before


def test_an_interrupted_run_begins_no_photographs(tmp_path, portrait, colour_model_path, monkeypatch):
    for name in ('a.png', 'b.png'):
        write_photograph(tmp_path / name, portrait)
    run(colour_model_path, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(Interruption, 'reason', 'Ctrl-C was pressed')
    with pytest.raises(SystemExit, match='not begun, Ctrl-C was pressed'):
        run(colour_model_path, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_tables_alone(tmp_path, portrait, colour_model_path):
    write_photograph(tmp_path / 'a.jpg', portrait)
    run(colour_model_path, tmp_path / 'a.jpg', '--no-write-video', '--output-filename', tmp_path / 'result.png')
    assert names(tmp_path) == ['a.jpg', 'result_faces_data.csv']


def test_photographs_and_a_video_of_one_stem_are_all_done_and_keep_their_results(tmp_path, portrait, colour_model_path):
    for name in ('IMG_1.JPG', 'IMG_1.png', 'other.png'):
        write_photograph(tmp_path / name, portrait)
    write_clip(tmp_path / 'IMG_1.MOV', [0, 40])
    run(colour_model_path, tmp_path, '--single-tables')
    made = [name for name in names(tmp_path) if name.endswith('_faces_data.csv') and '_all_' not in name]
    stems = ['IMG_1', 'IMG_1.JPG', 'IMG_1.png', 'other']
    assert set(made) == {f'{stem}_with_emotions_faces_data.csv' for stem in stems}
    assert (tmp_path / 'IMG_1.JPG_with_emotions.JPG').is_file() and (tmp_path / 'IMG_1_with_emotions.mp4').is_file()
    before = {path: path.read_bytes() for path in tmp_path.glob('IMG_1_with_emotions*')}
    assert len(before) == 7
    run(colour_model_path, tmp_path / 'IMG_1.JPG')  # in a run of its own
    assert {path: path.read_bytes() for path in before} == before


def test_the_same_photograph_again_under_a_name_of_ones_own(tmp_path, portrait, colour_model_path):
    write_photograph(tmp_path / 'a.jpg', portrait)
    for _ in range(2):
        run(colour_model_path, tmp_path / 'a.jpg', '--output-filename', tmp_path / 'result.png')
    assert names(tmp_path) == ['a.jpg', 'result.png', 'result_faces_data.csv']
    write_photograph(tmp_path / 'result.png', portrait)
    (tmp_path / 'result_faces_data.csv').unlink()
    with pytest.raises(SystemExit, match=r'result\.png: is in the way and is not an earlier result'):
        run(colour_model_path, tmp_path / 'a.jpg', '--output-filename', tmp_path / 'result.png')


def test_exit_code_of_a_photograph_that_is_none(tmp_path):
    path = tmp_path / 'a.jpg'
    path.write_text('no picture')
    done = subprocess.run([sys.executable, ROOT / 'emotions_from_video.py', path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.splitlines()[-1] == f'emotions_from_video.py: {path}: cannot be read as a photograph'


def test_photographs_with_decimal_commas_that_are_done_are_left_out(tmp_path, colour_model_path, capsys):
    for name in ('a.png', 'b;c, d.png'):
        write_photograph(tmp_path / name, np.zeros((60, 60, 3), np.uint8))
    run(colour_model_path, tmp_path, '--decimal-comma')
    table_path = name_table_of_folder(tmp_path)
    before = table_path.read_text()
    run(colour_model_path, tmp_path, '--decimal-comma', '--skip-done')
    assert 'Done before: 2 of 2 photographs\n' in capsys.readouterr().out
    (tmp_path / 'a_with_emotions.png').unlink()
    run(colour_model_path, tmp_path, '--decimal-comma', '--skip-done')
    assert 'Done before: 1 of 2 photographs\n' in capsys.readouterr().out
    assert sorted(table_path.read_text().splitlines()) == sorted(before.splitlines())


def test_photographs_of_a_folder_that_are_done_are_left_out(tmp_path, portrait, colour_model_path, capsys):
    for name in ('a.png', '=b.png'):
        write_photograph(tmp_path / name, portrait)
    run(colour_model_path, tmp_path)
    table_path = name_table_of_folder(tmp_path)
    record_path, before = Outputs(table_path).record, table_path.read_text()

    def pending(single_tables=False, **options):
        """Names of those that are not done, or None if there is nothing to do."""
        outputs = {path: name_outputs(path) for path in sorted(tmp_path.glob('*.png')) if '_with' not in path.name}
        group = PhotographGroup(tmp_path, outputs, table_path, single_tables)
        left = find_pending_photographs([group], VideoSettings(colour_model_path, **options))
        return [path.name for path in left[0].outputs] if left else None

    assert pending() is None and pending(recursive=True, output_folder='elsewhere') is None
    assert pending(single_tables=True) == pending(whole_picture=True) == ['=b.png', 'a.png']
    (tmp_path / 'a.png').rename(tmp_path / 'a')
    assert pending() == []  # but the table has one that is gone
    (tmp_path / 'a').rename(tmp_path / 'a.png')
    later = table_path.stat().st_mtime + 1
    os.utime(tmp_path / 'a.png', (later, later))
    assert pending() == ['a.png']
    os.utime(tmp_path / 'a.png', (0, 0))
    record = record_path.read_text()
    record_path.write_text(record.replace('"ended_early": null', '"ended_early": {}'))
    assert pending() == ['=b.png', 'a.png']
    record_path.write_text(record)
    table_path.write_text(before + '\n')
    assert pending() == ['=b.png', 'a.png']
    table_path.write_text(before)
    (tmp_path / 'a_with_emotions.png').unlink()
    write_photograph(tmp_path / 'c.png', np.zeros_like(portrait))  # no face
    capsys.readouterr()
    run(colour_model_path, tmp_path, '--skip-done')
    said = capsys.readouterr().out
    assert said.startswith('Done before: 1 of 3 photographs\nPhotographs done: 2, faces: 1. ')
    assert table_path.read_text().startswith(before) and pending() is None
    assert pd.read_csv(table_path).file.tolist() == ["'=b.png", 'a.png', 'c.png']


@pytest.mark.skipif(not CUT_OUT_FACES.is_file(), reason='the shared faces are not here')
def test_cut_out_faces_are_recognised_as_whole_pictures(tmp_path):
    with ZipFile(CUT_OUT_FACES) as archive:
        for name in archive.namelist()[:250]:
            kind = Path(name).parent.name
            if kind in ('happy', 'surprise') and name.startswith('train/'):
                (tmp_path / f'{kind}_{Path(name).name}').write_bytes(archive.read(name))
    emotions_from_video.main([str(tmp_path), '--whole-picture', '--no-write-video'])
    table = pd.read_csv(name_table_of_folder(tmp_path))
    assert len(table) == len(list(tmp_path.glob('*.jpg'))) > 50 and set(table.width) == set(table.height) == {48}
    assert (table.emotion == table.file.str.partition('_')[0]).mean() > 0.8
