"""From crops of faces to what the network says of them."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np

from emotion_recognition.emotions.model_file import MIN_FACE_SHARE, read_model_file
from emotion_recognition.emotions.runtimes import load_network
from emotion_recognition.hashing import hash_file
from emotion_recognition.labels import InputError
from emotion_recognition.media.photographs import check_picture
from emotion_recognition.settings import MODEL_WEIGHTS_PATH, Settings, option_name

BATCH_SIZE = 64  # faces that the network gets at once; more take memory and are not faster
# Views of test-time augmentation, each of them also mirrored: degrees by which the crop is turned, and how many times
# in a row its centre is cut out, each time by `face_share`.
VIEWS = ((0, 1), (6, 2), (-6, 2))


class EmotionClassifier:
    """The network of model.h5.

    Args:
        model_path: Path of a complete Keras model in HDF5, by default the shipped one. Its input is (n, S, S, 3) RGB,
            0..255; its output is (n, K) probabilities; the file's attributes are those of `ModelFile`.
        runtime: Library that runs the network, 'auto', 'openvino' or 'keras', see `load_network`.
        precision: 'auto' or 'f32', see `load_network`.
        threads: Number of threads for OpenVINO, see `load_network`.

    Attributes:
        model_file: What the file says of itself.
        class_names: Tuple of K strings.
        image_size: S, in pixels.
        settings: The arguments above, by the names in `Settings`.
        model_sha256: SHA-256 of the file as it was read, in hexadecimal digits. It may have been replaced since.
        conversion_sha256: The same of the conversion that OpenVINO runs; None if Keras runs the model.

    Raises:
        InputError: The file is missing, is damaged, or is not such a model.
    """

    def __init__(
        self,
        model_path: str | Path = MODEL_WEIGHTS_PATH,
        runtime: str = 'auto',
        precision: str = 'auto',
        threads: int = 0,
    ):
        self.settings = {'model_weights_path': model_path, 'runtime': runtime, 'precision': precision}
        self.settings['threads'] = threads
        self.model_file = read_model_file(model_path)
        self.class_names = self.model_file.class_names
        self.model_sha256 = hash_file(model_path)
        self._lock = Lock()  # a network computes one batch at a time, but several stages of a run may ask for one
        self._network = load_network(Path(model_path), runtime, precision, threads)
        self.conversion_sha256 = self._network.conversion_sha256
        input_shape, output_shape = self._network.input_shape, self._network.output_shape
        if not _is_square_rgb(input_shape):
            raise InputError(f'{model_path}: its input is {input_shape}; expected square RGB images, (None, S, S, 3)')
        if output_shape != (None, len(self.class_names)):
            expected = f'(None, {len(self.class_names)}), for its {len(self.class_names)} class names'
            raise InputError(f'{model_path}: its output is {output_shape}; expected {expected}')
        self.image_size = input_shape[1]
        self._path = model_path
        self.predict([np.full((self.image_size, self.image_size, 3), 128, np.uint8)])  # a broken model is found here

    def complete_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Add the settings that the classifier was opened with.

        Raises:
            InputError: One of them has another value already.
        """
        for name, value in self.settings.items():
            if settings.get(name, value) != value:
                opened = f'but the classifier was opened with {value}; expected the same'
                raise InputError(f'{option_name(name)} is {settings[name]}, {opened}')
        return settings | self.settings

    def predict(self, crops_bgr: Sequence[np.ndarray], test_time_augmentation: bool = False) -> np.ndarray:
        """Classify faces in batches, those of a frame or all of a data set of faces that are already cut out.

        The answers are not yet compared with a reference at rest: `References` does that.

        Args:
            crops_bgr: Crops of n faces, each (height, width, 3) uint8, BGR, of any size above 0: an upright square from
                above the eyebrows to the chin, as the detectors cut it out. An array, (n, height, width, 3), will do.
            test_time_augmentation: Whether to average the probabilities of six views of each face: the view that is
                used without it; a smaller section from its centre, turned by 6 degrees to either side; and the mirror
                images of these three.

        Returns:
            (n, K) float32 probabilities; (0, K) if there are no faces.

        Raises:
            InputError: A crop is no such picture, or the model is broken: a probability is not a finite number.
        """
        if not len(crops_bgr):
            return np.empty((0, len(self.class_names)), np.float32)
        for number, crop in enumerate(crops_bgr, start=1):
            check_picture(np.asarray(crop), f'crop {number}')
        batches = (crops_bgr[start : start + BATCH_SIZE] for start in range(0, len(crops_bgr), BATCH_SIZE))
        return np.concatenate([self._predict(batch, test_time_augmentation) for batch in batches])

    def _predict(self, crops_bgr, test_time_augmentation):
        views = VIEWS if test_time_augmentation else VIEWS[:1]
        batch = np.concatenate([self._view(crops_bgr, angle, times) for angle, times in views])
        if test_time_augmentation:
            batch = np.concatenate([batch, batch[:, :, ::-1]])
        with self._lock:
            probabilities = self._network(batch.astype(np.float32))
        if not np.isfinite(probabilities).all():
            raise InputError(f'{self._path}: its answers are not finite numbers; train it again, or use another model')
        return probabilities.reshape(-1, len(crops_bgr), len(self.class_names)).mean(axis=0)

    def _view(self, crops_bgr, angle, times):
        share = max(self.model_file.face_share**times, MIN_FACE_SHARE)
        return _turn(np.stack([self._prepare(_cut_centre(crop, share)) for crop in crops_bgr]), angle)

    def _prepare(self, crop_bgr):
        """Scale a crop and reorder its colours as model_training.py does: by area if it shrinks, otherwise linearly."""
        size = self.image_size
        interpolation = cv2.INTER_AREA if min(crop_bgr.shape[:2]) > size else cv2.INTER_LINEAR
        resized = cv2.resize(crop_bgr, (size, size), interpolation=interpolation)
        return cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)


def open_classifier(settings: Settings) -> EmotionClassifier:
    """Open the classifier that the settings name.

    Raises:
        InputError: See `EmotionClassifier`.
    """
    return EmotionClassifier(settings.model_weights_path, settings.runtime, settings.precision, settings.threads)


def _cut_centre(image, share):
    """Cut out the centre of an image, as model_training.py does."""
    top, left = (round(side * (1 - share) / 2) for side in image.shape[:2])
    return image[top : image.shape[0] - top, left : image.shape[1] - left]


def _turn(images, angle):
    """Turn images, (n, S, S, 3) uint8, about their centre, as model_training.py does."""
    if not angle:
        return images
    middle, size = (images.shape[1] - 1) / 2, images.shape[1:3]
    matrix = cv2.getRotationMatrix2D((middle, middle), angle, 1)
    return np.stack([cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE) for image in images])


def _is_square_rgb(shape):
    """Whether a shape is (None, S, S, 3). A model with several inputs has a list of shapes."""
    return (
        isinstance(shape, tuple) and len(shape) == 4 and shape[1] is not None and shape[1:] == (shape[1], shape[1], 3)
    )
