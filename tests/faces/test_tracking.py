import numpy as np
import pytest

from emotion_recognition.faces.boxes import intersection_over_union
from emotion_recognition.faces.tracking import FaceTracker

ANNA, BERT = np.random.default_rng(17).integers(0, 256, (2, 40, 40, 3), np.uint8)  # how they look
BOX = [(100, 100, 60, 60)]
HAPPY, SAD = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)


def follow(tracker, frames, frame_ms=40.0):
    """Give a tracker the boxes of each frame. Returns the face numbers of each frame."""
    return [update(tracker, number * frame_ms, boxes)[0] for number, boxes in enumerate(frames)]


def update(tracker, timestamp_ms, boxes, probabilities=None, faces_bgr=None, is_scene_cut=False):
    """Call a tracker. Without other arguments, all faces are a happy Anna."""
    boxes = np.array(boxes).reshape(-1, 4)
    probabilities = np.tile(HAPPY, (len(boxes), 1)) if probabilities is None else np.array(probabilities)
    faces_bgr = [ANNA] * len(boxes) if faces_bgr is None else faces_bgr
    return tracker.update(timestamp_ms, boxes, probabilities, faces_bgr, is_scene_cut)


def test_face_keeps_its_number_while_it_moves():
    frames = [[(100 + 12 * step, 50, 60, 60)] for step in range(20)]
    assert follow(FaceTracker(), frames) == [[1]] * 20


def test_order_of_the_detector_does_not_matter():
    left, right = (0, 0, 50, 50), (200, 0, 50, 50)
    assert follow(FaceTracker(), [[left, right], [right, left]]) == [[1, 2], [2, 1]]


def test_two_faces_that_cross_keep_their_numbers():
    frames = [[(20 + 8 * step, 60, 60, 60), (340 - 8 * step, 70, 60, 60)] for step in range(41)]
    assert frames[20] == [(180, 60, 60, 60), (180, 70, 60, 60)]  # nearly the same box
    assert follow(FaceTracker(), frames) == [[1, 2]] * 41


def test_moving_face_that_is_hidden_by_another_comes_back_under_its_number():
    passing = [(20 + 8 * step, 60, 60, 60) for step in range(41)]
    standing = (180, 60, 60, 60)
    frames = [
        [standing] if abs(box[0] - 180) <= 40 else [box, standing]  # eleven frames, 0.44 s
        for box in passing
    ]
    numbers = follow(FaceTracker(), frames)
    assert numbers[0] == [1, 2]
    assert numbers[20] == [2]
    assert numbers[-1] == [1, 2]


@pytest.mark.parametrize(('missed_ms', 'number'), [(480, 1), (520, 2)])
def test_face_may_be_missed_for_half_a_second(missed_ms, number):
    tracker = FaceTracker()
    update(tracker, 0.0, BOX)
    for timestamp_ms in np.arange(40.0, missed_ms, 40):
        update(tracker, timestamp_ms, [])
    assert update(tracker, missed_ms, BOX)[0] == [number]


def test_another_person_where_one_was_missed_is_a_new_face():
    tracker = FaceTracker()
    update(tracker, 0.0, BOX)
    update(tracker, 40.0, [])
    assert update(tracker, 80.0, BOX, faces_bgr=[BERT])[0] == [2]


def test_looks_do_not_count_without_a_gap():
    tracker = FaceTracker()
    update(tracker, 0.0, BOX)
    assert update(tracker, 40.0, BOX, faces_bgr=[BERT])[0] == [1]


def test_after_a_scene_cut_a_face_goes_on_only_if_it_looks_alike():
    for face, expected in ((BERT, [2]), (ANNA, [1])):
        tracker = FaceTracker()
        update(tracker, 0.0, BOX, faces_bgr=[ANNA])
        assert update(tracker, 40.0, BOX, faces_bgr=[face], is_scene_cut=True)[0] == expected
        assert update(tracker, 80.0, BOX, faces_bgr=[BERT])[0] == expected  # within a scene, looks do not count


def test_long_pause_in_a_fast_video_ends_a_face():
    tracker = FaceTracker()
    assert follow(tracker, [BOX] * 10) == [[1]] * 10
    assert update(tracker, 1_060.0, BOX)[0] == [2]  # the very next frame, 0.7 s later
    assert update(tracker, 1_100.0, [])[0] == []
    assert update(tracker, 1_700.0, BOX)[0] == [3]  # two pauses do not make a slow video


@pytest.mark.parametrize('frame_ms', [250.0, 2_000.0, 60_000.0])
def test_face_keeps_its_number_in_slow_videos(frame_ms):
    jittering = [(100 + 8 * (-1) ** step, 100, 60, 60) for step in range(8)]  # 16 pixels back and forth
    frames = [[box] for box in jittering]
    frames[5] = []  # missed once
    assert follow(FaceTracker(), frames, frame_ms) == [[1]] * 5 + [[]] + [[1]] * 2


def test_face_that_misses_two_frames_of_a_slow_video_is_lost():
    assert follow(FaceTracker(), [BOX, BOX, [], [], BOX], 2_000.0) == [[1], [1], [], [], [2]]


def test_slow_video_whose_timestamps_jitter():
    tracker = FaceTracker()
    times = [0.0, 1_990.0, 4_020.0, 6_000.0, 8_030.0]
    found = [BOX, BOX, [], BOX, BOX]
    assert [update(tracker, *frame)[0] for frame in zip(times, found, strict=True)] == [[1], [1], [], [1], [1]]


def test_face_of_a_slow_video_is_expected_near_where_it_was():
    tracker = FaceTracker()
    for step in range(3):
        update(tracker, step * 2_000.0, [(100 + 36 * step, 100, 60, 60)])
    assert update(tracker, 6_000.0, [(152, 100, 60, 60)])[0] == [1]  # it has turned back


def test_probabilities_of_a_slow_video_are_those_of_each_frame():
    tracker = FaceTracker(smoothing_seconds=0.3)
    update(tracker, 0.0, BOX)
    np.testing.assert_allclose(update(tracker, 2_000.0, BOX, [SAD])[1], SAD[None], atol=0.002)


def test_face_elsewhere_is_a_new_one():
    assert follow(FaceTracker(), [[(0, 0, 50, 50)], [(60, 0, 50, 50)]]) == [[1], [2]]


def test_number_is_never_given_twice():
    frames = [[(0, 0, 50, 50)], *[[]] * 20, [(0, 0, 50, 50)], *[[]] * 20, [(300, 0, 50, 50)]]
    assert [numbers for numbers in follow(FaceTracker(), frames) if numbers] == [[1], [2], [3]]


def test_probabilities_follow_an_exponential_average_over_time():
    tracker = FaceTracker(smoothing_seconds=0.3)
    update(tracker, 0.0, BOX)
    _, after_one = update(tracker, 100.0, BOX, [SAD])
    np.testing.assert_allclose(after_one, [[0.7165, 0.2835]], atol=1e-4)  # exp(-1/3)
    _, after_two = update(tracker, 300.0, BOX, [SAD])
    np.testing.assert_allclose(after_two, [[0.3679, 0.6321]], atol=1e-4)  # exp(-1), in steps of any length
    assert after_two.dtype == np.float32


def test_smoothing_stays_with_its_face():
    tracker = FaceTracker(smoothing_seconds=10.0)
    left, right = [0, 0, 50, 50], [200, 0, 50, 50]
    update(tracker, 0.0, [left, right], [HAPPY, SAD])
    _, probabilities = update(tracker, 40.0, [right, left], [HAPPY, SAD])
    assert probabilities.argmax(axis=1).tolist() == [1, 0]


def test_zero_smoothing_leaves_each_frame_alone():
    tracker = FaceTracker(smoothing_seconds=0.0)
    update(tracker, 0.0, BOX)
    np.testing.assert_array_equal(update(tracker, 40.0, BOX, [SAD])[1], SAD[None])


def test_no_faces():
    numbers, probabilities = FaceTracker().update(0.0, np.empty((0, 4)), np.empty((0, 9), np.float32), [])
    assert numbers == []
    assert probabilities.shape == (0, 9)


def test_intersection_over_union():
    boxes = np.array([[0, 0, 10, 10], [100, 100, 10, 10]])
    others = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [10, 0, 10, 10]])
    np.testing.assert_allclose(intersection_over_union(boxes, others), [[1, 1 / 3, 0], [0, 0, 0]])
