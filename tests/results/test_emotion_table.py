import numpy as np

from emotion_recognition.labels import EMOTIONS, FaceEmotion
from emotion_recognition.results.emotion_table import EmotionTable, emotions_cell


def faces(*emotions):
    return [face(number, emotion) for number, emotion in enumerate(emotions, start=1)]


def face(track_id, emotion):
    return FaceEmotion(track_id, (0, 0, 9, 9), np.eye(9)[EMOTIONS.index(emotion)])


def fill(table, frames):
    for number, emotions in enumerate(frames, start=1):
        table.add(number, number * 40.0 - 40, faces(*emotions))
    return table.to_table().to_frame()


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
    assert list(EmotionTable().to_table().columns) == ['ms_start', 'ms_end', 'frame_start', 'frame_end', 'emotions']


def test_csv_text(tmp_path):
    path = tmp_path / 'table.csv'
    fill(EmotionTable(), [['happy'], ['anger', 'happy'], []]).to_csv(path, index=False)
    assert path.read_text() == (
        'ms_start,ms_end,frame_start,frame_end,emotions\n'
        '0.0,0.0,1,1,happy\n'
        "40.0,40.0,2,2,\"['anger', 'happy']\"\n"
        '80.0,80.0,3,3,[]\n'
    )
