"""What the review page shows: exact times and periods of a video's faces, their curves and their pictures."""

import hashlib
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from emotion_recognition.labels import FACES, PEOPLE, FaceEmotion, emotion_colour_bgr, hatch_of
from emotion_recognition.media.part import WHOLE_VIDEO, Part
from emotion_recognition.media.picture import Picture
from emotion_recognition.media.video_writer import shift_of_copy
from emotion_recognition.results.corrections import Correction, Corrections
from emotion_recognition.results.curves import Curves
from emotion_recognition.results.drawing import place_labels
from emotion_recognition.results.face_pictures import FacePictures
from emotion_recognition.results.spans import Span


@dataclass
class ReviewPeriod:
    """A stretch of frames in which a face is seen without a break, keeps its emotion, is the same person's, and is
    corrected by the same row.

    Attributes:
        found_as: Face number that the tracker gave.
        face: Corrected number that is shown: the person's, or the face's if people are not told apart.
        emotion: Name of the emotion.
        frame_start, frame_end: Places of its first and last frame among those that were analysed, from 1.
        by_person: Whether a person chose the emotion.
        row: Row of the corrected table that is about it, or None.
        confidence_sum: Sum of the network's confidences in its frames.
    """

    found_as: int
    face: int
    emotion: str
    frame_start: int
    frame_end: int
    by_person: bool
    row: Correction | None
    confidence_sum: float = 0.0

    def to_json(self, class_names: Sequence[str]) -> list:
        """Convert it for the page's scripts, see `unpackPeriods` in periods.js."""
        confidence = round(self.confidence_sum / (self.frame_end - self.frame_start + 1), 4)
        use, note = (self.row.use, self.row.note) if self.row else (True, '')
        emotion = class_names.index(self.emotion)
        first_fields = [self.found_as, self.face, emotion, self.frame_start - 1, self.frame_end - 1]
        return [*first_fields, confidence, int(self.by_person), int(use), note]


class Review:
    """Collects what the page shows: exact times and periods, and thinned curves. An hour of video takes a few MB.

    Args:
        class_names: Names of the classes that the probabilities belong to.
        corrections: Corrections that the page begins with. Faces are added as they were found.
        run_name: Name of the run for the corrected table, see `corrections.name_run`. It may be set later.
    """

    def __init__(self, class_names: Sequence[str], corrections: Corrections | None = None, run_name: str = ''):
        self.run_name = run_name
        self._class_names = class_names
        self._corrections = corrections
        self._times_us = array('q')
        self._first_frame = 1  # number of the first frame; the page counts from there
        self._curves, self._pictures = Curves(), FacePictures()
        self._names: dict[int, str] = {}  # of the people as they were found; empty if they are not told apart
        self._periods: list[ReviewPeriod] = []
        self._ongoing: dict[int, ReviewPeriod] = {}

    def add(
        self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion], picture: Picture | None = None
    ) -> None:
        """Add the next frame.

        Args:
            frame_number: Its number, from 1.
            timestamp_ms: When it is shown, in milliseconds.
            faces: Its faces as they were found.
            picture: Its picture, with nothing drawn on it; None if the faces have their own pictures, and nobody wants
                the places of their labels.
        """
        if not self._times_us:
            self._first_frame = frame_number
        self._times_us.append(round(timestamp_ms * 1000))
        place = len(self._times_us)
        self._pictures.add(place, picture, faces)
        drawn: dict[int, FaceEmotion] = {}  # by the tracker's numbers
        before, self._ongoing = self._ongoing, {}
        for found in faces:
            if found.person:
                self._names[found.person.number] = found.person.name
            row = self._corrections.find(found.track_id, frame_number) if self._corrections else None
            face, period = self._corrections.correct(found, row) if row else found, before.get(found.track_id)
            state = (face.number, face.emotion, bool(face.corrected), row)
            if period is None or (period.face, period.emotion, period.by_person, period.row) != state:
                number, emotion, by_person, _ = state
                period = ReviewPeriod(found.track_id, number, emotion, place, place, by_person, row)
                self._periods.append(period)
            period.frame_end = place
            period.confidence_sum += found.confidence
            self._ongoing[found.track_id] = period
            if row is None or row.use:
                drawn[found.track_id] = face
        self._curves.add(place, faces, self._place_labels(drawn, picture))

    def _place_labels(self, drawn, picture):
        if picture is None:
            return {}
        if self._corrections:  # they are then drawn in the order of their new numbers
            drawn = dict(sorted(drawn.items(), key=lambda item: item[1].number))
        labels = place_labels(picture.shape, drawn.values())
        return {track_id: label.box for track_id, label in zip(drawn, labels, strict=True)}

    @property
    def words(self) -> tuple[str, str]:
        """What the rows of the page are: one of them, several."""
        return PEOPLE if self._names else FACES

    def to_json(
        self, name: str, video_url: str, is_annotated: bool, spans: Sequence[Span], part: Part = WHOLE_VIDEO
    ) -> dict:
        """Convert everything that the page shows to its data.

        Args:
            name: Name of the video.
            video_url: URL of the video that the page plays.
            is_annotated: Whether that video has labels and VideoWriter wrote it, see `shift_of_copy`.
            spans: Spans that are shown above the faces.
            part: Part of the video that was analysed.
        """
        first_us, names = self._times_us[0] if self._times_us else 0, self._class_names
        content = {
            'name': name,
            'video': video_url,
            'shift': shift_of_copy(first_us, part) if is_annotated else 0,
            'firstFrame': self._first_frame,
            'times': [b - a for a, b in zip([0, *self._times_us], self._times_us, strict=False)],
            'classes': [[name, _to_css(emotion_colour_bgr(name, names)), hatch_of(name, names)] for name in names],
            'words': self.words,
            'people': self._names,
            'pictures': self._pictures.to_json(),
            'framesPerBucket': self._curves.frames_per_bucket,
            'curves': self._curves.to_json(with_labels=is_annotated),
            'periods': [period.to_json(self._class_names) for period in self._periods],
            'runName': self.run_name,
            'spans': [[span.name, round(span.start_ms * 1000), round(span.end_ms * 1000)] for span in spans],
        }
        # A browser keeps corrections for this result, not for that of another run of the same video. Which video is
        # played and which spans are shown makes no difference.
        result = [content[part] for part in ('name', 'times', 'periods', 'runName')]
        return content | {'run': hashlib.sha256(json.dumps(result).encode()).hexdigest()[:16]}


def _to_css(colour_bgr):
    return '#' + ''.join(f'{value:02x}' for value in reversed(colour_bgr))
