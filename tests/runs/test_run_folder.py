import os
import stat
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from emotion_recognition.labels import InputError
from emotion_recognition.media.input_file import FileStatus
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.inputs import find_files
from emotion_recognition.runs.provenance import is_done, write_record
from emotion_recognition.runs.record_file import claimed_names, read_record
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


def kept_folder(folder):
    (kept,) = folder.glob('a_not_moved_*')
    return kept


def test_results_that_wait_too_long_for_those_of_another_run_are_kept_where_the_user_sees_them(tmp_path, monkeypatch):
    monkeypatch.setattr(RunFolder, 'turn_timeout_seconds', 0.1)
    run_folder = RunFolder(Outputs(tmp_path / 'a.mp4'))
    with FileLock(run_folder._turn.lock_file), pytest.raises(InputError) as caught, run_folder as own:
        own.annotated.write_text('video')
    kept = kept_folder(tmp_path)
    reason = 'another run has been writing it for more than 0.1 s'
    assert str(caught.value) == f'{tmp_path / "a.mp4"}: {reason}; its results are in {kept}, move them from there'
    remove_dead_runs(tmp_path)
    assert contents(kept) == {'a.mp4': 'video'} and [*tmp_path.iterdir()] == [kept]
    with pytest.raises(InputError, match='holds no video'):
        find_files([tmp_path])


def test_results_that_cannot_be_moved_into_place_are_kept(tmp_path):
    (tmp_path / 'a.mp4').mkdir()
    with pytest.raises(InputError) as caught, RunFolder(Outputs(tmp_path / 'a.mp4')) as own:
        own.annotated.write_text('video')
    kept = kept_folder(tmp_path)
    assert str(caught.value).startswith(f'{tmp_path / "a.mp4"}: Is a directory; its results are in {kept},')
    assert contents(kept) == {'a.mp4': 'video'}


def write_run(own, video, *others):
    for path in others:
        path.write_text('content')
    reader = SimpleNamespace(path=video, start=0)
    write_record(own, reader, FileStatus(1, 1), None, {'made_with': {'results_version': 0}})


def test_a_run_that_ends_while_its_files_are_moved_claims_them_and_is_not_done(tmp_path, monkeypatch):
    outputs, real_replace = Outputs(tmp_path / 'b.mp4'), os.replace

    def replace_and_be_killed(source, target):
        real_replace(source, target)
        if target == outputs.annotated:
            raise SystemExit

    monkeypatch.setattr(os, 'replace', replace_and_be_killed)
    (tmp_path / 'a.mp4').write_text('v')
    with pytest.raises(SystemExit), RunFolder(outputs) as own:
        write_run(own, tmp_path / 'a.mp4', own.annotated, own.summary)
    assert outputs.annotated.exists() and not outputs.summary.exists()
    record = read_record(outputs.record)
    assert claimed_names(record) == {'b.mp4', 'b_summary.csv'}
    assert record['ended_early'] == {'reason': 'it was ended while its files were moved into place', 'try_again': True}
    assert not is_done(tmp_path / 'a.mp4', outputs, {'results_version': 0})
    assert list(find_files([tmp_path])[0]) == [tmp_path / 'a.mp4']  # and not b.mp4


def test_what_earlier_runs_wrote_stays_claimed(tmp_path):
    outputs = Outputs(tmp_path / 'b.mp4')
    for endings in (['annotated', 'elan'], ['summary'], ['annotated']):
        with RunFolder(outputs) as own:
            write_run(own, tmp_path / 'a.mp4', *(getattr(own, ending) for ending in endings))
    record = read_record(outputs.record)
    assert list(record['results']) == ['b.mp4']
    assert record['left_from_earlier_runs'] == ['b.eaf', 'b_summary.csv']


def test_replacing_the_results_of_another_video_is_said(tmp_path, capsys):
    for name in ('a.mp4', 'a.mp4', 'c.mp4'):
        with RunFolder(Outputs(tmp_path / 'b.mp4')) as own:
            write_run(own, tmp_path / name, own.annotated)
        said = f'{tmp_path / "b.mp4"}: replaces the results of a.mp4\n' if name == 'c.mp4' else ''
        assert capsys.readouterr().err.partition('analyse it again\n')[2] == said


def test_files_are_on_the_disk_before_they_are_moved(tmp_path, monkeypatch):
    events, real_fsync, real_replace = [], os.fsync, os.replace

    def fsync(handle):
        events.append('folder' if stat.S_ISDIR(os.fstat(handle).st_mode) else 'file')
        real_fsync(handle)

    def replace(source, target):
        events.append(Path(target).name)
        real_replace(source, target)

    monkeypatch.setattr(os, 'fsync', fsync)
    monkeypatch.setattr(os, 'replace', replace)
    with RunFolder(Outputs(tmp_path / 'b.mp4')) as own:
        write_run(own, tmp_path / 'a.mp4', own.annotated)
    claim = ['file', 'file', 'b_run.json']  # the record changes once more, and what stands there meanwhile
    assert events == ['file', 'file', *claim, 'b.mp4', 'folder', 'b_run.json', 'folder']


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='a file that is always full is one of Linux')
def test_a_full_disk_is_reported_with_the_name_that_the_user_knows(tmp_path):
    with pytest.raises(InputError) as caught, RunFolder(Outputs(tmp_path / 'a.mp4')) as own:
        own.faces.symlink_to('/dev/full')
        own.faces.write_text('much')
    assert str(caught.value) == f'{tmp_path / "a.mp4"}: No space left on device'
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    'error', [InputError('{}: cannot be written'), FileNotFoundError(2, 'cannot be written', '{}')]
)
def test_errors_name_no_hidden_files(tmp_path, error):
    with pytest.raises(InputError) as caught, RunFolder(Outputs(tmp_path / 'a.mp4')) as own:
        error.args = tuple(str(part).format(own.annotated) for part in error.args)
        error.filename = str(own.annotated)
        raise error
    assert str(caught.value) == f'{tmp_path / "a.mp4"}: cannot be written'


def test_where_nothing_can_be_written_the_result_is_named(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(InputError) as caught, RunFolder(Outputs(tmp_path / 'file' / 'a.mp4')):
        pass
    assert str(caught.value).startswith(str(tmp_path / 'file')) and '.emotions.' not in str(caught.value)


def test_names_of_hidden_files_are_short_however_long_the_names_of_results_are(tmp_path):
    outputs = Outputs(tmp_path / f'{"a" * 236}.mp4')
    with RunFolder(outputs) as own:
        own.faces.write_text('faces')
        assert max(len(path.name) for path in tmp_path.iterdir()) < 35
    assert [*tmp_path.iterdir()] == [outputs.faces]


@pytest.mark.parametrize('left', ['lock', 'folder', 'turn'])
def test_locks_and_folders_that_are_left_alone_are_removed(tmp_path, left):
    with RunFolder(Outputs(tmp_path / 'a.mp4')) as killed:
        path = killed.annotated.parent
    if left == 'folder':
        path.mkdir()
    else:
        (path.with_suffix('.lock') if left == 'lock' else Path(RunFolder(Outputs(path))._turn.lock_file)).touch()
    assert len([*tmp_path.iterdir()]) == 1
    remove_dead_runs(tmp_path)
    assert [*tmp_path.iterdir()] == []
