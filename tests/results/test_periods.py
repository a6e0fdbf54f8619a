import numpy as np
import pytest

from emotion_recognition.labels import EMOTIONS, FaceEmotion, Person
from emotion_recognition.results.periods import FacePeriods


def face(track_id, emotion, person=None):
    return FaceEmotion(track_id, (0, 0, 9, 9), np.eye(9)[EMOTIONS.index(emotion)], person=person)


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
        (period.number, period.emotion, period.ms_start, period.ms_end, period.frame_start, period.frame_end)
        for period in face_periods.periods
    ]
    assert periods == [
        (1, 'happy', 0.0, 80.0, 1, 2),
        (2, 'sad', 40.0, 160.0, 2, 4),
        (1, 'fear', 80.0, 120.0, 3, 3),
        (1, 'fear', 160.0, 160.0, 5, 5),
    ]
    assert face_periods.face_count() == 2
    assert face_periods.longest_seen(9, 20.0) == {1: {'happy': 80.0, 'fear': 60.0}, 2: {'sad': 120.0}}
    assert list(face_periods.longest_seen(1, 20.0)) == [1]


def test_tracks_of_one_person_are_one_face():
    face_periods = FacePeriods()
    for number, track_id in enumerate([4, 4, 7], start=1):
        face_periods.add(number, number * 40.0, [face(track_id, 'happy', Person(2, 'Anna'))])
    (period,) = face_periods.periods
    assert (period.number, period.who, period.frame_start, period.frame_end) == (2, 'Anna', 1, 3)
    face_periods.add(4, 160.0, [face(7, 'happy', Person(1)), face(8, 'sad', Person(2, 'Anna'))])
    assert face_periods.face_count() == 2
    assert face_periods.names() == {1: 'person 1', 2: 'Anna'}
    assert face_periods.describe(9, 280.0, ('person', 'people')) == (
        '2 people\n  person 1, 0.3 s: happy 100%\n  Anna, 0.4 s: sad 70%, happy 30%'  # of time, whatever the frames
    )
    assert face_periods.describe(1, 280.0).endswith('\n  and 1 more, seen for a shorter time')


def test_how_long_each_face_is_seen_and_when():
    """In seconds: person 1 in 0 to 0.1 and 0.5 to the end of the last frame, person 2 in 0.1 to 0.5."""
    face_periods = FacePeriods()
    anna, second = face(1, 'happy', Person(1)), face(2, 'sad', Person(2))
    for number, (ms, faces) in enumerate([(0, [anna]), (100, [second]), (400, [second]), (500, [anna])], start=1):
        face_periods.add(number, float(ms), faces)
    assert face_periods.seen_seconds(40.0) == {
        1: pytest.approx((0.14, 0.0, 0.54)),
        2: pytest.approx((0.4, 0.1, 0.5)),
    }
    assert FacePeriods().seen_seconds(40.0) == {}
