"""Train on both labels with damaged faces: --damage, --share of an epoch, and all options of model_training.py."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from damages import DAMAGES  # noqa: E402 (found through the line above)

import model_training  # noqa: E402
from model_training import FaceDataset, Option, augment  # noqa: E402

DIFFERENCES = ['--output', str(HERE / 'model.h5')]
model_training.OPTIONS |= {
    'damage': Option(0.1, 'share of the images that each kind of damage befalls', 0, 1),
    'share': Option(1.0, 'of the images in an epoch: a whole one at 96 pixels takes two cores half an hour', 0.01, 1),
}


def augment_and_damage(image, rng, options):
    image = augment(image, rng, options).astype('uint8')
    for damaged in DAMAGES:
        if rng.random() < options.damage:
            image = damaged(image, rng)
    return image


class ShortEpochs(FaceDataset):
    def __init__(self, paths, targets, size, options, augmenter=None, shuffle=False):
        super().__init__(paths, targets, size, options, augmenter, shuffle)
        self.epoch_share = options.share if shuffle else 1

    def __len__(self):
        return round(super().__len__() * self.epoch_share)


if __name__ == '__main__':
    model_training.augment, model_training.FaceDataset = augment_and_damage, ShortEpochs
    model_training.main([*DIFFERENCES, *sys.argv[1:]])
