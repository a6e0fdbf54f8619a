"""Average the weights of models (Wortsman et al. 2022, arXiv 2203.05482): average.py one.h5 other.h5 ... mean.h5

The mean is for going on from (--weights): it holds no class names.
"""

import sys

import keras
import numpy as np


def average(model, others):
    """Take equal shares of the weights of other models into a model of the same network."""
    models = [model, *others]
    for layers in zip(*(each.layers for each in models), strict=True):
        variables = [{} for _ in layers]
        for layer, ours in zip(layers, variables, strict=True):
            layer.save_own_variables(ours)
        if variables[0]:  # set by the layer itself: Normalization derives values from its variables
            values = {key: [keras.ops.convert_to_numpy(ours[key]) for ours in variables] for key in variables[0]}
            layers[0].load_own_variables({key: np.mean(value, axis=0) for key, value in values.items()})


if __name__ == '__main__':
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    first, *others = (keras.models.load_model(path, compile=False) for path in sys.argv[1:-1])
    average(first, others)
    first.save(sys.argv[-1], include_optimizer=False)
