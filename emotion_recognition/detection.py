"""Finding faces in a frame."""

from pathlib import Path

import cv2
import numpy as np

from emotion_recognition.labels import InputError


class HaarFaceDetector:
    """OpenCV's frontal face detector (Viola and Jones 2001, doi:10.1109/CVPR.2001.990517).

    Args:
        cascade_path: XML file of a Haar cascade.
        scale_factor: ratio between two sizes at which faces are looked for, above 1.
        min_neighbors: how many overlapping hits make a face.

    Raises:
        InputError: the file is missing or not a cascade.
    """

    def __init__(self, cascade_path: str | Path, scale_factor: float = 1.3, min_neighbors: int = 5):
        if not Path(cascade_path).is_file():
            raise InputError(f'{cascade_path}: no such cascade file')
        try:
            self._cascade = cv2.CascadeClassifier(str(cascade_path))
        except (cv2.error, SystemError):
            self._cascade = None
        if self._cascade is None or self._cascade.empty():
            raise InputError(f'{cascade_path}: not a Haar cascade; OpenCV cannot read it as one')
        self.scale_factor = scale_factor
        self.min_neighbors = min_neighbors

    def detect(self, frame_bgr: np.ndarray) -> np.ndarray:
        """Find faces.

        Args:
            frame_bgr: (height, width, 3) uint8, BGR.

        Returns:
            (n, 4) int array of x, y, width, height in pixels, from left to right; n may be 0.
        """
        grey = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)
        boxes = self._cascade.detectMultiScale(grey, self.scale_factor, self.min_neighbors)
        boxes = np.array(boxes, int).reshape(-1, 4)
        return boxes[np.lexsort((boxes[:, 1], boxes[:, 0]))]
