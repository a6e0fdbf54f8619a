"""Average the weights of models (Wortsman et al. 2022, arXiv 2203.05482): average.py one.h5 other.h5 ... mean.h5

It takes models, or checkpoints last_epoch.keras. A run keeps only its newest checkpoint, so copy each as it appears.
The mean has neither the linear layer of match.py nor class names. Continue from it (--weights), or put it in place of a
finished run's model.h5: then the run's own command with --resume calibrates and evaluates it.
"""

import sys

import keras
import numpy as np


def average(model, others):
    """Set the weights of a model to the mean of its own and those of other models of the same network."""
    models = [model, *others]
    for layers in zip(*(each.layers for each in models), strict=True):
        variables = [{} for _ in layers]
        for layer, ours in zip(layers, variables, strict=True):
            layer.save_own_variables(ours)
        if variables[0]:  # the layer itself sets them: Normalization derives values from its variables
            values = {key: [keras.ops.convert_to_numpy(ours[key]) for ours in variables] for key in variables[0]}
            layers[0].load_own_variables({key: np.mean(value, axis=0) for key, value in values.items()})


if __name__ == '__main__':
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    loaded = [keras.models.load_model(path, compile=False) for path in sys.argv[1:-1]]
    first, *others = (keras.Model(model.input, model.outputs[0], name=model.name) for model in loaded)
    average(first, others)
    first.save(sys.argv[-1], include_optimizer=False)
