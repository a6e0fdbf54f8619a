"""What is made of the trained network's answers."""

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


def test_temperature_makes_confidence_match_accuracy():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation='softmax', name='emotion')])
    model.get_layer('emotion').set_weights([np.array([[4.0, 0.0], [0.0, 4.0]]), np.zeros(2)])
    faces = np.repeat([[1.0, 0.0]], 100, axis=0)
    labels = np.array([0] * 80 + [1] * 20)
    before = model.predict(faces, verbose=0)
    assert before[0, 0] == pytest.approx(0.982, abs=1e-3)
    temperature = model_training.calibrate(model, labels, before, np.array([0.5, 0.5]))
    assert temperature == pytest.approx(4 / np.log(4), abs=0.01)
    np.testing.assert_allclose(model.predict(faces, verbose=0)[0], [0.8, 0.2], atol=1e-3)
