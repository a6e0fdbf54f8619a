import os
import time

import pytest
from filelock import FileLock

from emotion_recognition.labels import InputError
from emotion_recognition.results.output_paths import (
    Outputs,
)
from emotion_recognition.runs.run_folder import RunFolder, remove_dead_runs


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_files_of_a_run_appear_together_at_its_end(tmp_path):
    run_folder = RunFolder(Outputs(tmp_path / 'a.mp4'))
    with run_folder as own:
        own.annotated.write_text('video')
        own.faces.write_text('faces')
        assert not [path for path in tmp_path.iterdir() if not path.name.startswith('.')]
    assert contents(tmp_path) == {'a.mp4': 'video', 'a_faces_data.csv': 'faces'}
    assert run_folder.written == [tmp_path / 'a.mp4', tmp_path / 'a_faces_data.csv']
    assert run_folder.leftover == []


def test_what_an_earlier_run_wrote_and_this_one_did_not_stays_and_is_known(tmp_path):
    (tmp_path / 'a.eaf').write_text('annotated by hand')
    (tmp_path / 'a.mp4').write_text('old')
    run_folder = RunFolder(Outputs(tmp_path / 'a.mp4'))
    with run_folder as own:
        own.annotated.write_text('new')
    assert contents(tmp_path) == {'a.mp4': 'new', 'a.eaf': 'annotated by hand'}
    assert run_folder.leftover == [tmp_path / 'a.eaf']


def test_a_run_that_fails_leaves_what_stood_there(tmp_path):
    (tmp_path / 'a.mp4').write_text('old')
    with pytest.raises(RuntimeError), RunFolder(Outputs(tmp_path / 'a.mp4')) as own:
        own.annotated.write_text('new')
        raise RuntimeError
    assert contents(tmp_path) == {'a.mp4': 'old'}


def test_runs_side_by_side_leave_the_files_of_the_last(tmp_path):
    outputs = Outputs(tmp_path / 'a.mp4')
    with RunFolder(outputs) as first:
        with RunFolder(outputs) as second:
            second.annotated.write_text('second')
            second.faces.write_text('second')
            first.annotated.write_text('first')
            first.faces.write_text('first')
        assert contents_shown(tmp_path) == {'a.mp4': 'second', 'a_faces_data.csv': 'second'}
    assert contents(tmp_path) == {'a.mp4': 'first', 'a_faces_data.csv': 'first'}


def contents_shown(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if not path.name.startswith('.')}


def test_what_dead_runs_left_is_removed_and_nothing_else(tmp_path):
    with RunFolder(Outputs(tmp_path / 'a.mp4')) as killed:
        name = killed.annotated.parent.name
    (tmp_path / name).mkdir()
    (tmp_path / name / 'a.mp4').write_text('half')
    (tmp_path / name).with_suffix('.lock').touch()
    (tmp_path / '.other.lock').touch()
    (tmp_path / '.other.tmp').mkdir()
    with RunFolder(Outputs(tmp_path / 'b.mp4')) as living:
        living.annotated.write_text('going on')
        remove_dead_runs(tmp_path)
        assert living.annotated.read_text() == 'going on'
    assert sorted(path.name for path in tmp_path.iterdir()) == ['.other.lock', '.other.tmp', 'b.mp4']


def test_runs_of_other_machines_are_dead_after_a_day(tmp_path):
    for name in ('new', 'old'):
        folder = tmp_path / f'.{name}.000000-12345678.emotions.tmp'
        folder.mkdir()
        folder.with_suffix('.lock').touch()
        (folder / 'a.mp4').write_text('of another machine, whose locks are not seen here')
        if name == 'old':
            for path in (folder / 'a.mp4', folder):
                os.utime(path, (time.time() - 90_000,) * 2)
    remove_dead_runs(tmp_path)
    left = ['.new.000000-12345678.emotions.lock', '.new.000000-12345678.emotions.tmp']
    assert sorted(path.name for path in tmp_path.iterdir()) == left


def test_files_wait_for_those_of_another_run_that_come_into_place(tmp_path):
    run_folder = RunFolder(Outputs(tmp_path / 'a.mp4'))
    own = run_folder.__enter__()
    own.annotated.write_text('video')
    turn = FileLock(tmp_path / '.a.lock', timeout=0)
    with turn:
        run_folder.turn_timeout_seconds = 0.1
        with pytest.raises(InputError, match='another run has been writing it'):
            run_folder.__exit__(None, None, None)
    assert not (tmp_path / 'a.mp4').exists()
