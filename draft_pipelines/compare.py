"""Draw the drafts' results side by side: results.png."""

from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).resolve().parent

# Published with the original: accuracy on the local validation images, the public and the private test images.
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


def main():
    figure, axes = plt.subplots(figsize=(9, 4), layout='constrained')
    rows = np.arange(len(PUBLISHED))
    for number, name in enumerate(('local validation', 'public leaderboard', 'private leaderboard')):
        values = [results[number] for results in PUBLISHED.values()]
        bars = axes.barh(rows + 0.27 * (number - 1), values, 0.25, label=name, color=plt.cm.Blues(0.35 + 0.25 * number))
        axes.bar_label(bars, fmt='%.3f', padding=3, fontsize=7)
    for value, text in ((CHANCE, 'chance'), (ASKED_FOR, 'asked for'), (FINAL_PRIVATE, 'final model, private')):
        axes.axvline(value, color='0.5', linestyle=':', linewidth=1)
        axes.text(value, -0.75, text, ha='center', fontsize=7, color='0.3')
    axes.set(xlim=(0, 0.62), yticks=rows, yticklabels=PUBLISHED, xlabel='accuracy on the Kaggle data')
    axes.invert_yaxis()
    axes.spines[['top', 'right']].set_visible(False)
    axes.legend(loc='upper left', bbox_to_anchor=(1, 1), fontsize=7, frameon=False)
    figure.savefig(HERE / 'results.png', dpi=130)


if __name__ == '__main__':
    main()
