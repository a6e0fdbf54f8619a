import numpy as np

from emotion_recognition.labels import EMOTIONS, FaceEmotion
from emotion_recognition.results.emotion_table import EmotionTable
from emotion_recognition.results.subtitles import write_subtitles


def faces(*emotions):
    return [face(number, emotion) for number, emotion in enumerate(emotions, start=1)]


def face(track_id, emotion):
    return FaceEmotion(track_id, (0, 0, 9, 9), np.eye(9)[EMOTIONS.index(emotion)])


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
    write_subtitles(table.periods(), 40.0, tmp_path / 'periods.srt', shift_ms=80)
    times = (tmp_path / 'periods.srt').read_text().split('\n')[1::4]
    assert times[:2] == ['00:00:00,000 --> 00:00:00,040', '00:00:00,040 --> 00:00:00,120']
