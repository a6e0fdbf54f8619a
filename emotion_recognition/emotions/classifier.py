"""From face images to probabilities. All that is known of training is model.h5."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import cv2
import h5py
import numpy as np

from emotion_recognition.emotions.runtimes import load_network
from emotion_recognition.hashing import hash_file
from emotion_recognition.labels import InputError
from emotion_recognition.settings import Settings

# Of test-time augmentation, each mirrored too: degrees by which a face is turned, and how often its middle is cut out
VIEWS = ((0, 1), (6, 2), (-6, 2))
LEAST_SHARE = 0.5  # of a face, below which nothing of it can be told


class EmotionClassifier:
    """The network of model.h5.

    Args:
        model_path: a complete Keras model in HDF5, input (n, S, S, 3) RGB 0..255, output (n, K) probabilities, with
            its K class names as a JSON list in the file's attribute `class_names`.
        runtime: what computes it, 'auto', 'openvino' or 'keras', see `load_network`.
        precision: 'auto' or 'f32', see `load_network`.
        balance: t, 0 to 1: of how much of the priors the probabilities are freed, see `predict`.
        threads: of OpenVINO, see `load_network`.

    Attributes:
        class_names: tuple of K strings.
        class_priors: (K,) float64, each class's share in the network's training, from the file's attribute
            `class_priors`, a JSON list; None where the file has none.
        face_share: share of a face's sides that the network is shown, from the middle, by the file's attribute
            `face_share`; 1 where it has none.
        image_size: S, in pixels.
        settings: what it was opened with, by the names in `Settings`.
        model_sha256: of the file as it was read, which another may have taken the place of since.

    Raises:
        InputError: the file is missing, damaged, or not such a model.
    """

    def __init__(
        self,
        model_path: str | Path,
        runtime: str = 'auto',
        precision: str = 'auto',
        balance: float = Settings.balance,
        threads: int = 0,
    ):
        self.settings = {'model_weights_path': model_path, 'runtime': runtime, 'precision': precision}
        self.settings |= {'balance': balance, 'threads': threads}
        self.class_names, self.class_priors, self.face_share = _read_attributes(model_path)
        self.model_sha256 = hash_file(model_path)
        self._balance = balance
        self._lock = Lock()  # a network computes one batch at a time, and the stages of a run ask at once
        self._network = load_network(Path(model_path), runtime, precision, threads)
        input_shape, output_shape = self._network.input_shape, self._network.output_shape
        if not _is_square_rgb(input_shape):
            raise InputError(f'{model_path}: takes {input_shape}; expected square RGB images, (None, S, S, 3)')
        if output_shape != (None, len(self.class_names)):
            raise InputError(f'{model_path}: gives {output_shape} for its {len(self.class_names)} class names')
        self.image_size = input_shape[1]

    def predict(self, faces_bgr: Sequence[np.ndarray], test_time_augmentation: bool = False) -> np.ndarray:
        """Classify faces in one batch.

        What was common in training is said too often where it is not as common. Of a model that knows its priors,
        log p - t * log prior is answered, normalised anew (logit adjustment, Menon et al. 2021, arXiv 2007.07314).

        Args:
            faces_bgr: face images, each (height, width, 3) uint8, BGR, of any size above 0.
            test_time_augmentation: average the probabilities of six views of each face: as without it; the middle of
                that, turned by 6 degrees to either side; and the mirror images of these.

        Returns:
            (n, K) float32 probabilities; (0, K) for no faces.
        """
        if not len(faces_bgr):
            return np.empty((0, len(self.class_names)), np.float32)
        views = VIEWS if test_time_augmentation else VIEWS[:1]
        batch = np.concatenate([self._view(faces_bgr, angle, times) for angle, times in views])
        if test_time_augmentation:
            batch = np.concatenate([batch, batch[:, :, ::-1]])
        with self._lock:
            probabilities = self._network(batch.astype(np.float32))
        return self._balanced(probabilities.reshape(-1, len(faces_bgr), len(self.class_names)).mean(axis=0))

    def _balanced(self, probabilities):
        if self.class_priors is None or not self._balance:
            return probabilities
        freed = probabilities * self.class_priors**-self._balance
        return (freed / freed.sum(axis=1, keepdims=True)).astype(np.float32)

    def _view(self, faces_bgr, angle, times):
        share = max(self.face_share**times, LEAST_SHARE)
        return _turn(np.stack([self._prepare(_middle(face, share)) for face in faces_bgr]), angle)

    def _prepare(self, face_bgr):
        """Scale and reorder a face as model_training.py does: by area where it shrinks, else linearly."""
        size = self.image_size
        interpolation = cv2.INTER_AREA if min(face_bgr.shape[:2]) > size else cv2.INTER_LINEAR
        resized = cv2.resize(face_bgr, (size, size), interpolation=interpolation)
        return cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)


def open_classifier(settings: Settings) -> EmotionClassifier:
    """The classifier that the settings name. Says so where it cannot be balanced as they ask.

    Raises:
        InputError: see `EmotionClassifier`.
    """
    how = settings.runtime, settings.precision, settings.balance, settings.threads
    classifier = EmotionClassifier(settings.model_weights_path, *how)
    if classifier.class_priors is None and settings.balance not in (0, Settings.balance):
        why = 'names no class priors, which --balance needs; it runs as it is'
        print(f'{settings.model_weights_path}: {why}', file=sys.stderr)
    return classifier


def _middle(image, share):
    """The middle of an image, as model_training.py cuts it."""
    top, left = (round(side * (1 - share) / 2) for side in image.shape[:2])
    return image[top : image.shape[0] - top, left : image.shape[1] - left]


def _turn(images, angle):
    """Turn images, (n, S, S, 3) uint8, about their middle, as model_training.py does."""
    if not angle:
        return images
    middle, size = (images.shape[1] - 1) / 2, images.shape[1:3]
    matrix = cv2.getRotationMatrix2D((middle, middle), angle, 1)
    return np.stack([cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE) for image in images])


def _read_attributes(model_path):
    """The names, the priors, None without, and the share of a face, 1 without."""
    if not Path(model_path).is_file():
        raise InputError(f'{model_path}: no such model file; model_training.py writes one')
    try:
        with h5py.File(model_path) as file:
            class_names = tuple(json.loads(file.attrs['class_names']))
            priors, share = file.attrs.get('class_priors'), file.attrs.get('face_share', '1')
    except KeyError:
        raise InputError(f'{model_path}: names no classes; expected a model.h5 of model_training.py') from None
    except (OSError, ValueError):
        raise InputError(
            f'{model_path}: damaged or not an HDF5 file; expected a model.h5 of model_training.py'
        ) from None
    priors = None if priors is None else _check_priors(model_path, priors, len(class_names))
    return class_names, priors, _check_share(model_path, share)


def _check_priors(model_path, text, count):
    try:
        priors = np.array(json.loads(text), float)
    except (ValueError, TypeError):
        priors = np.empty(0)
    if priors.shape != (count,) or not (np.isfinite(priors) & (priors > 0)).all():
        raise InputError(f'{model_path}: its class_priors are {text}; expected {count} shares above 0, as a JSON list')
    return priors


def _check_share(model_path, text):
    try:
        share = float(text)
    except ValueError:
        share = 0
    if not LEAST_SHARE <= share <= 1:
        raise InputError(f'{model_path}: its face_share is {text}; expected {LEAST_SHARE} to 1')
    return share


def _is_square_rgb(shape):
    """Whether a shape is (None, S, S, 3). Models with several inputs have a list of shapes."""
    return (
        isinstance(shape, tuple) and len(shape) == 4 and shape[1] is not None and shape[1:] == (shape[1], shape[1], 3)
    )
