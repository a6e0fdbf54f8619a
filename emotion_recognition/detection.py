"""Finding faces in a frame: which detector it is to be."""

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from emotion_recognition.boxes import FoundFace
from emotion_recognition.fetching import fetch
from emotion_recognition.haar import CASCADE_PATH, HaarFaceDetector
from emotion_recognition.labels import InputError
from emotion_recognition.nearby import NearbySearch
from emotion_recognition.settings import Settings
from emotion_recognition.yunet import YUNET_ADDRESS, YUNET_SHA256, YuNetFaceDetector

DETECTORS = ('haar', 'yunet')  # that have names


class FaceDetector(Protocol):
    """Something that finds faces."""

    def detect(self, frame_bgr: np.ndarray) -> list[FoundFace]:
        """Find faces.

        Args:
            frame_bgr: (height, width, 3) uint8, BGR; the next frame of the same video.

        Returns:
            The faces from left to right; there may be none.
        """


def open_detector(settings: Settings) -> FaceDetector:
    """A detector for one video.

    Args:
        settings: with `min_face_size`, `threads`, `whole_frame_every` (see `NearbySearch`; 1 for each frame), and
            `detector_path`: 'haar' for the cascade that comes with the project; 'yunet' for the network, which is
            fetched once from the OpenCV Zoo; or the path of a file: YuNet's if it ends in .onnx, otherwise a cascade.

    Raises:
        InputError: the file is missing, is not a detector, or cannot be fetched.
    """
    if settings.threads:
        cv2.setNumThreads(settings.threads)  # of the whole process: OpenCV knows no other
    name = str(settings.detector_path)
    path = path_of_detector(name)
    if not path.is_file():
        raise InputError(f"{name}: no such detector file; expected 'haar', 'yunet', or the path of a detector")
    detector_type = YuNetFaceDetector if path.suffix.lower() == '.onnx' else HaarFaceDetector
    detector = detector_type(path, min_face_size=settings.min_face_size)
    return detector if settings.whole_frame_every == 1 else NearbySearch(detector, settings.whole_frame_every)


def path_of_detector(name: str) -> Path:
    """The file of a detector, which is fetched if need be: what `detector_path` says in the settings.

    Raises:
        InputError: it cannot be fetched.
    """
    if name == 'haar':
        return CASCADE_PATH
    if name == 'yunet':
        return fetch(YUNET_ADDRESS, YUNET_SHA256)
    return Path(name)
