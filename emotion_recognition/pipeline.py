"""From a frame to its faces' emotions: the only place that joins the stages."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from emotion_recognition.emotions.classifier import EmotionClassifier, open_classifier
from emotion_recognition.emotions.references import References
from emotion_recognition.faces.between import fill_between
from emotion_recognition.faces.boxes import boxes_of
from emotion_recognition.faces.confirmation import FaceConfirmation, confirm_ahead
from emotion_recognition.faces.crops import align_face
from emotion_recognition.faces.detection import FaceDetector, open_detector
from emotion_recognition.faces.embedding import FaceEmbedder
from emotion_recognition.faces.gaps import fill_gaps
from emotion_recognition.faces.judging import measure
from emotion_recognition.faces.nearby import NearbySearch
from emotion_recognition.faces.returning import ReturningPeople
from emotion_recognition.faces.scene_cuts import SceneCuts
from emotion_recognition.faces.tracking import FaceTracker
from emotion_recognition.groups import end_at_error, in_groups
from emotion_recognition.labels import FaceEmotion, InputError
from emotion_recognition.media.picture import Picture
from emotion_recognition.settings import REST_MODEL, REST_NONE, Settings
from emotion_recognition.threads import prefetch


@dataclass(frozen=True)
class Models:
    """What is opened once for all videos of a run.

    Attributes:
        detector: Finds the faces.
        classifier: Gives their probabilities.
        embedder: Tells people apart; None if that is not wanted, or if the detector does not find the points it needs.
    """

    detector: FaceDetector
    classifier: EmotionClassifier
    embedder: FaceEmbedder | None = None


def open_models(settings: Settings, classifier: EmotionClassifier | None = None) -> Models:
    """Open what the settings name.

    Args:
        settings: Options of the stages.
        classifier: Classifier that is open already.

    Raises:
        InputError: One of them cannot be opened.
    """
    detector = open_detector(settings)  # first, since a mistake here is found without waiting for the classifier
    embedder = open_embedder(settings, detector)
    return Models(detector, classifier or open_classifier(settings), embedder)


def open_embedder(settings: Settings, detector: FaceDetector) -> FaceEmbedder | None:
    """Open what tells people apart, if the settings want it and the detector finds the points that it needs."""
    return FaceEmbedder() if settings.identity and detector.finds_points else None


class EmotionPipeline:
    """Detector, classifier and tracker in a row. It remembers the faces of one video: make a new one for the next.

    If the detector knows how a head is tilted, the classifier sees it upright. Boxes are always upright.

    Args:
        models: Find the faces and give their probabilities. They may serve other videos too, one after the other.
        settings: Options of the stages.
        stills: Whether the frames are unrelated photographs, in each of which faces are numbered from left to right.
        fill_gaps: Whether `run` fills in faces that the detector missed for a moment, see `faces.gaps`.
        every: n, of which `run` analyses every nth frame, and the first of each scene. The others are filled in, see
            `faces.between`.

    Attributes:
        class_names: Names of the classes that the probabilities belong to.
        references: What the faces are compared with. `process` learns them; `run` only applies what is known.
        needs_frames: That `run` looks at the frames.
    """

    needs_frames = True

    def __init__(
        self, models: Models, settings: Settings, stills: bool = False, fill_gaps: bool = False, every: int = 1
    ):
        self._every = every
        self._search = NearbySearch(models.detector, 1 if stills else max(1, settings.whole_frame_every // every))
        self._scene_cuts = SceneCuts()
        self._cuts: set[int] = set()  # numbers of the frames that begin another scene, as `run` meets them
        self._classifier = models.classifier
        self.class_names = models.classifier.class_names
        rest = REST_MODEL if stills and settings.rest != REST_NONE else settings.rest  # each photograph stands alone
        self.references = References(models.classifier.model_file, rest)
        self._settings = settings
        self._tracker = None if stills else FaceTracker(settings.smoothing_seconds)
        self._confirm_seconds = 0 if stills else settings.confirm_seconds
        self._live_confirmation = FaceConfirmation(self._confirm_seconds)  # of `process`; `run` looks ahead instead
        tells_apart = models.embedder and not stills
        self._returning_people = ReturningPeople(models.embedder) if tells_apart else None  # likewise
        self._fills_gaps = fill_gaps and not stills

    def process(self, frame_bgr: np.ndarray, timestamp_ms: float) -> list[FaceEmotion]:
        """Find and classify all faces of a frame that is shown immediately, in one batch.

        Args:
            frame_bgr: (height, width, 3) uint8, BGR, with nothing drawn on it. It is not changed.
            timestamp_ms: When the frame is shown, in milliseconds; not below the previous frame's time.

        Returns:
            Its faces in the order of their numbers, from when they count, see `FaceConfirmation`. If people are told
            apart, they have their people.
        """
        is_cut = self._scene_cuts.is_cut(frame_bgr)
        found = self._search.detect(frame_bgr, is_cut)
        crops = _cut_out(Picture(frame_bgr), found)
        faces = self._follow(frame_bgr, timestamp_ms, is_cut, found, crops, self._predict(crops))
        self._live_confirmation.add(timestamp_ms, faces)
        faces = self._live_confirmation.select(faces)
        if self._returning_people:
            faces = self._returning_people.update(timestamp_ms, frame_bgr, faces)
        self.references.add(timestamp_ms, faces)
        return self.references.apply(faces)

    def begin_scene(self) -> None:
        """Let the next frame of `process` begin another scene, as after a pause: somebody else may sit there now."""
        self._scene_cuts = SceneCuts()

    def run(
        self, frames: Iterable[tuple[int, float, Picture]]
    ) -> Iterator[tuple[int, float, Picture, list[FaceEmotion]]]:
        """Process frames while others are still being read.

        Reading, detection and recognition each run in a thread of their own, some frames ahead. The network answers
        the faces of several frames in one batch.

        Close it (`contextlib.closing`) to end before the frames do.

        Args:
            frames: Number, timestamp in milliseconds and picture of each.

        Yields:
            The same with the faces that count, from the first frame in which they are seen, see `confirm_ahead`.

        Raises:
            InputError: What the frames raise, after all frames before it have been yielded.
        """
        errors: list[InputError] = []
        with (
            closing(prefetch(frames)) as read,
            closing(prefetch(in_groups(self._detect_all(read)), 1)) as groups,
            closing(prefetch(self._recognise_all(groups))) as recognised,
        ):
            results = confirm_ahead(end_at_error(recognised, errors), self._confirm_seconds)
            if self._every > 1:
                results = fill_between(results, self._cuts)
            if self._fills_gaps:
                results = fill_gaps(results, self._classify, self._settings.smoothing_seconds)
            for number, timestamp_ms, picture, faces in results:
                yield number, timestamp_ms, picture, self.references.apply(faces)
        if errors:
            raise errors[0]

    def _detect_all(self, frames):
        """Yield for each frame whether it begins another scene, and where its faces are; None if it is left out."""
        left_out = 0  # frames since the last one that was analysed
        for number, timestamp_ms, picture in frames:
            is_cut = self._scene_cuts.is_cut(picture.bgr if self._every == 1 else picture.sample())
            left_out = 0 if is_cut else (left_out + 1) % self._every
            if is_cut and self._every > 1:
                self._cuts.add(number)
            found = None if left_out else self._search.detect(picture.bgr, is_cut)
            yield number, timestamp_ms, picture, is_cut, found

    def _recognise_all(self, groups):
        for group in groups:
            crops = [_cut_out(picture, found or ()) for _, _, picture, _, found in group]
            probabilities = self._predict([crop for of_frame in crops for crop in of_frame])
            for (number, timestamp_ms, picture, is_cut, found), of_frame in zip(group, crops, strict=True):
                own, probabilities = probabilities[: len(of_frame)], probabilities[len(of_frame) :]
                faces = None
                if found is not None:
                    faces = self._follow(picture.bgr, timestamp_ms, is_cut, found, of_frame, own)
                yield number, timestamp_ms, picture, faces

    def _follow(self, frame_bgr, timestamp_ms, is_cut, found, crops, probabilities):
        """Give the faces that were found and classified their numbers."""
        track_ids = range(1, len(found) + 1)
        if self._tracker:
            track_ids, probabilities = self._tracker.update(timestamp_ms, boxes_of(found), probabilities, crops, is_cut)
        return [
            FaceEmotion(
                track_id,
                face.box,
                face_probabilities,
                self.class_names,
                face.angle,
                face.score,
                face.points,
                seen=measure(frame_bgr, face),
            )
            for track_id, face, face_probabilities in zip(track_ids, found, probabilities, strict=True)
        ]

    def _classify(self, picture, found):
        return self._predict(_cut_out(picture, found))

    def _predict(self, crops):
        return self._classifier.predict(crops, self._settings.test_time_augmentation)


def _cut_out(picture, found):
    return [align_face(picture.bgr, face) for face in found]
