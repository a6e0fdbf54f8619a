"""What the script computes from the trained network's answers."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import model_training
from emotion_recognition.emotions.rest import LogOddsAtRest, compare_with_rest, everybodys_offset, offset_of_priors
from model_training import EMOTIONS

ANGER, HAPPY, NEUTRAL = (EMOTIONS.index(emotion) for emotion in ('anger', 'happy', 'neutral'))


def test_offsets_are_subtracted_from_log_probabilities():
    answers = np.array([[0.8, 0.2], [0.2, 0.8]])
    offset = np.log([0.8, 0.2])
    np.testing.assert_allclose(model_training.correct(answers, offset), [[0.5, 0.5], [1 / 17, 16 / 17]])
    np.testing.assert_allclose(model_training.correct(answers, 0), answers)
    np.testing.assert_allclose(model_training.correct(np.array([1.0, 0.0]), [0, np.log(1e-6)]), [0.5, 0.5], rtol=1e-5)


def test_rest_is_measured_on_faces_labelled_neutral():
    log_odds = np.zeros((102, 9))
    log_odds[:101, ANGER] = np.arange(101) / 50 - 3  # -3 to -1
    log_odds[:101, HAPPY] = -4
    log_odds[101, ANGER] = 9  # labelled happy
    probabilities = np.exp(log_odds) / np.exp(log_odds).sum(axis=1, keepdims=True)
    rest = model_training.measure_rest(probabilities, np.array([NEUTRAL] * 101 + [HAPPY]))
    np.testing.assert_allclose([rest[name][ANGER] for name in ('median', 'low', 'high')], [-2, -2.9, -1.1], atol=1e-6)
    np.testing.assert_allclose([rest[name][HAPPY] for name in ('median', 'low', 'high')], [-4, -4, -4], atol=1e-6)
    assert [rest[name][NEUTRAL] for name in ('median', 'low', 'high')] == [0, 0, 0]


def test_everybodys_reference_takes_off_a_third_of_the_resting_look_and_gives_neutral_and_happy_a_lead():
    rest = {'median': [-2, -4, -4, -3, -5, 0, -1, -4, -3]}
    resting = np.exp(rest['median']) / np.exp(rest['median']).sum()
    shown = np.log(model_training.from_rest(resting, rest))
    # 0.65 of the log-odds are left; neutral leads by 0.6, and happy is behind it by 0.65 * 5 + 0.6 - 0.25
    expected = [-1.9, -3.2, -3.2, -2.55, -3.6, 0, -1.25, -3.2, -2.55]
    np.testing.assert_allclose(shown - shown[NEUTRAL], expected, atol=1e-6)


def test_answers_as_common_as_in_the_table():
    table = pd.DataFrame({'emotion': [*EMOTIONS, 'happy']})  # every emotion a tenth, happy two
    priors = np.array([0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    answers = model_training.as_in_table(priors[None], priors, table)
    np.testing.assert_allclose(answers[0], [0.1, 0.1, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1], rtol=1e-5)
    np.testing.assert_allclose(model_training.as_in_table(answers, answers[0], table), answers, rtol=1e-5)


def test_answers_from_rest_are_those_of_inference():
    answers = np.random.default_rng(0).dirichlet(np.ones(9), 50).astype('float32')
    measured = model_training.measure_rest(answers, np.repeat([NEUTRAL, HAPPY], 25))
    offset = everybodys_offset(EMOTIONS, LogOddsAtRest(**measured))
    np.testing.assert_allclose(
        model_training.from_rest(answers, measured), compare_with_rest(answers, offset), rtol=1e-4
    )


def test_calibration_error_of_known_confidences():
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 2)
    labels = np.array([0, 0, 0, 1, 1, 1])  # 0.9 is right in 0.75 of cases, 0.6 in all
    error = model_training.expected_calibration_error(labels, probabilities)
    assert error == pytest.approx((4 * 0.15 + 2 * 0.4) / 6)


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
    assert (metrics['images'], metrics['accuracy'], metrics['accuracy_tta']) == (4, 0.25, 0.5)
    # of the other eight, neutral is the best, and right
    assert metrics['accuracy_without_uncertain'] == pytest.approx(2 / 3)
    assert metrics['accuracy_without_uncertain_tta'] == 1
    assert metrics['mean_recall_tta'] == 0.5  # of the four emotions that are labelled
    happy, fear, anger = (metrics['per_class_tta'][emotion] for emotion in ('happy', 'fear', 'anger'))
    assert (happy['recall'], fear['precision'], fear['support']) == (1, 0, 0)
    assert happy['confidence'] == pytest.approx(0.6 / 0.97)  # 0.6, 0.3 and seven times 0.01
    assert fear['confidence'] == pytest.approx(0.6 / 0.97)
    assert anger['confidence'] == 0


def test_images_without_a_label_do_not_count():
    labels = np.array([HAPPY, -1, NEUTRAL])
    answers = to_answers(['happy', 'sad', 'sad'])
    metrics = model_training.compute_metrics(labels, answers, answers)
    assert (metrics['images'], metrics['accuracy'], metrics['mean_recall_tta']) == (2, 0.5, 0.5)
    assert metrics['per_class_tta']['sad']['confidence'] == pytest.approx(0.6 / 0.97)
    assert metrics['expected_calibration_error'] == pytest.approx(0.6 / 0.97 - 0.5)


def test_metrics_need_neither_uncertain_nor_neutral():
    """Three classes, whose priors inference corrects for."""
    emotions, labels = ('sad', 'happy', 'fear'), np.array([0, 1, 2, 1])
    answers = np.array([[0.6, 0.3, 0.1], [0.4, 0.5, 0.1], [0.5, 0.2, 0.3], [0.1, 0.8, 0.1]])
    metrics = model_training.compute_metrics(labels, answers, answers, emotions)
    assert (metrics['accuracy'], metrics['mean_recall_tta']) == (0.75, pytest.approx(2 / 3))
    assert 'accuracy_without_uncertain' not in metrics
    assert {name: measures['recall'] for name, measures in metrics['per_class_tta'].items()} == {
        'sad': 1,
        'happy': 1,
        'fear': 0,
    }
    assert metrics['per_class_tta']['sad']['confidence'] == pytest.approx(0.55)
    assert model_training.measure_rest(answers, labels, emotions) is None
    priors = pd.Series([0.5, 0.25, 0.25], emotions)
    shown = model_training.from_rest(answers, None, emotions, priors)
    np.testing.assert_allclose(shown, compare_with_rest(answers, offset_of_priors(priors.to_numpy())), rtol=1e-4)


def test_rest_of_seven_classes_is_that_of_inference():
    emotions = tuple(emotion for emotion in EMOTIONS if emotion not in ('contempt', 'uncertain'))
    answers = np.random.default_rng(0).dirichlet(np.ones(7), 50)
    measured = model_training.measure_rest(answers, np.repeat([emotions.index('neutral'), 0], 25), emotions)
    offset = everybodys_offset(emotions, LogOddsAtRest(**measured))
    shown = model_training.from_rest(answers, measured, emotions)
    np.testing.assert_allclose(shown, compare_with_rest(answers, offset), rtol=1e-4)


def test_submissions_contain_what_their_names_say(tmp_path, monkeypatch):
    priors = pd.Series(0.05, EMOTIONS)
    priors['neutral'] = 0.6
    training = pd.DataFrame({'emotion': [*EMOTIONS, *['neutral'] * 11]})  # as common in the table
    monkeypatch.setattr(model_training, 'predict', lambda *_: to_answers(['sad'], 0.2)[None])  # neutral 0.3
    sample = tmp_path / 'sample.csv'
    sample.write_text('path,image_path,picture,emotion\nmine,a.jpg,1,happy\n')
    options = SimpleNamespace(output=tmp_path / 'model.h5', emotions=EMOTIONS, sample_submission=sample)
    rest = {'median': np.where(np.arange(9) == NEUTRAL, 0, -3)}
    tables = {'training': training, 'test': pd.DataFrame({'path': [None]})}
    model_training.write_submissions(None, options, tables, priors, rest)
    header = 'path,image_path,picture,emotion\nmine,a.jpg,1,'
    assert (tmp_path / 'submission.csv').read_text() == f'{header}neutral\n'
    assert (tmp_path / 'submission_from_rest.csv').read_text() == f'{header}sad\n'
