import numpy as np
import pytest

from emotion_recognition.faces.confirmation import MAX_WAITING_FRAMES, FaceConfirmation, confirm_ahead
from emotion_recognition.labels import FaceEmotion


def face(track_id, score):
    return FaceEmotion(track_id, (0, 0, 9, 9), np.eye(9, dtype=np.float32)[4], score=score)


def clip(tracks, gap_ms=40, times=None, score=1.0):
    """Returns frames, each with faces of the given numbers, as the tracker gives them."""
    times = times or [number * gap_ms for number in range(len(tracks))]
    return [(n, times[n - 1], None, [face(track, score) for track in ids]) for n, ids in enumerate(tracks, start=1)]


def numbers(tracks, gap_ms=40, seconds=0.1, score=1.0):
    """Returns the numbers of the faces in each frame, as a video shows them."""
    frames = list(confirm_ahead(clip(tracks, gap_ms, score=score), seconds))
    assert [frame[0] for frame in frames] == list(range(1, len(tracks) + 1))
    return [[face.track_id for face in frame[3]] for frame in frames]


def test_a_face_of_one_or_two_frames_does_not_count():
    assert numbers([[], [1], [], [2], [2], []]) == [[], [], [], [], [], []]


def test_a_face_of_three_frames_is_there_from_the_first_on():
    assert numbers([[], [1], [1], [1], []]) == [[], [1], [1], [1], []]


def test_numbers_have_no_holes():
    assert numbers([[1], [2, 3], [3, 4], [3, 4], [3, 4]]) == [[], [1], [1, 2], [1, 2], [1, 2]]


def test_a_face_that_counts_stays_so_when_it_was_missed():
    assert numbers([[1], [1], [1], [], [1], []]) == [[1], [1], [1], [], [1], []]


def test_frames_that_are_missed_begin_anew():
    assert numbers([[1], [1], [], [1], [1], [], [1]]) == [[], [], [], [], [], [], []]


@pytest.mark.parametrize(('gap_ms', 'needed'), [(40, 3), (1000 / 30, 3), (20, 5), (50, 3), (100, 3), (2000, 1)])
def test_it_is_time_that_counts(gap_ms, needed):
    """A face needs as many frames as are shown in 0.1 s, and at least three unless they are far apart."""
    short = [[]] * 5 + [[1]] * (needed - 1) + [[]] * 5
    enough = [[]] * 5 + [[1]] * needed + [[]] * 5
    assert numbers(short, gap_ms) == [[]] * len(short)
    assert numbers(enough, gap_ms) == enough


def test_the_first_frame_of_few_counts_and_a_pause_makes_none_count():
    assert numbers([[1], [2], [3]], 5000) == [[1], [2], [3]]
    assert numbers([[1], [], []], 1000) == [[1], [], []]
    assert numbers([[1], []], 40) == [[], []]
    frames = clip([[], [], [], [1], [], []], times=[0, 40, 80, 5080, 5120, 5160])
    assert not any(faces for *_, faces in confirm_ahead(frames, 0.1))


def test_a_frame_that_is_shown_for_long_counts():
    frames = clip([[], [], [1], [], []], times=[0, 33, 66, 5066, 5099])
    assert [len(faces) for *_, faces in confirm_ahead(frames, 0.1)] == [0, 0, 1, 0, 0]


def test_the_only_frame_counts():
    assert numbers([[1, 2]]) == [[1, 2]]


@pytest.mark.parametrize(
    ('frames_per_second', 'seen_in', 'score', 'counts'),
    [
        (30, 3, 0.7, True),
        (30, 2, 0.99, False),
        (10, 3, 0.7, True),
        (10, 2, 0.99, False),
        (2.1, 2, 0.99, False),
        (2, 1, 0.99, True),
        (1, 1, 0.85, True),
        (1, 1, 0.84, False),
        (1, 2, 0.84, False),
        (1, 3, 0.7, True),
        (0.2, 1, 0.85, True),
        (0.2, 2, 0.84, False),
    ],
)
def test_a_clear_sighting_is_enough_only_if_frames_are_far_apart(frames_per_second, seen_in, score, counts):
    tracks = [[]] * 5 + [[1]] * seen_in + [[]] * 5
    assert numbers(tracks, 1000 / frames_per_second, score=score) == (tracks if counts else [[]] * len(tracks))


def test_a_face_counts_from_its_first_frame_if_a_later_one_is_clear():
    frames = clip([[], [1], [1], []], 1000, score=0.75)
    frames[2][3][0] = face(1, 0.9)
    assert [len(faces) for *_, faces in confirm_ahead(frames, 0.1)] == [0, 1, 1, 0]


def test_more_seconds_are_needed_of_a_clear_face_too():
    assert numbers([[], [1], [1], []], 1000, seconds=3) == [[], [], [], []]
    assert numbers([[], [1], [1], [1], []], 1000, seconds=3) == [[], [1], [1], [1], []]


def test_zero_seconds_show_everything():
    assert numbers([[1], [], [2]], seconds=0) == [[1], [], [2]]
    assert numbers([[1], [], [2]], 1000, seconds=0, score=0.7) == [[1], [], [2]]


def test_frames_without_open_faces_do_not_wait():
    frames = iter(clip([[], [1], [1], [1], [], []]))
    taken = []

    def watched():
        for frame in frames:
            taken.append(frame[0])
            yield frame

    ahead = []
    for frame in confirm_ahead(watched(), 0.1):
        ahead.append(taken[-1] - frame[0])
    assert ahead == [0, 2, 1, 0, 0, 0]


def test_few_frames_are_held_at_any_rate():
    taken = []

    def watched():
        for frame in clip([[1]] * 200, gap_ms=1):
            taken.append(frame[0])
            yield frame

    waiting = [taken[-1] - frame[0] for frame in confirm_ahead(watched(), 0.1)]
    assert max(waiting) == MAX_WAITING_FRAMES


def test_live_a_face_is_shown_when_it_counts():
    confirmation, shown = FaceConfirmation(0.1), []
    for _, ms, _, faces in clip([[7], [7, 9], [7], [7]]):
        confirmation.add(ms, faces)
        shown.append([face.track_id for face in confirmation.select(faces)])
    assert shown == [[], [], [1], [1]]
