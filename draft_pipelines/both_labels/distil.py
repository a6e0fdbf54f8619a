"""Learn from models' answers as well (Hinton et al. 2015, arXiv 1503.02531).

This is run.py with --answers, --frozen-stages and --mixup.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import run  # the script next to this one

from model_training import EMOTIONS, Option, TrainingError, build_model, compile_model

MORE_OPTIONS = run.MORE_OPTIONS | {
    'answers': Option(None, 'table of answers.py: image_path and a probability for each emotion', more={'type': Path}),
    'answers_share': Option(0.5, 'share of the target that comes from the answers', 0, 1),
    'frozen_stages': Option(0, 'how many of the seven stages, from the first, stay fixed; with them the stem', 0, 7),
    'mixup': Option(0.0, 'alpha: how strongly pairs of images are mixed; 0.2 mixes most of them a little', 0),
}


def mix_in(targets, paths, options):
    """Replace a share of the targets, (n, K) float32, by the answers to these images."""
    table = pd.read_csv(options.answers)
    answers = table[list(options.emotions or EMOTIONS)].set_axis([options.images / path for path in table.image_path])
    if missing := set(paths) - set(answers.index):
        raise TrainingError(f'{options.answers}: lacks {len(missing)} of the training images')
    answers = answers.loc[paths].to_numpy('float32')
    share = options.answers_share
    return (1 - share) * targets + share * answers / answers.sum(axis=1, keepdims=True)


class MixedFaces(run.ShortEpochs):
    """Batches in which each image and its target are mixed with another's (Zhang et al. 2018, arXiv 1710.09412)."""

    def __getitem__(self, index):
        batch = super().__getitem__(index)
        if not self.shuffle or not self.options.mixup:
            return batch
        images, targets = batch
        rng = np.random.default_rng([self.options.seed, self.epoch, index, 1])  # the 1: not what an image itself draws
        share = rng.beta(self.options.mixup, self.options.mixup, len(images)).astype('float32')[:, None]
        share = np.maximum(share, 1 - share)  # the image itself has the larger part
        pixel_share = share[..., None, None]
        images = pixel_share * images + (1 - pixel_share) * np.roll(images, 1, axis=0)
        return images, share * targets + (1 - share) * np.roll(targets, 1, axis=0)


def make_datasets(options, tables, dataset_type=MixedFaces):
    """Make the data of run.py from mixed images; the training targets learn from the answers too."""
    training, validation = run.make_datasets(options, tables, dataset_type)
    if options.answers:
        training.targets = mix_in(training.targets, training.paths, options)
    return training, validation


def build(options):
    """Build the network that the script's options describe."""
    sizes = options.image_size, options.native_size
    return build_model(options.efnet_no, options.weights, *sizes, options.grayscale, len(options.emotions or EMOTIONS))


def freeze_and_compile(model, options, steps_per_epoch):
    """Compile a model whose first stages stay fixed.

    On two cores, the stem and two stages take a third of a step's time to learn what they have known for long.
    """
    stages = [f'block{stage}' for stage in range(1, options.frozen_stages + 1)]
    frozen = ('stem', *stages) if stages else ()
    for layer in model.layers:
        if layer.name.startswith(frozen):
            layer.trainable = False
    compile_model(model, options, steps_per_epoch)


def make_model(options, training):
    """Build the script's network and freeze its first stages."""
    model = build(options)
    freeze_and_compile(model, options, len(training))
    return model


def main(differences, more_options=MORE_OPTIONS, **steps):
    """Run run.py with the steps of this draft; `steps` replace them."""
    run.main(differences, more_options, **{'make_datasets': make_datasets, 'make_model': make_model} | steps)


if __name__ == '__main__':
    main(run.DIFFERENCES)
