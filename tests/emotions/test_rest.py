import numpy as np
import pytest

from emotion_recognition.emotions.rest import (
    LogOddsAtRest,
    compare_with_rest,
    everybodys_offset,
    log_odds,
    offset_of_priors,
)


def test_log_odds_are_against_neutral():
    odds = log_odds(np.float32([[0.2, 0.4, 0.4], [0.8, 0.1, 0.1]]), neutral=1)
    np.testing.assert_allclose(odds, np.log([[0.5, 1, 1], [8, 1, 1]]), atol=1e-6)
    assert odds.dtype == np.float64
    assert log_odds(np.float32([1, 0, 0]), neutral=1)[0] == pytest.approx(13.8155)  # log 1e6, no infinity


def test_offset_is_subtracted_from_the_logarithms():
    answer = compare_with_rest(np.float32([[0.25, 0.25, 0.5], [0.0, 1.0, 0.0]]), np.log([1, 2, 4]))
    np.testing.assert_allclose(answer[0], [0.5, 0.25, 0.25], rtol=1e-6)  # 0.25 / 1, 0.25 / 2 and 0.5 / 4, summing to 1
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer.sum(axis=1), 1, rtol=1e-6)


def test_everybodys_offset_is_a_share_of_the_median_and_leads_for_neutral_and_happy():
    at_rest = LogOddsAtRest(np.array([-4.0, 0.0, -2.0]), np.full(3, -9.0), np.full(3, 9.0))
    np.testing.assert_allclose(everybodys_offset(('happy', 'neutral', 'sad'), at_rest), [-1.65, -0.6, -0.7])


def test_priors_are_taken_off_by_three_quarters():
    answer = compare_with_rest(np.float32([0.5, 0.5]), offset_of_priors(np.array([0.8, 0.2])))
    assert answer[0] / answer[1] == pytest.approx(4**-0.75)
