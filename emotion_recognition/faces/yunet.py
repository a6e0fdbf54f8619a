"""YuNet, OpenCV's small network for faces: turned, tilted and half-hidden ones too."""

from pathlib import Path

import cv2
import numpy as np

from emotion_recognition.faces.boxes import FoundFace, sort_faces
from emotion_recognition.faces.crops import cut_square
from emotion_recognition.labels import InputError

# Of the OpenCV Zoo, MIT licence; the hash is the one that its Git LFS pointer names.
YUNET_ADDRESS = (
    'https://media.githubusercontent.com/media/opencv/opencv_zoo/47534e27c9851bb1128ccc0102f1145e27f23f98/'
    'models/face_detection_yunet/face_detection_yunet_2026may.onnx'
)
YUNET_SHA256 = 'ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0'

# Side of a face's square box, in heights of YuNet's: on the training images, enlarged, YuNet's boxes are 1.07 of the
# image, Haar's 0.98. Of 700 validation images 76.2 % were classified right so, 75.0 % with the whole height.
BOX_SCALE = 0.93
LARGEST_SIDE = 640  # pixels that a frame is scaled down to: finds faces from some 15 pixels there
SMALLEST_SIDE = 64  # pixels; where the network's coarsest map has one row or column, OpenCV sees faces in chance memory
CLOSE_UP_SIZE = 128  # pixels, of the squares in which single faces are looked at; one takes a tenth of a frame's time
SCORE_THRESHOLD = 0.7  # 0..1
LEVEL_ENOUGH = 8  # degrees: heads that seem tilted less are looked at as they are, so that small errors do not add up
LARGEST_ANGLE = 60  # degrees: YuNet finds hardly any face that is tilted more
SECOND_LOOK = (0.3, 1.5)  # how far around a face, in its sizes, and how much larger or smaller, see `search_near`


class YuNetFaceDetector:
    """OpenCV's small network for faces (Wu et al. 2023, doi:10.1007/s11633-023-1423-y); see `FaceDetector`.

    A head's tilt is that of the line from between the eyes to the middle of the mouth: the line between the eyes, which
    is the usual measure, is short where a face is seen from the side. The network sees tilted heads too upright, by up
    to a half. So it looks at them a second time, turned as it saw them.

    Args:
        model_path: ONNX file, `face_detection_yunet_*.onnx` of OpenCV's model zoo.
        min_face_size: in pixels; smaller faces are left out.
        score_threshold: 0..1; detections below it are left out.

    Raises:
        InputError: the file is not such a network.
    """

    def __init__(self, model_path: str | Path, min_face_size: int = 0, score_threshold: float = SCORE_THRESHOLD):
        size = (CLOSE_UP_SIZE, CLOSE_UP_SIZE)
        try:
            # Two of them, since each plans its work anew when the size changes, which takes as long as two close-ups.
            self._network, self._close_up_network = (
                cv2.FaceDetectorYN.create(str(model_path), '', size, score_threshold) for _ in range(2)
            )
            self._close_up_network.detect(np.zeros((*size, 3), np.uint8))
        except (cv2.error, SystemError):
            raise InputError(f'{model_path}: not a YuNet face detector; OpenCV cannot read it as one') from None
        self._min_face_size = max(1, min_face_size)

    def prepare(self, frame_bgr: np.ndarray) -> np.ndarray:
        """The frame itself."""
        return frame_bgr

    def search(self, picture: np.ndarray) -> list[FoundFace]:
        """Find the faces."""
        height, width = picture.shape[:2]
        scale = min(1, LARGEST_SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        below, beside = (max(0, SMALLEST_SIDE - side) for side in reversed(size))
        resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        resized = cv2.copyMakeBorder(resized, 0, below, 0, beside, cv2.BORDER_CONSTANT)
        self._network.setInputSize(resized.shape[1::-1])
        detections = _detect(self._network, resized)
        to_picture = np.array([[width / size[0], 0, 0], [0, height / size[1], 0]])
        faces = [_face_of(detection, to_picture, 0, picture.shape) for detection in detections]
        return sort_faces(
            self._look_again(picture, face) if abs(face.angle) > LEVEL_ENOUGH else face
            for face in self._large_enough(faces)
        )

    def search_near(self, picture: np.ndarray, known: FoundFace, distance: float, scale: float) -> list[FoundFace]:
        """Find a known face again, turned upright as it was; see `FaceDetector`. Returns one face, or none."""
        centre, side = _middle(known), max(known.box[2:])
        angle = known.angle if abs(known.angle) > LEVEL_ENOUGH else 0
        square, to_picture = cut_square(picture, centre, side * (1 + 2 * distance), angle, CLOSE_UP_SIZE)
        detections = _detect(self._close_up_network, square)
        faces = [_face_of(detection, to_picture, angle, picture.shape) for detection in detections]
        faces = [face for face in self._large_enough(faces) if side / scale <= max(face.box[2:]) <= side * scale]
        return sorted(faces, key=lambda face: np.hypot(*(_middle(face) - centre)))[:1]

    def _large_enough(self, faces):
        return [face for face in faces if min(face.box[2:]) >= self._min_face_size]

    def _look_again(self, picture, face):
        return next(iter(self.search_near(picture, face, *SECOND_LOOK)), face)


def _detect(network, picture):
    """(n, 15) float: box, five points (both eyes, nose, both corners of the mouth), score."""
    _, detections = network.detect(picture)
    if detections is None:
        return np.empty((0, 15))
    return detections[np.isfinite(detections).all(axis=1)]  # OpenCV now and then returns one that is not


def _face_of(detection, to_picture, angle, shape):
    """The face in a picture of a shape, from a detection in what was cut out of it, turned by an angle."""
    x, y, width, height = detection[:4]
    middle = to_picture @ [x + width / 2, y + height / 2, 1]
    side = max(width, height) * BOX_SCALE * np.linalg.norm(to_picture[:, 0])
    limits = np.array([shape[1], shape[0]])
    start, end = (np.clip(middle + offset, 0, limits).round().astype(int) for offset in (-side / 2, side / 2))
    right_eye, left_eye, _, right_corner, left_corner = detection[4:14].reshape(5, 2)
    down_x, down_y = right_corner + left_corner - right_eye - left_eye
    angle += np.degrees(np.arctan2(-down_x, down_y))
    return FoundFace(tuple(map(int, (*start, *(end - start)))), float(np.clip(angle, -LARGEST_ANGLE, LARGEST_ANGLE)))


def _middle(face):
    x, y, width, height = face.box
    return np.array([x + width / 2, y + height / 2])
