"""Go on from a trained model on both kinds of labels, over a share of an epoch: --share 0.5, and further options.

A whole epoch at 96 pixels takes two cores half an hour and more; the rate falls to 0 over whatever there is.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

import model_training  # noqa: E402 (found through the line above)


class ShortEpochs(model_training.FaceDataset):
    """Of the shuffled training images a share an epoch; the validation images whole."""

    share = 1.0

    def __len__(self):
        return round(super().__len__() * (self.share if self.shuffle else 1))


if __name__ == '__main__':
    arguments = sys.argv[1:]
    if '--share' in arguments:
        place = arguments.index('--share')
        ShortEpochs.share = float(arguments[place + 1])
        del arguments[place : place + 2]
    model_training.FaceDataset = ShortEpochs
    model_training.main(['--output', str(HERE / 'model.h5'), *arguments])
