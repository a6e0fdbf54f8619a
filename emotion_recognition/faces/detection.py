"""Finding faces in a frame: what a detector is, and which one the settings name."""

import sys
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from emotion_recognition.faces.boxes import FoundFace
from emotion_recognition.faces.haar import CASCADE_PATH, HaarFaceDetector
from emotion_recognition.faces.yunet import SCORE_THRESHOLD, YUNET_PATH, YuNetFaceDetector
from emotion_recognition.faces.yunet_network import YuNetNetwork
from emotion_recognition.labels import InputError
from emotion_recognition.settings import Settings

HIDING_SCORE_THRESHOLD = 0.4  # of YuNet, where a false face costs some pixels and a missed one tells who it is
HIDING_SIZE = 24  # pixels; the smallest faces that Haar's cascade knows
DETECTORS = ('auto', 'yunet', 'haar')  # names that stand for a file


class FaceDetector(Protocol):
    """Finds faces in a frame or in a part of it. It remembers nothing of earlier frames.

    Attributes:
        finds_points: Whether its faces have points, see `FoundFace`.
    """

    finds_points: bool

    def prepare(self, frame_bgr: np.ndarray) -> np.ndarray:
        """Convert a frame to the picture that is searched.

        Args:
            frame_bgr: (height, width, 3) uint8, BGR.

        Returns:
            A uint8 picture of the same height and width.
        """

    def search(self, picture: np.ndarray) -> list[FoundFace]:
        """Find the faces in the whole picture that `prepare` returned, sorted from left to right."""

    def search_near(self, picture: np.ndarray, known: FoundFace, distance: float, scale: float) -> list[FoundFace]:
        """Find the faces around a known one.

        Args:
            picture: What `prepare` returned.
            known: Where the face was in an earlier frame.
            distance: How far around it to search, in sizes of the face.
            scale: By which factor faces may be larger or smaller than the known one.
        """


def open_detector(settings: Settings) -> FaceDetector:
    """Open the detector that the settings name. It serves any number of videos, one after the other.

    Args:
        settings: With `min_face_size` and `detector_path`: 'yunet' for the network or 'haar' for the cascade that come
            with the project; 'auto' for the network, or the cascade if OpenCV cannot load the network; or the path of
            a file, which is opened as YuNet if it ends in .onnx, otherwise as a cascade.

    Raises:
        InputError: The file is missing or is not a detector.
    """
    name = str(settings.detector_path)
    path = path_of_detector(name)
    if not path.is_file():
        raise InputError(f"{name}: no such detector file; expected 'auto', 'yunet', 'haar' or the path of a detector")
    return _type_of(path)(path, min_face_size=settings.min_face_size)


def open_hiding_detectors(settings: Settings) -> list[FaceDetector]:
    """Open what finds the faces to hide: of any size, and also such as may be none.

    It is the detector that the settings name and, if that is another one, YuNet too, which finds turned faces.

    Raises:
        InputError: See `open_detector`.
    """
    paths = dict.fromkeys(path_of_detector(name) for name in (str(settings.detector_path), 'auto'))
    return [
        YuNetFaceDetector(path, score_threshold=HIDING_SCORE_THRESHOLD)
        if _type_of(path) is YuNetFaceDetector
        else HaarFaceDetector(path, min_face_size=HIDING_SIZE)
        for path in paths
    ]


def finds_points(settings: Settings) -> bool:
    """Whether the detector that the settings name finds the points of faces, see `FaceDetector`."""
    return _type_of(path_of_detector(str(settings.detector_path))).finds_points


def describe_what_finds_more(settings: Settings) -> str:
    """What to try if no face was found: a sentence without its full stop."""
    other = 'yunet' if _type_of(path_of_detector(str(settings.detector_path))) is HaarFaceDetector else 'haar'
    smaller = [f'a smaller --min-face-size than {settings.min_face_size}'] * bool(settings.min_face_size)
    return f'Try {" or ".join([*smaller, f"another detector, --detector-path {other}"])}'


def _type_of(path):
    return YuNetFaceDetector if path.suffix.lower() == '.onnx' else HaarFaceDetector


def path_of_detector(name: str) -> Path:
    """Find the file of a detector by its name in the settings. 'auto' gives the file that is really used."""
    if name == 'auto':
        return _choose_path()
    return {'yunet': YUNET_PATH, 'haar': CASCADE_PATH}.get(name, Path(name))


@cache  # so that the message is printed once
def _choose_path():
    try:
        YuNetNetwork(YUNET_PATH, SCORE_THRESHOLD)  # compiled once, so that opening the detector then takes no time
    except InputError as error:
        print(f'{error}. Using Haar, which finds only upright faces from the front', file=sys.stderr)
        return CASCADE_PATH
    return YUNET_PATH
