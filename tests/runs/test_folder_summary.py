import csv
import re

import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.labels import EMOTIONS, FaceEmotion, Person
from emotion_recognition.results.output_paths import Outputs, name_summary_of_folder
from emotion_recognition.results.spans import Span
from emotion_recognition.results.summary import VideoSummary, read_summary
from emotion_recognition.results.table_writing import write_table
from emotion_recognition.runs.folder_summary import summarise_folders
from emotion_recognition.runs.run_folder import RunFolder
from tests.clips import write_clip
from tests.paths import DEMO_PATH, ROOT


def test_folder_of_videos_gets_one_table_that_agrees_with_the_tables_of_faces(tmp_path, colour_model_path, capsys):
    folder = tmp_path / 'interviews'
    folder.mkdir()
    (folder / 'a.mp4').write_bytes(DEMO_PATH.read_bytes())
    write_clip(folder / 'nobody.mp4', [0, 40])
    (folder / 'broken.mp4').write_text('no video')
    (tmp_path / 'spans.csv').write_text('video,start,end,name\na.mp4,7,9,NA\n')
    options = ['--no-write-video', '--spans', str(tmp_path / 'spans.csv')]
    with pytest.raises(SystemExit, match='1 of 3 files failed'):
        emotions_from_video.main([str(folder), '--model-weights-path', str(colour_model_path), *options])
    own = folder / 'a_with_emotions_summary.csv'
    assert (folder / 'interviews_with_emotions_all_summary.csv').read_text() == own.read_text()
    assert f'Wrote {folder / "interviews_with_emotions_all_summary.csv"}' in capsys.readouterr().out

    summary = pd.read_csv(own, keep_default_na=False)
    faces = pd.read_csv(folder / 'a_with_emotions_faces_data.csv')
    for span, start, end in (('', 0, 9000), ('NA', 7000, 9000)):
        rows = summary[summary.span == span].set_index('person')
        seen = faces[(faces.ms >= start) & (faces.ms < end)].groupby('person')
        assert rows.frames.to_dict() == seen.size().to_dict()
        np.testing.assert_allclose(rows.seconds, seen.size() * 0.04)  # the demo's frames are of one length
        np.testing.assert_allclose(rows.anger_share, seen.emotion.apply(lambda name: (name == 'anger').mean()), 0, 1e-4)
        np.testing.assert_allclose(rows.sad_mean, seen.sad.mean(), atol=1e-4)
        np.testing.assert_allclose(rows.valence_mean, seen.valence.mean(), atol=1e-4)
    assert set(summary.video) == {'a.mp4'} and set(summary.span) == {'', 'NA'}


def test_names_that_pandas_takes_for_missing_stay_names_as_the_document_reads_them(tmp_path):
    outputs = {tmp_path / name: Outputs(tmp_path / f'{name}_.mp4') for name in ('NA', 'NA.mp4', 'None', 'nan')}
    for video, named in outputs.items():
        summary = VideoSummary(video.name, EMOTIONS, [Span(video.name, 0.0, 9.0)])
        summary.add(1, 0.0, [FaceEmotion(1, (0, 0, 9, 9), np.eye(9, dtype=np.float32)[0])])
        write_table(summary.to_table(40.0), named.summary)
    assert summarise_folders([tmp_path], outputs) == {}
    path = name_summary_of_folder(tmp_path)
    (call,) = re.findall(r'`(pd\.read_csv\([^`]+\))`', (ROOT / 'examples' / 'README.md').read_text())
    table = eval(call, {'pd': pd, 'path': path})
    names = ['NA', 'NA.mp4', 'None', 'nan']
    assert table.video.tolist() == [name for name in names for _ in range(2)]
    assert table.span.tolist()[1::2] == names
    assert (table.seconds > 0).all()


def test_what_a_run_leaves_that_was_killed_at_the_summary_is_removed_by_the_next(tmp_path, colour_model_path):
    write_clip(tmp_path / 'a.mp4', [0, 40])
    options = ['--no-write-video', '--skip-done', '--model-weights-path', str(colour_model_path)]
    emotions_from_video.main([str(tmp_path), *options])
    with RunFolder(Outputs(name_summary_of_folder(tmp_path))) as killed:
        left = killed.annotated.parent
    left.mkdir()
    emotions_from_video.main([str(tmp_path / 'a.mp4'), *options])  # has nothing else to do
    assert not left.exists() and not list(tmp_path.glob('.*'))


def test_spans_named_like_a_table_of_the_folder_are_not_overwritten(tmp_path):
    write_clip(tmp_path / 'a.mp4', [0, 40])
    spans = name_summary_of_folder(tmp_path)
    spans.write_text('video,start,end,name\na.mp4,0,1,x\n')
    with pytest.raises(SystemExit, match='would be overwritten by a result of this name'):
        emotions_from_video.main([str(tmp_path), '--spans', str(spans)])


def test_a_summary_that_cannot_be_written_is_named_with_the_reason(tmp_path, colour_model_path):
    write_clip(tmp_path / 'a.mp4', [0, 40])
    summary = name_summary_of_folder(tmp_path)
    summary.mkdir()
    with pytest.raises(SystemExit) as caught:
        emotions_from_video.main([str(tmp_path), '--no-write-video', '--model-weights-path', str(colour_model_path)])
    assert caught.value.code.startswith(f'emotions_from_video.py: {summary}: Is a directory')


@pytest.fixture
def done(tmp_path):
    """Two videos and their summaries, the first of people with names and another column of the user's table."""
    outputs = {tmp_path / name: Outputs(tmp_path / f'{name}_with_emotions.mp4') for name in ('-a.mp4', 'b.mp4')}
    people = [Person(1, '=1+1', details=(('+group', '@film'),)), Person(2)]
    for (video, named), person in zip(outputs.items(), people, strict=True):
        summary = VideoSummary(video.name, EMOTIONS, [Span('-1', 0.0, 9.0)], with_people=True)
        summary.add(1, 0.0, [FaceEmotion(1, (0, 0, 9, 9), np.eye(9, dtype=np.float32)[0], person=person)])
        write_table(summary.to_table(40.0), named.summary)
    return outputs


def joined(done):
    folder = next(iter(done)).parent
    problems = summarise_folders([folder], done)
    with (folder / f'{folder.name}_with_emotions_all_summary.csv').open(encoding='utf-8', newline='') as file:
        return problems, list(csv.DictReader(file))


def test_no_text_from_outside_begins_like_a_formula(done):
    problems, rows = joined(done)
    assert problems == {}
    assert list(rows[0])[:7] == ['video', 'span', 'person', 'name', 'identified', "'+group", 'frames']
    first = [[row[name] for name in ('video', 'span', 'name', "'+group", 'valence_mean')] for row in rows]
    assert first == [
        ["'-a.mp4", '', "'=1+1", "'@film", '-1.0'],
        ["'-a.mp4", "'-1", "'=1+1", "'@film", '-1.0'],
        ['b.mp4', '', '', '', '-1.0'],
        ['b.mp4', "'-1", '', '', '-1.0'],
    ]


@pytest.mark.parametrize('decimal_comma', [False, True])
def test_a_video_without_anybody_changes_nothing_of_the_others(done, tmp_path, decimal_comma):
    assert summarise_folders([tmp_path], done, decimal_comma=decimal_comma) == {}
    expected = name_summary_of_folder(tmp_path).read_text()
    empty = Outputs(tmp_path / 'c_with_emotions.mp4')
    write_table(VideoSummary('c.mp4', EMOTIONS, with_people=True).to_table(40.0), empty.summary)
    done[tmp_path / 'c.mp4'] = empty
    assert summarise_folders([tmp_path], done, decimal_comma=decimal_comma) == {}
    assert name_summary_of_folder(tmp_path).read_text() == expected


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
def test_a_summary_in_another_encoding_is_joined_as_it_was(done, encoding):
    expected = joined(done)
    summary = next(iter(done.values())).summary
    summary.write_text(summary.read_text(), encoding=encoding)
    assert joined(done) == expected


def test_summaries_as_a_spreadsheet_or_decimal_comma_writes_them_are_joined_as_they_were(done, tmp_path):
    expected = joined(done)
    first, second = (outputs.summary for outputs in done.values())
    text = first.read_text().replace(',', ';').replace('.', ',').replace('-a,mp4', '-a.mp4').replace('video', 'Video')
    first.write_text(text, encoding='cp1252')
    write_table(read_summary(second), second, decimal_comma=True)
    assert second.read_text().splitlines()[1].startswith('b.mp4;;2;;1;1;0,04;1,0;0,0;')
    assert joined(done) == expected
    assert summarise_folders([tmp_path], done, decimal_comma=True) == {}
    whole = name_summary_of_folder(tmp_path).read_text()
    assert whole.splitlines()[1].startswith("'-a.mp4;;1;'=1+1;1;'@film;1;0,04;1,0;0,0;")


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (
            lambda text: text.replace('person,name', 'name,person').encode(),
            'has not the columns that the run wrote, but',
        ),
        (
            lambda text: text.replace('anger_share', 'anger share').encode(),
            'has not the columns that the run wrote, but',
        ),
        (lambda text: text.replace('sad_mean,', 'sad_mean,,').encode(), 'has not the columns that the run wrote, but'),
        (lambda text: text.replace(',1,0.04,', ',1,,0.04,').encode(), 'line 2 has 29 cells; expected 28'),
        (
            lambda text: text.replace("1,'=1+1,1,", "1,'=1+1,").encode(),
            "line 2 has '0.04' under frames; expected a number",
        ),
        (lambda text: text.replace(',1,0.04,', ',1,soon,').encode(), "line 2 has 'soon' under seconds"),
        (lambda text: b'', 'has no column video, span, frames'),
    ],
)
def test_a_summary_that_a_spreadsheet_changed_is_named_and_the_others_are_joined(done, change, reason):
    summary = next(iter(done.values())).summary
    changed = change(summary.read_text())
    assert changed != summary.read_bytes()
    summary.write_bytes(changed)
    problems, rows = joined(done)
    assert list(problems) == [summary] and problems[summary].startswith(f'{summary}: {reason}')
    assert '(its rows are missing in ' in problems[summary] and '\n' not in problems[summary]
    assert [row['video'] for row in rows] == ['b.mp4', 'b.mp4']


def test_wrong_spans_are_reported_before_the_work(tmp_path):
    clip = write_clip(tmp_path / 'a.mp4', [0, 40])
    path = tmp_path / 'spans.csv'
    path.write_text('video,start,end,name\na.mp4,1,0,x\n')
    with pytest.raises(SystemExit) as caught:
        emotions_from_video.main([str(clip), '--model-weights-path', 'none.h5', '--spans', str(path)])
    message = "line 2 has '0' under end; expected a time after the start, 1"
    assert caught.value.code == f'emotions_from_video.py: {path}: {message}'
