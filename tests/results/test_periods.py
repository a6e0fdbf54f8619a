import numpy as np
import pandas as pd

from emotion_recognition.labels import EMOTIONS, FaceEmotion
from emotion_recognition.live.live_table import LiveFaceTable
from emotion_recognition.results.emotion_table import EmotionTable, emotions_cell
from emotion_recognition.results.face_table import FaceColumns, FaceTable
from emotion_recognition.results.periods import FacePeriods
from emotion_recognition.results.subtitles import write_subtitles


def faces(*emotions):
    return [face(number, emotion) for number, emotion in enumerate(emotions, start=1)]


def face(track_id, emotion):
    return FaceEmotion(track_id, (0, 0, 9, 9), np.eye(9)[EMOTIONS.index(emotion)])


def fill(table, frames):
    for number, emotions in enumerate(frames, start=1):
        table.add(number, number * 40.0 - 40, faces(*emotions))
    return table.to_frame()


def test_cell_is_a_word_for_one_face_and_a_list_otherwise():
    assert emotions_cell(faces('happy')) == 'happy'
    assert emotions_cell(faces('anger', 'happy')) == ['anger', 'happy']
    assert emotions_cell([]) == []


def test_periods_with_single_frames_empty_frames_and_a_change_back():
    frames = [
        ['happy'],
        ['happy'],
        [],
        ['sad'],
        ['happy'],
        ['happy', 'sad'],
        ['happy', 'sad'],
        ['sad', 'happy'],
        [],
        [],
    ]
    assert fill(EmotionTable(), frames).to_numpy().tolist() == [
        [0.0, 40.0, 1, 2, 'happy'],
        [80.0, 80.0, 3, 3, []],
        [120.0, 120.0, 4, 4, 'sad'],
        [160.0, 160.0, 5, 5, 'happy'],
        [200.0, 240.0, 6, 7, ['happy', 'sad']],
        [280.0, 280.0, 8, 8, ['sad', 'happy']],
        [320.0, 360.0, 9, 10, []],
    ]


def test_one_row_per_frame():
    table = fill(EmotionTable(compact=False), [['fear'], ['fear'], []])
    assert list(table.columns) == ['ms', 'frame', 'emotions']
    assert table.to_numpy().tolist() == [[0.0, 1, 'fear'], [40.0, 2, 'fear'], [80.0, 3, []]]


def test_no_frames_leave_the_columns():
    assert list(EmotionTable().to_frame().columns) == ['ms_start', 'ms_end', 'frame_start', 'frame_end', 'emotions']


def test_csv_text(tmp_path):
    path = tmp_path / 'table.csv'
    fill(EmotionTable(), [['happy'], ['anger', 'happy'], []]).to_csv(path, index=False)
    assert path.read_text() == (
        'ms_start,ms_end,frame_start,frame_end,emotions\n'
        '0.0,0.0,1,1,happy\n'
        "40.0,40.0,2,2,\"['anger', 'happy']\"\n"
        '80.0,80.0,3,3,[]\n'
    )


def test_row_per_face_and_frame(tmp_path):
    probabilities = np.array([0.01, 0, 0, 0.04, 0.9, 0.05, 0, 0, 0], np.float32)
    with FaceTable(tmp_path / 'faces.csv', FaceColumns(EMOTIONS)) as table:
        table.add(1, 0.0, [FaceEmotion(1, (10, 20, 30, 40), probabilities), face(3, 'sad')])
        table.add(2, 33.367, [])
        table.add(3, 66.733, [face(3, 'sad')])
    assert (tmp_path / 'faces.csv').read_text() == (
        'frame,ms,face,x,y,width,height,emotion,confidence,'
        'anger,contempt,disgust,fear,happy,neutral,sad,surprise,uncertain,valence\n'
        '1,0.0,1,10,20,30,40,happy,0.9000,0.0100,0.0000,0.0000,0.0400,0.9000,0.0500,0.0000,0.0000,0.0000,0.8600\n'
        '1,0.0,3,0,0,9,9,sad,1.0000,0.0000,0.0000,0.0000,0.0000,0.0000,0.0000,1.0000,0.0000,0.0000,-1.0000\n'
        '3,66.733,3,0,0,9,9,sad,1.0000,0.0000,0.0000,0.0000,0.0000,0.0000,0.0000,1.0000,0.0000,0.0000,-1.0000\n'
    )


def test_change_from_a_baseline_stands_beside_what_was_seen(tmp_path):
    names = ('happy', 'neutral')
    seen, change = np.float32([0.3, 0.7]), np.float32([0.6, 0.4])
    with FaceTable(tmp_path / 'faces.csv', FaceColumns(names, with_baseline=True, with_detected=True)) as table:
        known = FaceEmotion(1, (0, 0, 9, 9), seen, names, probabilities_from_baseline=change)
        table.add(1, 0.0, [known, FaceEmotion(2, (9, 0, 9, 9), seen, names, detected=False)])
    assert (tmp_path / 'faces.csv').read_text() == (
        'frame,ms,face,x,y,width,height,emotion,confidence,happy,neutral,'
        'emotion_from_baseline,happy_from_baseline,neutral_from_baseline,detected\n'
        '1,0.0,1,0,0,9,9,neutral,0.7000,0.3000,0.7000,happy,0.6000,0.4000,1\n'
        '1,0.0,2,9,0,9,9,neutral,0.7000,0.3000,0.7000,,,,0\n'
    )


def test_periods_of_each_face():
    face_periods = FacePeriods()
    frames = [
        [face(1, 'happy')],
        [face(1, 'happy'), face(2, 'sad')],
        [face(1, 'fear'), face(2, 'sad')],
        [face(2, 'sad')],
        [face(1, 'fear')],
    ]
    for number, faces_in_frame in enumerate(frames, start=1):
        face_periods.add(number, number * 40.0 - 40, faces_in_frame)
    periods = [
        (period.track_id, period.emotion, period.ms_start, period.ms_end, period.frame_start, period.frame_end)
        for period in face_periods.periods
    ]
    assert periods == [
        (1, 'happy', 0.0, 80.0, 1, 2),
        (2, 'sad', 40.0, 160.0, 2, 4),
        (1, 'fear', 80.0, 120.0, 3, 3),
        (1, 'fear', 160.0, 160.0, 5, 5),
    ]
    assert face_periods.face_count() == 2
    assert face_periods.longest_seen(9) == {1: {'happy': 2, 'fear': 2}, 2: {'sad': 3}}
    assert list(face_periods.longest_seen(1)) == [1]


def test_subtitles_last_until_the_next_period(tmp_path):
    table = EmotionTable()
    for number, emotions in enumerate([['happy'], ['happy'], [], ['anger', 'happy']], start=1):
        table.add(number, 3_600_000 + number * 40.0, faces(*emotions))
    write_subtitles(table.periods(), 40.0, tmp_path / 'periods.srt')
    assert (tmp_path / 'periods.srt').read_text() == (
        '1\n01:00:00,040 --> 01:00:00,120\nhappy\n\n2\n01:00:00,160 --> 01:00:00,200\nanger, happy\n\n'
    )


def test_subtitles_follow_a_video_that_is_moved_to_time_0(tmp_path):
    table = EmotionTable()
    for number, emotions in enumerate([['happy'], ['anger'], ['anger']]):
        table.add(number + 1, number * 40.0 - 80, faces(*emotions))
    write_subtitles(table.periods(), 40.0, tmp_path / 'periods.srt', moved_by_ms=80)
    times = (tmp_path / 'periods.srt').read_text().split('\n')[1::4]
    assert times[:2] == ['00:00:00,000 --> 00:00:00,040', '00:00:00,040 --> 00:00:00,120']


def test_live_table_is_on_the_disk_within_a_second(tmp_path, monkeypatch):
    path = tmp_path / 'faces.csv'
    clock = [100.0]
    monkeypatch.setattr('emotion_recognition.live.live_table.time.monotonic', lambda: clock[0])
    with LiveFaceTable(path, EMOTIONS) as table:
        changes = ''.join(f',{name}_from_baseline' for name in ('emotion', *EMOTIONS))
        header = f'frame,ms,face,x,y,width,height,emotion,confidence,{",".join(EMOTIONS)},valence{changes},time,mark'
        assert path.read_text() == header + '\n'
        table.add(1, 0.0, faces('happy', 'sad'))
        clock[0] += 0.9
        table.add(2, 900.0, [])
        rows = pd.read_csv(path)  # as another program sees it now
        assert rows.emotion.tolist() == ['happy', 'sad']
        assert rows.frame.tolist() == [1, 1]
        assert pd.to_datetime(rows.time).dt.tz is not None
        assert table.row_count == 2


def test_marks_stand_in_the_rows_of_the_frame_that_was_shown(tmp_path):
    path = tmp_path / 'faces.csv'
    with LiveFaceTable(path, EMOTIONS) as table:
        table.add(1, 0.0, faces('happy', 'sad'))
        table.mark('3')
        table.add(2, 40.0, faces('happy'))
        table.add(4, 80.0, [])
        table.mark('1')
        table.mark('2')
        assert table.row_count == 4
        table.add(5, 120.0, [])
        table.add(6, 160.0, faces('sad'))
        table.mark('9')
        assert table.row_count == 5
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert rows.columns[-2:].tolist() == ['time', 'mark']
    assert rows[['frame', 'ms', 'face', 'emotion', 'mark']].to_numpy().tolist() == [
        ['1', '0.0', '1', 'happy', '3'],
        ['1', '0.0', '2', 'sad', '3'],
        ['2', '40.0', '1', 'happy', ''],
        ['4', '80.0', '', '', '1 2'],  # the frame without faces: the mark is not lost
        ['6', '160.0', '1', 'sad', '9'],
    ]
    assert (rows.time != '').all() and (rows.loc[3, 'x':'uncertain_from_baseline'] == '').all()


def test_a_mark_before_any_frame_waits_for_the_first(tmp_path):
    with LiveFaceTable(tmp_path / 'faces.csv', EMOTIONS) as table:
        table.mark('1')
        assert table.row_count == 0
        table.add(1, 0.0, [])
        assert table.row_count == 1
    assert pd.read_csv(tmp_path / 'faces.csv').mark.tolist() == [1]
