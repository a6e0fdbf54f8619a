"""Before the camera: who leaves and comes back gets the old number. Everything is forgotten at the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

import numpy as np

from emotion_recognition.faces.embedding import FaceEmbedder
from emotion_recognition.faces.judging import GOOD_DISTANCE, take_picture
from emotion_recognition.faces.people import SAME_PERSON_DISTANCE
from emotion_recognition.faces.tracklets import distance_without_chance
from emotion_recognition.labels import FaceEmotion, Person

PICTURE_MS = 200.0  # between two pictures of a face of which there are fewer than ENOUGH_PICTURES
ENOUGH_PICTURES = 3  # to say who it is at once
WAIT_MS = 1000.0  # after which one picture is enough to say who it is
GIVE_UP_MS = 3000.0  # after which a face of which too little could be seen counts as a new person
REFRESH_MS = 2000.0  # between two pictures of a known person, since light and pose change
MAX_PICTURES = 24  # of a person; when there are more, every other one is forgotten
NOT_KNOWN = Person(0)


@dataclass
class _Pictures:
    """What is known of one face: vectors, and times in milliseconds."""

    since_ms: float
    vectors: list[np.ndarray] = field(default_factory=list)
    newest_ms: float = -np.inf

    @property
    def mean(self):
        return np.mean(self.vectors, axis=0)


class ReturningPeople:
    """Gives each face the number of its person, as far as that can be told while the camera runs.

    A face that appears while nobody is away is a new person. Otherwise it has the number 0, "not known", for up to a
    second, in which it is compared with those who are away.

    Args:
        embedder: Gives the vectors. It is called for one face a frame at most.
    """

    def __init__(self, embedder: FaceEmbedder):
        self._embedder = embedder
        self._numbers: dict[int, int] = {}  # of the person, by the tracker's number
        self._people: dict[int, _Pictures] = {}  # by the person's number
        self._newcomers: dict[int, _Pictures] = {}  # by the tracker's number

    def update(self, ms: float, frame_bgr: np.ndarray, faces: Sequence[FaceEmotion]) -> list[FaceEmotion]:
        """Say whose faces they are.

        Args:
            ms: When the frame is shown, in milliseconds.
            frame_bgr: (height, width, 3) uint8, BGR, with nothing drawn on it.
            faces: Its faces, with the tracker's numbers.

        Returns:
            The faces with their people, in the order of their numbers.
        """
        seen = {face.track_id for face in faces}
        self._newcomers = {
            track_id: self._newcomers.get(track_id, _Pictures(ms)) for track_id in seen if track_id not in self._numbers
        }
        present = {self._numbers[track_id] for track_id in seen if track_id in self._numbers}
        has_looked = False
        for face in faces:
            has_looked = has_looked or self._look(ms, frame_bgr, face)
            if face.track_id not in self._numbers and (number := self._recognise(ms, face.track_id, present)):
                self._numbers[face.track_id] = number
                present.add(number)
        named = [replace(face, person=self._person_of(face.track_id)) for face in faces]
        return sorted(named, key=attrgetter('number'))

    def _person_of(self, track_id):
        number = self._numbers.get(track_id)
        return Person(number, is_identified=bool(self._people[number].vectors)) if number else NOT_KNOWN

    def _look(self, ms, frame_bgr, face):
        """Take a picture of the face if one is due. Returns whether the network was called."""
        number = self._numbers.get(face.track_id)
        pictures = self._people[number] if number else self._newcomers[face.track_id]
        due_ms = PICTURE_MS if len(pictures.vectors) < ENOUGH_PICTURES else REFRESH_MS
        if ms - pictures.newest_ms < due_ms:
            return False
        judgement, picture_bgr = take_picture(frame_bgr, face)
        if judgement > GOOD_DISTANCE:
            return False
        pictures.newest_ms = ms
        pictures.vectors.append(self._embedder.embed([picture_bgr])[0])
        if len(pictures.vectors) > MAX_PICTURES:
            pictures.vectors = pictures.vectors[::2]
        return True

    def _recognise(self, ms, track_id, present):
        """Returns the number of a newcomer, or None while it is not known."""
        newcomer = self._newcomers[track_id]
        away = {number: one for number, one in self._people.items() if number not in present and one.vectors}
        count, waited_ms = len(newcomer.vectors), ms - newcomer.since_ms
        can_tell = count >= ENOUGH_PICTURES or (count and waited_ms >= WAIT_MS) or waited_ms >= GIVE_UP_MS
        if away and not can_tell:
            return None
        number = len(self._people) + 1
        if away and count:
            distances = {
                other: distance_without_chance(newcomer.mean, one.mean, count, len(one.vectors))
                for other, one in away.items()
            }
            closest = min(distances, key=distances.get)
            number = closest if distances[closest] < SAME_PERSON_DISTANCE else number
        known = self._people.setdefault(number, newcomer)
        if known is not newcomer:
            known.vectors = [*known.vectors, *newcomer.vectors][-MAX_PICTURES:]
        del self._newcomers[track_id]
        return number
