"""From a frame to its faces' emotions: the only place that joins the stages."""

from collections.abc import Iterable, Iterator
from contextlib import closing

import numpy as np

from emotion_recognition.classification import EmotionClassifier
from emotion_recognition.detection import FaceDetector
from emotion_recognition.labels import FaceEmotion
from emotion_recognition.prefetch import prefetch
from emotion_recognition.tracking import FaceTracker


class EmotionPipeline:
    """Detector, classifier and tracker in a row. It remembers the faces of one video: make a new one for the next.

    Args:
        detector: of the faces; a new one too.
        classifier: of the faces found.
        test_time_augmentation: average six views of each face, see `EmotionClassifier.predict`.
        smoothing_seconds: time constant over which a face's probabilities are averaged; 0 for each frame alone.
    """

    def __init__(
        self,
        detector: FaceDetector,
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
        return self._recognise(frame_bgr, timestamp_ms, self._detector.detect(frame_bgr))

    def run(
        self, frames: Iterable[tuple[int, float, np.ndarray]]
    ) -> Iterator[tuple[int, float, np.ndarray, list[FaceEmotion]]]:
        """Process frames while they are still being read: each stage works in a thread of its own, a few frames ahead.

        Close it (`contextlib.closing`) to end before the frames do.

        Args:
            frames: number, timestamp in milliseconds and picture of each, see `process`.

        Yields:
            The same with the faces.
        """
        with (
            closing(prefetch(frames)) as read,
            closing(prefetch(self._detect_all(read))) as detected,
            closing(prefetch(self._recognise_all(detected))) as recognised,
        ):
            yield from recognised

    def _detect_all(self, frames):
        for number, timestamp_ms, frame_bgr in frames:
            yield number, timestamp_ms, frame_bgr, self._detector.detect(frame_bgr)

    def _recognise_all(self, frames):
        for number, timestamp_ms, frame_bgr, boxes in frames:
            yield number, timestamp_ms, frame_bgr, self._recognise(frame_bgr, timestamp_ms, boxes)

    def _recognise(self, frame_bgr, timestamp_ms, boxes):
        crops = [frame_bgr[y : y + height, x : x + width] for x, y, width, height in boxes]
        probabilities = self._classifier.predict(crops, self._test_time_augmentation)
        track_ids, probabilities = self._tracker.update(timestamp_ms, boxes, probabilities, crops)
        faces = [
            FaceEmotion(track_id, tuple(map(int, box)), face_probabilities, self._classifier.class_names)
            for track_id, box, face_probabilities in zip(track_ids, boxes, probabilities, strict=True)
        ]
        return sorted(faces, key=lambda face: face.track_id)
