"""The nine emotions, their colours and hatches, the value for one face in one frame, and the words for errors."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

# In the class order of this project's model.h5. A model's own class names come from its file.
EMOTIONS = ('anger', 'contempt', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise', 'uncertain')
NEUTRAL = 'neutral'
FROM_REST = '_from_rest'  # suffix of a class's second column: its probability compared with a face's reference at rest
# What valence is computed from; of the negative emotions, those that a model has
POSITIVE, NEGATIVES = 'happy', ('anger', 'contempt', 'disgust', 'fear', 'sad')

# BGR, 0..255. Dark text is easy to read on all of them, and they stand out in dark and bright frames.
EMOTION_COLOURS_BGR = {
    'anger': (70, 70, 240),
    'contempt': (200, 120, 235),
    'disgust': (80, 190, 120),
    'fear': (230, 130, 170),
    'happy': (60, 215, 255),
    'neutral': (215, 215, 215),
    'sad': (240, 165, 80),
    'surprise': (50, 150, 255),
    'uncertain': (165, 165, 165),
}
OTHER_COLOURS_BGR = (  # for class names that are not among the nine, in their order
    (200, 200, 30),
    (150, 170, 225),
    (90, 250, 190),
    (255, 225, 140),
    (40, 125, 185),
    (130, 190, 30),
)
# Lines or dots on the colours, so that colour is not the only sign: by a class's place among the model's classes, as
# matplotlib writes them. The review page draws them too (timeline.js).
HATCHES = ('//', '...', '||', '\\\\', '', '--', '++', 'xx', '.')
OTHER_COLOUR_BGR = (200, 200, 200)  # for class names that are not among the nine
HIDDEN = re.compile(r'\..*\.(tmp|lock)|\.faces')  # names of temporary files, which the user does not know


def emotion_colour_bgr(emotion: str, class_names: Sequence[str] = EMOTIONS) -> tuple[int, int, int]:
    """Colour of an emotion as blue, green, red, 0..255.

    Args:
        emotion: Its name, one of the classes.
        class_names: The model's classes. Those that are not among the nine get further colours in their order; the
            seventh of them has that of the first again.
    """
    if emotion in EMOTION_COLOURS_BGR:
        return EMOTION_COLOURS_BGR[emotion]
    others = [name for name in class_names if name not in EMOTION_COLOURS_BGR]
    return OTHER_COLOURS_BGR[others.index(emotion) % len(OTHER_COLOURS_BGR)]


def has_valence(class_names: Sequence[str]) -> bool:
    """Whether valence can be computed from these classes: happy and a negative emotion are among them."""
    return POSITIVE in class_names and not set(NEGATIVES).isdisjoint(class_names)


def hatch_of(emotion: str, class_names: Sequence[str]) -> str:
    """Hatch of an emotion in matplotlib's letters: that of its place among the model's classes, see `HATCHES`."""
    return HATCHES[class_names.index(emotion) % len(HATCHES)]


class InputError(Exception):
    """A problem with a file or an option that the user can fix. Scripts print it in one line and exit with code 1."""


def reason(error: BaseException) -> str:
    """What went wrong, in the words of the operating system or a library, without the name of any file."""
    return getattr(error, 'strerror', None) or str(error)


def describe_error(error: BaseException, path: Path | None = None) -> str:
    """One line for the user about an InputError, which says all by itself, or another error, which does not.

    Args:
        error: The error.
        path: File that the user knows. It is named where an OSError names none, or a hidden file.
    """
    if not isinstance(error, OSError):
        return str(error)
    names = [str(name) for name in (getattr(error, 'filename2', None), error.filename) if isinstance(name, str | Path)]
    shown = [name for name in names if not any(HIDDEN.fullmatch(part) for part in Path(name).parts)]
    file = next(iter(shown), path)
    return f'{file}: {reason(error)}' if file else reason(error)


FACES, PEOPLE = ('face', 'faces'), ('person', 'people')  # words for what has a number: one of them, several
Points = tuple[tuple[float, float], ...]  # x, y in pixels of both eyes, the nose and both corners of the mouth


@dataclass(frozen=True)
class Person:
    """Whose face it is.

    Attributes:
        number: Number of the person, from 1, the same in every frame, across absences and cuts.
        name: Name that the user gave the person, or an empty text.
        is_identified: Whether the face could be compared with others. If it was always too small, too blurred or turned
            away too far, it counts as a person of its own.
        details: Names and values of further columns of the user's table of people.
    """

    number: int
    name: str = ''
    is_identified: bool = True
    details: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """What names the person in pictures and pages: the name, otherwise `person 1`."""
        return self.name or f'person {self.number}'


class FaceQuality(NamedTuple):
    """How well a face can be seen. The names are those of the columns in the table of faces.

    Attributes:
        eye_distance: Between the eyes, in pixels of the frame, as they would be if the head faced the camera.
        sharpness: Variance of the Laplacian of the face at 128 x 128 pixels, as a share of that of its brightness.
        turn: By how many degrees the head is turned to one side, roughly; 0 if it faces the camera.
        score: How sure the detector is, 0 to 1.
        quality: One number of sharpness, turn and score, 0 to 1; see `faces.judging`.
    """

    eye_distance: float
    sharpness: float
    turn: float
    score: float
    quality: float


@dataclass(frozen=True)
class FaceEmotion:
    """One face in one frame.

    Attributes:
        track_id: Face number that the tracker gave, from 1. It is the same while the face is seen without a long break.
        box: x, y, width, height in pixels of the frame.
        probabilities: (K,) float32, summing to 1, in the order of `class_names`: what the network said, smoothed over
            time if smoothing is on.
        class_names: The model's K class names.
        angle: Tilt of the head in degrees, clockwise as it is seen in the frame; 0 if the detector cannot measure it.
        score: How sure the detector is that this is a face, 0 to 1; 1 if it cannot say.
        points: Its five points, see `FoundFace`; None if the detector does not find them.
        detected: False if the detector missed the face and it was filled in.
        probabilities_from_rest: (K,) float32, summing to 1: the same compared with the face's reference at rest, see
            `References`. None if there is no reference.
        corrected: The emotion that somebody has corrected it to, or None.
        person: Whose face it is, or None if people are not told apart.
        seen: How well it can be seen; None if the detector does not find points, or missed the face.
        picture_jpeg: A small picture of it, as a JPEG file, if one was kept.
    """

    track_id: int
    box: tuple[int, int, int, int]
    probabilities: np.ndarray
    class_names: tuple[str, ...] = EMOTIONS
    angle: float = 0.0
    score: float = 1.0
    points: Points | None = None
    detected: bool = True
    probabilities_from_rest: np.ndarray | None = None
    corrected: str | None = None
    person: Person | None = None
    seen: FaceQuality | None = None
    picture_jpeg: bytes = b''

    @property
    def number(self) -> int:
        """The number that is shown: the person's, or the tracker's if people are not told apart."""
        return self.person.number if self.person else self.track_id

    @property
    def who(self) -> str:
        """What names the face in pictures and pages: the person's name, otherwise `person 1` or `face 1`."""
        return self.person.label if self.person else f'face {self.track_id}'

    @property
    def emotion(self) -> str:
        """A person's correction if there is one, otherwise the most probable class of `shown`."""
        return self.corrected or self.class_names[int(self.shown.argmax())]

    @property
    def confidence(self) -> float:
        """Probability of the most probable class of `shown`, 0 to 1. It does not depend on a correction."""
        return float(self.shown.max())

    @property
    def valence(self) -> float:
        """How pleasant the face looks, -1 to 1: probability of happy minus that of the most probable negative emotion.

        This is FaceReader's definition (Noldus), with contempt as one of the negative emotions. It is computed from
        `shown`; the network was not trained for it. Negative emotions that the model does not have are left out; the
        classes must include what it needs, see `has_valence`.
        """
        of_class = dict(zip(self.class_names, self.shown, strict=True))
        return float(of_class[POSITIVE] - max(of_class[name] for name in NEGATIVES if name in of_class))

    @property
    def shown(self) -> np.ndarray:
        """The probabilities that are shown, (K,) float32: compared with the reference at rest if there is one."""
        return self.probabilities if self.probabilities_from_rest is None else self.probabilities_from_rest
