"""Runs of the video script in which a person has the same number in all files."""

import base64
import json
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from emotion_recognition.faces.embedding import FaceEmbedder
from emotion_recognition.faces.moments import Moment, TrackMoments, VideoMoments
from emotion_recognition.faces.people import VideoPeople
from emotion_recognition.labels import Person
from emotion_recognition.media.photographs import write_photograph
from emotion_recognition.results import people_table
from emotion_recognition.runs.seen_photographs import best_pictures
from tests.clips import demo_frame
from tests.paths import ROOT
from tests.people_runs import faces_of, names_in, run


@pytest.fixture(scope='module')
def analysed(study, tmp_path_factory, colour_model_path):
    """The folder after two runs, in the second of which the people have names, and what there was after the first."""
    folder = shutil.copytree(study, tmp_path_factory.mktemp('analysed') / 'study')
    people = folder.parent / 'people.npz'
    run(colour_model_path, folder, '--people', people, '--single-tables')
    first = shutil.copytree(folder.parent, tmp_path_factory.mktemp('first') / 'all')
    people.with_suffix('.csv').write_text('person;name;age\n1;Zo\xeb;44\n2;Grace;\n', encoding='utf-8')
    run(colour_model_path, folder, '--people', people, '--elan', '--subtitles', '--skip-done', '--single-tables')
    return folder, first / 'study'


def test_a_person_has_the_same_number_in_all_files(analysed):
    _, folder = analysed
    one, both, photograph = (faces_of(folder, stem) for stem in 'abc')
    for table in (one, both, photograph):
        assert list(table.columns[:6]) == ['frame', 'ms', 'face', 'person', 'name', 'identified']
        assert set(table.identified) == {1} and set(table.name) == {''}
    assert set(one.person) == {1} and set(photograph.person) == {2}
    left = both.x + both.width / 2 < 320
    assert set(both.person[left]) == {2} and set(both.person[~left]) == {1}  # the demo has them the other way round
    assert (both.groupby('frame').person.apply(list).map(lambda numbers: numbers == sorted(numbers))).all()
    all_photographs = pd.read_csv(folder / 'study_with_emotions_all_faces_data.csv')
    assert all_photographs[['file', 'person']].to_numpy().tolist() == [['c.png', 2]]
    summary = pd.read_csv(folder / 'study_with_emotions_all_summary.csv')
    assert summary[['video', 'person']].to_numpy().tolist() == [['a.mp4', 1], ['b.mp4', 1], ['b.mp4', 2]]


def test_the_table_of_all_people(analysed):
    _, folder = analysed
    table = pd.read_csv(folder / 'study_with_emotions_all_people.csv', keep_default_na=False)
    assert table[['person', 'name', 'identified', 'file']].to_numpy().tolist() == [
        [1, '', 1, 'a.mp4'],
        [1, '', 1, 'b.mp4'],
        [2, '', 1, 'b.mp4'],
        [2, '', 1, 'c.png'],
    ]
    assert table[['seconds', 'from', 'to']].to_numpy().tolist() == [
        ['1.2', '0.0', '1.2'],
        ['1.2', '0.0', '1.2'],
        ['1.2', '0.0', '1.2'],
        ['', '', ''],
    ]


def test_the_picture_of_all_people_shows_each_in_each_file(analysed):
    _, folder = analysed
    with Image.open(folder / 'study_with_emotions_all_people.png') as picture:
        sheet = np.array(picture.convert('RGB'))[..., ::-1]
    faces_path = ROOT / 'tests' / 'faces' / 'recognised_faces.json'
    known = np.array(json.loads(faces_path.read_text())['vectors'])  # of the first and of the second person
    top = people_table.MARGIN + people_table.HEADING_SIZE + people_table.MARGIN
    shown = []
    for column in range(5):
        left = people_table.MARGIN + column * people_table.CELL_WIDTH
        cell = sheet[top : top + people_table.PICTURE_SIZE, left : left + people_table.PICTURE_SIZE]
        if (cell == 255).all():
            break
        (vector,) = FaceEmbedder().embed([cv2.resize(cell, (150, 150))])
        distances = np.linalg.norm(known - vector, axis=1)
        assert distances.min() < 0.4 < distances.max()
        shown.append(int(distances.argmin()) + 1)
    assert shown == [1, 1, 2, 2]


def test_what_is_needed_to_know_them_again_is_kept_and_a_table_for_their_names(analysed):
    _, folder = analysed
    with np.load(folder.parent / 'people.npz') as arrays:
        assert arrays['numbers'].tolist() == [1, 2] and int(arrays['next_number']) == 3
        assert arrays['vectors'].shape == (2, 128) and (arrays['moment_counts'] >= 3).all()
    assert (folder.parent / 'people.csv').read_text() == 'person,name\n1,\n2,\n'


def test_the_best_picture_of_a_person_in_a_file_is_shown():
    """Track 1 is person 1 for a second, then person 2; track 2 is person 1."""
    moments = VideoMoments(None)
    for track_id, pictures in {1: [(0, 0.3, b'a'), (1500, 0.2, b'b')], 2: [(0, 0.25, b'c'), (900, 0.4, b'd')]}.items():
        moments.tracks[track_id] = TrackMoments(0)
        moments.tracks[track_id].moments = [Moment(ms, worth, None, picture) for ms, worth, picture in pictures]
    people = VideoPeople({1: [(0, Person(1)), (1000, Person(2))], 2: [(0, Person(1))]})
    assert best_pictures(moments, people) == {1: b'c', 2: b'b'}


def test_names_are_in_the_results_of_the_next_run(analysed):
    folder, _ = analysed
    assert (folder.parent / 'people.csv').read_text('utf-8') == 'person;name;age\n1;Zo\xeb;44\n2;Grace;\n'
    assert {stem: set(faces_of(folder, stem).name) for stem in 'abc'} == {
        'a': {'Zo\xeb'},
        'b': {'Zo\xeb', 'Grace'},
        'c': {'Grace'},
    }
    summary = pd.read_csv(folder / 'b_with_emotions_summary.csv', keep_default_na=False)
    assert list(summary.columns[:7]) == ['video', 'span', 'person', 'name', 'identified', 'age', 'frames']
    assert summary[['person', 'name', 'age']].to_numpy().tolist() == [[1, 'Zo\xeb', '44'], [2, 'Grace', '']]
    table = pd.read_csv(folder / 'study_with_emotions_all_people.csv', keep_default_na=False)
    assert table[['person', 'name', 'age', 'file']].to_numpy().tolist() == [
        *([1, 'Zo\xeb', '44', 'a.mp4'], [1, 'Zo\xeb', '44', 'b.mp4']),
        *([2, 'Grace', '', 'b.mp4'], [2, 'Grace', '', 'c.png']),
    ]
    assert 'TIER_ID="Grace"' in (folder / 'b_with_emotions.eaf').read_text('utf-8')
    assert 'Zo\xeb: ' in (folder / 'b_with_emotions_periods.srt').read_text('utf-8')
    assert 'Zo\xeb: ' not in (folder / 'a_with_emotions_periods.srt').read_text('utf-8')  # alone there
    assert 'Grace' in (folder / 'b_with_emotions_review.html').read_text('utf-8')
    record = json.loads((folder / 'b_with_emotions_run.json').read_text())
    assert [one['person'] for one in record['references_at_rest']] == [1, 2]
    assert record['made_with']['across_files'] is True


def test_results_hold_nothing_by_which_a_face_is_known_again(analysed):
    folder, _ = analysed
    with np.load(folder.parent / 'people.npz') as arrays:
        vectors = arrays['vectors']
    results = [path for path in folder.rglob('*') if path.is_file()]
    assert len(results) > 15 and not [path for path in results if path.suffix == '.npz']
    for path in [*results, folder.parent / 'people.csv']:
        content = path.read_bytes()
        for vector in vectors:
            for numbers in (vector, vector.astype(float)):
                assert numbers[:4].tobytes() not in content
                assert base64.b64encode(numbers[:6].tobytes()) not in content
            assert not any(f'{value:.5f}'.encode() in content for value in vector[:8] if abs(value) > 0.01)


def test_who_comes_later_gets_the_old_number_or_a_new_one(analysed, tmp_path, colour_model_path):
    folder, _ = analysed
    people = shutil.copy(folder.parent / 'people.npz', tmp_path / 'people.npz')
    (tmp_path / 'new').mkdir()
    write_photograph(tmp_path / 'new' / 'later.png', demo_frame(5)[:, ::-1])
    write_photograph(tmp_path / 'new' / 'both.png', demo_frame(8)[:, ::-1])
    write_photograph(tmp_path / 'new' / 'nobody.png', np.full((90, 90, 3), 90, np.uint8))
    run(colour_model_path, tmp_path / 'new', '--people', people, '--single-tables')
    assert set(faces_of(tmp_path / 'new', 'later').person) == {2}
    both = faces_of(tmp_path / 'new', 'both')  # the second is on the left here; people stand in the order of numbers
    assert (both.person.tolist(), both.face.tolist()) == ([1, 2], [2, 1]) and both.x[0] > both.x[1]
    with np.load(people) as arrays:
        assert sorted(arrays['numbers'].tolist()) == [1, 2] and int(arrays['next_number']) == 3
    assert (tmp_path / 'people.csv').read_text() == 'person,name\n1,\n2,\n'


def test_the_table_keeps_what_it_says_of_files_that_are_not_in_this_run(analysed, tmp_path, colour_model_path):
    folder = shutil.copytree(analysed[0], tmp_path / 'study')
    people = shutil.copy(analysed[0].parent / 'people.npz', tmp_path)
    shutil.copy(analysed[0].parent / 'people.csv', tmp_path)
    (folder / 'a.mp4').unlink()
    table = folder / 'study_with_emotions_all_people.csv'
    before = pd.read_csv(table)
    run(colour_model_path, folder / 'c.png', '--people', people)
    after = pd.read_csv(table)
    assert set(after.file) == {'b.mp4', 'c.png'}  # a.mp4 is no longer there
    pd.testing.assert_frame_equal(
        after[after.file == 'b.mp4'].reset_index(drop=True), before[before.file == 'b.mp4'].reset_index(drop=True)
    )
    run(colour_model_path, folder / 'c.png', '--people')  # whose numbers are this run's alone
    assert set(pd.read_csv(table).file) == {'c.png'}


def test_without_a_file_nothing_is_kept_of_the_faces(own_study, tmp_path, colour_model_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run(colour_model_path, '--people', 'study', '--no-write-video', '--no-review')
    photographs = pd.read_csv(own_study / 'study_with_emotions_all_faces_data.csv')
    assert set(faces_of(own_study, 'a').person) == {1} and set(photographs.person) == {2}
    assert [path.name for path in tmp_path.iterdir()] == ['study']
    assert names_in(own_study) == sorted(
        [
            *('a.mp4', 'b.mp4', 'c.png', 'study_with_emotions_all_faces_data_run.json'),
            *(f'study_with_emotions_all_{kind}' for kind in ('faces_data.csv', 'people.csv', 'people.png')),
            'study_with_emotions_all_summary.csv',
            *(
                f'{stem}_with_emotions{ending}'
                for stem in 'ab'
                for ending in ('_emotions_data.csv', '_faces_data.csv', '_run.json', '_summary.csv', '_timeline.png')
            ),
        ]
    )
    assert '2 people. Wrote study' in capsys.readouterr().out
    before = names_in(own_study)
    run(colour_model_path, '--people', 'study', '--no-write-video', '--no-review')  # takes none of its own outputs
    assert names_in(own_study) == before


def test_photographs_alone_say_nothing_of_people(own_study, colour_model_path):
    run(colour_model_path, own_study / 'c.png')
    assert 'person' not in faces_of(own_study, 'c').columns
    assert names_in(own_study) == ['a.mp4', 'b.mp4', 'c.png', 'c_with_emotions.png', 'c_with_emotions_faces_data.csv']


def test_without_people_a_video_knows_faces_and_no_people(own_study, colour_model_path):
    run(colour_model_path, own_study / 'a.mp4', '--no-identity', '--no-write-video', '--no-review')
    assert 'person' not in faces_of(own_study, 'a').columns
    assert 'face' in pd.read_csv(own_study / 'a_with_emotions_summary.csv').columns
    record = json.loads((own_study / 'a_with_emotions_run.json').read_text())
    assert [list(one) for one in record['references_at_rest']] == [['face', 'reference', 'own_share']]
