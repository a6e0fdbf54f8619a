import numpy as np
import pytest

from emotion_recognition.emotions.baseline import FaceBaselines
from emotion_recognition.labels import FaceEmotion, InputError

NAMES = ('happy', 'neutral', 'sad')


def face(*probabilities, number=1):
    return FaceEmotion(number, (0, 0, 9, 9), np.float32(probabilities), NAMES)


def measure(*at_rest):
    """Baselines of face 1, which shows this in a span from 0 to 1000 ms."""
    baselines = FaceBaselines(NAMES, 0, 1000)
    for number, probabilities in enumerate(at_rest):
        baselines.compare(number * 1000 / len(at_rest), [face(*probabilities)])
    return baselines


def change(baselines, *probabilities):
    return baselines.compare(2000, [face(*probabilities)])[0]


def test_a_face_as_at_rest_is_neutral_whatever_it_looks_like():
    resting = change(measure((0.1, 0.2, 0.7), (0.1, 0.2, 0.7)), 0.1, 0.2, 0.7)
    assert resting.emotion == 'neutral'
    # The lead of neutral alone: exp(0.5) against 1 and 1
    np.testing.assert_allclose(resting.probabilities_from_baseline, [0.2741, 0.4519, 0.2741], atol=1e-4)
    assert resting.probabilities.tolist() == np.float32([0.1, 0.2, 0.7]).tolist()


def test_what_rises_is_shown():
    smiling = change(measure((0.25, 0.25, 0.5)), 0.5, 0.25, 0.25)
    assert smiling.emotion == 'happy'
    # 0.5 / 0.25 against exp(0.5) and 0.25 / 0.5
    np.testing.assert_allclose(smiling.probabilities_from_baseline, [0.4821, 0.3974, 0.1205], atol=1e-4)
    assert smiling.probabilities_from_baseline.dtype == np.float32


def test_what_varies_at_rest_must_rise_further():
    """Twice the standard deviation of log 0.1 and log 0.4 is log 4; their mean is log 0.2."""
    restless = measure((0.1, 0.5, 0.4), (0.4, 0.5, 0.1))
    ratios = [0.7 / 0.25 / (0.2 / 0.5) / 4, np.exp(0.5), 0.05 / 0.25 / (0.2 / 0.5) / 4]
    answer = change(restless, 0.7, 0.25, 0.05)
    np.testing.assert_allclose(answer.probabilities_from_baseline, ratios / np.sum(ratios), atol=1e-5)
    assert answer.emotion == 'happy'
    assert change(restless, 0.5, 0.4, 0.1).emotion == 'neutral'
    assert change(measure((0.2, 0.5, 0.3), (0.2, 0.5, 0.3)), 0.5, 0.4, 0.1).emotion == 'happy'


def test_priors_make_no_difference():
    priors = np.array([0.5, 0.4, 0.1])
    frames = [np.array(frame) for frame in ((0.2, 0.5, 0.3), (0.3, 0.5, 0.2), (0.3, 0.3, 0.4))]
    answers = [
        change(measure(*at_rest), *later)
        for *at_rest, later in (frames, [frame / priors / (frame / priors).sum() for frame in frames])
    ]
    np.testing.assert_allclose(*[answer.probabilities_from_baseline for answer in answers], atol=1e-6)


def test_only_the_span_counts_and_only_what_is_after_it_is_compared():
    baselines = FaceBaselines(NAMES, 100, 200)
    for ms, probabilities in ((0, (0.8, 0.1, 0.1)), (100, (0.2, 0.2, 0.6)), (200, (0.2, 0.2, 0.6))):
        assert baselines.compare(ms, [face(*probabilities)])[0].probabilities_from_baseline is None
    assert not baselines.is_measured
    assert baselines.compare(201, [face(0.2, 0.2, 0.6)])[0].emotion == 'neutral'
    assert baselines.is_measured
    assert baselines.compare(0, [face(0.8, 0.1, 0.1)])[0].emotion == 'happy'  # the same video once more


def test_faces_that_were_not_seen_there_stay_as_they_are():
    baselines = measure((0.2, 0.2, 0.6))
    known, other = baselines.compare(2000, [face(0.2, 0.2, 0.6), face(0.2, 0.2, 0.6, number=2)])
    assert (known.emotion, other.emotion) == ('neutral', 'sad')
    assert other.probabilities_from_baseline is None
    assert baselines.face_count == 1
    assert baselines.compare(3000, []) == []


def test_probabilities_of_zero():
    changed = change(measure((0.0, 1.0, 0.0)), 1.0, 0.0, 0.0)
    assert changed.emotion == 'happy'
    assert changed.probabilities_from_baseline.sum() == pytest.approx(1)


def test_a_model_without_neutral_has_no_baseline():
    with pytest.raises(InputError, match='needs a model that knows neutral; this one knows happy, sad'):
        FaceBaselines(('happy', 'sad'), 0, 1000)
