"""What a model.h5 says of itself besides the network: all that inference knows of its training."""

import json
import os
import reprlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from emotion_recognition.emotions.rest import LogOddsAtRest, everybodys_offset, offset_of_priors
from emotion_recognition.labels import FROM_REST, NEUTRAL, InputError

MIN_FACE_SHARE = 0.5  # with less of a face, its emotion cannot be recognised
REST_PARTS = ('median', 'low', 'high')
ATTRIBUTES = ('class_names', 'face_share', 'log_odds_at_rest', 'class_priors')
EXPECTED = 'expected a model.h5 from model_training.py'
# Columns of the tables of faces, which have a column for each class too. The tables are made in packages that this one
# must not import, so a test compares this with them.
COLUMN_NAMES = {'file', 'frame', 'ms', 'face', 'person', 'name', 'identified', 'x', 'y', 'width', 'height'}
COLUMN_NAMES |= {'emotion', 'confidence', 'valence', 'detected', 'by', 'time', 'mark', 'recording', 'recording_frame'}
COLUMN_NAMES |= {'eye_distance', 'sharpness', 'turn', 'score', 'quality'}


@dataclass(frozen=True)
class ModelFile:
    """The attributes of a model.h5, each a JSON text in the file.

    Attributes:
        class_names: Tuple of K strings, from `class_names`. They differ from each other and from all columns of the
            tables, whatever their case.
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
    texts = _read_texts(path)
    if 'class_names' not in texts:
        raise InputError(f'{path}: names no classes; {EXPECTED}')
    class_names = _read_class_names(path, texts['class_names'])
    share = _read_share(path, texts.get('face_share', '1'))
    at_rest, offset = None, None
    if 'log_odds_at_rest' in texts and NEUTRAL in class_names:
        at_rest = _read_at_rest(path, texts['log_odds_at_rest'], len(class_names))
        offset = everybodys_offset(class_names, at_rest)
    elif 'class_priors' in texts:
        offset = offset_of_priors(_read_priors(path, texts['class_priors'], len(class_names)))
    return ModelFile(class_names, share, at_rest, offset)


def _read_texts(path):
    """Read the attributes that the file has, by their names."""
    try:
        # Without a lock: some network drives have none, and another program may hold one.
        with h5py.File(path, locking=False) as file:
            texts = {name: file.attrs[name] for name in ATTRIBUTES if name in file.attrs}
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        if getattr(error, 'errno', None):  # of the file system; HDF5's own errors have no number
            raise InputError(f'{path}: cannot be read: {os.strerror(error.errno)}') from None
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f'{path}: cannot be read as an HDF5 file: {reason}; {EXPECTED}') from None
    for name, text in texts.items():
        if not isinstance(text, str | bytes):
            raise InputError(f'{path}: its {name} has the type {type(text).__name__}; expected a JSON text')
    return texts


def _parse(text: str | bytes) -> Any:
    """Parse a JSON text; None if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _read_class_names(path, text):
    names = _parse(text)
    if not isinstance(names, list) or not names or not all(map(_is_name, names)):
        expected = 'a JSON list of names without control characters'
        raise InputError(f'{path}: its class_names are {reprlib.repr(text)}; expected {expected}')
    counts = Counter(name.casefold() for name in names)
    for name in names:
        folded = name.casefold()
        if counts[folded] > 1 or folded in COLUMN_NAMES or folded.endswith(FROM_REST):
            taken_by = 'another class' if counts[folded] > 1 else 'a column of the tables'
            raise InputError(f'{path}: its class {reprlib.repr(name)} has the name of {taken_by}; expected another one')
    return tuple(names)


def _is_name(value):
    return isinstance(value, str) and value.isprintable() and value.strip() == value != ''


def _read_share(path, text):
    share = _parse(text)
    if not isinstance(share, int | float) or not MIN_FACE_SHARE <= share <= 1:
        raise InputError(f'{path}: its face_share is {reprlib.repr(text)}; expected {MIN_FACE_SHARE} to 1')
    return float(share)


def _read_at_rest(path, text, count):
    parts = _parse(text)
    numbers = _to_numbers([parts.get(name) for name in REST_PARTS] if isinstance(parts, dict) else None)
    if numbers.shape != (len(REST_PARTS), count) or not np.isfinite(numbers).all() or (numbers[1] > numbers[2]).any():
        expected = f'{", ".join(REST_PARTS)}, each {count} numbers, low not above high, as a JSON object'
        raise InputError(f'{path}: its log_odds_at_rest are {reprlib.repr(text)}; expected {expected}')
    return LogOddsAtRest(*numbers)


def _read_priors(path, text, count):
    priors = _to_numbers(_parse(text))
    if priors.shape != (count,) or not (np.isfinite(priors) & (priors > 0)).all():
        expected = f'{count} shares above 0, as a JSON list'
        raise InputError(f'{path}: its class_priors are {reprlib.repr(text)}; expected {expected}')
    return priors


def _to_numbers(values):
    """Convert lists from JSON to float64; to an empty array if they are not numbers."""
    try:
        return np.array(values, float)
    except (ValueError, TypeError, OverflowError):
        return np.empty(0)
