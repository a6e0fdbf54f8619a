"""From a frame to its faces' emotions: the only place that joins the stages."""

import numpy as np

from emotion_recognition.classification import EmotionClassifier
from emotion_recognition.detection import HaarFaceDetector
from emotion_recognition.labels import FaceEmotion


class EmotionPipeline:
    """Detector and classifier in a row.

    Args:
        detector: its `detect(frame_bgr)` gives (n, 4) boxes.
        classifier: its `predict(faces_bgr, test_time_augmentation)` gives (n, K) probabilities.
        test_time_augmentation: classify each face's mirror image too and average.
    """

    def __init__(self, detector: HaarFaceDetector, classifier: EmotionClassifier, test_time_augmentation: bool = False):
        self._detector = detector
        self._classifier = classifier
        self._test_time_augmentation = test_time_augmentation

    def process(self, frame_bgr: np.ndarray) -> list[FaceEmotion]:
        """Find and classify all faces of a frame, in one batch.

        Args:
            frame_bgr: (height, width, 3) uint8, BGR, with nothing drawn on it; it is not changed.

        Returns:
            Its faces from left to right.
        """
        boxes = self._detector.detect(frame_bgr)
        faces = [frame_bgr[y : y + height, x : x + width] for x, y, width, height in boxes]
        probabilities = self._classifier.predict(faces, self._test_time_augmentation)
        return [
            FaceEmotion(tuple(map(int, box)), face_probabilities, self._classifier.class_names)
            for box, face_probabilities in zip(boxes, probabilities, strict=True)
        ]
