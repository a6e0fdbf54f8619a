import numpy as np

from emotion_recognition.labels import EMOTIONS, FaceEmotion, emotion_colour_bgr
from emotion_recognition.live.recent_emotions import RecentEmotions

SHAPE = (360, 640, 3)


def face(number, emotion, side=90):
    return FaceEmotion(number, (0, 0, side, side), np.eye(9, dtype=np.float32)[EMOTIONS.index(emotion)])


def area_of(recent, emotion):
    """How many pixels of the picture have an emotion's colour."""
    picture_bgr = np.zeros(SHAPE, np.uint8)
    recent.draw(picture_bgr, 100, 50)
    return (picture_bgr == emotion_colour_bgr(emotion)).all(axis=2).sum()


def test_curves_are_those_of_the_largest_face_in_the_last_ten_seconds():
    recent = RecentEmotions()
    assert recent.measure(SHAPE) == (0, 0)
    for tenth in range(200):
        recent.add(tenth * 100.0, [face(1, 'sad' if tenth < 50 else 'happy'), face(2, 'anger', side=30)])
    full = area_of(recent, 'happy')
    assert full > 1000 and area_of(recent, 'sad') < 300 and area_of(recent, 'anger') < 300  # a line of no height
    recent.add(20_000, [face(1, 'happy'), face(2, 'anger', side=200)])
    assert area_of(recent, 'anger') > 1000


def test_time_in_which_the_face_was_away_is_empty():
    recent = RecentEmotions()
    for tenth in range(100):
        recent.add(tenth * 100.0, [face(1, 'happy')])
    full = area_of(recent, 'happy')
    for tenth in range(100, 150):
        recent.add(tenth * 100.0, [])
    recent.add(15_000, [face(1, 'happy')])
    assert 0.4 * full < area_of(recent, 'happy') < 0.65 * full


def test_a_face_that_has_been_away_for_ten_seconds_is_forgotten():
    recent = RecentEmotions()
    recent.add(0, [face(1, 'happy')])
    recent.add(10_001, [face(0, 'happy')])  # whose number is not known yet
    assert recent.measure(SHAPE) == (0, 0) and area_of(recent, 'happy') == 0
