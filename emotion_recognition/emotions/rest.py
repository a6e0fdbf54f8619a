"""The reference at rest: what the network says of a face that shows nothing, and how it is taken off an answer.

A face's resting look counts as an expression to the network: some people look sad or angry to it although they are not,
and mild expressions are lost in `neutral`. So each answer is compared with a reference: an offset for each class that
is subtracted from the logarithm of its probability. Every kind of reference has this one form.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotion_recognition.labels import NEUTRAL, POSITIVE

# How the reference of everybody follows from the model's neutral faces. The constants were chosen on the validation
# images, with the labels of FER+ and of FER2013, on the smiles of 102 people and on an acted clip; the model card has
# the figures. A higher strength finds more of the faint expressions, and calls more neutral faces something else.
STRENGTH = 0.35
NEUTRAL_LEAD = 0.6  # nats by which neutral is raised, since most faces in pictures are neutral
HAPPY_LEAD = 0.25  # the same for happy, since mild smiles are often labelled neutral
PRIOR_STRENGTH = 0.75  # of the correction of models that state class priors alone (Menon et al. 2021, arXiv 2007.07314)
# In a span that the user names: how far the log-odds must rise above their mean there, in standard deviations, and the
# lead of neutral, in nats. Two deviations are also what medicine calls the normal range. Recalls on the acted clip,
# with its neutral scene as the span of itself and of five other scenes, and with each half of that scene as the span:
#   deviations, lead   itself, the five   first half: second, the five   second half: first, the five
#   0, 0               0.00, 0.55         0.00, 0.49                     0.00, 0.53
#   0, 1               0.89, 0.54         0.65, 0.46                     1.00, 0.53
#   2, 0.5             1.00, 0.53         0.87, 0.53                     1.00, 0.49
SPAN_DEVIATIONS = 2.0
SPAN_NEUTRAL_LEAD = 0.5
MIN_PROBABILITY = 1e-6  # logarithms of smaller ones would show the rounding of a runtime


@dataclass(frozen=True)
class LogOddsAtRest:
    """How a model sees neutral faces: of each class k, log p(k) - log p(neutral) over many of them.

    Attributes:
        median: (K,) float64.
        low: (K,) float64, the 5th percentile.
        high: (K,) float64, the 95th percentile.
    """

    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


def log_odds(probabilities: np.ndarray, neutral: int) -> np.ndarray:
    """Compute log-odds against neutral.

    Args:
        probabilities: (..., K), 0 to 1.
        neutral: Index of the class neutral.

    Returns:
        (..., K) float64, log p - log p(neutral).
    """
    logs = np.log(np.maximum(probabilities, MIN_PROBABILITY), dtype=np.float64)
    return logs - logs[..., neutral : neutral + 1]


def compare_with_rest(probabilities: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Take a reference off probabilities.

    Args:
        probabilities: (..., K) of the network, summing to 1.
        offset: (K,) float64, subtracted from their logarithms.

    Returns:
        (..., K) float32, summing to 1.
    """
    logits = np.log(np.maximum(probabilities, MIN_PROBABILITY), dtype=np.float64) - offset
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (shares / shares.sum(axis=-1, keepdims=True)).astype(np.float32)


def everybodys_offset(class_names: Sequence[str], at_rest: LogOddsAtRest) -> np.ndarray:
    """Make the reference of everybody from a model's neutral faces: (K,) float64, for `compare_with_rest`."""
    leads = {NEUTRAL: NEUTRAL_LEAD, POSITIVE: HAPPY_LEAD}
    return STRENGTH * at_rest.median - [leads.get(name, 0.0) for name in class_names]


def offset_of_priors(class_priors: np.ndarray) -> np.ndarray:
    """Make the offset that corrects for (K,) class priors, of a model that does not say how it sees neutral faces."""
    return PRIOR_STRENGTH * np.log(class_priors)


def offset_of_span(sums: np.ndarray, neutral: int) -> np.ndarray:
    """Make the reference of a face from a span in which it is at rest: (K,) float64, for `compare_with_rest`.

    Args:
        sums: (3, K) float64, sums over the span's frames: of ones, of the log-odds, and of their squares.
        neutral: Index of the class neutral.
    """
    count, total, squares = sums
    mean = total / count
    deviation = np.sqrt(np.maximum(0, squares / count - mean**2))
    offset = mean + SPAN_DEVIATIONS * deviation
    offset[neutral] = -SPAN_NEUTRAL_LEAD
    return offset
