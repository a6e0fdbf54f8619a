import runpy
import sys

import pandas as pd
import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.results.summary import name_columns
from emotion_recognition.runs.record_file import save_record
from emotion_recognition.study.participants import read_participants
from emotion_recognition.study.study_table import make_study_table
from tests.conftest import CLASS_NAMES
from tests.paths import ROOT

PERSON = ['person', 'name', 'identified']


def save_summary(folder, video, rows, corrected='', who=PERSON, class_names=CLASS_NAMES, across_files=False):
    """Write a summary with a row for each (span, number, seconds, share of happy) and a record."""
    folder.mkdir(exist_ok=True)
    stem = f'{video.rpartition(".")[0]}_with_emotions'
    columns = name_columns(who, class_names)
    cells = [
        {'video': video, 'span': span, who[0]: number, 'name': '', 'identified': 1, 'frames': 25 * seconds}
        | {'seconds': seconds, 'happy_share': happy, 'changes_per_minute': 6 * happy}
        for span, number, seconds, happy in rows
    ]
    table = pd.DataFrame(cells, columns=columns)
    table.loc[:, 'frames':] = table.loc[:, 'frames':].fillna(0.0)
    table.astype({'frames': int}).to_csv(folder / f'{stem}{corrected}_summary.csv', index=False)
    save_record({'made_with': {'across_files': across_files}}, folder / f'{stem}_run.json')


def join(folder, participants):
    path = folder.parent / 'participants.csv'
    path.write_text(participants, encoding='utf-8')
    return make_study_table(folder, path)


def rows_of(table, *columns):
    return table[list(columns)].values.tolist()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'interviews'


def test_a_row_for_each_participant_and_span(folder):
    save_summary(folder, 'a.mp4', [('', 1, 9, 0.5), ('calm', 1, 4, 0.25), ('funny', 1, 5, 0.75)])
    save_summary(folder, 'b.mp4', [('', 1, 9, 0.5), ('funny', 1, 4, 0.5)])
    table, remarks = join(folder, 'participant;video;group\nAnna;a.mp4;x\nBert;b.mp4;y\n')
    assert remarks == []
    assert list(table.columns[:9]) == [
        *['participant', 'group', 'condition'],
        *['video', 'person', 'chosen', 'corrected', 'frames', 'seconds'],
    ]
    assert table.columns[9] == 'anger_share' and table.columns[-1] == 'changes_per_minute'
    assert rows_of(table, *table.columns[:9], 'happy_share', 'changes_per_minute') == [
        ['Anna', 'x', 'calm', 'a.mp4', '1', 'the only person', 'no', 100, 4.0, 0.25, 1.5],
        ['Anna', 'x', 'funny', 'a.mp4', '1', 'the only person', 'no', 125, 5.0, 0.75, 4.5],
        ['Bert', 'y', 'funny', 'b.mp4', '1', 'the only person', 'no', 100, 4.0, 0.5, 3.0],
    ]


def test_videos_of_one_participant_and_condition_are_weighted_by_seconds(folder):
    save_summary(folder, 'a.mp4', [('', 1, 1, 0.1)])
    save_summary(folder, 'b.mp4', [('', 1, 3, 0.5)])
    save_summary(folder, 'c.mp4', [('', 1, 2, 0.3)])
    table, _ = join(folder, 'participant,video,condition\nA,a.mp4,calm\nA,b.mp4,calm\nA,c.mp4,\n')
    assert rows_of(table, 'condition', 'video', 'frames', 'seconds', 'happy_share', 'changes_per_minute') == [
        ['calm', 'a.mp4; b.mp4', 100, 4.0, 0.4, 2.4],
        ['c.mp4', 'c.mp4', 50, 2.0, 0.3, 1.8],
    ]


def test_of_several_people_the_one_by_number_or_else_the_one_seen_longest(folder):
    save_summary(
        folder, 'a.mp4', [('', 1, 2, 0.1), ('', 2, 7, 0.2), ('', 3, 5, 0.3), ('x', 1, 2, 0.1), ('x', 2, 1, 0.7)]
    )
    table, remarks = join(folder, 'participant,video,person\nA,a.mp4,\nB,a.mp4,1\n')
    assert remarks == ['A: person 2 of a.mp4, seen longest of 3 people']
    assert rows_of(table, 'participant', 'person', 'chosen', 'happy_share') == [
        ['A', '2', 'seen longest of 3 people', 0.7],
        ['B', '1', 'by number', 0.1],
    ]


def test_faces_that_are_not_told_apart_go_by_their_own_numbers(folder):
    save_summary(folder, 'a.mp4', [('', 4, 2, 0.1), ('', 6, 1, 0.2)], who=['face'])
    table, _ = join(folder, 'participant,video,person\nA,a.mp4,6\n')
    assert rows_of(table, 'person', 'happy_share') == [['6', 0.2]]


def test_numbers_without_videos_need_the_same_numbers_in_all_videos(folder):
    for video, happy in (('a.mp4', 0.2), ('b.mp4', 0.4)):
        save_summary(folder, video, [('', 1, 2, happy), ('', 2, 2, happy + 0.1)], across_files=True)
    participants = 'participant,person,condition\nA,2,calm\nB,1,calm\nC,9,calm\n'
    table, remarks = join(folder, participants)
    assert rows_of(table, 'participant', 'video', 'happy_share') == [
        ['A', 'a.mp4; b.mp4', 0.4],
        ['B', 'a.mp4; b.mp4', 0.3],
    ]
    assert remarks == [f'C: left out, as no summary in {folder} shows anybody in person 9']
    save_summary(folder, 'b.mp4', [('', 1, 2, 0.1)])
    with pytest.raises(
        InputError, match=r"has '' under video; expected a video's name, since b\.mp4 has numbers of its"
    ):
        join(folder, participants)


def test_corrected_summaries_replace_those_of_the_run_also_in_subfolders(folder):
    save_summary(folder, 'a.mp4', [('', 1, 2, 0.1)])
    save_summary(folder, 'a.mp4', [('', 1, 2, 0.9)], corrected='_corrected')
    save_summary(folder / 'more', 'b.mp4', [('', 1, 2, 0.3)])
    pd.DataFrame({'video': ['a.mp4']}).to_csv(folder / 'interviews_with_emotions_all_summary.csv')  # of the folder
    table, _ = join(folder, 'participant,video\nA,a.mp4\nB,b.mp4\n')
    assert rows_of(table, 'participant', 'corrected', 'happy_share') == [['A', 'yes', 0.9], ['B', 'no', 0.3]]


def test_corrections_of_an_earlier_run_are_left_out(folder, capsys):
    save_summary(folder, 'a.mp4', [('', 1, 2, 0.1)])
    save_summary(folder, 'a.mp4', [('', 1, 2, 0.9)], corrected='_corrected')
    corrections = {'made_with': {}, 'corrections': {'run': 'run-1'}}
    save_record(corrections, folder / 'a_with_emotions_corrected_run.json')
    for run, row in (('run-1', ['yes', 0.9]), ('run-2', ['no', 0.1])):
        save_record({'made_with': {}, 'run': run}, folder / 'a_with_emotions_run.json')
        table, _ = join(folder, 'participant,video\nA,a.mp4\n')
        assert rows_of(table, 'corrected', 'happy_share') == [row]
    left_out = folder / 'a_with_emotions_corrected_summary.csv'
    assert capsys.readouterr().err == f'{left_out}: left out, as it corrects an earlier run of the video\n'


def test_a_video_that_is_called_nearly_like_the_tables_of_a_folder(folder):
    save_summary(folder, 'a_with_emotions_all_day.mp4', [('', 1, 2, 0.1)])
    table, _ = join(folder, 'participant,video\nA,a_with_emotions_all_day\n')
    assert rows_of(table, 'participant', 'happy_share') == [['A', 0.1]]


def test_videos_of_one_name_in_several_folders_and_names_as_people_write_them(folder):
    folder.mkdir()
    for name, happy in (('P1', 0.1), ('P2', 0.2)):
        save_summary(folder / name, 'Film.mp4', [('', 1, 2, happy)])
    save_summary(folder, 'c.e\u0301.MOV', [('', 1, 2, 0.3)])
    table, _ = join(folder, 'participant,video\nA,p1\\film.mp4\nB,interviews/P2/Film\nC,C.\u00e9\n')
    assert rows_of(table, 'participant', 'condition', 'video', 'happy_share') == [
        ['A', 'P1/Film.mp4', 'P1/Film.mp4', 0.1],
        ['B', 'P2/Film.mp4', 'P2/Film.mp4', 0.2],
        ['C', 'c.e\u0301.MOV', 'c.e\u0301.MOV', 0.3],
    ]
    with pytest.raises(InputError, match=r'expected the name of one video, but it fits P1/Film\.mp4 and P2/Film\.mp4;'):
        join(folder, 'participant,video\nA,film.mp4\n')


def test_names_that_spreadsheets_would_run(folder):
    save_summary(folder, "'=e.mp4", [('', 1, 2, 0.1)])
    table, _ = join(folder, "participant,video,'=group\n'+A,'=e.mp4,'-x\n")
    assert list(table.columns[:2]) == ['participant', "'=group"]
    assert rows_of(table, 'participant', "'=group", 'condition') == [["'+A", "'-x", "'=e.mp4"]]


def test_what_is_left_out_is_said(folder):
    for number in range(1, 9):
        save_summary(folder, f'{number}.mp4', [('', 1, 2, 0.1)])
    save_summary(folder, 'nobody.mp4', [])
    _, remarks = join(folder, 'participant,video\nA,1.mp4\nB,nobody.mp4\n')
    path = folder.parent / 'participants.csv'
    assert remarks == [
        f'B: left out, as no summary in {folder} shows anybody in nobody.mp4',
        f'left out, as {path} does not name them: 2.mp4, 3.mp4, 4.mp4, 5.mp4, 6.mp4, and 2 more',
    ]


@pytest.mark.parametrize(
    ('participants', 'message'),
    [
        (
            'participant,video,person\nA,a.mp4,3\n',
            "line 2 has '3' under person; expected one of the people in a.mp4: 1, 2",
        ),
        (
            'participant,video\nA,a.mp4\nB,a.mp4\n',
            "line 3 has '' under person; expected another number, since person 1 of a.mp4 is A",
        ),
        (
            'participant,video,condition\nA,s.mp4,x\n',
            "line 2 has 'x' under condition; expected an empty cell, since the sp",
        ),
        ('participant,video,seconds\nA,a.mp4,1\n', 'has a column seconds, as the results have; expected another name'),
        ('participant,video\nA,b.mp4\n', 'fits no summary in '),
    ],
)
def test_a_table_that_does_not_fit_the_results(folder, participants, message):
    save_summary(folder, 'a.mp4', [('', 1, 3, 0.1), ('', 2, 2, 0.1)])
    save_summary(folder, 's.mp4', [('', 1, 3, 0.1), ('span', 1, 2, 0.1)])
    with pytest.raises(InputError) as caught:
        join(folder, participants)
    assert message in str(caught.value) and str(caught.value).startswith(str(folder.parent / 'participants.csv'))


@pytest.mark.parametrize(
    ('participants', 'message'),
    [
        (
            'name,video\nA,a.mp4\n',
            'has no column participant; expected a table of participants with the columns participant, and perhaps '
            'video, person, condition',
        ),
        ('participant,group\nA,x\n', 'has no column video and no column person; expected one of them, or both'),
        ('participant,video\n', 'holds no participants; expected a line for each'),
        ('participant,video\n,a.mp4\n', "line 2 has '' under participant; expected a name or number"),
        ('participant,video\nA,\n', "line 2 has '' under video; expected the name of a video file"),
        ('participant,person\nA,\n', "line 2 has '' under person; expected the number of a person"),
        ('participant,person\nA,Anna\n', "line 2 has 'Anna' under person; expected a number from 1"),
        (
            'participant,video,group\nA,a.mp4,x\nA,b.mp4,y\n',
            "line 3 has 'y' under group; expected 'x', as in an earlier line about A; what differs within",
        ),
    ],
)
def test_participants_that_cannot_be_read(tmp_path, participants, message):
    path = tmp_path / 'participants.csv'
    path.write_text(participants)
    with pytest.raises(InputError) as caught:
        read_participants(path)
    assert str(caught.value).startswith(f'{path}: {message}')


def test_summaries_that_do_not_go_together(folder):
    participants = 'participant,video\nA,a.mp4\n'
    folder.mkdir()
    with pytest.raises(InputError, match='holds no summary of a video with faces'):
        join(folder, participants)
    save_summary(folder, 'a.mp4', [('', 1, 2, 0.1)])
    (folder / 'b_summary.csv').write_bytes((folder / 'a_with_emotions_summary.csv').read_bytes())
    with pytest.raises(InputError, match=r'are both about a\.mp4; expected one of them'):
        join(folder, participants)
    (folder / 'b_summary.csv').unlink()
    save_summary(folder / 'old', 'b.mp4', [('', 1, 2, 0.1)], class_names=CLASS_NAMES[:-1])
    with pytest.raises(InputError, match='has other emotions than'):
        join(folder, participants)


def test_the_script_writes_the_table_next_to_the_participants(folder, monkeypatch, capsys):
    save_summary(folder, 'a.mp4', [('', 1, 9, 0.5), ('calm', 1, 4, 0.25), ('funny', 1, 5, 0.75)])
    path = folder.parent / 'participants.csv'
    path.write_text('participant,video\nA,a.mp4\n')
    monkeypatch.setattr(sys, 'path', [*sys.path])
    main = runpy.run_path(str(ROOT / 'examples' / 'make_study_table.py'))['main']
    main([str(folder), str(path)])
    written = path.with_name('study_table.csv')
    assert capsys.readouterr().out == f'Wrote {written}: 1 participants, conditions: calm, funny\n'
    assert pd.read_csv(written)['condition'].tolist() == ['calm', 'funny']
    path.write_text('participant;video\nA;a.mp4\n')  # as spreadsheets in most of Europe save it
    main([str(folder), str(path)])
    assert pd.read_csv(written, sep=';', decimal=',')['happy_share'].tolist() == [0.25, 0.75]
    with pytest.raises(SystemExit, match=r'no such file|No such file'):
        main([str(folder), str(path.with_name('none.csv'))])
