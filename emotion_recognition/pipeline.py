"""From a frame to its faces' emotions: the only place that joins the stages."""

import numpy as np

from emotion_recognition.classification import EmotionClassifier
from emotion_recognition.detection import HaarFaceDetector
from emotion_recognition.labels import FaceEmotion
from emotion_recognition.tracking import FaceTracker


class EmotionPipeline:
    """Detector, classifier and tracker in a row. It remembers the faces of one video: make a new one for the next.

    Args:
        detector: its `detect(frame_bgr)` gives (n, 4) boxes.
        classifier: its `predict(faces_bgr, test_time_augmentation)` gives (n, K) probabilities.
        test_time_augmentation: classify each face's mirror image too and average.
        smoothing_seconds: time constant over which a face's probabilities are averaged; 0 for each frame alone.
    """

    def __init__(
        self,
        detector: HaarFaceDetector,
        classifier: EmotionClassifier,
        test_time_augmentation: bool = False,
        smoothing_seconds: float = 0.0,
    ):
        self._detector = detector
        self._classifier = classifier
        self._test_time_augmentation = test_time_augmentation
        self._tracker = FaceTracker(smoothing_seconds)

    def process(self, frame_bgr: np.ndarray, timestamp_ms: float) -> list[FaceEmotion]:
        """Find and classify all faces of a frame, in one batch.

        Args:
            frame_bgr: (height, width, 3) uint8, BGR, with nothing drawn on it; it is not changed.
            timestamp_ms: when it is shown, in milliseconds; not below the previous frame's.

        Returns:
            Its faces in the order of their numbers.
        """
        boxes = self._detector.detect(frame_bgr)
        crops = [frame_bgr[y : y + height, x : x + width] for x, y, width, height in boxes]
        probabilities = self._classifier.predict(crops, self._test_time_augmentation)
        track_ids, probabilities = self._tracker.update(timestamp_ms, boxes, probabilities, crops)
        faces = [
            FaceEmotion(track_id, tuple(map(int, box)), face_probabilities, self._classifier.class_names)
            for track_id, box, face_probabilities in zip(track_ids, boxes, probabilities, strict=True)
        ]
        return sorted(faces, key=lambda face: face.track_id)
