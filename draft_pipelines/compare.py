"""Draw the results of the drafts side by side in results.png."""

import json
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).resolve().parent

# Accuracy as published with the original: on the local validation images, the public and the private test images.
PUBLISHED = {
    'effnetb0': (0.55165, 0.5576, 0.5572),
    'effnetb1': (0.55265, 0.56599, 0.5708),
    'effnetb2': (0.5489, 0.54679, 0.542),
    'effnetb2_no_aug': (0.51988, 0.5268, 0.5192),
    'effnetb2_no_aug_no_transfer': (0.46653, 0.4716, 0.458),
    'effnetb4': (0.5345, 0.5416, 0.5396),
}
FINAL_PRIVATE = 0.5736  # effnetb1, 20 epochs, test-time augmentation
CHANCE, ASKED_FOR = 1 / 9, 0.4

OWN_RUNS = {  # on emotions9: folder -> name in the plot
    'effnetb1/votes': 'effnetb1, votes',
    'effnetb1/hard_labels': 'effnetb1, hard labels',
    'effnetb1/no_augmentation': 'effnetb1, votes, no augmentation',
    'effnetb0/votes': 'effnetb0, votes',
}


def main():
    figure, (published, emotions9) = plt.subplots(
        2, 1, figsize=(9, 5.5), height_ratios=(6, 2.6), layout='constrained', sharex=True
    )
    kinds = ('local validation', 'public leaderboard', 'private leaderboard')
    values = dict(zip(kinds, np.transpose(list(PUBLISHED.values())), strict=True))
    draw_bars(published, list(PUBLISHED), values, plt.cm.Blues)
    for value, text in ((CHANCE, 'chance'), (ASKED_FOR, 'asked for'), (FINAL_PRIVATE, 'final model, private')):
        published.axvline(value, color='0.5', linestyle=':', linewidth=1)
        published.text(value, -0.75, text, ha='center', fontsize=7, color='0.3')
    published.set_xlabel('accuracy on the Kaggle data, as published')

    runs = [json.loads((HERE / folder / 'metrics.json').read_text()) for folder in OWN_RUNS]
    values = {
        'validation': [run['accuracy'] for run in runs],
        # A run without the class `uncertain` has one accuracy alone
        'validation, without uncertain': [run.get('accuracy_without_uncertain', run['accuracy']) for run in runs],
    }
    draw_bars(emotions9, list(OWN_RUNS.values()), values, plt.cm.Greens)
    emotions9.set_xlabel('accuracy on emotions9 (FER+ labels), 48 pixels, 4 epochs from random weights')
    figure.savefig(HERE / 'results.png', dpi=130)


def draw_bars(axes, names, values, colours):
    """Groups of horizontal bars: `values` has a sequence for each kind of bar, with one number for each name."""
    rows, width = np.arange(len(names)), 0.81 / len(values)
    for number, (kind, lengths) in enumerate(values.items()):
        offset = width * (number - (len(values) - 1) / 2)
        bars = axes.barh(rows + offset, lengths, width - 0.02, label=kind, color=colours(0.35 + 0.25 * number))
        ground = {'facecolor': 'white', 'edgecolor': 'none', 'pad': 0.5}  # hides the dotted lines behind a number
        axes.bar_label(bars, fmt='%.3f', padding=3, fontsize=7, bbox=ground)
    axes.set(xlim=(0, 0.8), yticks=rows, yticklabels=names)
    axes.tick_params(labelbottom=True)
    axes.invert_yaxis()
    axes.spines[['top', 'right']].set_visible(False)
    axes.legend(loc='upper left', bbox_to_anchor=(1, 1), fontsize=7, frameon=False)


if __name__ == '__main__':
    main()
