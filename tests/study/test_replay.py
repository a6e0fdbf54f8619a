import dataclasses

import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.labels import FaceEmotion, FaceQuality, InputError, Person
from emotion_recognition.media.endings import FrameError
from emotion_recognition.media.picture import Picture
from emotion_recognition.results.corrections import name_run
from emotion_recognition.results.face_table import FaceColumns, FaceTable
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.study.replay import ReplayedFaces
from tests.clips import picture_times_ms, write_clip
from tests.conftest import CLASS_NAMES

HEAD = 'frame_start,frame_end,emotions,face,by\n'
TIMES = [0.0, 40.0, 80.0, 120.0, 160.0]


def face(number, *probabilities, **others):
    return FaceEmotion(number, (3, 4, 50, 60), np.array(probabilities, np.float32), ('happy', 'sad', 'bored'), **others)


FOUND = {  # by frame; None where there is none
    1: [face(1, 0.7, 0.2, 0.1)],
    2: [face(1, 0.33334, 0.33333, 0.33333), face(2, 0.1, 0.1, 0.8, detected=False)],
    3: [],
    4: [face(2, 0.1, 0.2, 0.7, probabilities_from_rest=np.array([0.1, 0.6, 0.3], np.float32))],
    5: [],
}


@pytest.fixture
def outputs(tmp_path):
    """Of an earlier run."""
    outputs = Outputs(tmp_path / 'clip_with_emotions.mp4')
    with FaceTable(outputs.faces, FaceColumns(('happy', 'sad', 'bored'), with_rest=True, with_detected=True)) as table:
        for number, faces in FOUND.items():
            table.add(number, TIMES[number - 1], faces)
    (tmp_path / 'corrected.csv').write_text(HEAD)
    return outputs


def run(outputs, times=TIMES):
    frames = [(number, ms, Picture(np.zeros((8, 8, 3), np.uint8))) for number, ms in enumerate(times, start=1)]
    recorded = ReplayedFaces(outputs, outputs.annotated.with_name('corrected.csv'))
    return recorded, [faces for *_, faces in recorded.run(frames)]


def test_faces_come_back_as_they_were_found(outputs):
    recorded, frames = run(outputs)
    assert recorded.class_names == ('happy', 'sad', 'bored')
    for faces, found in zip(frames, FOUND.values(), strict=True):
        assert [face.emotion for face in faces] == [face.emotion for face in found]
        for one, other in zip(faces, found, strict=True):
            np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-4)
            exact = ('track_id', 'box', 'class_names', 'detected', 'corrected')
            assert [getattr(one, name) for name in exact] == [getattr(other, name) for name in exact]
    assert [face.probabilities_from_rest is None for face in (*frames[0], *frames[3])] == [True, False]
    assert frames[1][0].emotion == 'happy'  # although the table has 0.3333 three times


def test_corrections_change_the_table_and_the_page(outputs, tmp_path):
    (tmp_path / 'corrected.csv').write_text(f'{HEAD}2,2,bored,1,person\n')
    recorded, frames = run(outputs)
    assert [(face.emotion, face.corrected) for face in frames[1]] == [('bored', 'bored'), ('bored', None)]
    rows = [recorded.columns.cells(2, 40.0, face) for face in frames[1]]
    assert recorded.columns.names[-2:] == ['detected', 'by']
    assert [row[7:9] + row[-2:] for row in rows] == [['bored', '', 1, 'person'], ['bored', '0.8000', 0, 'machine']]
    content = recorded.review.to_json('clip', 'clip.mp4', False, ())
    assert [period[:5] + period[6:8] for period in content['periods']] == [
        [1, 1, 0, 0, 0, 0, 1],  # found as 1, is 1, happy, frames 0 to 0, by the machine, used
        [1, 1, 2, 1, 1, 1, 1],
        [2, 2, 2, 1, 1, 0, 1],
        [2, 2, 1, 3, 3, 0, 1],
    ]


@pytest.fixture
def people_outputs(tmp_path):
    """Of an earlier run that told people apart: face 1 is Anna, then somebody unidentified; face 2 has a name that
    looks like none; whose face 3 is, is unknown."""
    outputs = Outputs(tmp_path / 'clip_with_emotions.mp4')
    anna, named, nobody = Person(2, 'Anna'), Person(1, 'NA'), Person(3, is_identified=False)
    columns = FaceColumns(('happy', 'sad', 'bored'), with_people=True)
    with FaceTable(outputs.faces, columns) as table:
        for number in (1, 2, 3):
            first = face(1, 0.7, 0.2, 0.1, person=nobody if number == 3 else anna)
            table.add(number, TIMES[number - 1], [face(2, 0.1, 0.1, 0.8, person=named), first])
        table.add(4, TIMES[3], [face(3, 0.7, 0.2, 0.1)])
    (tmp_path / 'corrected.csv').write_text(HEAD)
    return outputs


def whose(faces):
    return [(face.track_id, face.person) for face in faces]


def test_people_come_back_as_they_were_found(people_outputs):
    recorded, frames = run(people_outputs)
    anna, named, nobody = Person(2, 'Anna'), Person(1, 'NA'), Person(3, is_identified=False)
    assert [whose(faces) for faces in frames] == [
        [(2, named), (1, anna)],
        [(2, named), (1, anna)],
        [(2, named), (1, nobody)],
        [(3, None)],
        [],
    ]
    assert recorded.columns.names[:6] == ['frame', 'ms', 'face', 'person', 'name', 'identified']
    content = recorded.review.to_json('clip', 'clip.mp4', False, ())
    assert (content['words'], content['people']) == (('person', 'people'), {1: 'NA', 2: 'Anna', 3: ''})
    assert [period[:5] for period in content['periods']] == [
        [2, 1, 2, 0, 2],  # found as 2, is person 1, bored, frames 0 to 2
        [1, 2, 0, 0, 1],
        [1, 3, 0, 2, 2],
        [3, 3, 0, 3, 3],
    ]


def test_corrections_say_whose_a_face_is(people_outputs, tmp_path):
    rows = '1,2,happy,4,machine,1\n3,3,happy,2,machine,1\n'
    (tmp_path / 'corrected.csv').write_text(f'frame_start,frame_end,emotions,person,by,found_as\n{rows}')
    recorded, frames = run(people_outputs)
    named = Person(1, 'NA')
    assert [whose(faces) for faces in frames[:3]] == [
        [(2, named), (1, Person(4))],  # a new number has no name
        [(2, named), (1, Person(4))],
        [(2, named), (1, Person(2, 'Anna'))],
    ]
    assert recorded.columns.cells(3, 80.0, frames[2][1])[:6] == [3, 80.0, 1, 2, 'Anna', 1]
    content = recorded.review.to_json('clip', 'clip.mp4', False, ())
    assert [period[:5] for period in content['periods'][1:3]] == [[1, 4, 0, 0, 1], [1, 2, 0, 2, 2]]
    assert len(content['pictures']) == 4


def test_how_well_faces_can_be_seen_comes_back(outputs):
    columns, seen = (
        FaceColumns(('happy', 'sad', 'bored'), with_quality=True),
        FaceQuality(41.5, 0.0125, 12.0, 0.93, 0.5),
    )
    with FaceTable(outputs.faces, columns) as table:
        table.add(1, TIMES[0], [face(1, 0.7, 0.2, 0.1, seen=seen), face(2, 0.7, 0.2, 0.1)])
    recorded, frames = run(outputs)
    assert recorded.columns.with_quality
    assert [face.seen for face in frames[0]] == [seen, None]


def test_a_table_of_people_that_is_damaged(people_outputs):
    text = people_outputs.faces.read_text()
    people_outputs.faces.write_text(text.replace('1,0.0,1,2,Anna', '1,0.0,1,two,Anna'))
    with pytest.raises(InputError, match=r"line 3 has 'two' under person; expected a number from 1"):
        run(people_outputs)
    people_outputs.faces.write_text(text.replace('face,person,name', 'face,name,person'))
    with pytest.raises(InputError, match='expected the columns frame, ms, face, person, name, identified, x'):
        run(people_outputs)


def test_a_run_that_was_ended_early_is_not_made_longer(outputs):
    outputs.emotions.write_text('ms_start,ms_end,frame_start,frame_end,emotions\n0.0,120.0,1,4,happy\n')
    with pytest.raises(FrameError, match='ended there'):
        run(outputs)
    outputs.emotions.write_text('ms,frame,emotions\n0.0,4,happy\n160.0,5,[]\n')
    assert len(run(outputs)[1]) == 5
    outputs.emotions.write_text('ms,frame,emotions\n0.0,many,happy\n')
    with pytest.raises(InputError, match=r"emotions_data.csv: line 2 has 'many' under frame; expected a number from 1"):
        run(outputs)


def test_the_table_of_another_video_is_refused(outputs):
    with pytest.raises(InputError, match=r'has frame 4 at 120.0 ms, but the video at 125.000 ms'):
        run(outputs, [0, 40, 80, 125])
    with pytest.raises(InputError, match='has frame 4, but the video ends before it'):
        run(outputs, [0, 40])


def test_corrections_of_another_run_are_refused(outputs, tmp_path):
    (tmp_path / 'corrected.csv').write_text(f'{HEAD}1,2,sad,1,person\n1,1,sad,2,person\n')
    with pytest.raises(InputError, match=r'line 3 is about face 2 in frames 1 to 1, where .* has none'):
        run(outputs)


def test_tables_that_are_missing_or_damaged(outputs):
    text = outputs.faces.read_text()
    outputs.faces.write_text(text.replace('0.7000', 'much'))
    with pytest.raises(
        InputError, match=r"faces_data.csv: line 2 has 'much' under happy; expected a probability from 0 to 1"
    ):
        run(outputs)
    outputs.faces.write_text(text.replace('detected\n', 'detected,by\n'))
    with pytest.raises(InputError, match='is already corrected'):
        run(outputs)
    outputs.faces.write_text('a,b\n1,2\n')
    with pytest.raises(
        InputError, match=r'has no column frame, ms, .* expected a table of faces with the columns frame, ms, face'
    ):
        run(outputs)
    outputs.faces.unlink()
    with pytest.raises(InputError, match=r'no table of faces to correct; analyse the video first'):
        run(outputs)


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('4,120.0,2,', 'four,120.0,2,', "line 5 has 'four' under frame; expected a number from 1"),
        (
            '4,120.0,2,',
            '1,120.0,2,',
            "line 5 has '1' under frame; expected a frame after 2, which is in the line before",
        ),
        ('4,120.0,2,', '2,40.0,2,', "line 5 has '2' under face; expected each face once in frame 2"),
        (
            '4,120.0,2,',
            f'4,{"9" * 5000},2,',
            "line 5 has '999999999999...9999999999999' under ms; expected milliseconds",
        ),
        (
            '2,40.0,2,3,4,50,',
            '2,40.0,2,3,4,999999999999,',
            "line 4 has '999999999999' under width; expected whole pixels within a frame",
        ),
        ('2,40.0,2,3,4,50,', '2,40.0,2,3,4,0,', "line 4 has '0' under width; expected whole pixels within a frame"),
        ('0.2000', 'nan', "line 2 has 'nan' under sad; expected a probability from 0 to 1"),
        ('50,60,happy', '50,60,joy', "line 2 has 'joy' under emotion; expected one of happy, sad, bored"),
        ('bored_from_rest', 'r\xe9st', 'is not a table of faces; expected the columns'),
        (
            'frame,ms,face,x,y',
            'frame,ms,face,y,x',
            'is not a table of faces; expected the columns frame, ms, face, x, y',
        ),
    ],
)
def test_what_is_wrong_anywhere_in_the_table_of_faces_is_told_before_the_work(outputs, old, new, message):
    text = outputs.faces.read_text()
    assert old in text
    outputs.faces.write_text(text.replace(old, new, 1), encoding='latin-1')
    with pytest.raises(InputError) as caught:
        ReplayedFaces(outputs, outputs.annotated.with_name('corrected.csv'))
    assert str(caught.value).startswith(f'{outputs.faces}: {message}')


def test_tables_that_a_spreadsheet_saved(outputs):
    as_found = describe(run(outputs)[1])
    text = outputs.faces.read_text().replace(',', ';').replace('.', ',')
    outputs.faces.write_text(text, encoding='utf-16')
    outputs.emotions.write_text('ms;frame;emotions\n0,0;4;happy\n160,0;5;[]\n')
    assert describe(run(outputs)[1]) == as_found


def describe(frames):
    return [[(face.track_id, face.box, face.emotion, face.confidence) for face in faces] for faces in frames]


def test_two_faces_that_become_one_are_told_before_the_work(outputs, tmp_path):
    (tmp_path / 'corrected.csv').write_text(f'{HEAD.strip()},found_as\n2,2,sad,1,person,2\n')
    with pytest.raises(InputError, match='frame 2 has face 1 twice, one of them found as face 2'):
        ReplayedFaces(outputs, tmp_path / 'corrected.csv')


def test_changed_times_are_said_to_be_ignored(outputs, tmp_path, capsys):
    head = 'ms_start,ms_end,frame_start,frame_end,emotions,face\n'
    (tmp_path / 'corrected.csv').write_text(f'{head}0.0,40.0,1,2,sad,1\n40.0,200.0,2,4,sad,2\n')
    run(outputs)
    said = f'{tmp_path / "corrected.csv"}: line 3: the times are not those of the frames, and are ignored; '
    assert capsys.readouterr().err == f'{said}change frame_start and frame_end instead\n'
    (tmp_path / 'corrected.csv').write_text(f'{head}0.0,40.0,1,2,sad,1\n40.0,120.0,2,4,sad,2\n')
    run(outputs)
    assert capsys.readouterr().err == ''


def test_corrections_that_were_made_for_another_run(outputs):
    corrected = outputs.annotated.with_name('corrected.csv')
    row = '1,1,sad,1,person'
    corrected.write_text(f'{HEAD.strip()},run\n{row},{name_run(outputs.faces)}\n')
    assert run(outputs)[1][0][0].emotion == 'sad'
    corrected.write_text(f'{HEAD.strip()},run\n{row},run-0123456789ab\n')
    with pytest.raises(InputError, match=r'line 2 belongs to another run than clip_with_emotions_faces_data\.csv'):
        run(outputs)


def test_apply_needs_a_video_that_was_analysed(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', [0, 40, 80])
    (tmp_path / 'corrected.csv').write_text(HEAD)
    (tmp_path / 'still.jpg').touch()
    for paths, message in (
        ([clip], r'clip_with_emotions_faces_data.csv: no table of faces to correct'),
        ([clip, tmp_path / 'still.jpg'], 'still.jpg: is a photograph; --apply corrects the results of videos'),
    ):
        with pytest.raises(SystemExit, match=message):
            emotions_from_video.main(['--apply', str(tmp_path / 'corrected.csv'), *map(str, paths)])
    assert len(list(tmp_path.iterdir())) == 3


def test_apply_with_an_output_filename_reads_and_writes_next_to_it(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', [0, 40, 80])
    (tmp_path / 'out').mkdir()
    outputs = Outputs(tmp_path / 'out' / 'a.mp4')
    found = dataclasses.replace(face(1), probabilities=np.eye(9, dtype=np.float32)[5], class_names=CLASS_NAMES)
    with FaceTable(outputs.faces, FaceColumns(CLASS_NAMES)) as table:
        table.add(2, 40.0, [found])
    (tmp_path / 'corrected.csv').write_text(f'{HEAD}2,2,fear,1,person\n')
    options = ['--apply', tmp_path / 'corrected.csv', '--output-filename', outputs.annotated]
    emotions_from_video.main([str(clip), *map(str, options), '--no-compact', '--no-write-video'])
    table = pd.read_csv(outputs.corrected().emotions)
    assert table.emotions.tolist() == ['[]', 'fear', '[]']
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == [
        'a_corrected_emotions_data.csv',
        'a_corrected_faces_data.csv',
        'a_corrected_review.html',
        'a_corrected_run.json',
        'a_corrected_summary.csv',
        'a_corrected_timeline.png',
        'a_faces_data.csv',
    ]
    page = (tmp_path / 'out' / 'a_corrected_review.html').read_text()
    assert '"video":"../clip.mp4"' in page and '"download":"a_corrected.csv"' in page
    emotions_from_video.main([str(clip), *map(str, options), '--no-review'])
    assert picture_times_ms(tmp_path / 'out' / 'a_corrected.mp4') == [0, 40, 80]
