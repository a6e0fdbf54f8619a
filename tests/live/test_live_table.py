import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from emotion_recognition.labels import EMOTIONS, FaceEmotion, InputError
from emotion_recognition.live.live_table import LiveFaceTable


def faces(*emotions):
    return [face(number, emotion) for number, emotion in enumerate(emotions, start=1)]


def face(track_id, emotion):
    return FaceEmotion(track_id, (0, 0, 9, 9), np.eye(9)[EMOTIONS.index(emotion)])


def test_live_table_is_on_the_disk_within_a_second(tmp_path, monkeypatch):
    path = tmp_path / 'faces.csv'
    clock = [100.0]
    monkeypatch.setattr('emotion_recognition.live.live_table.time.monotonic', lambda: clock[0])
    with LiveFaceTable(path, EMOTIONS) as table:
        compared = ''.join(f',{name}_from_rest' for name in EMOTIONS)
        first, last = 'frame,ms,face,x,y,width,height,emotion,confidence', 'recording,recording_frame,time,mark'
        header = f'{first},{",".join(EMOTIONS)},valence{compared},{last}'
        assert path.read_text() == header + '\n'
        table.add(1, 0.0, faces('happy', 'sad'))
        clock[0] += 0.9
        table.add(2, 900.0, [])
        rows = pd.read_csv(path)  # while it is still being written
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
        ['4', '80.0', '', '', '1 2'],  # a frame without faces keeps its mark
        ['6', '160.0', '1', 'sad', '9'],
    ]
    assert (rows.time != '').all() and (rows.loc[3, 'x':'uncertain_from_rest'] == '').all()


def test_a_mark_before_any_frame_waits_for_the_first(tmp_path):
    with LiveFaceTable(tmp_path / 'faces.csv', EMOTIONS) as table:
        table.mark('1')
        assert table.row_count == 0
        table.add(1, 0.0, [])
        assert table.row_count == 1
    assert pd.read_csv(tmp_path / 'faces.csv').mark.tolist() == [1]


@pytest.fixture
def every_save(monkeypatch):
    """Lets the table be saved with every frame."""
    monkeypatch.setattr('emotion_recognition.live.live_table.SAVE_SECONDS', 0)


def test_a_full_disk_leaves_whole_rows_and_their_number(tmp_path, every_save, file_size_limit, capsys):
    path = tmp_path / 'faces.csv'
    with pytest.raises(InputError) as raised, LiveFaceTable(path, EMOTIONS) as table:
        for number in range(5):
            table.add(number, 40.0 * number, faces('happy', 'sad'))
        file_size_limit(path.stat().st_size + 30)  # a part of a row
        table.add(5, 200.0, faces('happy', 'sad'))
    assert str(raised.value) == f'{path}: cannot be written (File too large); 8 rows were written before'
    assert capsys.readouterr().out == '' and table.row_count == 8
    assert pd.read_csv(path).frame.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert path.read_bytes().endswith(b'\n')


def test_a_disk_that_is_full_at_the_end_or_the_beginning(tmp_path, file_size_limit, capsys):
    path = tmp_path / 'faces.csv'
    with (
        pytest.raises(InputError, match=r'faces.csv: cannot be written \(.*\); 0 rows'),
        LiveFaceTable(path, EMOTIONS) as table,
    ):
        table.add(1, 0.0, faces('happy', 'sad'))
        file_size_limit(path.stat().st_size + 30)
    assert len(pd.read_csv(path)) == table.row_count == 0
    file_size_limit(10)
    path = tmp_path / 'next.csv'
    with pytest.raises(InputError, match=r'next.csv: cannot be written'), LiveFaceTable(path, EMOTIONS):
        raise AssertionError('it was opened')
    assert not path.exists() and capsys.readouterr().out == ''


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows deletes no open file')
def test_a_folder_that_is_deleted_is_noticed(tmp_path, every_save, capsys):
    folder = tmp_path / 'results'
    folder.mkdir()
    with pytest.raises(InputError) as raised, LiveFaceTable(folder / 'faces.csv', EMOTIONS) as table:
        table.add(1, 0.0, faces('happy'))
        table.add(2, 40.0, faces('happy'))
        shutil.rmtree(folder)
        table.add(3, 80.0, faces('happy'))
    problem = 'cannot be written (it was deleted or moved); 1 rows were written before'
    assert str(raised.value) == f'{folder / "faces.csv"}: {problem}'
    assert capsys.readouterr().out == ''
