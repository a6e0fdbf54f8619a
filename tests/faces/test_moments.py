import cv2
import numpy as np
import pytest

from emotion_recognition.faces import moments
from emotion_recognition.faces.embedding import TEMPLATE
from emotion_recognition.faces.judging import take_picture
from emotion_recognition.faces.moments import MAX_MOMENTS, NO_CHANGE, Moment, VideoMoments, _better_of_pairs
from emotion_recognition.labels import FaceEmotion
from emotion_recognition.media.picture import Picture

SCENE = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
OTHER = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
FLAT = np.full((480, 640, 3), 90, np.uint8)  # nothing in it is sharp, wherever one looks
TURNED_NOSE = (54.0, 87.8)  # below an eye, instead of between the two


class Embedder:
    """Gives the brightness of a picture as its vector, and counts the pictures."""

    def __init__(self):
        self.count = 0

    def embed(self, pictures_bgr):
        self.count += len(pictures_bgr)
        return np.float32([[picture.mean()] * 128 for picture in pictures_bgr])


def face(track_id=1, scale=1.0, shift=(200.0, 150.0), score=0.95, nose=None):
    """A face whose points lie in the frame as in the template, but scaled and moved."""
    points = TEMPLATE.copy()
    points[2] = points[2] if nose is None else nose
    points = tuple(map(tuple, points * scale + shift))
    return FaceEmotion(track_id, (0, 0, 9, 9), np.float32([1, 0]), ('sad', 'happy'), score=score, points=points)


def blurred(frame_bgr, sigma=4):
    return cv2.GaussianBlur(frame_bgr, (0, 0), sigma)


def watch(frames):
    """Look at frames, each a time in milliseconds, a picture and faces. Returns the moments of the tracks."""
    seen = VideoMoments(Embedder())
    for ms, frame_bgr, faces in frames:
        seen.add(ms, Picture(frame_bgr), faces)
    seen.end()
    return seen


def times_of(seen, track_id=1):
    return [moment.ms for moment in seen.tracks[track_id].moments]


@pytest.fixture
def judged(monkeypatch):
    """Makes each picture as bad as its face's `score`, so that tests can say what is how good. Counts the pictures."""
    taken = []

    def take(frame_bgr, face):
        taken.append(face)
        return face.score, np.zeros((150, 150, 3), np.uint8)

    monkeypatch.setattr(moments, 'take_picture', take)
    return taken


def watch_judged(judgements, step=100):
    return watch((number * step, SCENE, [face(score=one)]) for number, one in enumerate(judgements))


@pytest.mark.parametrize(
    ('frame', 'worse_frame', 'worse'),
    [
        (SCENE, blurred(SCENE), {}),
        (FLAT, FLAT, {'score': 0.9}),
        (FLAT, FLAT, {'nose': TURNED_NOSE}),
        (FLAT, FLAT, {'scale': 0.5}),
        (FLAT, FLAT, {'shift': (-60.0, 150.0)}),
        (FLAT, FLAT, {'shift': (200.0, 400.0)}),
    ],
    ids=['blurred', 'unsure', 'turned away', 'small', 'partly left of the frame', 'partly below the frame'],
)
def test_what_makes_a_face_hard_to_recognise_makes_its_picture_worse(frame, worse_frame, worse):
    good, _ = take_picture(frame, face())
    bad, _ = take_picture(worse_frame, face(**worse))
    assert good + 0.005 < bad


def test_of_each_half_second_the_best_picture_is_kept():
    frames = [(ms, blurred(SCENE), [face()]) for ms in range(0, 1000, 40)]
    frames[3] = (120, SCENE, [face()])
    frames[18] = (720, SCENE, [face(nose=TURNED_NOSE)])  # as sharp as the best one
    frames[21] = (840, SCENE, [face()])
    assert times_of(watch(frames)) == [120, 840]


def test_a_moment_has_the_vector_and_a_small_picture_of_its_face():
    frame = np.full((480, 640, 3), (30, 60, 90), np.uint8)
    (moment,) = watch([(40, frame, [face()])]).tracks[1].moments
    assert moment.vector == pytest.approx([60.0] * 128)
    picture = cv2.imdecode(np.frombuffer(moment.picture_jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (72, 72, 3)
    np.testing.assert_allclose(picture.astype(int), np.broadcast_to((30, 60, 90), (72, 72, 3)), atol=4)
    assert moment.expected_distance == pytest.approx(take_picture(frame, face())[0])


@pytest.mark.parametrize(
    'poor',
    [{'scale': 11.5 / 53}, {'score': 0.7}, {'score': 0.78, 'nose': TURNED_NOSE}],
    ids=['11.5 pixels between the eyes', 'hardly a face', 'unsure and turned away'],
)
def test_faces_of_which_too_little_can_be_seen_have_no_moments(poor):
    seen = watch([(ms, SCENE, [face(**poor)]) for ms in range(0, 1000, 40)])
    assert seen.tracks[1].moments == [] and (seen.tracks[1].start_ms, seen.tracks[1].end_ms) == (0, 960)
    assert len(times_of(watch([(0, SCENE, [face(scale=12.5 / 53)])]))) == 1


def test_a_face_without_points_has_no_moments_and_is_no_error():
    filled_in = FaceEmotion(1, (0, 0, 9, 9), np.float32([1, 0]), ('sad', 'happy'), detected=False)
    assert times_of(watch([(0, SCENE, [filled_in])])) == []
    assert times_of(watch([(0, SCENE, [filled_in]), (40, SCENE, [face()]), (80, SCENE, [filled_in])])) == [40]


def test_after_its_first_half_second_a_face_is_looked_at_ten_times_a_second(judged):
    watch((ms, SCENE, [face()]) for ms in range(0, 2000, 20))
    assert len(judged) == 25 + 15


def test_when_there_are_too_many_moments_of_every_two_the_better_one_is_kept(judged):
    better = [0.1, 0.2] * 3 + [0.2, 0.1] * 3 + [0.3]
    assert times_of(watch_judged(better[:12], step=500)) == list(range(0, 6000, 500))
    assert times_of(watch_judged(better, step=500)) == [0, 1000, 2000, 3500, 4500, 5500, 6000]


def test_then_the_slots_are_twice_as_long(judged):
    seen = watch_judged([0.1] * 13 + [0.3, 0.2, 0.2, 0.3, 0.3], step=500)
    assert times_of(seen)[7:] == [7000, 7500, 8500]  # from 6.5, 7.5 and 8.5 s on


def test_memory_is_bounded_and_an_hour_takes_few_calls_of_the_network(judged):
    seen = VideoMoments(embedder := Embedder())
    for ms in range(0, 3_600_000, 250):
        seen.add(float(ms), Picture(SCENE), [face(score=0.1 + 0.01 * (ms % 700 == 0))])
        assert len(seen.tracks[1].moments) <= MAX_MOMENTS
    seen.end()
    assert 30 < embedder.count < 120
    times = times_of(seen)
    assert times == sorted(times) and times[0] < 600_000 and times[-1] > 3_000_000
    assert max(np.diff(times)) < 1_000_000  # they are of all of the hour


def test_where_a_track_goes_over_to_another_face_is_where_its_picture_changes_most():
    """At 1000 ms, between pictures at 960 and 1080 ms; after that nothing changes."""
    frames = [(ms, SCENE if ms < 1000 else OTHER, [face()]) for ms in range(0, 2000, 40)]
    *others, largest = sorted(moment.change_before for moment in watch(frames).tracks[1].moments)
    assert largest == (pytest.approx(1, abs=0.2), 1020)
    assert [change for change, _ in others] == pytest.approx([0, 0, 0], abs=1e-6)


def test_in_a_cross_fade_the_change_is_within_it():
    """The fade is from 1000 to 1500 ms, and a face that is half another one is poor."""
    frames = []
    for ms in range(0, 2500, 40):
        share = float(np.clip((ms - 1000) / 500, 0, 1))
        picture = cv2.addWeighted(SCENE, 1 - share, OTHER, share, 0)
        frames.append((ms, picture, [face(score=0.95 - 0.5 * min(share, 1 - share))]))
    moments = watch(frames).tracks[1].moments
    change, ms = max(moment.change_before for moment in moments if moment.ms > 1000)
    assert change > 0.1 and 1000 < ms < 1500


def test_the_largest_change_is_still_known_when_moments_are_thinned():
    rows = [(0, 0.1, NO_CHANGE), (500, 0.2, (0.3, 400)), (1000, 0.1, (0.5, 900)), (1500, 0.15, (0.2, 1400))]
    rows += [(2000, 0.3, (0.4, 1900)), (2500, 0.1, (0.1, 2400)), (3000, 0.1, (0.6, 2900))]
    seen = [Moment(ms, expected, np.zeros(128), b'', change) for ms, expected, change in rows]
    assert [(moment.ms, moment.change_before) for moment in _better_of_pairs(seen)] == [
        *[(0, NO_CHANGE), (1000, (0.5, 900)), (2500, (0.4, 1900)), (3000, (0.6, 2900))]
    ]


def test_the_best_of_the_poor_pictures_is_kept_only_if_none_is_good(judged):
    seen = watch_judged([0.55, 0.45, 0.5])
    assert (times_of(seen), seen.tracks[1].poor.ms) == ([], 100)
    seen = watch_judged([0.55, 0.45, 0.3])
    assert (times_of(seen), seen.tracks[1].poor) == ([200], None)
    assert watch_judged([0.61, 0.7]).tracks[1].poor is None  # they tell nothing


def test_a_track_that_goes_on_after_a_while_keeps_its_best_poor_picture(judged):
    better, worse, nobody = [face(score=0.45)], [face(score=0.5)], []
    assert watch([(0, SCENE, better), (2000, SCENE, nobody), (5000, SCENE, worse)]).tracks[1].poor.ms == 0
    assert watch([(0, SCENE, worse), (2000, SCENE, nobody), (5000, SCENE, better)]).tracks[1].poor.ms == 5000


def test_the_last_picture_of_a_track_that_has_ended_is_not_kept_waiting(judged):
    seen = VideoMoments(embedder := Embedder())
    seen.add(0, Picture(SCENE), [face(1, score=0.1), face(2, score=0.1)])
    for ms in range(40, 520, 40):
        seen.add(ms, Picture(SCENE), [face(2, score=0.1)])
    assert (times_of(seen, 1), embedder.count) == ([], 0)  # the face may still come back
    seen.add(520, Picture(SCENE), [face(2, score=0.1)])
    assert (times_of(seen, 1), embedder.count) == ([0], 1)
    seen.end()
    assert (times_of(seen, 1), times_of(seen, 2), embedder.count) == ([0], [0], 2)


def test_when_two_tracks_are_first_and_last_seen_together(judged):
    faces = [face(1), face(2), face(3)]
    frames = [faces[:1], faces[:2], faces[1:], faces[:2], faces[2:], []]
    assert watch((number * 40, SCENE, shown) for number, shown in enumerate(frames)).together == {
        (1, 2): (40, 120),
        (2, 3): (80, 80),
    }


def test_a_track_begins_and_ends_with_its_first_and_last_frame(judged):
    seen = watch((ms, SCENE, [face(1)] * (ms < 300) + [face(2)] * (ms >= 200)) for ms in range(0, 480, 40))
    assert [(track.start_ms, track.end_ms) for track in seen.tracks.values()] == [(0, 280), (200, 440)]


def test_what_joins_tracks_is_imported_once_there_are_two(monkeypatch):
    imported = []
    monkeypatch.setattr(moments, 'import_ahead', lambda *modules: imported.append(modules))
    seen = VideoMoments(Embedder())
    seen.add(0, Picture(SCENE), [face(1)])
    seen.add(40, Picture(SCENE), [face(1)])
    assert imported == []
    seen.add(80, Picture(SCENE), [face(1), face(2)])
    assert imported == [('scipy.optimize', 'scipy.cluster.hierarchy')]
