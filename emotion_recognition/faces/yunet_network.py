"""YuNet's network: what OpenVINO computes of a picture, and the faces that its answers stand for."""

from functools import cache
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from emotion_recognition.labels import InputError
from emotion_recognition.openvino_core import open_core

STRIDES = 8, 16, 32  # pixels between the places that each of the network's three maps looks at
OUTPUTS = 'cls', 'obj', 'bbox', 'kps'  # of each map: probability of a face, the same of any object, box, five points
EXACT_IN_ONE_THREAD = {'INFERENCE_PRECISION_HINT': 'f32', 'INFERENCE_NUM_THREADS': 1}  # it is too small for more
SAME_FACE_IOU = 0.3  # two boxes that overlap by more are one face; the value of OpenCV's own detector


class YuNetNetwork:
    """Runs YuNet, in a third of the time that OpenCV takes; the answers are those of cv2.FaceDetectorYN.

    Args:
        path: Path of the ONNX file.
        score_threshold: Lowest score of a detection, 0..1.
        side: Side in pixels of the pictures, if all are squares of one size; that halves the time of small ones.

    Raises:
        InputError: The file is not such a network, or OpenVINO is not installed.
    """

    def __init__(self, path: str | Path, score_threshold: float, side: int | None = None):
        self._request = _compile(Path(path), side).create_infer_request()
        self._score_threshold = score_threshold

    def find(self, picture_bgr: np.ndarray) -> np.ndarray:
        """Find the faces in a picture of the size in which it is searched.

        Args:
            picture_bgr: (height, width, 3) uint8, BGR.

        Returns:
            (n, 15) float: x, y, width and height of the box, x and y of the five points (both eyes, nose, both corners
            of the mouth) in pixels, and the score, 0..1.
        """
        height, width = picture_bgr.shape[:2]
        bottom, right = -height % STRIDES[-1], -width % STRIDES[-1]  # the maps have whole numbers of places
        if bottom or right:
            picture_bgr = cv2.copyMakeBorder(picture_bgr, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
        self._request.infer([picture_bgr[None]], share_inputs=True)
        found = np.concatenate([self._read_map(stride, (width + right) // stride) for stride in STRIDES])
        found = found[np.isfinite(found).all(axis=1)]
        boxes, scores = found[:, :4].astype(int), found[:, 14]
        return found[list(cv2.dnn.NMSBoxes(boxes, scores, self._score_threshold, SAME_FACE_IOU))]

    def _read_map(self, stride, columns):
        """Convert one map's answers that reach the threshold to rows of `find`."""
        probability, objectness, boxes, points = (
            self._request.get_tensor(f'{name}_{stride}').data[0] for name in OUTPUTS
        )
        scores = np.sqrt(probability.clip(0, 1) * objectness.clip(0, 1))[:, 0]
        chosen = np.flatnonzero(scores >= self._score_threshold)
        if not len(chosen):
            return np.empty((0, 15))
        places = np.column_stack([chosen % columns, chosen // columns])  # x, y, in strides
        with np.errstate(over='ignore'):
            sizes = np.exp(boxes[chosen, 2:]) * stride
        starts = (places + boxes[chosen, :2]) * stride - sizes / 2
        points = (points[chosen].reshape(-1, 5, 2) + places[:, None]) * stride
        return np.column_stack([starts, sizes, points.reshape(-1, 10), scores[chosen]])


@cache  # one for all detectors, and never closed, see `open_core`
def _compile(path, side):
    try:
        from openvino import PartialShape, Type, preprocess

        core = open_core()
    except ImportError:
        raise InputError(f'{path}: YuNet needs OpenVINO; pip install openvino, or --detector-path haar') from None
    try:
        model = core.read_model(path)
        model.reshape(PartialShape([1, 3, side or -1, side or -1]))
        steps = preprocess.PrePostProcessor(model)
        steps.input().tensor().set_element_type(Type.u8).set_layout('NHWC')
        steps.input().model().set_layout('NCHW')
        compiled = core.compile_model(steps.build(), 'CPU', EXACT_IN_ONE_THREAD)
        request = compiled.create_infer_request()
        request.infer([np.zeros((1, side or STRIDES[-1], side or STRIDES[-1], 3), np.uint8)])
        for name, stride in product(OUTPUTS, STRIDES):
            request.get_tensor(f'{name}_{stride}')
    except RuntimeError:
        raise InputError(f'{path}: not a YuNet face detector; OpenVINO cannot read it as one') from None
    return compiled
