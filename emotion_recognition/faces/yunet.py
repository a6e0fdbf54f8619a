"""YuNet, a small network, which also finds faces that are turned, tilted or partly hidden."""

from pathlib import Path

import cv2
import numpy as np

from emotion_recognition.faces.boxes import FoundFace, sort_faces
from emotion_recognition.faces.crops import cut_square
from emotion_recognition.faces.yunet_network import YuNetNetwork
from emotion_recognition.settings import SHIPPED

YUNET_PATH = SHIPPED / 'face_detector' / 'face_detection_yunet_2026may.onnx'

# Side of a face's square box, as a share of the larger side of YuNet's box, which is 1.06 of a training image. With 0.8
# to 1, 74.2 to 74.6 % of 2,913 validation images get their FER+ label, and 66.1 to 66.9 % their FER2013 label: no share
# is better than the others with both.
BOX_SCALE = 0.93
MAX_SIDE = 640  # pixels; larger frames are shrunk to it, in which faces from about 15 pixels are found
CLOSE_UP_SIZE = 128  # pixels; side of the squares in which single faces are searched, in a tenth of a frame's time
SCORE_THRESHOLD = 0.7  # 0..1
MIN_TILT = 8  # degrees; less tilted heads are searched without turning them, so that small errors do not add up
MAX_TILT = 60  # degrees; YuNet finds hardly any faces that are tilted more
SECOND_LOOK = (0.3, 1.5)  # distance and scale of the second search for a tilted face, see `search_near`


class YuNetFaceDetector:
    """YuNet (Wu et al. 2023, doi:10.1007/s11633-023-1423-y); see `FaceDetector`.

    A head's tilt is measured along the line from the point between the eyes to the middle of the mouth. The usual
    measure, the line between the eyes, is short if a face is seen from the side. The network underestimates the tilt by
    up to a half. So it looks at tilted faces a second time, turned by the tilt that it found first.

    Args:
        model_path: Path of the ONNX file, `face_detection_yunet_*.onnx` of OpenCV's model zoo.
        min_face_size: Side of the smallest faces in pixels; smaller ones are left out.
        score_threshold: Lowest score of a detection, 0..1.

    Raises:
        InputError: The file is not such a network.
    """

    finds_points = True

    def __init__(
        self, model_path: str | Path = YUNET_PATH, min_face_size: int = 0, score_threshold: float = SCORE_THRESHOLD
    ):
        self._network = YuNetNetwork(model_path, score_threshold)
        self._close_up_network = YuNetNetwork(model_path, score_threshold, CLOSE_UP_SIZE)
        self._min_face_size = max(1, min_face_size)

    def prepare(self, frame_bgr: np.ndarray) -> np.ndarray:
        """Return the frame itself, (height, width, 3) uint8, BGR."""
        return frame_bgr

    def search(self, picture: np.ndarray) -> list[FoundFace]:
        """Find the faces in a whole frame, (height, width, 3) uint8 BGR, from left to right."""
        height, width = picture.shape[:2]
        scale = min(1, MAX_SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        detections = self._network.find(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        to_picture = np.array([[width / size[0], 0, 0], [0, height / size[1], 0]])
        faces = [_face_of(detection, to_picture, 0, picture.shape) for detection in detections]
        return sort_faces(
            self._look_again(picture, face) if abs(face.angle) > MIN_TILT else face
            for face in self._large_enough(faces)
        )

    def search_near(self, picture: np.ndarray, known: FoundFace, distance: float, scale: float) -> list[FoundFace]:
        """Find a known face again in a square that is turned by its tilt; see `FaceDetector`.

        Returns:
            The face closest to the known one, or an empty list.
        """
        centre, side = _centre_of(known), max(known.box[2:])
        angle = known.angle if abs(known.angle) > MIN_TILT else 0
        square, to_picture = cut_square(picture, centre, side * (1 + 2 * distance), angle, CLOSE_UP_SIZE)
        detections = self._close_up_network.find(square)
        faces = [_face_of(detection, to_picture, angle, picture.shape) for detection in detections]
        faces = [face for face in self._large_enough(faces) if side / scale <= max(face.box[2:]) <= side * scale]
        return sorted(faces, key=lambda face: np.hypot(*(_centre_of(face) - centre)))[:1]

    def _large_enough(self, faces):
        return [face for face in faces if min(face.box[2:]) >= self._min_face_size]

    def _look_again(self, picture, face):
        return next(iter(self.search_near(picture, face, *SECOND_LOOK)), face)


def _face_of(detection, to_picture, angle, shape):
    """Convert a detection to a face.

    Args:
        detection: (15,) float, see `YuNetNetwork.find`.
        to_picture: (2, 3) float matrix from the coordinates of the searched square to those of the picture.
        angle: Degrees by which the square was turned clockwise.
        shape: Height and width of the picture in pixels.
    """
    x, y, width, height = detection[:4]
    centre = to_picture @ [x + width / 2, y + height / 2, 1]
    side = max(width, height) * BOX_SCALE * np.linalg.norm(to_picture[:, 0])
    limits = np.array([shape[1], shape[0]])
    start, end = (np.clip(centre + offset, 0, limits).round().astype(int) for offset in (-side / 2, side / 2))
    points = detection[4:14].reshape(5, 2)
    right_eye, left_eye, _, right_corner, left_corner = points
    down_x, down_y = right_corner + left_corner - right_eye - left_eye
    angle += np.degrees(np.arctan2(-down_x, down_y))
    box = tuple(map(int, (*start, *(end - start))))
    angle, score = float(np.clip(angle, -MAX_TILT, MAX_TILT)), min(1.0, float(detection[14]))
    in_picture = points @ to_picture[:, :2].T + to_picture[:, 2]
    return FoundFace(box, angle, score, tuple(map(tuple, in_picture.tolist())))


def _centre_of(face):
    x, y, width, height = face.box
    return np.array([x + width / 2, y + height / 2])
