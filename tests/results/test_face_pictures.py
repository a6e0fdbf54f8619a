import base64
from dataclasses import replace

import cv2
import numpy as np
import pytest

from emotion_recognition.labels import FaceEmotion, Person
from emotion_recognition.media.picture import Picture
from emotion_recognition.results import face_pictures
from emotion_recognition.results.face_pictures import FacePictures, PictureChoice

RED, BLUE, GREY = (0, 0, 250), (250, 0, 0), (100, 100, 100)  # BGR


def face(number, box, **others):
    return FaceEmotion(number, box, np.float32([0.3, 0.7]), ('happy', 'sad'), **others)


def frame(colour=GREY):
    return np.full((240, 320, 3), colour, np.uint8)


def decode(picture):
    return cv2.imdecode(np.frombuffer(base64.b64decode(picture[2]), np.uint8), cv2.IMREAD_COLOR).astype(int)


def test_a_picture_is_small_and_shows_the_face_alone():
    pictures, scene = FacePictures(), frame(BLUE)
    scene[60:180, 100:200] = RED
    pictures.add(1, Picture(scene), [face(7, (100, 60, 100, 120))])
    (picture,) = pictures.to_json()
    assert picture[:2] == [7, 0]
    assert len(base64.b64decode(picture[2])) < 2500
    assert decode(picture).shape == (64, 64, 3)
    assert decode(picture)[32, 32] == pytest.approx(RED, abs=6)
    assert decode(picture)[32, 1] == pytest.approx(BLUE, abs=30)  # a square takes in what is beside a narrow face


def test_a_tilted_face_is_upright():
    pictures, scene = FacePictures(), frame(BLUE)
    scene[:120] = RED  # above the centre; a head that lies to the right has its top there
    pictures.add(1, Picture(scene), [face(1, (110, 70, 100, 100), angle=90)])
    picture = decode(pictures.to_json()[0])
    assert picture[32, 8] == pytest.approx(RED, abs=10) and picture[32, 56] == pytest.approx(BLUE, abs=10)


@pytest.mark.parametrize(
    ('moments', 'best'),
    [
        ([{'box': (0, 0, 40, 40)}, {'box': (0, 0, 80, 80)}, {'box': (0, 0, 50, 50)}], 1),
        ([{'score': 0.6}, {'score': 0.7}, {'score': 0.9}], 2),
        ([{}, {'box': (0, 0, 150, 150), 'detected': False}, {'box': (0, 0, 30, 30)}], 0),
        ([{'box': (0, 0, 150, 150), 'score': 0.9}, {'box': (0, 0, 240, 240), 'score': 0.8}], 0),
    ],
    ids=['the largest', 'the surest', 'not filled in', 'sure rather than huge'],
)
def test_a_good_moment_is_chosen(moments, best):
    pictures = FacePictures()
    for number, moment in enumerate(moments, start=1):
        pictures.add(number, Picture(frame()), [face(1, **{'box': (0, 0, 60, 60)} | moment)])
    assert [picture[1] for picture in pictures.to_json()] == [best]


def test_the_first_moment_is_not_the_best_one():
    pictures = FacePictures()
    for number in range(1, 101):
        pictures.add(number, Picture(frame()), [face(1, (0, 0, 60, 60))])
    assert 10 < pictures.to_json()[0][1] < 30


def test_a_face_of_two_people_has_two_pictures():
    pictures = FacePictures()
    for number, person, colour in ((1, 1, RED), (2, 2, BLUE), (3, 2, BLUE)):
        pictures.add(number, Picture(frame(colour)), [face(5, (0, 0, 60, 60), person=Person(person))])
    second, first = pictures.to_json()  # those seen longest come first
    assert first[:2] == [5, 0] and second[:2] == [5, 1]
    assert decode(first)[32, 32] == pytest.approx(RED, abs=6) and decode(second)[32, 32] == pytest.approx(BLUE, abs=6)


def test_of_very_many_faces_those_seen_longest_have_pictures(monkeypatch):
    monkeypatch.setattr(face_pictures, 'MAX_PICTURES', 3)
    pictures = FacePictures()
    for number in range(1, 6):
        pictures.add(number, Picture(frame()), [face(track_id, (0, 0, 60, 60)) for track_id in range(1, number + 1)])
    assert [picture[0] for picture in pictures.to_json()] == [1, 2, 3]


def test_few_of_many_frames_are_encoded(monkeypatch):
    taken, take = [], face_pictures._take
    monkeypatch.setattr(face_pictures, '_take', lambda *arguments: taken.append(1) or take(*arguments))
    pictures, random = FacePictures(), np.random.default_rng(3)
    for number in range(1, 2001):
        side, score = int(30 + number / 10), float(random.uniform(0.6, 0.95))
        pictures.add(number, Picture(frame()), [face(1, (0, 0, side, side), score=score)])
    assert 2 <= len(taken) < 25


def test_pictures_that_were_kept_are_chosen_when_the_video_is_seen_again():
    """Without its frames; the choice is the one that is made with them."""
    choice, kept, seen_at_once = PictureChoice(), [], FacePictures()
    scores = [0.6, 0.5, 0.9, 0.8] + [0.9] * 40
    for number, score in enumerate(scores, start=1):
        picture, faces = Picture(frame((0, 0, 2 * number))), [face(1, (0, 0, 60, 60), score=score)]
        kept.append(choice.add(number * 40.0, picture, faces))
        seen_at_once.add(number, picture, faces)
    again = FacePictures()
    for number, faces in enumerate(kept, start=1):
        again.add(number, None, faces)
    assert again.to_json() == seen_at_once.to_json()
    assert 2 < sum(bool(faces[0].picture_jpeg) for faces in kept) < 15


def test_whoever_takes_over_a_track_later_has_a_picture_to_choose():
    choice, again = PictureChoice(), FacePictures()
    for number in range(1, 401):  # one frame in 40 ms; the second person comes after 14 s, and stays for 2 s
        person = Person(1 if number <= 350 else 2)
        (kept,) = choice.add(number * 40.0, Picture(frame(RED if number <= 350 else BLUE)), [face(1, (0, 0, 60, 60))])
        again.add(number, None, [replace(kept, person=person)])
    first, second = again.to_json()
    assert decode(first)[32, 32] == pytest.approx(RED, abs=6) and decode(second)[32, 32] == pytest.approx(BLUE, abs=6)
    assert 350 <= second[1] < 400


def test_a_face_that_was_filled_in_is_not_kept():
    (kept,) = PictureChoice().add(0.0, Picture(frame()), [face(1, (0, 0, 60, 60), detected=False)])
    assert kept.picture_jpeg == b''
