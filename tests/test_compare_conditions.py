"""The numbers of examples/compare_conditions.py, by hand and by other ways."""

import re
import runpy

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats

from tests.paths import ROOT

CALM, FUNNY = [0.1, 0.2, 0.3, 0.4, 0.5], [0.2, 0.4, 0.6, 0.8, 1.0]


@pytest.fixture(scope='module')
def script():
    return runpy.run_path(str(ROOT / 'examples' / 'compare_conditions.py'))


@pytest.fixture
def run(script, tmp_path, capsys):
    def run(rows, *arguments, columns=('participant', 'condition', 'happy_share')):
        path = tmp_path / 'study_table.csv'
        pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
        script['main']([str(path), *arguments])
        return capsys.readouterr().out.replace(f'{tmp_path}/', '')

    return run


def within(calm, funny):
    pairs = (('calm', calm), ('funny', funny))
    return [(str(number), name, value) for name, values in pairs for number, value in enumerate(values, start=1)]


def between(calm, funny):
    pairs = (('calm', calm), ('funny', funny))
    return [(name + str(number), name, value) for name, values in pairs for number, value in enumerate(values)]


def numbers(line):
    return [float(number) for number in re.findall(r'-?\d+\.\d+', line)]


def noncentral_t(t, degrees, noncentrality):
    """P(T <= t), as the mean of normal distributions over the quantiles of the chi-squared distribution."""
    spread = np.sqrt(stats.chi2.ppf((np.arange(20_000) + 0.5) / 20_000, degrees) / degrees)
    return np.mean(stats.norm.cdf(t * spread - noncentrality))


def test_within_participants(run, tmp_path):
    """Differences of 0.1 to 0.5: mean 0.3, standard deviation sqrt(0.025), so d_z = 1.897 and t = 4.243."""
    header, mean, effect, wrote = run(within(CALM, FUNNY)).splitlines()
    assert header == 'happy_share: funny less calm, 5 participants'
    assert mean.startswith('mean difference 0.300, 95% interval 0.')
    assert numbers(mean)[1:] == pytest.approx([0.18, 0.42], abs=0.025)  # of all 3,125 samples: 0.18 to 0.42
    assert effect.startswith("Cohen's d_z 1.90, 95% interval ")
    t = stats.ttest_rel(FUNNY, CALM).statistic
    assert t / np.sqrt(5) == pytest.approx(1.8974, abs=1e-4)
    tails = [noncentral_t(t, 4, bound * np.sqrt(5)) for bound in numbers(effect)[1:]]
    assert tails == pytest.approx([0.975, 0.025], abs=5e-4)
    assert wrote == 'Wrote study_table_happy_share_by_condition.png'
    assert Image.open(tmp_path / 'study_table_happy_share_by_condition.png').size == (1125, 750)


def test_between_groups(run):
    """Means of 0.3 and 0.6, variances of 0.025 and 0.1: pooled deviation 0.25, d = 1.2, times 1 - 3 / 31."""
    header, mean, effect, _ = run(between(CALM, FUNNY)).splitlines()
    assert header == 'happy_share: funny less calm, 5 and 5 participants'
    assert mean.startswith('mean difference 0.300, 95% interval 0.')
    assert numbers(mean)[1] < 0.07 and numbers(mean)[2] > 0.5  # wider than within participants
    assert effect.startswith("Hedges' g 1.08, 95% interval ")
    t = stats.ttest_ind(FUNNY, CALM).statistic
    assert t == pytest.approx(1.2 / np.sqrt(2 / 5), abs=1e-9)
    tails = [noncentral_t(t, 8, bound / (1 - 3 / 31) / np.sqrt(2 / 5)) for bound in numbers(effect)[1:]]
    assert tails == pytest.approx([0.975, 0.025], abs=1e-3)


def test_the_same_every_time(run):
    assert run(within(CALM, FUNNY)) == run(within(CALM, FUNNY))


def test_participants_who_lack_a_condition_are_left_out(run):
    rows = [*within(CALM, FUNNY), ('007', 'funny', 0.9), ('8', 'calm', None), ('8', 'funny', 0.9)]
    first, header, *others = run(rows).splitlines()
    assert first == 'Left out, since they lack a condition: 007, 8'
    assert [header, *others] == run(within(CALM, FUNNY)).splitlines()


def test_groups_of_participants_who_have_several_conditions(run):
    rows = [
        (name, group, condition, value + more)
        for name, group, value in between(CALM, FUNNY)
        for condition, more in (('a', -0.1), ('b', 0.1))
    ]
    columns = ('participant', 'group', 'condition', 'happy_share')
    _, *expected, _ = run(between(CALM, FUNNY)).splitlines()
    _, *found, wrote = run(rows, '--column', 'group', columns=columns).splitlines()
    assert found == expected
    assert wrote == 'Wrote study_table_happy_share_by_group.png'


def test_the_order_of_two_of_three_conditions_is_chosen(run):
    rows = [*within(CALM, FUNNY), *[(str(number), 'sad', 0.0) for number in range(1, 6)]]
    header, mean, *_ = run(rows, '--values', 'funny', 'calm').splitlines()
    assert header == 'happy_share: calm less funny, 5 participants'
    assert mean.startswith('mean difference -0.300, 95% interval -0.4')


def test_a_table_that_a_european_spreadsheet_has_saved(run, script, tmp_path, capsys):
    said = run(within(CALM, FUNNY))
    path = tmp_path / 'study_table.csv'
    pd.read_csv(path).to_csv(path, index=False, sep=';', decimal=',', encoding='utf-8-sig')
    script['main']([str(path)])
    assert capsys.readouterr().out.replace(f'{tmp_path}/', '') == said


def test_names_with_dollar_signs_are_no_formulas(run):
    rows = [(who, f'$\\{name}_$', value) for who, name, value in within(CALM, FUNNY)]
    assert run(rows).startswith('happy_share: $\\funny_$ less $\\calm_$, 5 participants')


@pytest.mark.parametrize(
    ('rows', 'arguments', 'message'),
    [
        (
            within(CALM[:4], FUNNY[:4]),
            [],
            'has 4 participants to compare; expected 5 or more in each condition or group',
        ),
        (between(CALM[:4], FUNNY), [], 'has 4 and 5 participants to compare; expected 5 or more in each condition or'),
        (within(CALM, CALM), [], 'has 5 participants with hardly any differences between them'),
        (
            within(CALM, FUNNY),
            ['--measure', 'sad_share'],
            'has no column sad_share; expected one of participant, condi',
        ),
        (
            within(CALM, FUNNY),
            ['--measure', 'condition'],
            'has more than numbers under condition; expected a column of',
        ),
        (
            within(CALM, FUNNY),
            ['--values', 'calm', 'sad'],
            'has calm, funny under condition; expected two of these afte',
        ),
        (
            [*within(CALM, FUNNY), ('1', 'calm', 0.5)],
            [],
            'has several rows for one participant and condition; expected',
        ),
        ([(name, name, 0.1) for name in 'abcdefg'], [], 'has a, b, c, d, e, ... under condition; expe'),
        (within(CALM, []), [], 'has calm under condition; expected two of these after --values'),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(run, rows, arguments, message):
    with pytest.raises(SystemExit) as caught:
        run(rows, *arguments)
    assert message in str(caught.value) and '\n' not in str(caught.value)


def test_the_made_up_study_is_the_default(script):
    study = pd.read_csv(script['TABLE'])
    assert study['participant'].nunique() == 12 and set(study['group']) == {'first year', 'final year'}
    assert study['condition'].value_counts().tolist() == [12, 12]
