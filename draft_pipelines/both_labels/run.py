"""Train on both labels with damaged faces: --damage, --share of an epoch, and all options of model_training.py."""

import sys
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from damages import DAMAGES  # noqa: E402 (found through the line above)

import model_training  # noqa: E402
from model_training import FaceDataset, Option, augment, make_datasets  # noqa: E402

DIFFERENCES = ['--output', str(HERE / 'model.h5')]
MORE_OPTIONS = {
    'damage': Option(0.1, 'share of the images that each kind of damage changes', 0, 1),
    'share': Option(1.0, 'share of the images in an epoch; all at 96 pixels take two cores half an hour', 0.01, 1),
}


def augment_and_damage(image, rng, options):
    """Augment an image, (S, S, 3) uint8 RGB, as the script does, and then damage it at random."""
    image = augment(image, rng, options).astype('uint8')
    for damage in DAMAGES:
        if rng.random() < options.damage:
            image = damage(image, rng)
    return image


class ShortEpochs(FaceDataset):
    """Training data of which each epoch shows a share; validation data stay complete."""

    def __len__(self):
        return round(super().__len__() * (self.options.share if self.shuffle else 1))


if __name__ == '__main__':
    make_datasets = partial(make_datasets, dataset_type=ShortEpochs, augment=augment_and_damage)
    run = partial(model_training.run, make_datasets=make_datasets)
    model_training.main([*DIFFERENCES, *sys.argv[1:]], MORE_OPTIONS, run)
