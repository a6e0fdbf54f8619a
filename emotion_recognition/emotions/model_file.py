"""What a model.h5 says of itself besides the network: all that inference knows of its training."""

import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from emotion_recognition.emotions.rest import LogOddsAtRest, everybodys_offset, offset_of_priors
from emotion_recognition.labels import NEUTRAL, InputError

MIN_FACE_SHARE = 0.5  # with less of a face, its emotion cannot be recognised
REST_PARTS = ('median', 'low', 'high')


@dataclass(frozen=True)
class ModelFile:
    """The attributes of a model.h5, each a JSON text in the file.

    Attributes:
        class_names: Tuple of K strings, from `class_names`.
        face_share: Share of a crop's sides that the network is shown, cut from the centre, from `face_share`; 1 if the
            file does not have it.
        at_rest: How the network sees neutral faces, from `log_odds_at_rest`; None if the file does not have it.
        offset: (K,) float64, everybody's reference at rest. Without `log_odds_at_rest` it corrects for the shares of
            the classes in training, from `class_priors`. None if the file has neither.
    """

    class_names: tuple[str, ...]
    face_share: float = 1.0
    at_rest: LogOddsAtRest | None = None
    offset: np.ndarray | None = None


def read_model_file(path: str | Path) -> ModelFile:
    """Read the attributes of a model.h5.

    Raises:
        InputError: The file is missing or damaged, or an attribute is wrong.
    """
    if not Path(path).is_file():
        raise InputError(f'{path}: no such model file; model_training.py writes one')
    try:
        with h5py.File(path) as file:
            class_names = tuple(json.loads(file.attrs['class_names']))
            names = ('class_priors', 'log_odds_at_rest', 'face_share')
            texts = {name: file.attrs[name] for name in names if name in file.attrs}
    except KeyError:
        raise InputError(f'{path}: names no classes; expected a model.h5 from model_training.py') from None
    except (OSError, ValueError):
        raise InputError(f'{path}: damaged or not an HDF5 file; expected a model.h5 from model_training.py') from None
    share = _read_share(path, texts.get('face_share', '1'))
    at_rest, offset = None, None
    if 'log_odds_at_rest' in texts and NEUTRAL in class_names:
        at_rest = _read_at_rest(path, texts['log_odds_at_rest'], len(class_names))
        offset = everybodys_offset(class_names, at_rest)
    elif 'class_priors' in texts:
        offset = offset_of_priors(_read_priors(path, texts['class_priors'], len(class_names)))
    return ModelFile(class_names, share, at_rest, offset)


def _read_share(path, text):
    try:
        share = float(text)
    except ValueError:
        share = 0
    if not MIN_FACE_SHARE <= share <= 1:
        raise InputError(f'{path}: its face_share is {text}; expected {MIN_FACE_SHARE} to 1')
    return share


def _read_at_rest(path, text, count):
    try:
        parts = json.loads(text)
        numbers = np.array([parts[name] for name in REST_PARTS], float)
    except (ValueError, TypeError, KeyError):
        numbers = np.empty(0)
    if numbers.shape != (len(REST_PARTS), count) or not np.isfinite(numbers).all() or (numbers[1] > numbers[2]).any():
        expected = f'{", ".join(REST_PARTS)}, each {count} numbers, low not above high, as a JSON object'
        raise InputError(f'{path}: its log_odds_at_rest are {text}; expected {expected}')
    return LogOddsAtRest(*numbers)


def _read_priors(path, text, count):
    try:
        priors = np.array(json.loads(text), float)
    except (ValueError, TypeError):
        priors = np.empty(0)
    if priors.shape != (count,) or not (np.isfinite(priors) & (priors > 0)).all():
        raise InputError(f'{path}: its class_priors are {text}; expected {count} shares above 0, as a JSON list')
    return priors
