import numpy as np

from emotion_recognition.labels import EMOTIONS, FaceEmotion
from emotion_recognition.results.periods import FacePeriods


def face(track_id, emotion):
    return FaceEmotion(track_id, (0, 0, 9, 9), np.eye(9)[EMOTIONS.index(emotion)])


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
