import errno
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emotion_recognition.labels import (
    EMOTION_COLOURS_BGR,
    EMOTIONS,
    FaceEmotion,
    InputError,
    describe_error,
    emotion_colour_bgr,
    has_valence,
)


def face(class_names=EMOTIONS, **probabilities):
    return FaceEmotion(1, (0, 0, 9, 9), np.float32([probabilities.get(name, 0) for name in class_names]), class_names)


@pytest.mark.parametrize(
    ('probabilities', 'valence'),
    [
        ({'happy': 1.0}, 1.0),
        ({'contempt': 1.0}, -1.0),
        ({'happy': 0.5, 'anger': 0.1, 'fear': 0.3, 'neutral': 0.1}, 0.2),
        ({'surprise': 0.4, 'neutral': 0.3, 'uncertain': 0.3}, 0.0),
    ],
)
def test_valence_is_happy_less_the_largest_negative_one(probabilities, valence):
    assert face(**probabilities).valence == pytest.approx(valence, abs=1e-6)


def test_valence_is_computed_from_the_negative_emotions_that_a_model_has():
    assert face(('happy', 'sad', 'surprise'), happy=0.3, sad=0.2, surprise=0.5).valence == pytest.approx(0.1)
    assert face(('happy', 'fear', 'sad'), happy=0.3, fear=0.5, sad=0.2).valence == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ('class_names', 'known'),
    [(EMOTIONS, True), (('happy', 'sad'), True), (('happy', 'neutral'), False), (('anger', 'sad'), False)],
)
def test_valence_needs_happy_and_a_negative_emotion(class_names, known):
    assert has_valence(class_names) == known


def test_what_is_compared_with_the_reference_at_rest_is_shown():
    seen = np.float32([0.3, 0.7])
    plain = FaceEmotion(1, (0, 0, 9, 9), seen, ('happy', 'neutral'))
    assert (plain.emotion, plain.confidence) == ('neutral', np.float32(0.7))
    changed = replace(plain, probabilities_from_rest=np.float32([0.6, 0.4]))
    assert (changed.emotion, changed.confidence) == ('happy', np.float32(0.6))
    of_all = replace(face(happy=0.1, sad=0.9), probabilities_from_rest=face(happy=0.75, sad=0.25).probabilities)
    assert of_all.valence == pytest.approx(0.5)


@pytest.mark.parametrize(
    ('error', 'expected'),
    [
        (InputError('b.csv: is empty; expected rows'), 'b.csv: is empty; expected rows'),
        (OSError(errno.ENOSPC, 'No space left on device'), 'a.mp4: No space left on device'),
        (OSError(errno.EACCES, 'Permission denied', 'b.csv'), 'b.csv: Permission denied'),
        (OSError(errno.EACCES, 'Permission denied', '.1.tmp/b.csv', None, 'b.csv'), 'b.csv: Permission denied'),
        (OSError(errno.EACCES, 'Permission denied', '.1.emotions.tmp/b.csv'), 'a.mp4: Permission denied'),
        (OSError(errno.EACCES, 'Permission denied', 'x/.1.emotions.lock'), 'a.mp4: Permission denied'),
        (OSError('went wrong'), 'a.mp4: went wrong'),
    ],
)
def test_errors_are_told_with_a_file_that_the_user_knows_and_the_reason_in_words(error, expected):
    assert describe_error(error, Path('a.mp4')) == expected


def test_an_error_without_any_file_is_told_with_its_reason():
    assert describe_error(OSError(errno.ENOSPC, 'No space left on device')) == 'No space left on device'


def test_other_class_names_get_colours_of_their_own():
    names = ('bored', 'happy', 'amused', 'calm', 'tense', 'proud', 'shy')
    colours = [emotion_colour_bgr(name, names) for name in names]
    assert colours[1] == EMOTION_COLOURS_BGR['happy']
    everything = np.array([*EMOTION_COLOURS_BGR.values(), colours[0], *colours[2:]], int)
    distances = np.linalg.norm(everything[:, None] - everything[None], axis=2)
    assert np.min(distances[~np.eye(15, dtype=bool)]) > 60  # the nine are as far from each other


def test_more_names_than_colours_begin_again():
    names = tuple('abcdefg')
    assert emotion_colour_bgr('g', names) == emotion_colour_bgr('a', names)
