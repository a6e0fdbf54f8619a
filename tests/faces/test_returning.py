"""Who leaves and comes back before the camera, with made vectors; and once with the real network."""

import numpy as np
import pytest

from emotion_recognition.emotions.model_file import ModelFile
from emotion_recognition.emotions.references import References
from emotion_recognition.emotions.rest import LogOddsAtRest
from emotion_recognition.faces import returning
from emotion_recognition.faces.returning import ReturningPeople
from emotion_recognition.labels import FaceEmotion
from emotion_recognition.media.video import VideoReader
from emotion_recognition.pipeline import EmotionPipeline, open_models
from emotion_recognition.settings import Settings
from tests.conftest import CLASS_NAMES
from tests.paths import DEMO_PATH

FRAME = np.zeros((48, 64, 3), np.uint8)
ANNA, BERT, CARL = np.eye(128, dtype=np.float32)[:3]  # 1.4 apart


class MadeEmbedder:
    """Gives the vector that a picture is made of: its number among the three people."""

    def __init__(self):
        self.calls = 0

    def embed(self, pictures):
        self.calls += 1
        return [(ANNA, BERT, CARL)[picture] for picture in pictures]


@pytest.fixture
def show(monkeypatch):
    """Shows faces, each (track, index of the person, or None if too little can be seen), and returns their numbers."""
    whose = {}

    def take_picture(_, face):
        return (np.inf, None) if whose[face.track_id] is None else (0.2, whose[face.track_id])

    monkeypatch.setattr(returning, 'take_picture', take_picture)
    people = ReturningPeople(MadeEmbedder())

    def show(start_ms, end_ms, *faces):
        whose.update(faces)
        numbers = []
        for ms in range(start_ms, end_ms, 40):
            seen = [FaceEmotion(track, (0, 0, 9, 9), np.ones(9, np.float32) / 9) for track, _ in faces]
            numbers.append([(face.track_id, face.number) for face in people.update(ms, FRAME, seen)])
        return numbers

    show.people = people
    return show


def test_who_comes_back_gets_the_old_number_within_half_a_second(show):
    assert show(0, 2000, (1, 0)) == [[(1, 1)]] * 50
    show(2000, 5000)
    numbers = show(5000, 6000, (2, 0))
    assert numbers[0] == [(2, 0)]  # not known yet
    assert numbers.index([(2, 1)]) == 10  # 0.4 s, with three pictures
    assert numbers[-1] == [(2, 1)]


def test_somebody_else_gets_a_new_number(show):
    show(0, 2000, (1, 0))
    show(2000, 5000)
    assert show(5000, 6000, (2, 1))[-1] == [(2, 2)]
    show(6000, 7000)
    assert show(7000, 8000, (3, 1), (4, 0))[-1] == [(4, 1), (3, 2)]


def test_who_appears_while_nobody_is_away_is_new_at_once(show):
    assert show(0, 400, (1, 0))[0] == [(1, 1)]
    assert show(400, 800, (1, 0), (2, 1))[0] == [(1, 1), (2, 2)]


def test_two_in_one_frame_are_never_one_person(show):
    show(0, 2000, (1, 0))
    show(2000, 3000)
    # A face in a mirror, say: both look like the one who was away
    assert show(3000, 4000, (2, 0), (3, 0))[-1] == [(2, 1), (3, 2)]


def test_one_picture_is_enough_after_a_second(show):
    show(0, 2000, (1, 0))
    show(2000, 3000)
    show(3000, 3040, (2, 0))
    numbers = show(3040, 4200, (2, None))
    assert numbers.index([(2, 1)]) == 24  # at 4 s


def test_a_face_of_which_too_little_can_be_seen_is_a_new_person_after_three_seconds(show):
    show(0, 2000, (1, 0))
    show(2000, 3000)
    numbers = show(3000, 6200, (2, None))
    assert numbers.index([(2, 2)]) == 75
    seen = [FaceEmotion(2, (0, 0, 9, 9), np.ones(9, np.float32) / 9)]
    assert show.people.update(7000, FRAME, seen)[0].person.is_identified is False


def test_the_network_is_called_once_a_frame_at_most_and_seldom_for_known_people(show):
    show(0, 60_000, (1, 0), (2, 1), (3, 2))
    calls = show.people._embedder.calls
    assert 3 * (3 + 29) - 3 <= calls <= 3 * (3 + 30)  # three pictures each at first, then one in two seconds
    show.people._embedder.calls = 0
    show(60_000, 60_040, (4, 0), (5, 1), (6, 2))
    assert show.people._embedder.calls == 1


def test_nothing_is_learnt_of_a_face_until_it_is_known_whose_it_is(show):
    at_rest = LogOddsAtRest(*(np.full(9, value) for value in (-3.0, -9.0, 9.0)))
    references = References(ModelFile(CLASS_NAMES, at_rest=at_rest, offset=np.zeros(9)))
    show(0, 400, (1, 0))
    show(400, 2000)
    show(2000, 2040, (2, 0))
    seen = [FaceEmotion(2, (0, 0, 9, 9), np.ones(9, np.float32) / 9)]
    for ms in range(2040, 15_000, 100):
        faces = show.people.update(ms, FRAME, seen)
        references.add(ms, faces)
    assert references.find(0).kind == 'model' and references.find(2).kind == 'model'
    assert references.find(1).kind == 'own'


def test_the_demo_as_a_camera_shows_two_people():
    models = open_models(Settings())
    pipeline = EmotionPipeline(models, Settings())
    with VideoReader(DEMO_PATH) as reader:
        shown = [[face.number for face in pipeline.process(frame, ms)] for _, ms, frame in reader.read_frames()]
    assert shown[2] == [1]
    assert shown[-1] == [1, 2]  # side by side; the cross-fade before it is one face to a tracker that cannot look ahead
