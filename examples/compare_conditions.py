"""Compare two conditions, or two groups, in the table of a study: how much they differ, how sure that is, and a figure.

The table is what make_study_table.py writes, with a row for each participant and condition. Participants who have both
conditions are compared with themselves. If nobody has both, two groups of participants are compared.
"""

import argparse
import sys
from pathlib import Path
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import optimize, stats

TABLE = Path(__file__).resolve().with_name('made_up_study.csv')  # its participants do not exist
MEASURE = 'happy_share'  # the column with the numbers to compare
COLUMN = 'condition'  # the column that says what is compared; for groups their column, such as 'group'
VALUES = None  # two names in that column: the second is compared with the first; None if there are only two
CONFIDENCE = 0.95  # of the intervals
RESAMPLES = 10_000  # of the bootstrap; each draws as many participants as there are, with replacement
SEED = 1  # of the bootstrap
MIN_PARTICIPANTS = 5  # in each condition or group; with fewer, an interval would mean little


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('table', nargs='?', type=Path, default=TABLE, help='default: %(default)s')
    parser.add_argument('--measure', default=MEASURE, help='column to compare (default: %(default)s)')
    parser.add_argument('--column', default=COLUMN, help='column that says what is compared (default: %(default)s)')
    parser.add_argument('--values', nargs=2, default=VALUES, help='two names in it; needed if it has more than two')
    given = parser.parse_args(arguments)
    try:
        values = read_values(given.table, given.measure, given.column, given.values)
        path = given.table.with_name(f'{given.table.stem}_{given.measure}_by_{given.column}.png')
        compare(values, given.measure, path)
    except (OSError, ValueError) as error:
        sys.exit(f'{parser.prog}: {given.table}: {getattr(error, "strerror", None) or error}')


def read_values(path, measure, column, names):
    """Read a number for each participant (row) and each of two names (column); NaN where a participant has none."""
    with path.open(encoding='utf-8') as file:
        header = file.readline()
    european = header.count(';') > header.count(',')  # semicolons and decimal commas, as some spreadsheets save it
    way = {'sep': ';', 'decimal': ','} if european else {}
    texts = {'participant': str, column: str}
    table = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values={measure: ['']}, **way)
    if missing := [name for name in ('participant', column, measure) if name not in table]:
        raise ValueError(f'has no column {missing[0]}; expected one of {", ".join(table)}')
    if not pd.api.types.is_numeric_dtype(table[measure]):
        raise ValueError(f'has more than numbers under {measure}; expected a column of numbers')
    found = list(table[column].unique())
    names = list(names or found)
    if len(set(names)) != 2 or not set(names) <= set(found):
        some = ', '.join(found[:5]) + ', ...' * (len(found) > 5)
        raise ValueError(f'has {some} under {column}; expected two of these after --values')
    table = table[table[column].isin(names)].dropna(subset=measure)
    if table.duplicated(['participant', *{column, 'condition'}.intersection(table)]).any():
        raise ValueError('has several rows for one participant and condition; expected one for each')
    counts = table['participant'].value_counts()
    incomplete = sorted(counts.index[counts < counts.max()])
    if incomplete:
        print(f'Left out, since they lack a condition: {", ".join(incomplete)}')
    table = table[~table['participant'].isin(incomplete)]
    return table.pivot_table(index='participant', columns=column, values=measure).reindex(columns=names)


def compare(values, measure, path):
    """Print the difference of two columns, an interval around it and an effect size; save the figure."""
    groups = [values[name].dropna().to_numpy() for name in values]
    counts = [len(group) for group in groups]
    is_within = values.notna().all(axis=1).any()
    who = f'{counts[0]} participants' if is_within else ' and '.join(map(str, counts)) + ' participants'
    if min(counts) < MIN_PARTICIPANTS:
        raise ValueError(f'has {who} to compare; expected {MIN_PARTICIPANTS} or more in each condition or group')
    samples = [groups[1] - groups[0]] if is_within else groups
    degrees = sum(len(sample) - 1 for sample in samples)
    difference = np.mean(groups[1]) - np.mean(groups[0])
    spread = np.sqrt(sum((len(sample) - 1) * np.var(sample, ddof=1) for sample in samples) / degrees)  # pooled
    if spread <= abs(difference) / 1000:
        raise ValueError(f'has {who} with hardly any differences between them: nothing can be estimated from these')
    interval = stats.bootstrap(
        samples,
        np.mean if is_within else lambda first, second, axis: np.mean(second, axis) - np.mean(first, axis),
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        rng=SEED,
    ).confidence_interval
    scale = np.sqrt(sum(1 / len(sample) for sample in samples))  # an effect size is t times this
    effects = np.array([difference / spread, *find_t_interval(difference / spread / scale, degrees) * scale])
    if not is_within:
        effects *= 1 - 3 / (4 * degrees - 1)  # Hedges's correction: in small samples, Cohen's d is too large
    title = f'{measure}: {values.columns[1]} less {values.columns[0]}, {who}'
    print(title)
    print(f'mean difference {difference:.3f}, {describe(interval)} (bootstrap over participants, BCa)')
    name = "Cohen's d_z" if is_within else "Hedges' g"
    print(f'{name} {effects[0]:.2f}, {describe(effects[1:])} (noncentral t)')
    draw(values, is_within, difference, np.array(interval), title, path)
    print(f'Wrote {path}')


def find_t_interval(t, degrees):
    """Find the noncentral t distributions in whose tails t lies, see Cumming and Finch (2001): their noncentrality."""
    reach, tail = 3 + 0.7 * abs(t), (1 - CONFIDENCE) / 2

    def find(share):
        return optimize.brentq(lambda shift: stats.nct.cdf(t, degrees, shift) - share, t - reach, t + reach)

    return np.array([find(1 - tail), find(tail)])


def describe(interval):
    return f'{CONFIDENCE:.0%} interval {interval[0]:.3f} to {interval[1]:.3f}'


def draw(values, is_within, difference, interval, title, path):
    """Save a figure: on the left every participant, on the right the difference and its interval."""
    plt.rcParams['text.parse_math'] = False  # names may have dollar signs
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 5), width_ratios=(2, 1), layout='constrained')
    grey = {'color': '0.3', 'alpha': 0.4}  # darker where several participants are the same
    for place, name in enumerate(values):
        points = values[name].dropna()
        aside = 0 if is_within else np.linspace(-0.15, 0.15, len(points))
        left.plot(np.full(len(points), place) + aside, points, 'o', **grey)
        left.plot(place, points.mean(), 'D', color='C0', markersize=9)
    if is_within:
        left.plot([0, 1], values.T, linewidth=1, zorder=1, **grey)
        left.plot([0, 1], values.mean(), color='C0', linewidth=2)
        right.plot(np.full(len(values), -0.4), values.iloc[:, 1] - values.iloc[:, 0], 'o', **grey)
    left.set(xticks=[0, 1], xticklabels=[fill(name, 25) for name in values], xlim=(-0.4, 1.4))
    left.set_ylabel(title.partition(':')[0])
    right.axhline(0, color='0.75', linewidth=1, zorder=0)
    right.errorbar(0.2, difference, abs(interval - difference)[:, None], fmt='D', color='C0', markersize=9, capsize=6)
    right.set(xticks=[], xlim=(-1, 1), ylabel=fill(f'{values.columns[1]} less {values.columns[0]}', 50))
    figure.suptitle(fill(title, 75))
    figure.supxlabel(f'grey: participants; blue: means, on the right with the {CONFIDENCE:.0%} interval', fontsize=10)
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == '__main__':
    main()
