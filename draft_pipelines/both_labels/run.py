"""Train on both labels with damaged faces: the options below, and all options of model_training.py."""

import sys
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import calibration  # noqa: E402 (found through the line above)
import labels  # noqa: E402
from damages import DAMAGES  # noqa: E402

import model_training  # noqa: E402
from model_training import FaceDataset, Option, augment, require  # noqa: E402

DIFFERENCES = ['--output', str(HERE / 'model.h5')]
MORE_OPTIONS = labels.MORE_OPTIONS | calibration.MORE_OPTIONS
MORE_OPTIONS |= {
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


def make_datasets(options, tables, dataset_type=ShortEpochs):
    """Make the script's data from damaged images, with targets from all labels, and with more images of the rare."""
    table = labels.oversample(tables['training'], options.oversample, options.seed)
    tables = tables | {'training': table}
    training, validation = model_training.make_datasets(options, tables, dataset_type, augment_and_damage)
    training.targets = labels.make_targets(table, options.votes, options.second_share, options.emotions)
    priors = training.class_priors()
    never = ', '.join(priors.index[priors == 0])
    require(not never, f'the targets never say {never}; choose another --second-share or --votes')
    return training, validation


def main(differences, more_options=MORE_OPTIONS, **steps):
    """Run model_training.py with the steps of this draft; `steps` replace them, as in `model_training.run`."""
    own = {'load_tables': labels.load_tables, 'make_datasets': make_datasets, 'other_labels': ('second',)}
    own['calibrate'] = calibration.calibrate_file
    model_training.main([*differences, *sys.argv[1:]], more_options, partial(model_training.run, **own | steps))


if __name__ == '__main__':
    main(DIFFERENCES)
