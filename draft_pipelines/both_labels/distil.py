"""Learn from models' answers too (Hinton et al. 2015, arXiv 1503.02531).

run.py with --answers, --frozen-stages and --mixup.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import run  # the script beside this one

import model_training
from model_training import EMOTIONS, Option, TrainingError, compile_model, make_datasets

model_training.OPTIONS |= {
    'answers': Option(None, 'table of answers.py: image_path and a probability for each emotion', parse=Path),
    'answers_share': Option(0.5, 'share of the answers in the target', 0, 1),
    'frozen_stages': Option(0, 'of the seven, from the first: they and the stem stay as they are', 0, 7),
    'mixup': Option(0.0, 'alpha: how strongly pairs of images are mixed; 0.2 mixes most of them a little', 0),
}


def mix_in(targets, paths, options):
    """Targets, (n, 9) float32, of which a share is exchanged for the answers to these images."""
    table = pd.read_csv(options.answers)
    answers = table[list(EMOTIONS)].set_axis([options.images / path for path in table.image_path])
    if missing := set(paths) - set(answers.index):
        raise TrainingError(f'{options.answers}: lacks {len(missing)} of the training images')
    answers = answers.loc[paths].to_numpy('float32')
    share = options.answers_share
    return (1 - share) * targets + share * answers / answers.sum(axis=1, keepdims=True)


class MixedFaces(run.ShortEpochs):
    """Batches in which each image and its target are mixed with another's (Zhang et al. 2018, arXiv 1710.09412)."""

    def __init__(self, paths, targets, size, options, augmenter=None, shuffle=False):
        super().__init__(paths, targets, size, options, augmenter, shuffle)
        self.mixup = options.mixup if shuffle else 0

    def __getitem__(self, index):
        batch = super().__getitem__(index)
        if not self.mixup:
            return batch
        images, targets = batch
        rng = np.random.default_rng([self.seed, self.epoch, index, 1])  # the 1: not what an image draws for itself
        share = rng.beta(self.mixup, self.mixup, len(images)).astype('float32')[:, None]
        share = np.maximum(share, 1 - share)  # the image itself has the larger part
        of_pixels = share[..., None, None]
        images = of_pixels * images + (1 - of_pixels) * np.roll(images, 1, axis=0)
        return images, share * targets + (1 - share) * np.roll(targets, 1, axis=0)


def make_datasets_with_answers(options, training_table, validation_table):
    training, validation = make_datasets(options, training_table, validation_table)
    if options.answers:
        training.targets = mix_in(training.targets, training.paths, options)
    return training, validation


def freeze_and_compile(model, options, steps_per_epoch):
    """On two cores, stem and two stages take a third of a step's time to learn what they have long known."""
    stages = [f'block{stage}' for stage in range(1, options.frozen_stages + 1)]
    frozen = ('stem', *stages) if stages else ()
    for layer in model.layers:
        if layer.name.startswith(frozen):
            layer.trainable = False
    compile_model(model, options, steps_per_epoch)


def main(differences, **others):
    """model_training.py with the pieces of these drafts, and with `others` in place of what has their names there."""
    for name, piece in {'augment': run.augment_and_damage, 'FaceDataset': MixedFaces, **others}.items():
        setattr(model_training, name, piece)
    model_training.main([*differences, *sys.argv[1:]])


if __name__ == '__main__':
    main(run.DIFFERENCES, make_datasets=make_datasets_with_answers, compile_model=freeze_and_compile)
