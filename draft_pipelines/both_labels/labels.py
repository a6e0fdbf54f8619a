"""Targets from two kinds of labels and from votes; images of rare emotions are repeated."""

from pathlib import Path

import numpy as np
import pandas as pd

import model_training
from model_training import EMOTIONS, Option, number_emotions, read_table, require

MORE_OPTIONS = {
    'second_labels': Option(None, 'table with image_path and another label of the same images', more={'type': Path}),
    'second_share': Option(0.4, 'share of the target that comes from the second labels', 0, 1),
    'votes': Option(0.0, "share of the target that comes from the table's vote columns", 0, 1),
    'oversample': Option(0, 'repeat images of rare emotions until an epoch has this many of each', 0),
}


def load_tables(options):
    """Load the script's tables, check the votes and add the column `second`: another label, NaN if there is none."""
    tables = model_training.load_tables(options)
    labelled = pd.concat([tables['training'], tables['validation']])
    if options.votes:
        check_votes(labelled, options.train_csv, options.emotions)
    second = read_second_labels(options, labelled.image_path) if options.second_labels else None
    for name in ('training', 'validation'):
        tables[name] = tables[name].assign(second=second)  # rows find their labels by their index
    return tables


def check_votes(table, path, emotions=EMOTIONS):
    """Raise a TrainingError unless the table has a column of numbers from 0 for each emotion."""
    missing = [emotion for emotion in emotions if emotion not in table.columns]
    require(not missing, f'{path}: lacks the column {", ".join(missing)}; it has {", ".join(table.columns)}')
    valid = (table[list(emotions)].apply(pd.to_numeric, errors='coerce') >= 0).all(axis=None)
    require(valid, f'{path}: expected numbers from 0 in the columns {", ".join(emotions)}')


def read_second_labels(options, image_paths):
    """Read another label of each image from the last column of a table; NaN if there is none."""
    path = options.second_labels
    table = read_table(path, label=None, emotions=[*dict.fromkeys(EMOTIONS + options.emotions)])
    labels = image_paths.map(table.drop_duplicates('image_path').set_index('image_path').iloc[:, -1])
    require(labels.notna().any(), f'{path}: names none of the training images; write image_path as they do')
    return labels


def make_targets(table, votes=0.0, second_share=0.0, emotions=EMOTIONS):
    """Make the training targets of a table's rows: (n, K) float32 distributions.

    The share `votes` comes from the annotators' votes (Barsoum et al. 2016, arXiv 1608.01041), and then `second_share`
    from the column `second`. Votes do not change rows labelled `uncertain`: the label means that the votes were spread.
    """
    targets = model_training.make_targets(table, emotions)
    if votes:
        counts = table[list(emotions)].to_numpy('float32')
        total = counts.sum(axis=1, keepdims=True)
        mixed = (1 - votes) * targets + votes * counts / np.maximum(total, 1)
        is_label_alone = (total == 0) | (table.emotion.to_numpy()[:, None] == 'uncertain')
        targets = np.where(is_label_alone, targets, mixed)
    second = number_emotions(table.second, emotions)
    rows = second >= 0
    targets[rows] *= 1 - second_share
    targets[rows, second[rows]] += second_share
    return targets


def oversample(table, minimum, seed):
    """Repeat the rows of emotions with fewer than `minimum` about equally often, after all rows of the table."""
    rare = [rows.sample(frac=1, random_state=seed) for _, rows in table.groupby('emotion') if len(rows) < minimum]
    repeated = [rows.iloc[np.arange(minimum - len(rows)) % len(rows)] for rows in rare]
    return pd.concat([table, *repeated])
