"""OpenCV's Haar cascade, which finds upright faces from the front; its file comes with this project."""

from pathlib import Path

import cv2
import numpy as np

from emotion_recognition.faces.boxes import FoundFace, sort_faces
from emotion_recognition.labels import InputError
from emotion_recognition.settings import SHIPPED

CASCADE_PATH = SHIPPED / 'face_detector' / 'haarcascade_frontalface_default.xml'


class HaarFaceDetector:
    """OpenCV's frontal face detector (Viola and Jones 2001, doi:10.1109/CVPR.2001.990517); see `FaceDetector`.

    Args:
        cascade_path: Path of the XML file of a Haar cascade.
        scale_factor: Ratio between two sizes at which faces are searched, above 1.
        min_neighbors: How many overlapping hits make a face.
        min_face_size: Side of the smallest faces that are searched, in pixels.

    Raises:
        InputError: The file is not a cascade.
    """

    finds_points = False

    def __init__(
        self,
        cascade_path: str | Path = CASCADE_PATH,
        scale_factor: float = 1.3,
        min_neighbors: int = 5,
        min_face_size: int = 0,
    ):
        try:
            self._cascade = cv2.CascadeClassifier(str(cascade_path))
        except (cv2.error, SystemError):
            self._cascade = None
        if self._cascade is None or self._cascade.empty():
            raise InputError(f'{cascade_path}: not a Haar cascade; OpenCV cannot read it as one')
        self.scale_factor = scale_factor
        self.min_neighbors = min_neighbors
        self.min_face_size = min_face_size

    def prepare(self, frame_bgr: np.ndarray) -> np.ndarray:
        """Convert a frame, (height, width, 3) uint8 BGR, to grey, (height, width) uint8."""
        return cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)

    def search(self, picture: np.ndarray, min_size: float = 0, max_size: float = 0) -> list[FoundFace]:
        """Find the faces in a grey picture, from left to right.

        Args:
            picture: (height, width) uint8.
            min_size: Side of the smallest faces in pixels, in addition to the detector's own limit.
            max_size: Side of the largest faces in pixels; 0 for no limit.
        """
        smallest, largest = round(max(min_size, self.min_face_size)), round(max_size)
        boxes = self._cascade.detectMultiScale(
            picture, self.scale_factor, self.min_neighbors, minSize=(smallest, smallest), maxSize=(largest, largest)
        )
        return sort_faces(FoundFace(tuple(map(int, box))) for box in boxes)

    def search_near(self, picture: np.ndarray, known: FoundFace, distance: float, scale: float) -> list[FoundFace]:
        """Find the faces around a known one; see `FaceDetector`."""
        x, y, width, height = known.box
        left, top = max(0, int(x - distance * width)), max(0, int(y - distance * height))
        right, bottom = int(x + (1 + distance) * width), int(y + (1 + distance) * height)
        faces = self.search(picture[top:bottom, left:right], width / scale, width * scale)
        return [FoundFace((face.box[0] + left, face.box[1] + top, *face.box[2:])) for face in faces]
