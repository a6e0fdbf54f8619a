"""Runs in which a person has the same number in all files: what is wrong with them, what fails, and Ctrl-C."""

import shutil
import signal
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.faces.moments import VideoMoments
from emotion_recognition.labels import InputError
from emotion_recognition.media.endings import ReadError
from emotion_recognition.results.video_results import VideoResults
from emotion_recognition.runs import people_batch
from tests.clips import write_clip
from tests.people_runs import faces_of, names_in, run

NEEDS_POINTS = '--people needs people to be told apart; expected YuNet, and neither --no-identity nor --whole-picture'
SKIP_DONE = '--skip-done with --people needs a file that keeps the people: --people FILE.npz'
HERE_AND_NOW = '--people compares the faces of all files here and now; expected no --ray'


def test_a_table_of_people_that_cannot_be_read_is_told_before_the_work(tmp_path):
    table = tmp_path / f'{tmp_path.name}_with_emotions_all_people.csv'
    table.write_text('person;name;file\n1;Anna;gone.mp4\n')
    settings = emotions_from_video.VideoSettings(people=tmp_path / 'study.npz')
    with pytest.raises(InputError, match=r'_all_people\.csv: has no column identified, seconds, from, to'):
        people_batch.analyse_with_people([tmp_path / 'a.mp4'], {}, tmp_path, None, None, settings, None)
    assert [path.name for path in tmp_path.iterdir()] == [table.name]


def test_a_video_that_cannot_be_read_to_its_end_is_in_the_table_of_people(own_study, colour_model_path, monkeypatch):
    problem = ReadError('a.mp4: could not be read after 1.16 s')
    see_video = people_batch.see_video
    monkeypatch.setattr(people_batch, 'see_video', lambda *args: replace(see_video(*args), ended=problem))
    with pytest.raises(SystemExit, match=r'a\.mp4: could not be read after 1\.16 s$'):
        run(colour_model_path, own_study / 'a.mp4', '--people', '--no-review')
    table = pd.read_csv(own_study / 'study_with_emotions_all_people.csv')
    assert table[['person', 'file', 'seconds']].to_numpy().tolist() == [[1, 'a.mp4', 1.2]]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--people', '--no-identity'], NEEDS_POINTS),
        (['--people', '--detector-path', 'haar'], NEEDS_POINTS),
        (['--people', '--ray'], HERE_AND_NOW),
        (
            ['--people', 'a.npz', '--apply', 'a.csv'],
            '--apply draws results again here and now; expected neither --ray, --people nor --skip-done',
        ),
        (['--people', '--skip-done'], SKIP_DONE),
        (['--people=a.csv'], '--people is a.csv; expected the name of a file that ends in .npz'),
        (['--people', 'none/a.npz'], 'none: no such folder for the file of people'),
    ],
)
def test_options_that_do_not_fit_are_reported_in_one_line(tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / 'clip.mp4', [0, 40])
    with pytest.raises(SystemExit) as caught:
        emotions_from_video.main(['clip.mp4', *options])
    assert caught.value.code == f'emotions_from_video.py: {message}'
    assert [path.name for path in tmp_path.iterdir()] == ['clip.mp4']


def test_a_wrong_table_of_names_is_reported_before_the_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / 'clip.mp4', [0, 40])
    (tmp_path / 'a.csv').write_text('person,name\nAnna,1\n')
    with pytest.raises(SystemExit) as caught:
        emotions_from_video.main(['clip.mp4', '--people', 'a.npz'])
    assert caught.value.code == (
        "emotions_from_video.py: a.csv: line 2 has 'Anna' under person; expected a number from 1, each once"
    )


@pytest.mark.parametrize('fails_in', ['the first pass', 'the second pass', 'the photograph'])
def test_what_fails_does_not_stop_the_others(own_study, colour_model_path, monkeypatch, fails_in):
    def failing(real, name):
        def do(path, *others):
            if path.name == name:
                raise InputError(f'{path}: broke')
            return real(path, *others)

        return do

    if fails_in == 'the first pass':
        monkeypatch.setattr(people_batch, 'see_video', failing(people_batch.see_video, 'a.mp4'))
    elif fails_in == 'the second pass':
        monkeypatch.setattr(emotions_from_video, 'process_video', failing(emotions_from_video.process_video, 'a.mp4'))
    else:
        (own_study / 'c.png').write_bytes(b'no picture')
    failed = own_study / ('c.png' if fails_in == 'the photograph' else 'a.mp4')
    with pytest.raises(SystemExit) as caught:
        run(colour_model_path, own_study, '--people', '--no-write-video', '--no-review')
    assert caught.value.code.startswith(f'emotions_from_video.py: 1 of 3 files failed:\n  {failed}: ')
    table = pd.read_csv(own_study / 'study_with_emotions_all_people.csv')
    found = {name: set(rows.person) for name, rows in table.groupby('file')}
    assert (
        found
        == {
            'the first pass': {'b.mp4': {1, 2}, 'c.png': {1}},  # the one on the left, who is first in it
            'the second pass': {'b.mp4': {1, 2}, 'c.png': {2}},
            'the photograph': {'a.mp4': {1}, 'b.mp4': {1, 2}},
        }[fails_in]
    )
    assert not [name for name in names_in(own_study) if name.startswith('.')]


@pytest.fixture
def interrupt_at(monkeypatch):
    """A function that lets Ctrl-C be pressed in the first pass, when so many frames or photographs have been seen."""

    def install(number):
        real_add, seen = VideoMoments.add, []

        def add_and_be_interrupted(self, ms, *others):
            real_add(self, ms, *others)
            seen.append(ms)
            if len(seen) == number:
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(VideoMoments, 'add', add_and_be_interrupted)

    return install


def test_ctrl_c_writes_all_photographs_that_were_seen(own_study, colour_model_path, interrupt_at):
    paths = [own_study / f'{letter}.png' for letter in 'cde']
    for path in paths[1:]:
        shutil.copy(paths[0], path)
    interrupt_at(2)
    with pytest.raises(SystemExit) as caught:
        run(colour_model_path, *paths, '--people')
    assert caught.value.code == (
        f'emotions_from_video.py: 1 of 3 files failed:\n  {paths[2]}: not begun, Ctrl-C was pressed'
    )
    assert [len(faces_of(own_study, letter)) for letter in 'cd'] == [1, 1]


def test_ctrl_c_in_the_second_pass_ends_it_for_all_videos(own_study, colour_model_path, monkeypatch):
    real_add = VideoResults.add

    def add_and_be_interrupted(self, number, *others):
        real_add(self, number, *others)
        if number == 7:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(VideoResults, 'add', add_and_be_interrupted)
    with pytest.raises(SystemExit) as caught:
        run(colour_model_path, own_study, '--people', '--no-review')
    for name in ('b.mp4', 'c.png'):
        assert f'{own_study / name}: not begun, Ctrl-C was pressed' in caught.value.code
    assert faces_of(own_study, 'a').frame.max() == 7
    assert not (own_study / 'b_with_emotions_faces_data.csv').exists()


def test_ctrl_c_in_the_first_pass_writes_what_was_seen(own_study, tmp_path, colour_model_path, interrupt_at):
    interrupt_at(20)
    with pytest.raises(SystemExit) as caught:
        run(colour_model_path, own_study, '--people', tmp_path / 'people.npz', '--no-review')
    for name in ('b.mp4', 'c.png'):
        assert f'{own_study / name}: not begun, Ctrl-C was pressed' in caught.value.code
    assert not (own_study / 'study_with_emotions_all_faces_data.csv').exists()
    assert faces_of(own_study, 'a').frame.max() == 20
    table = pd.read_csv(own_study / 'study_with_emotions_all_people.csv')
    assert table[['person', 'file', 'seconds']].to_numpy().tolist()[0] == [1, 'a.mp4', 0.8]
    with np.load(tmp_path / 'people.npz') as arrays:
        assert 1 in arrays['numbers']
    assert not [name for name in names_in(tmp_path) if '/.' in name or name.startswith('.') or name.endswith('.tmp')]
