"""A study of two videos whose results are corrected: by tables, or by a folder of them."""

import csv
import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.results.corrections import name_run
from tests.clips import copy_packets
from tests.paths import DEMO_PATH

HEAD = 'frame_start,frame_end,emotions,person,found_as,by,use,note,run'


@pytest.fixture(scope='module')
def analysed(tmp_path_factory, colour_model_path):
    """Two videos of one face, 1.6 and 1.2 s long, their results with spans, subtitles and a named person."""
    folder = tmp_path_factory.mktemp('analysed') / 'study'
    folder.mkdir()
    for name, seconds in (('a.mp4', 1.59), ('b.mp4', 1.19)):
        copy_packets(DEMO_PATH, folder / name, seconds)
    (folder.parent / 'spans.csv').write_text('Video;Start;End;Name\nA;0;0,8;calm\na.mp4;0:00,8;0:01,6;film\n')
    (folder.parent / 'names.csv').write_text('person;name;group\n1;Zo\xeb;film\n', encoding='cp1252')
    options = ['--model-weights-path', colour_model_path, '--spans', folder.parent / 'spans.csv', '--subtitles']
    options += ['--people', folder.parent / 'names.npz', '--no-write-video', '--decimal-comma']
    emotions_from_video.main([*map(str, options), str(folder)])
    return folder


@pytest.fixture
def study(analysed, tmp_path):
    """A copy of it, without what the user gave: all that is needed later is in the records."""
    return shutil.copytree(analysed, tmp_path / 'study')


def correct(study, name, *rows, folder=None, table=None):
    """Write a corrected table as the page does, with rows of (first frame, last frame, emotion, by, use)."""
    path = (folder or study) / (table or f'{name}_with_emotions_corrected.csv')
    run = name_run(study / f'{name}_with_emotions_faces_data.csv')
    lines = [f'{start},{end},{emotion},1,1,{by},{use},,{run}' for start, end, emotion, by, use in rows]
    path.write_text('\n'.join([HEAD, *lines]) + '\n')
    return path


def apply(*arguments):
    emotions_from_video.main(['--apply', *map(str, arguments)])


def read(path):
    return pd.read_csv(path, sep=';', decimal=',', keep_default_na=False, na_values=[''])


def about(seconds_or_shares):
    """The last frame of a clip that was cut is shown some milliseconds longer than the others."""
    return pytest.approx(seconds_or_shares, abs=0.005)


def fails(message, *arguments):
    with pytest.raises(SystemExit) as caught:
        apply(*arguments)
    assert message in caught.value.code, caught.value.code
    return True


def test_a_folder_of_tables_is_drawn_as_the_runs_that_it_corrects(study, capsys):
    correct(study, 'a', (1, 10, 'surprise', 'person', 'yes'), (11, 20, 'surprise', 'machine', 'no'))
    correct(study, 'b', (1, 30, 'fear', 'person', 'yes'))
    before = read(study / 'a_with_emotions_summary.csv')
    apply(study)
    after = read(study / 'a_with_emotions_corrected_summary.csv')
    assert after.columns.tolist() == [*before.columns, 'share_by_person']
    assert after[['video', 'span', 'name', 'group']].fillna('').values.tolist() == [
        ['a.mp4', '', 'Zo\xeb', 'film'],
        ['a.mp4', 'calm', 'Zo\xeb', 'film'],
        ['a.mp4', 'film', 'Zo\xeb', 'film'],
    ]
    assert after.seconds.tolist() == about([1.2, 0.4, 0.8])  # without the frames that are not used
    assert after.surprise_share.tolist()[1] == after.share_by_person.tolist()[1] == 1
    assert after.surprise_share.tolist()[0] == after.share_by_person.tolist()[0] == about(0.333)
    assert after.anger_mean.isna().tolist() == [False, True, False]  # the person gave the emotion all the time
    assert after.anger_mean.tolist()[::2] == about([before.anger_mean[2]] * 2)  # what was corrected is left out
    subtitles = (study / 'a_with_emotions_corrected_periods.srt').read_text()
    assert subtitles.startswith('1\n00:00:00,000 --> 00:00:00,400\nsurprise\n')
    assert not (study / 'a_with_emotions_corrected.mp4').exists()
    assert (
        '"spans":[["calm",0,800000],["film",800000,1600000]]'
        in (study / 'a_with_emotions_corrected_review.html').read_text()
    )

    record = json.loads((study / 'a_with_emotions_corrected_run.json').read_text())
    made = json.loads((study / 'a_with_emotions_run.json').read_text())
    assert record['made_with'] == made['made_with'] and record['spans'] == made['spans']
    assert record['corrections']['table'] == 'a_with_emotions_corrected.csv'
    assert record['corrections']['run'] == made['run'] and record['ended_early'] is None
    assert made['people'] == [{'person': 1, 'name': 'Zo\xeb', 'details': {'group': 'film'}}]
    assert 'a_with_emotions_corrected_summary.csv' in record['results']

    said = capsys.readouterr().out
    assert f'Corrected too: {study / "study_with_emotions_all_summary.csv"}' in said
    whole = read(study / 'study_with_emotions_all_summary.csv')
    parts = [after, read(study / 'b_with_emotions_corrected_summary.csv')]
    pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True), check_dtype=False)
    assert whole.fear_share.tolist()[3:] == [1.0]
    people = read(study / 'study_with_emotions_all_people.csv')
    assert people.file.tolist() == ['a.mp4', 'b.mp4']
    assert people[['seconds', 'from', 'to']].to_numpy() == about(np.array([[1.2, 0, 1.6], [1.2, 0, 1.2]]))


def test_the_next_run_over_the_folder_keeps_the_corrections(study, analysed, colour_model_path):
    apply(correct(study, 'a', (1, 40, 'sad', 'person', 'yes')))
    summary = study / 'study_with_emotions_all_summary.csv'
    corrected = summary.read_bytes()
    assert read(summary).share_by_person.tolist() == [1, 1, 1, 0]
    shutil.copy(analysed.parent / 'spans.csv', study.parent)
    for name in ('names.csv', 'names.npz'):
        shutil.copy(analysed.parent / name, study.parent)
    with (study.parent / 'spans.csv').open('a') as file:
        file.write('c.mp4;0;1;film\n')  # of another video: nothing is done again
    summary.unlink()
    options = ['--model-weights-path', colour_model_path, '--spans', study.parent / 'spans.csv', '--subtitles']
    options += ['--people', study.parent / 'names.npz', '--no-write-video', '--decimal-comma', '--skip-done']
    emotions_from_video.main([*map(str, options), str(study)])
    assert summary.read_bytes() == corrected
    path = study / 'a_with_emotions_run.json'
    path.write_text(path.read_text().replace('"run": "run-', '"run": "run-other'))
    emotions_from_video.main([*map(str, options), str(study)])  # the corrections are of another run now
    assert 'share_by_person' not in read(summary)


def test_options_given_beside_it_count_more_unless_they_contradict_what_found_the_faces(study):
    table = correct(study, 'a', (1, 10, 'sad', 'person', 'yes'))
    apply(table, '--write-video', '--no-subtitles', '--no-decimal-comma', '--smoothing-seconds', '0.3')
    assert (study / 'a_with_emotions_corrected.mp4').exists()
    assert not (study / 'a_with_emotions_corrected_periods.srt').exists()
    assert pd.read_csv(study / 'a_with_emotions_corrected_summary.csv').seconds.tolist() == about([1.6, 0.8, 0.8])
    (study / 'spans.csv').write_text('video,start,end,name\na,1,1.4,late\n')
    apply(table, '--spans', study / 'spans.csv')
    assert read(study / 'a_with_emotions_corrected_summary.csv').span.tolist()[1:] == ['late']
    message = f'{table}: --rest is (0.0, 1.0), but the run that is corrected had auto; leave it out'
    assert fails(message, table, '--rest', '0', '1')
    assert fails('expected neither --ray, --people nor --skip-done', table, '--skip-done')


def test_a_table_elsewhere_finds_its_run_and_its_video_in_the_folders_that_are_named(study, tmp_path):
    downloads, moved = tmp_path / 'downloads', tmp_path / 'moved' / 'deep'
    downloads.mkdir()
    moved.mkdir(parents=True)
    table = correct(study, 'a', (1, 10, 'sad', 'person', 'yes'), folder=downloads, table='my own.csv')
    assert fails(f'{table}: no record of its run (..._run.json) beside it; name the folder', table)
    shutil.move(study / 'a.mp4', downloads / 'a.mp4')  # beside the table
    apply(table, study)
    assert (study / 'a_with_emotions_corrected_summary.csv').exists()
    shutil.move(downloads / 'a.mp4', moved / 'a.mp4')
    assert fails(f'{table}: its video is not at {study / "a.mp4"}; name the video or its folder', table, study)
    assert fails('no table of faces to correct; analyse the video first', table, moved / 'a.mp4')
    (study / 'a_with_emotions_corrected_summary.csv').unlink()
    apply(table, study, moved / 'a.mp4')
    shutil.move(study, moved / 'study')  # all of it: the record says where the video is from there
    shutil.move(moved / 'a.mp4', moved / 'study' / 'a.mp4')
    (moved / 'study' / 'a_with_emotions_corrected_summary.csv').unlink()
    apply(table, tmp_path / 'moved')
    assert (moved / 'study' / 'a_with_emotions_corrected_summary.csv').exists()


def test_of_two_runs_of_a_video_the_one_that_the_table_states_is_corrected(study, tmp_path):
    out = tmp_path / 'out'
    shutil.copytree(study, out, ignore=shutil.ignore_patterns('*.mp4'))
    with (out / 'a_with_emotions_faces_data.csv').open('a') as file:
        file.write('\n')  # another run than the one whose results are next to the video
    record = json.loads((out / 'a_with_emotions_run.json').read_text())
    record['video']['folder'], record['run'] = '../study', name_run(out / 'a_with_emotions_faces_data.csv')
    (out / 'a_with_emotions_run.json').write_text(json.dumps(record))
    table = correct(out, 'a', (1, 10, 'sad', 'person', 'yes'))
    apply(table, study / 'a.mp4')
    assert (out / 'a_with_emotions_corrected_summary.csv').exists()
    assert not (study / 'a_with_emotions_corrected_summary.csv').exists()
    elsewhere = shutil.move(table, tmp_path / table.name)
    (out / 'a_with_emotions_corrected_summary.csv').unlink()
    apply(elsewhere, '--output-folder', out)
    assert (out / 'a_with_emotions_corrected_summary.csv').exists()
    assert fails('none: no such folder; with --apply, --output-folder is', elsewhere, '--output-folder', out / 'none')


def test_of_several_copies_the_newest_is_applied_and_other_tables_of_one_run_are_refused(study, capsys):
    old = correct(study, 'a', (1, 10, 'sad', 'person', 'yes'))
    new = correct(study, 'a', (1, 10, 'fear', 'person', 'yes'), table='a_with_emotions_corrected (1).csv')
    os.utime(old, (1_700_000_000, 1_700_000_000))
    apply(study)
    said = f'{new}: is the newest; not applied: a_with_emotions_corrected.csv\n'
    assert capsys.readouterr().err.startswith(said)
    with (study / 'a_with_emotions_corrected_faces_data.csv').open() as file:
        assert next(csv.DictReader(file, delimiter=';'))['emotion'] == 'fear'
    other = correct(study, 'a', (1, 10, 'sad', 'person', 'yes'), table='by somebody else.csv')
    assert fails(f'1 of 2 files failed:\n  {other}: is about the same run as {new}; name one of them', new, other)
    (study.parent / 'none').mkdir()
    assert fails(
        'none: holds no corrected table; expected a folder with *_corrected.csv, which review', study.parent / 'none'
    )


def test_a_record_of_an_older_version_is_enough(study, capsys):
    path = study / 'a_with_emotions_run.json'
    record = json.loads(path.read_text())
    for name in ('run', 'spans', 'people'):
        del record[name]
    path.write_text(json.dumps(record))
    table = correct(study, 'a', (1, 40, 'surprise', 'person', 'yes'))
    apply(table)
    assert f'{table}: the record of its run does not hold the spans; --spans names them' in capsys.readouterr().err
    assert read(study / 'study_with_emotions_all_summary.csv').surprise_share.tolist()[0] == 1


def test_of_two_copies_of_a_video_the_one_that_the_table_is_called_like_is_corrected(study):
    for path in list(study.glob('a*')):
        shutil.copy(path, study / f'z{path.name[1:]}')
    record = study / 'z_with_emotions_run.json'
    record.write_text(record.read_text().replace('"a.mp4"', '"z.mp4"'))
    apply(correct(study, 'z', (1, 40, 'surprise', 'person', 'yes')))
    assert (study / 'z_with_emotions_corrected_run.json').exists()
    assert not (study / 'a_with_emotions_corrected_run.json').exists()
    table = correct(study, 'a', (1, 40, 'surprise', 'person', 'yes'), table='other.csv')
    assert fails(f'{table}: is about the results of ', table)
    apply(table, study / 'a.mp4')
    assert (study / 'a_with_emotions_corrected_run.json').exists()
