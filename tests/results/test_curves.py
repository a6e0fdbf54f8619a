import numpy as np

from emotion_recognition.labels import FaceEmotion
from emotion_recognition.results.curves import Curves


def face(number, happy):
    return FaceEmotion(number, (0, 0, 9, 9), np.array([happy, 1 - happy], np.float32), ('happy', 'sad'))


def test_short_curves_are_whole_with_the_holes_that_they_have():
    curves = Curves()
    for number, happy in ((1, 0.9), (2, 0.854), (5, 0.2)):
        curves.add(number, [face(7, happy)])
    assert curves.frames_per_bucket == 1
    assert curves.to_json() == [{'face': 7, 'buckets': [0, 1, 3], 'low': [[90, 85, 20], [10, 15, 80]], 'high': None}]


def test_long_curves_are_thinned_and_keep_their_peaks():
    curves = Curves(max_buckets=100)
    for number in range(1, 10_001):
        curves.add(number, [face(1, 0.97 if number == 3333 else 0.5), face(2, 0.02 if number == 4444 else 0.25)])
    assert curves.frames_per_bucket == 256
    one, two = curves.to_json()
    assert len(one['buckets']) == len(two['buckets']) == 40
    assert sum(one['buckets']) == 39
    happy = one['high'][0]
    assert happy.pop(3332 // 256) == 97 and set(happy) == {50}
    assert set(one['low'][0]) == {50}
    happy = two['low'][0]
    assert happy.pop(4443 // 256) == 2 and set(happy) == {25}


def test_faces_without_number_limit_take_no_more_room():
    curves = Curves(max_buckets=100)
    for number in range(1, 1001):
        curves.add(number, [face(number // 10, 0.5)])
    assert sum(len(of_face['buckets']) for of_face in curves.to_json()) <= 200


def test_labels_are_kept_of_the_first_frame_of_each_bucket():
    curves = Curves(max_buckets=3)
    for number in range(1, 6):
        curves.add(number, [face(1, 0.5)], {1: (10 * number, 5, 30, 9)} if number < 5 else {})
    assert curves.frames_per_bucket == 2
    (one,) = curves.to_json(with_labels=True)
    assert one['labels'] == [[10, 20, -30], [5, 0, -5], [30, 0, -30], [9, 0, -9]]
    assert 'labels' not in curves.to_json()[0]
