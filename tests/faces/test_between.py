import numpy as np
import pytest

from emotion_recognition.faces.between import fill_between
from emotion_recognition.faces.confirmation import confirm_ahead
from emotion_recognition.labels import FaceEmotion

CLASSES = ('happy', 'sad')


def face(track_id, x, happy=1.0, score=0.9):
    points = tuple((float(x + point), 5.0) for point in range(5))
    probabilities = np.array([happy, 1 - happy], np.float32)
    return FaceEmotion(track_id, (x, 10, 20, 20), probabilities, CLASSES, angle=x / 10, score=score, points=points)


def fill(frames, cuts=()):
    """Fill in frames that are 40 ms apart, of which those that are None were not analysed."""
    numbered = [(number, number * 40.0, f'picture {number}', faces) for number, faces in enumerate(frames, start=1)]
    filled = list(fill_between(iter(numbered), cuts))
    assert [frame[:3] for frame in filled] == [frame[:3] for frame in numbered]
    return [frame[3] for frame in filled]


def test_a_face_is_between_where_it_was_and_where_it_is():
    frames = fill([[face(1, 10)], None, None, [face(1, 40, 0.4, score=0.6)]])
    assert [[(f.box, f.detected) for f in faces] for faces in frames] == [
        [((10, 10, 20, 20), True)],
        [((20, 10, 20, 20), False)],
        [((30, 10, 20, 20), False)],
        [((40, 10, 20, 20), True)],
    ]
    (second,) = frames[1]
    assert second.probabilities == pytest.approx([0.8, 0.2]) and second.probabilities.dtype == np.float32
    assert (second.angle, second.score) == (pytest.approx(2.0), pytest.approx(0.8))
    assert second.points[0] == pytest.approx((20.0, 5.0))


def test_a_face_that_is_gone_or_new_is_not_between():
    frames = fill([[face(1, 10), face(2, 90)], None, [face(2, 90), face(3, 50)], None, [face(3, 50)]])
    assert [[f.track_id for f in faces] for faces in frames] == [[1, 2], [2], [2, 3], [3], [3]]


def test_a_face_stays_where_it_is_up_to_a_scene_cut_and_never_moves_beyond_it():
    frames = fill([[face(1, 10)], None, None, [face(1, 70), face(2, 5)], None], cuts={1, 4})
    assert [[f.box[0] for f in faces] for faces in frames] == [[10], [10], [10], [70, 5], [70, 5]]
    assert [[f.detected for f in faces] for faces in frames][1:4] == [[False], [False], [True, True]]


def test_a_face_counts_after_as_many_analysed_frames_and_seconds_as_in_a_slower_video():
    """A frame that was not analysed tells nothing of a face: it neither ends its sightings nor is one of them."""
    for sightings, counts in ((2, False), (3, True)):
        frames = [[face(7, 10)] if number < sightings * 3 else [] for number in range(0, 15, 3)]
        shown = [part for faces in frames for part in (faces, None, None)]
        numbered = [(number, number * 40.0, None, faces) for number, faces in enumerate(shown, start=1)]
        confirmed = list(confirm_ahead(iter(numbered), seconds=0.1))
        assert [frame[3] is None for frame in confirmed] == [faces is None for faces in shown]
        assert [len(frame[3] or ()) for frame in confirmed][::3] == [int(counts)] * sightings + [0] * (5 - sightings)


def test_the_only_analysed_frame_of_a_short_video_counts():
    frames = [(1, 0.0, None, [face(7, 10)]), (2, 40.0, None, None)]
    assert [len(frame[3] or ()) for frame in confirm_ahead(iter(frames), seconds=0.1)] == [1, 0]
