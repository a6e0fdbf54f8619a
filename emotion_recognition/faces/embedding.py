"""Face recognition: from a face to a vector. Those of one person lie close together, whatever the expression."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from emotion_recognition.faces.crops import cut_square
from emotion_recognition.labels import InputError, Points
from emotion_recognition.settings import SHIPPED

NETWORK_PATH = SHIPPED / 'model_weights' / 'face_recognition' / 'dlib_face_recognition.xml'
SIDE = 150  # pixels of the pictures that the network takes
# Where the five points of a face lie in these pictures: x, y in pixels, in the order of `FoundFace.points`.
TEMPLATE = np.array([[47.5, 46.6], [100.5, 46.6], [74.0, 87.8], [50.4, 103.0], [97.6, 103.0]])
VECTOR_SIZE = 128
EYE_DISTANCE = 53.0  # pixels, in the template
# Where the processor has AMX, OpenVINO gives a thread that uses a network another stack for signals, and takes it away
# with the network; with two networks, in the wrong order. So this one has a thread of its own and is never closed:
# otherwise Ctrl-C would crash the process later.
_THREAD = ThreadPoolExecutor(1, 'face recognition')
HOW_TO_DO_WITHOUT = '--no-identity does without it'


class FaceEmbedder:
    """dlib's face recognition network (King 2017; model_weights/face_recognition has its origin and licence).

    The network is loaded when the first face is there, which takes a quarter of a second.

    Args:
        network_path: OpenVINO file of the network.

    Raises:
        InputError: The file is missing, or OpenVINO is not installed.
    """

    def __init__(self, network_path: str | Path = NETWORK_PATH):
        self._path = Path(network_path)
        if not self._path.is_file():
            raise InputError(f'{network_path}: no such file, which is needed to tell people apart; {HOW_TO_DO_WITHOUT}')
        if find_spec('openvino') is None:
            raise InputError(f'telling people apart needs OpenVINO; pip install openvino, or {HOW_TO_DO_WITHOUT}')

    def embed(self, pictures_bgr: Sequence[np.ndarray]) -> np.ndarray:
        """Convert pictures of n faces, see `cut_face`, to vectors.

        Args:
            pictures_bgr: Each (150, 150, 3) uint8, BGR.

        Returns:
            (n, 128) float32: means of a picture's vector and that of its mirror image.
        """
        if not len(pictures_bgr):
            return np.empty((0, VECTOR_SIZE), np.float32)
        pictures = np.array(pictures_bgr, np.float32).reshape(-1, SIDE, SIDE, 3)[..., ::-1]
        both = np.concatenate([pictures, pictures[:, :, ::-1]])
        vectors = _THREAD.submit(_open_network(self._path), both).result()[0]
        return vectors.reshape(2, -1, vectors.shape[1]).mean(axis=0)


@cache
def _open_network(path):
    return _THREAD.submit(_compile, path).result()


def _compile(path):
    import openvino  # not at the top, since it takes time

    core = openvino.Core()
    try:  # One thread: a face now and then is not worth waking others that the video needs
        return core.compile_model(core.read_model(path), 'CPU', {'INFERENCE_NUM_THREADS': 1})
    except RuntimeError:
        reason = 'OpenVINO cannot read it as a face recognition network'
        raise InputError(f'{path}: {reason}; {HOW_TO_DO_WITHOUT}') from None


def cut_face(picture_bgr: np.ndarray, points: Points) -> tuple[np.ndarray, np.ndarray]:
    """Cut a face out so that its five points lie where the network expects them.

    Args:
        picture_bgr: (height, width, 3) uint8, BGR.
        points: The face's points, see `FoundFace`.

    Returns:
        (150, 150, 3) uint8, BGR, and the (2, 3) float matrix from its coordinates to the picture's.
    """
    centre = np.mean(points, axis=0)
    scaled_cosine, scaled_sine = fit_template(points)
    turn = np.array([[scaled_cosine, -scaled_sine], [scaled_sine, scaled_cosine]])
    middle = centre + turn @ (SIDE / 2 - TEMPLATE.mean(axis=0))
    scale, angle = np.hypot(scaled_cosine, scaled_sine), np.degrees(np.arctan2(scaled_sine, scaled_cosine))
    return cut_square(picture_bgr, tuple(middle), SIDE * scale, angle, SIDE)


def fit_template(points: Points) -> tuple[float, float]:
    """Find the similarity that maps the template onto a face's points with the least squares of the errors (Umeyama
    1991).

    Returns:
        The cosine and the sine of its angle, times its scale.
    """
    found = np.array(points)
    from_template, to_found = TEMPLATE - TEMPLATE.mean(axis=0), found - found.mean(axis=0)
    squares = (from_template**2).sum()
    scaled_cosine = (from_template * to_found).sum() / squares
    scaled_sine = (from_template[:, 0] * to_found[:, 1] - from_template[:, 1] * to_found[:, 0]).sum() / squares
    return scaled_cosine, scaled_sine
