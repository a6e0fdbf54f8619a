"""What the script computes from the trained network's answers."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

import model_training
from emotion_recognition.settings import Settings
from model_training import EMOTIONS


def test_balance_is_that_of_inference():
    answers = np.array([[0.8, 0.2], [0.2, 0.8]])
    np.testing.assert_allclose(model_training.balance(answers, [0.8, 0.2], 1), [[0.5, 0.5], [1 / 17, 16 / 17]])
    np.testing.assert_allclose(model_training.balance(answers, [0.8, 0.2], 0), answers)
    assert Settings.balance == model_training.BALANCE


def test_answers_as_common_as_in_the_table():
    table = pd.DataFrame({'emotion': [*EMOTIONS, 'happy']})  # every emotion a tenth, happy two
    priors = np.array([0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    answers = model_training.as_in_table(priors[None], priors, table)
    np.testing.assert_allclose(answers[0], [0.1, 0.1, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1], rtol=1e-5)
    np.testing.assert_allclose(model_training.as_in_table(answers, answers[0], table), answers, rtol=1e-5)


def test_calibration_error_of_known_confidences():
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 2)
    labels = np.array([0, 0, 0, 1, 1, 1])  # 0.9 is right in 0.75 of cases, 0.6 in all
    error = model_training.expected_calibration_error(labels, probabilities)
    assert error == pytest.approx((4 * 0.15 + 2 * 0.4) / 6)


@pytest.mark.parametrize(('priors', 'expected'), [([0.5, 0.5], 2.885), ([0.8, 0.2], 1.649)])  # 4 / log(4), / 1.75
def test_temperature_makes_confidence_match_accuracy_once_balanced(priors, expected):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation='softmax', name='emotion')])
    model.get_layer('emotion').set_weights([np.array([[4.0, 0.0], [0.0, 4.0]]), np.zeros(2)])
    faces = np.repeat([[1.0, 0.0]], 100, axis=0)
    labels = np.array([0] * 80 + [1] * 20)
    before = model.predict(faces, verbose=0)
    assert before[0, 0] == pytest.approx(0.982, abs=1e-3)
    assert model_training.calibrate(model, labels, before, np.array(priors)) == pytest.approx(expected, abs=0.002)
    balanced = model_training.balance(model.predict(faces, verbose=0), priors)
    np.testing.assert_allclose(balanced[0], [0.8, 0.2], atol=1e-3)


def to_answers(emotions, confidence=0.6):
    """An answer for each of some emotions; neutral comes second."""
    answers = np.full((len(emotions), 9), 0.01)
    answers[:, EMOTIONS.index('neutral')] = 0.3
    answers[range(len(emotions)), [EMOTIONS.index(emotion) for emotion in emotions]] = confidence
    return answers / answers.sum(axis=1, keepdims=True)


def test_metrics_of_known_answers():
    labels = np.array([EMOTIONS.index(emotion) for emotion in ('happy', 'neutral', 'sad', 'uncertain')])
    plain, augmented = (
        to_answers(['happy', 'uncertain', 'fear', 'fear']),
        to_answers(['happy', 'uncertain', 'sad', 'fear']),
    )
    metrics = model_training.compute_metrics(labels, plain, augmented)
    assert (metrics['accuracy'], metrics['accuracy_tta']) == (0.25, 0.5)
    assert metrics['accuracy_without_uncertain'] == pytest.approx(
        2 / 3
    )  # of the other eight, neutral is the best, and right
    assert metrics['accuracy_without_uncertain_tta'] == 1
    assert metrics['per_class_tta']['happy']['recall'] == 1 and metrics['per_class_tta']['fear']['precision'] == 0


def test_submissions_contain_what_their_names_say(tmp_path, monkeypatch):
    priors = np.full(9, 0.05)
    priors[EMOTIONS.index('neutral')] = 0.6
    training = pd.DataFrame({'emotion': [*EMOTIONS, *['neutral'] * 11]})  # as common in the table
    test = pd.DataFrame({'image_path': ['a.jpg'], 'emotion': ['happy'], 'path': [None], 'picture': [None]})
    monkeypatch.setattr(model_training, 'predict', lambda *_: to_answers(['sad'], 0.2)[None])  # neutral 0.3
    options = SimpleNamespace(output=tmp_path / 'model.h5')
    model_training.write_submissions(None, options, {'training': training, 'test': test}, priors)
    assert (tmp_path / 'submission.csv').read_text() == 'image_path,emotion\na.jpg,neutral\n'
    assert (tmp_path / 'submission_balanced.csv').read_text() == 'image_path,emotion\na.jpg,sad\n'
