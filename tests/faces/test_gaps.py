from dataclasses import replace

import numpy as np
import pytest

from emotion_recognition.faces.gaps import MAX_GAP_FRAMES, fill_gaps
from emotion_recognition.labels import FaceEmotion, FaceQuality
from emotion_recognition.media.picture import Picture

CLASSES = ('happy', 'sad')


def face(track_id, x, happy=1.0):
    return FaceEmotion(track_id, (x, 10, 20, 20), np.array([happy, 1 - happy], np.float32), CLASSES, angle=x / 10)


def classify(picture, found):
    """The brighter a place is, the happier it looks."""
    happy = [picture.bgr[place.box[1], place.box[0], 0] / 255 for place in found]
    return np.array([[value, 1 - value] for value in happy], np.float32)


def fill(frames, gap_ms=40, brightness=51, smoothing_seconds=0.0):
    picture = Picture(np.full((60, 200, 3), brightness, np.uint8))
    numbered = [(number, (number - 1) * gap_ms, picture, faces) for number, faces in enumerate(frames, start=1)]
    filled = list(fill_gaps(numbered, classify, smoothing_seconds))
    assert [frame[0] for frame in filled] == [frame[0] for frame in numbered]
    return [frame[3] for frame in filled]


def test_box_and_tilt_lie_between_both_ends():
    frames = fill([[face(1, 10)], [], [], [face(1, 40)]])
    assert [[(f.box, f.angle, f.detected) for f in faces] for faces in frames] == [
        [((10, 10, 20, 20), 1.0, True)],
        [((20, 10, 20, 20), pytest.approx(2.0), False)],
        [((30, 10, 20, 20), pytest.approx(3.0), False)],
        [((40, 10, 20, 20), 4.0, True)],
    ]


def test_the_emotion_is_that_of_the_frame_itself():
    frames = fill([[face(1, 10)], [], [face(1, 10)]])
    assert [faces[0].emotion for faces in frames] == ['happy', 'sad', 'happy']
    assert frames[1][0].probabilities == pytest.approx([0.2, 0.8])


def test_it_is_smoothed_as_the_tracker_does():
    frames = fill([[face(1, 10)], [], [face(1, 10)]], smoothing_seconds=0.04)
    assert frames[1][0].probabilities[0] == pytest.approx(1 + (1 - np.exp(-1)) * (0.2 - 1), abs=1e-4)


def test_half_a_second_is_filled_in_at_any_usual_frame_rate():
    frames = fill([[face(1, 10)], *[[]] * 55, [face(1, 10)]], gap_ms=1000 / 120)
    assert [len(faces) for faces in frames] == [1] * 57


def test_faces_that_are_gone_for_longer_or_for_good_are_not_filled_in():
    gone = [[face(1, 10)], *[[]] * 13, [face(1, 10)], [], []]
    assert [len(faces) for faces in fill(gone)] == [1, *[0] * 13, 1, 0, 0]


def test_other_faces_stay_and_the_order_is_that_of_the_numbers():
    frames = fill([[face(1, 10), face(2, 90)], [face(2, 92)], [face(1, 10), face(2, 94)]])
    assert [[f.track_id for f in faces] for faces in frames] == [[1, 2], [1, 2], [1, 2]]
    assert [f.detected for f in frames[1]] == [False, True]


def test_frames_wait_only_while_a_face_is_missed():
    taken, waiting = [], []
    picture = Picture(np.zeros((60, 200, 3), np.uint8))

    def frames():
        for number in range(150):
            taken.append(number)
            faces = [] if 10 <= number < 12 or number > 50 else [face(1, 10)]
            yield number, number * 5.0, picture, faces

    for number, *_ in fill_gaps(frames(), classify, 0.0):
        waiting.append(taken[-1] - number)
    assert waiting[:13] == [0] * 10 + [2, 1, 0]
    assert max(waiting) == MAX_GAP_FRAMES - 1


def test_nothing_is_measured_of_a_face_that_was_filled_in():
    seen = FaceQuality(41.5, 0.0125, 12.0, 0.93, 0.5)
    frames = fill([[replace(face(1, 10), seen=seen)], [], [replace(face(1, 10), seen=seen)]])
    assert [faces[0].seen for faces in frames] == [seen, None, seen]
