"""`--output-folder`: all results of a run in one folder, at the places that the inputs have in theirs."""

import json
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.media.photographs import write_photograph
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.ray_worker import process_on_worker
from emotion_recognition.settings import ROOT
from tests.clips import copy_packets, demo_frame, write_clip
from tests.paths import DEMO_PATH


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file())


def run(model_path, *arguments):
    emotions_from_video.main([*map(str, arguments), '--model-weights-path', str(model_path)])


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp('made') / 'study'
    (folder / 'p1').mkdir(parents=True)
    (folder / 'p2').mkdir()
    write_clip(folder / 'p1' / 'talk.mp4', [0, 40])
    write_clip(folder / 'p2' / 'talk.mp4', [0, 40, 80])
    write_photograph(folder / 'a.jpg', demo_frame(1))
    write_photograph(folder / 'p2' / 'a.jpg', np.hstack([demo_frame(1)] * 2))
    return folder


@pytest.fixture
def study(made, tmp_path):
    """A folder with a photograph, and two folders in it, both of which have a video `talk.mp4`."""
    return shutil.copytree(made, tmp_path / 'study')


def test_results_are_where_the_inputs_are_and_are_no_inputs_of_the_next_run(study, colour_model_path, capsys):
    out, inputs = study / 'results', names(study)
    options = ('--recursive', '--output-folder', out, '--no-review')
    run(colour_model_path, study, *options)
    endings = ('.mp4', *(f'_{kind}_data.csv' for kind in ('emotions', 'faces')))
    endings += ('_run.json', '_summary.csv', '_timeline.png')
    of_videos = [f'{folder}/talk_with_emotions{ending}' for folder in ('p1', 'p2') for ending in endings]
    of_photographs = ['a_with_emotions.jpg', 'p2/a_with_emotions.jpg']
    tables = [f'study_with_emotions_all_{kind}' for kind in ('faces_data.csv', 'faces_data_run.json', 'summary.csv')]
    assert names(out) == sorted([*of_videos, *of_photographs, *tables])
    table = pd.read_csv(out / tables[0])
    assert table[['file', 'face']].to_numpy().tolist() == [['a.jpg', 1], ['p2/a.jpg', 1], ['p2/a.jpg', 2]]
    before = {path: path.stat().st_mtime_ns for path in out.rglob('*') if path.name != tables[2]}
    capsys.readouterr()
    run(colour_model_path, study, *options, '--skip-done')
    said = capsys.readouterr()
    assert 'Done before: 2 of 2 videos\nDone before: 2 of 2 photographs\n' in said.out and 'not taken' not in said.err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [name for name in names(study) if not name.startswith('results/')] == inputs


def test_the_summary_of_a_folder_tells_videos_of_one_name_apart(study, colour_model_path):
    copy_packets(DEMO_PATH, study / 'p2' / 'talk.mp4', seconds=0.5)
    run(colour_model_path, study, '--recursive', '--output-folder', study / 'out', '--no-write-video', '--no-review')
    table = pd.read_csv(study / 'out' / 'study_with_emotions_all_summary.csv')
    assert set(table.video) == {'p2/talk.mp4'}
    assert set(pd.read_csv(study / 'out' / 'p2' / 'talk_with_emotions_summary.csv').video) == {'talk.mp4'}


def test_results_elsewhere_know_their_video(study, colour_model_path):
    out, one, other = study / 'out' / 'new', study / 'p1' / 'talk.mp4', study / 'p2' / 'talk.mp4'
    run(colour_model_path, one, '--output-folder', out, '--no-write-video')
    record = json.loads((out / 'talk_with_emotions_run.json').read_text())
    assert record['video']['name'] == 'talk.mp4' and record['video']['folder'] == '../../p1'
    assert '"../../p1/talk.mp4"' in (out / 'talk_with_emotions_review.html').read_text()
    with pytest.raises(SystemExit) as caught:
        run(colour_model_path, other, '--output-folder', out, '--no-write-video')
    would_overwrite = f'belongs to the results of {out / "../../p1/talk.mp4"}, which those of {other} would overwrite'
    assert would_overwrite in caught.value.code
    one.unlink()
    run(colour_model_path, other, '--output-folder', out, '--no-write-video', '--no-review')
    assert json.loads((out / 'talk_with_emotions_run.json').read_text())['video']['folder'] == '../../p2'


def test_corrections_are_applied_to_results_elsewhere(study, colour_model_path):
    clip, out = copy_packets(DEMO_PATH, study / 'demo.mp4', seconds=0.5), study / 'out'
    run(colour_model_path, clip, '--output-folder', out, '--no-write-video', '--no-review')
    corrections = study / 'corrected.csv'
    corrections.write_text('frame_start,frame_end,found_as,person,emotions,by,use\n1,9,1,1,fear,person,yes\n')
    run(colour_model_path, clip, '--output-folder', out, '--apply', corrections, '--no-write-video', '--no-review')
    table = pd.read_csv(out / 'demo_with_emotions_corrected_faces_data.csv')
    assert set(table[table.frame < 10].emotion) == {'fear'} and not list(study.glob('*_with_emotions*'))


def test_a_folder_for_results_that_cannot_be(study, colour_model_path):
    clip, file = study / 'p1' / 'talk.mp4', study / 'a.jpg'
    same_name = shutil.copytree(study / 'p1', study / 'p2' / 'p1')
    tables = f'its tables in {study} would be called like those of {study / "p1"}; use two output folders'
    for arguments, said in {
        (clip, '--output-folder', file): f'{file}: is a file, or is in one; expected a folder for the results',
        (clip, '--output-folder', file / 'b'): f'{file / "b"}: is a file, or is in one; expected a folder for the',
        (
            clip,
            '--output-folder',
            study / ('n' * 300),
        ): 'cannot be made as a folder for the results (File name too long)',
        (clip, '--output-folder', study, '--output-filename', 'a.mp4'): 'both say where results go; expected one',
        (study / 'p1', same_name, '--output-folder', study): f'{same_name}: {tables}',
        (
            clip,
            study / 'p2' / 'talk.mp4',
            '--output-folder',
            study / 'out',
        ): 'name a folder above both, with --recursive',
    }.items():
        with pytest.raises(SystemExit) as caught:
            run(colour_model_path, *arguments)
        assert said in caught.value.code and '\n' not in caught.value.code
    assert not (study / 'out').exists()


def test_people_of_all_files_are_in_the_folder_too(study, tmp_path, colour_model_path):
    options = ('--recursive', '--people', tmp_path / 'people.npz', '--output-folder', tmp_path / 'out', '--no-review')
    run(colour_model_path, study, *options, '--no-write-video')
    table = pd.read_csv(tmp_path / 'out' / 'study_with_emotions_all_people.csv')
    assert set(table.file) == {'a.jpg', 'p2/a.jpg'}
    assert (tmp_path / 'out' / 'study_with_emotions_all_people.png').is_file()
    run(colour_model_path, study, *options, '--no-write-video', '--skip-done')
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / 'out' / 'study_with_emotions_all_people.csv'), table)


def test_a_worker_writes_to_the_folder(study, colour_model_path):
    settings = emotions_from_video.VideoSettings(colour_model_path, write_video=False, output_folder=study / 'out')
    outputs = Outputs(study / 'p2' / 'given_with_emotions.mp4')
    clip = study / 'p1' / 'talk.mp4'
    result = process_on_worker(clip, outputs, emotions_from_video.process_video, settings, ROOT)
    assert (result.problem, result.frame_count) == (None, 2) and outputs.summary.is_file()
    assert names(study / 'p1') == ['talk.mp4']


def test_from_python(study, colour_model_path):
    from emotion_recognition.emotions.classifier import EmotionClassifier

    clip, out = study / 'p1' / 'talk.mp4', str(study / 'out')
    emotions_from_video.analyse_video(clip, EmotionClassifier(colour_model_path), output_folder=out, write_video=False)
    assert (study / 'out' / 'talk_with_emotions_summary.csv').is_file() and names(study / 'p1') == ['talk.mp4']


def test_the_closing_line_names_the_video_or_the_table_first_and_then_the_page(study, colour_model_path, capsys):
    clip = study / 'p1' / 'talk.mp4'
    run(colour_model_path, clip)
    first = f'Wrote {clip.with_name("talk_with_emotions.mp4")} and, next to it, talk_with_emotions_review.html, '
    said = capsys.readouterr()
    assert first in said.out
    hint = 'Try a smaller --min-face-size than 48 or another detector, --detector-path haar'
    assert f'{clip}: no face was found. {hint}\n' in said.err
    run(colour_model_path, clip, '--no-write-video', '--detector-path', 'haar', '--min-face-size', '0')
    table = clip.with_name('talk_with_emotions_emotions_data.csv')
    said = capsys.readouterr()
    assert f'Wrote {table} and, next to it, talk_with_emotions_review.html, ' in said.out
    assert f'{clip}: no face was found. Try another detector, --detector-path yunet\n' in said.err
    copy, table = study / 'a_with_emotions.jpg', study / 'a_with_emotions_faces_data.csv'
    run(colour_model_path, study / 'a.jpg')
    assert capsys.readouterr().out.endswith(f'faces: 1. Wrote {copy} and, next to it, {table.name}\n')
    run(colour_model_path, study / 'a.jpg', study / 'p2' / 'a.jpg', '--no-write-video')
    assert capsys.readouterr().out.endswith(f'faces: 3. Wrote {table}, and so on\n')


def test_a_pattern_that_no_shell_has_expanded(study, colour_model_path):
    shutil.copy(study / 'a.jpg', study / 'b.jpg')
    for _ in range(2):
        run(colour_model_path, study / '*.jpg', '--no-write-video')
    tables = [f'{stem}_with_emotions_faces_data.csv' for stem in 'ab']
    assert [name for name in names(study) if name.endswith('.csv')] == tables


def test_the_whole_picture_is_the_face(study, colour_model_path):
    for stem, colour in {'red': (0, 0, 255), 'blue': (255, 0, 0)}.items():
        cv2.imwrite(str(study / f'{stem}.png'), np.full((40, 30, 3), colour, np.uint8))
    run(colour_model_path, study, '--whole-picture', '--no-write-video', '--no-review', '--rest', 'none')
    table = pd.read_csv(study / 'study_with_emotions_all_faces_data.csv').set_index('file')
    shown = table.loc[['blue.png', 'red.png'], ['face', 'x', 'y', 'width', 'height', 'emotion']]
    assert shown.to_numpy().tolist() == [[1, 0, 0, 30, 40, 'sad'], [1, 0, 0, 30, 40, 'anger']]
