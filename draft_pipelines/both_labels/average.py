"""Average the weights of two runs' models (Wortsman et al. 2022, arXiv 2203.05482): average.py one.h5 other.h5 mean.h5

The mean is for going on from (--weights): it holds no class names.
"""

import sys

import keras


def average(model, other):
    """Take half of each of another model's weights into a model of the same network."""
    for layer, twin in zip(model.layers, other.layers, strict=True):
        ours, theirs = {}, {}
        layer.save_own_variables(ours)
        twin.save_own_variables(theirs)
        if ours:  # set by the layer itself: Normalization derives values from its variables
            to_numpy = keras.ops.convert_to_numpy
            layer.load_own_variables({key: (to_numpy(ours[key]) + to_numpy(theirs[key])) / 2 for key in ours})


if __name__ == '__main__':
    one, other = (keras.models.load_model(path, compile=False) for path in sys.argv[1:3])
    average(one, other)
    one.save(sys.argv[3], include_optimizer=False)
