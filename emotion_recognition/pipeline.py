"""From a frame to its faces' emotions: the only place that joins the stages."""

from collections.abc import Iterable, Iterator
from contextlib import closing

import numpy as np

from emotion_recognition.baseline import FaceBaselines
from emotion_recognition.boxes import boxes_of
from emotion_recognition.classification import EmotionClassifier
from emotion_recognition.confirmation import FaceConfirmation, confirm_ahead
from emotion_recognition.crops import cut_level
from emotion_recognition.detection import FaceDetector
from emotion_recognition.gaps import fill_gaps
from emotion_recognition.labels import FaceEmotion, InputError
from emotion_recognition.prefetch import prefetch
from emotion_recognition.scenes import SceneCuts
from emotion_recognition.settings import Settings
from emotion_recognition.tracking import FaceTracker


class EmotionPipeline:
    """Detector, classifier and tracker in a row. It remembers the faces of one video: make a new one for the next.

    Tilted faces, where the detector tells, are turned upright for the classifier. Boxes are upright always.

    Args:
        detector: of the faces; a new one too.
        classifier: of the faces found.
        settings: of the stages.
        stills: the frames are photographs that have nothing to do with each other: faces are numbered from left to
            right in each. Such a detector searches each of them as a whole.

    Attributes:
        class_names: of the probabilities.
        baselines: what faces are compared with, None for nothing; may be set at any time.
    """

    def __init__(self, detector: FaceDetector, classifier: EmotionClassifier, settings: Settings, stills: bool = False):
        self._detector = detector
        self._classifier = classifier
        self.class_names = classifier.class_names
        self.baselines: FaceBaselines | None = None
        self._settings = settings
        self._tracker = None if stills else FaceTracker(settings.smoothing_seconds)
        self._cuts = SceneCuts()
        self._confirm_seconds = 0 if stills else settings.confirm_seconds
        self._live_confirmation = FaceConfirmation(self._confirm_seconds)

    def process(self, frame_bgr: np.ndarray, timestamp_ms: float) -> list[FaceEmotion]:
        """Find and classify all faces of a frame that is shown at once, in one batch.

        Args:
            frame_bgr: (height, width, 3) uint8, BGR, with nothing drawn on it; it is not changed.
            timestamp_ms: when it is shown, in milliseconds; not below the previous frame's.

        Returns:
            Its faces in the order of their numbers, as soon as they count, see `FaceConfirmation`.
        """
        faces = self._recognise(frame_bgr, timestamp_ms, self._detector.detect(frame_bgr))
        self._live_confirmation.add(timestamp_ms, faces)
        return self._compare(timestamp_ms, self._live_confirmation.select(faces))

    def run(
        self, frames: Iterable[tuple[int, float, np.ndarray]]
    ) -> Iterator[tuple[int, float, np.ndarray, list[FaceEmotion]]]:
        """Process frames while they are still being read: each stage works in a thread of its own, a few frames ahead.

        Close it (`contextlib.closing`) to end before the frames do.

        Args:
            frames: number, timestamp in milliseconds and picture of each, see `process`.

        Yields:
            The same with the faces that count, from the first frame on in which they are seen, see `confirm_ahead`.

        Raises:
            InputError: what the frames themselves raise, once all before it were yielded.
        """
        errors: list[InputError] = []
        with (
            closing(prefetch(frames)) as read,
            closing(prefetch(self._detect_all(read))) as detected,
            closing(prefetch(self._recognise_all(detected))) as recognised,
        ):
            results = confirm_ahead(_end_at_error(recognised, errors), self._confirm_seconds)
            if self._tracker and self._settings.fill_gaps:
                results = fill_gaps(results, self._classify, self._settings.smoothing_seconds)
            for number, timestamp_ms, frame_bgr, faces in results:
                yield number, timestamp_ms, frame_bgr, self._compare(timestamp_ms, faces)
        if errors:
            raise errors[0]

    def _detect_all(self, frames):
        for number, timestamp_ms, frame_bgr in frames:
            yield number, timestamp_ms, frame_bgr, self._detector.detect(frame_bgr)

    def _recognise_all(self, frames):
        for number, timestamp_ms, frame_bgr, found in frames:
            yield number, timestamp_ms, frame_bgr, self._recognise(frame_bgr, timestamp_ms, found)

    def _recognise(self, frame_bgr, timestamp_ms, found):
        crops = [cut_level(frame_bgr, face) for face in found]
        probabilities = self._predict(crops)
        track_ids = range(1, len(found) + 1)
        if self._tracker:
            is_cut = self._cuts.is_cut(frame_bgr)
            track_ids, probabilities = self._tracker.update(timestamp_ms, boxes_of(found), probabilities, crops, is_cut)
        return [
            FaceEmotion(track_id, face.box, face_probabilities, self.class_names, face.angle)
            for track_id, face, face_probabilities in zip(track_ids, found, probabilities, strict=True)
        ]

    def _classify(self, frame_bgr, found):
        return self._predict([cut_level(frame_bgr, face) for face in found])

    def _predict(self, crops):
        return self._classifier.predict(crops, self._settings.test_time_augmentation)

    def _compare(self, timestamp_ms, faces):
        return self.baselines.compare(timestamp_ms, faces) if self.baselines else faces


def _end_at_error(frames, errors):
    """End instead of raising an error, which is noted: frames that wait behind must not be lost with it."""
    try:
        yield from frames
    except InputError as error:
        errors.append(error)
