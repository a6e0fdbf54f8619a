import numpy as np
import pytest

from emotion_recognition.emotions.look import MAX_SAMPLES
from emotion_recognition.emotions.model_file import ModelFile
from emotion_recognition.emotions.references import References
from emotion_recognition.emotions.rest import LogOddsAtRest, everybodys_offset
from emotion_recognition.labels import FaceEmotion, InputError, Person

NAMES = ('happy', 'neutral', 'sad')
AT_REST = LogOddsAtRest(*np.log([[0.01, 1, 0.1], [0.001, 1, 0.01], [0.1, 1, 2]]))
MODEL = ModelFile(NAMES, 1.0, AT_REST, everybodys_offset(NAMES, AT_REST))
SILENT_MODEL = ModelFile(NAMES)
# A face that looks sad at rest: its odds of sad against neutral, 1.5, are within those of nine of ten neutral faces
SAD_LOOK = (0.02, 0.392, 0.588)


def face(*probabilities, number=1):
    return FaceEmotion(number, (0, 0, 9, 9), np.float32(probabilities), NAMES)


def look(references, seconds, *probabilities, number=1, start=0.0, step=0.1):
    """Let a face look like this for a while."""
    for moment in np.arange(start, start + seconds + step / 2, step):
        references.add(1000 * moment, [face(*probabilities, number=number)])


def shown(references, *probabilities, number=1):
    return references.apply([face(*probabilities, number=number)])[0]


def ratios(*values):
    return np.array(values) / np.sum(values)


def test_at_first_sight_a_face_has_everybodys_reference():
    answer = shown(References(MODEL), 0.2, 0.6, 0.2)
    # 0.2 / (0.01^0.35 e^-0.25), 0.6 / e^-0.6 and 0.2 / 0.1^0.35
    expected = ratios(0.2 * 100**0.35 * np.exp(0.25), 0.6 * np.exp(0.6), 0.2 * 10**0.35)
    np.testing.assert_allclose(answer.probabilities_from_rest, expected, rtol=1e-5)
    assert answer.probabilities.tolist() == np.float32([0.2, 0.6, 0.2]).tolist()
    assert References(MODEL).find(1).kind == 'model'


def test_a_sad_look_is_neutral_once_it_is_known_as_the_faces_own():
    references = References(MODEL)
    assert shown(references, *SAD_LOOK).emotion == 'sad'
    look(references, 12, *SAD_LOOK)
    resting = shown(references, *SAD_LOOK)
    assert resting.emotion == 'neutral'
    assert references.find(1).own_share == 0.75
    # Everybody's by a quarter, its own by three quarters, with neutral's leads 0.6 and 0.4
    everybodys = np.array([0.01**0.35 * np.exp(-0.25), np.exp(-0.6), 0.1**0.35])
    own = np.array([0.02 / 0.392, np.exp(-0.4), 1.5])
    np.testing.assert_allclose(
        resting.probabilities_from_rest, ratios(*(SAD_LOOK / everybodys**0.25 / own**0.75)), rtol=1e-4
    )


def test_own_share_grows_with_the_seconds_seen():
    references, shares = References(MODEL), []
    for second in range(12):
        look(references, 0, *SAD_LOOK, start=second)
        shares.append(references.find(1).own_share)
    assert shares[:3] == [0, 0, 0]
    np.testing.assert_allclose(shares[3:], [0.75 * step / 8 for step in range(1, 9)] + [0.75])
    assert [references.find(1).kind, references.find(2).kind] == ['own', 'model']


def test_somebody_who_smiles_throughout_is_not_taken_to_rest_so():
    references = References(MODEL)
    look(references, 12, 0.9, 0.09, 0.01)
    assert references.find(1).kind == 'model'  # the odds of happy, 10, are far above 0.1, the 95th percentile
    assert shown(references, 0.9, 0.09, 0.01).emotion == 'happy'


def test_a_look_a_little_beyond_that_of_neutral_faces_counts_in_part():
    references = References(MODEL)
    odds = 0.1 * np.exp(0.4)  # of happy: 0.4 above the 95th percentile
    look(references, 12, odds / (2 + odds), 1 / (2 + odds), 1 / (2 + odds))
    assert references.find(1).own_share == pytest.approx(0.75 * 0.6)
    # The reference itself goes no further than the percentile
    expected = 0.55 * (0.35 * np.log(0.01) - 0.25) + 0.45 * np.log(0.1)
    assert references.find(1).offset[0] == pytest.approx(expected)


def test_rest_is_the_median_so_that_an_expression_now_and_then_does_not_count():
    references = References(MODEL)
    look(references, 12, *SAD_LOOK)
    look(references, 5, 0.98, 0.01, 0.01, start=12.1)
    assert shown(references, *SAD_LOOK).emotion == 'neutral'


def test_frames_far_apart_count_a_second_each():
    references = References(MODEL)
    look(references, 300, *SAD_LOOK, step=60)  # six frames
    assert references.find(1).own_share == pytest.approx(0.75 * 3 / 8)


def test_memory_of_a_face_is_bounded_and_covers_all_of_its_time():
    references = References(MODEL)
    look(references, 300, *SAD_LOOK)
    look(references, 200, 0.98, 0.01, 0.01, start=300.1)
    assert len(references._looks[1]._samples) <= MAX_SAMPLES
    assert shown(references, *SAD_LOOK).emotion == 'neutral'  # still the more frequent look
    look(references, 200, 0.98, 0.01, 0.01, start=500.1)
    assert shown(references, *SAD_LOOK).emotion == 'sad'


def test_faces_do_not_share_what_is_their_own():
    references = References(MODEL)
    look(references, 12, *SAD_LOOK)
    assert [shown(references, *SAD_LOOK, number=number).emotion for number in (1, 2)] == ['neutral', 'sad']
    assert references.apply([]) == []


@pytest.mark.parametrize(('rest', 'kind'), [('model', 'model'), ('none', 'none')])
def test_nothing_is_learnt_if_that_is_not_wanted(rest, kind):
    references = References(MODEL, rest)
    look(references, 12, *SAD_LOOK)
    assert references.find(1).kind == kind
    assert not references.learns
    assert shown(references, *SAD_LOOK).emotion == 'sad'


def test_a_model_that_says_nothing_of_neutral_faces_answers_as_it_is():
    references = References(SILENT_MODEL)
    look(references, 12, *SAD_LOOK)
    assert shown(references, *SAD_LOOK).probabilities_from_rest is None
    assert not references.compares and not references.learns


def test_priors_of_an_older_model_are_taken_off():
    references = References(ModelFile(NAMES, 1.0, None, np.log([0.5, 0.25, 0.25])))
    assert shown(references, 0.5, 0.25, 0.25).probabilities_from_rest.tolist() == pytest.approx([1 / 3] * 3)
    assert references.compares and not references.learns


def test_references_are_described_for_the_record():
    references = References(MODEL)
    look(references, 12, *SAD_LOOK)
    assert references.describe([1, 2]) == [
        {'face': 1, 'reference': 'own', 'own_share': 0.75},
        {'face': 2, 'reference': 'model', 'own_share': 0.0},
    ]


def test_the_record_says_what_the_numbers_are_of():
    assert References(MODEL).describe([3], 'person') == [{'person': 3, 'reference': 'model', 'own_share': 0.0}]


def test_a_look_belongs_to_the_person_and_grows_over_a_cut():
    """Two tracks of five seconds each give 3/8 of the own reference; one of ten seconds gives all of it."""
    references = References(MODEL)
    look(references, 5, *SAD_LOOK, number=1)
    look(references, 5, *SAD_LOOK, number=2, start=60)
    assert [references.find(number).own_share for number in (1, 2)] == pytest.approx([0.75 * 3 / 8] * 2)
    references.regroup(lambda track_id, ms: 7)
    assert references.find(7).own_share == pytest.approx(0.75)
    assert shown(references, *SAD_LOOK, number=7).emotion == 'neutral'
    assert [references.find(number).kind for number in (1, 2)] == ['model', 'model']


def test_joined_looks_count_for_as_long_as_each_was_seen():
    """A minute's samples stand closer than those of ten minutes, which were thinned."""
    references = References(MODEL)
    look(references, 600, *SAD_LOOK, number=1)
    look(references, 60, 0.98, 0.01, 0.01, number=2, start=700)
    references.regroup(lambda track_id, ms: 1)
    assert len(references._looks[1]._samples) <= MAX_SAMPLES
    happy = sum(odds[0] > 0 for _, odds in references._looks[1]._samples)
    assert happy / len(references._looks[1]._samples) == pytest.approx(60 / 660, abs=0.01)


def test_a_track_of_two_people_is_divided():
    """Track 1 is person 5 for nine seconds, then person 6, who smiles, for three. Person 5 comes back as track 2."""
    references = References(MODEL)
    look(references, 9, *SAD_LOOK)
    look(references, 3, 0.98, 0.01, 0.01, start=9.1)
    look(references, 1, *SAD_LOOK, number=2, start=20)
    references.regroup(lambda track_id, ms: 6 if track_id == 1 and ms > 9050 else 5)
    assert references.find(5).own_share == pytest.approx(0.75, abs=0.03)  # ten seconds
    assert shown(references, *SAD_LOOK, number=5).emotion == 'neutral'
    # Nobody rests with odds of happy of 98, and three seconds would not be much
    assert references.find(6).kind == 'model'
    assert shown(references, *SAD_LOOK, number=6).emotion == 'sad'


def test_a_span_belongs_to_the_person_to_whom_the_track_belongs_in_it():
    """Track 2 begins after the span, and is the same person."""
    references = References(SILENT_MODEL, (0, 1))
    for ms in (0, 500):
        references.add(ms, [face(0.1, 0.2, 0.7)])
    references.add(2000, [face(0.9, 0.05, 0.05, number=2)])
    references.regroup(lambda track_id, ms: 4 if ms <= 1000 else 3)
    assert [references.find(number).kind for number in (1, 2, 3, 4)] == ['none', 'none', 'none', 'span']
    assert shown(references, 0.1, 0.2, 0.7, number=4).emotion == 'neutral'


def test_what_is_learnt_of_a_person_in_one_file_serves_in_all():
    first, second, third = (References(MODEL) for _ in range(3))
    look(first, 6, *SAD_LOOK, number=1)
    look(second, 4, *SAD_LOOK, number=1)
    look(second, 4, *SAD_LOOK, number=2)
    first.share([second, third])
    for references in (first, second, third):
        assert references.find(1).own_share == pytest.approx(0.75)  # ten seconds
        assert references.find(2).own_share == pytest.approx(0.75 * 2 / 8)
        assert shown(references, *SAD_LOOK, number=1).emotion == 'neutral'


def test_spans_are_not_shared():
    first, second = References(SILENT_MODEL, (0, 1)), References(SILENT_MODEL, (0, 1))
    first.add(0, [face(0.1, 0.2, 0.7)])
    first.share([second])
    for references in (first, second):
        references.end_span()
    assert [references.find(1).kind for references in (first, second)] == ['span', 'none']


def test_a_face_is_compared_with_its_persons_reference_whatever_its_track():
    references = References(MODEL)
    look(references, 12, *SAD_LOOK)
    references.regroup(lambda track_id, ms: 3)
    (sad,) = references.apply([face(*SAD_LOOK)])
    third = FaceEmotion(1, (0, 0, 9, 9), np.float32(SAD_LOOK), NAMES, person=Person(3))
    assert [sad.emotion, references.apply([third])[0].emotion] == ['sad', 'neutral']


def measure(*at_rest, model=SILENT_MODEL):
    """References of which face 1 shows this in a span from 0 to 1000 ms."""
    references = References(model, (0, 1))
    for number, probabilities in enumerate(at_rest):
        references.add(number * 1000 / len(at_rest), [face(*probabilities)])
    references.add(2000, [])
    return references


def test_a_face_as_in_the_span_is_neutral_whatever_it_looks_like():
    resting = shown(measure((0.1, 0.2, 0.7), (0.1, 0.2, 0.7)), 0.1, 0.2, 0.7)
    assert resting.emotion == 'neutral'
    # The lead of neutral alone: exp(0.5) against 1 and 1
    np.testing.assert_allclose(resting.probabilities_from_rest, [0.2741, 0.4519, 0.2741], atol=1e-4)


def test_what_rises_over_the_span_is_shown():
    smiling = shown(measure((0.25, 0.25, 0.5)), 0.5, 0.25, 0.25)
    assert smiling.emotion == 'happy'
    # 0.5 / 0.25 against exp(0.5) and 0.25 / 0.5
    np.testing.assert_allclose(smiling.probabilities_from_rest, [0.4821, 0.3974, 0.1205], atol=1e-4)
    assert smiling.probabilities_from_rest.dtype == np.float32


def test_what_varies_in_the_span_must_rise_further():
    """Twice the standard deviation of log 0.1 and log 0.4 is log 4; their mean is log 0.2."""
    restless = measure((0.1, 0.5, 0.4), (0.4, 0.5, 0.1))
    expected = ratios(0.7 / 0.25 / (0.2 / 0.5) / 4, np.exp(0.5), 0.05 / 0.25 / (0.2 / 0.5) / 4)
    answer = shown(restless, 0.7, 0.25, 0.05)
    np.testing.assert_allclose(answer.probabilities_from_rest, expected, atol=1e-5)
    assert answer.emotion == 'happy'
    assert shown(restless, 0.5, 0.4, 0.1).emotion == 'neutral'
    assert shown(measure((0.2, 0.5, 0.3), (0.2, 0.5, 0.3)), 0.5, 0.4, 0.1).emotion == 'happy'


def test_only_the_span_counts_and_only_after_it():
    references = References(SILENT_MODEL, (0.1, 0.2))
    for ms, probabilities in ((0, (0.8, 0.1, 0.1)), (100, (0.2, 0.2, 0.6)), (200, (0.2, 0.2, 0.6))):
        references.add(ms, [face(*probabilities)])
        assert shown(references, *probabilities).probabilities_from_rest is None
    assert references.learns
    references.add(201, [])
    assert not references.learns
    assert shown(references, 0.2, 0.2, 0.6).emotion == 'neutral'
    assert shown(references, 0.8, 0.1, 0.1).emotion == 'happy'


def test_a_span_wins_over_a_faces_own_look_and_other_faces_keep_theirs():
    references = References(MODEL)
    for number in (1, 2):
        look(references, 12, *SAD_LOOK, number=number)
    references.begin_span(13000, 14000)
    references.add(13000, [face(0.6, 0.2, 0.2)])
    references.add(14001, [])
    assert [references.find(number).kind for number in (1, 2, 3)] == ['span', 'own', 'model']
    assert references.span_face_count == 1
    assert shown(references, 0.6, 0.2, 0.2).emotion == 'neutral'


def test_a_later_span_replaces_the_first():
    references = measure((0.1, 0.2, 0.7))
    references.begin_span(3000, 4000)
    assert shown(references, 0.1, 0.2, 0.7).probabilities_from_rest is None
    references.add(3000, [face(0.6, 0.2, 0.2)])
    references.end_span()
    assert shown(references, 0.6, 0.2, 0.2).emotion == 'neutral'


def test_probabilities_of_zero():
    changed = shown(measure((0.0, 1.0, 0.0)), 1.0, 0.0, 0.0)
    assert changed.emotion == 'happy'
    assert changed.probabilities_from_rest.sum() == pytest.approx(1)


def test_a_model_without_neutral_has_no_span_at_rest():
    with pytest.raises(InputError, match='needs a model that knows neutral; this one knows happy, sad'):
        References(ModelFile(('happy', 'sad')), (0, 1))
