"""Make a model's confidence match how often it is right, on all kinds of labels."""

import json

import h5py
import numpy as np
from scipy.optimize import minimize_scalar

from model_training import VIEWS, Option, from_rest, load_best, measure_rest, predict, save_model

MORE_OPTIONS = {'calibrate': Option(False, 'fit one temperature at the end so that confidence matches accuracy')}


def calibrate_file(options, paths, kinds_of_labels, class_priors):
    """Calibrate model.h5, with --calibrate, on the images of some paths: a step of `model_training.evaluate`.

    Returns the file's further attribute: `temperature`, by which the trained logits are divided in all.
    """
    model = load_best(options)
    with h5py.File(options.output) as file:  # a run that is resumed after its end has been calibrated before
        temperature = float(json.loads(file.attrs.get('temperature', '1')))
    if options.calibrate:
        (plain,) = predict(model, paths, options, VIEWS[:1])
        temperature *= calibrate(model, plain, kinds_of_labels, class_priors)
        save_model(model, options.output, class_priors, options.face_share, temperature=temperature)
    return {'temperature': temperature}


def calibrate(model, probabilities, kinds_of_labels, class_priors):
    """Calibrate a model by one temperature (Guo et al. 2017, arXiv 1706.04599).

    Returns the temperature that makes the labels most likely, given the model's (n, K) probabilities for images that it
    was not trained on, after `from_rest`. The weights of the last layer are divided by it. Each of the kinds of labels,
    (n,) with -1 for none, counts as much as the others; the first kind says which faces are at rest. `class_priors` are
    those of the targets, by the names of the classes.
    """
    emotions = tuple(class_priors.keys())

    def cross_entropy(temperature):
        scaled = np.maximum(probabilities, 1e-12, dtype='float64') ** (1 / temperature)
        scaled /= scaled.sum(axis=1, keepdims=True)
        shown = from_rest(scaled, measure_rest(scaled, kinds_of_labels[0], emotions), emotions, class_priors)
        return np.mean([-np.log(shown[labels >= 0, labels[labels >= 0]]).mean() for labels in kinds_of_labels])

    temperature = minimize_scalar(cross_entropy, bounds=(0.1, 10), method='bounded').x
    layer = model.get_layer('emotion')
    layer.set_weights([weights / temperature for weights in layer.get_weights()])
    return float(temperature)
