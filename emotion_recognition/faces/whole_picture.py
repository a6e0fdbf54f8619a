"""Photographs that show one face and nothing else, as in data sets of cut-out faces: each is taken as its face."""

import numpy as np

from emotion_recognition.faces.boxes import FoundFace


class WholePicture:
    """Takes the place of a detector: the whole picture is the one face, however small, and nothing is searched."""

    finds_points = False

    def prepare(self, frame_bgr: np.ndarray) -> np.ndarray:
        """Give back the frame, see `FaceDetector`."""
        return frame_bgr

    def search(self, picture: np.ndarray) -> list[FoundFace]:
        """Give the one face, whose box is the whole picture."""
        height, width = picture.shape[:2]
        return [FoundFace((0, 0, width, height))]

    def search_near(self, picture: np.ndarray, known: FoundFace, distance: float, scale: float) -> list[FoundFace]:
        """Give the one face, see `search`."""
        return self.search(picture)
