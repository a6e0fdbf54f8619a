"""The nine emotions, their colours, and the value that stands for one face in one frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Class order of model.h5 as this project trains it; a model's own names come from its file.
EMOTIONS = ('anger', 'contempt', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise', 'uncertain')
NEUTRAL = 'neutral'
POSITIVE, NEGATIVES = 'happy', ('anger', 'contempt', 'disgust', 'fear', 'sad')  # of valence

# BGR, 0..255. Dark text stands out on all of them, and they stand out on dark and bright pictures.
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
OTHER_COLOUR_BGR = (200, 200, 200)  # for class names that are not among the nine


def emotion_colour_bgr(emotion: str) -> tuple[int, int, int]:
    """Colour of an emotion: B, G, R, 0..255."""
    return EMOTION_COLOURS_BGR.get(emotion, OTHER_COLOUR_BGR)


def has_valence(class_names: Sequence[str]) -> bool:
    """Whether valence can be told from these classes: all that it is made of are among them."""
    return {POSITIVE, *NEGATIVES} <= set(class_names)


class InputError(Exception):
    """A file or setting that the user can mend. Scripts print it as one line and exit with code 1."""


@dataclass(frozen=True)
class FaceEmotion:
    """One face in one frame.

    Attributes:
        track_id: number of the face, from 1; the same one in every frame.
        box: (x, y, width, height) in pixels of the frame.
        probabilities: (K,) float32, smoothed over time where that is on, summing to 1, in the order of `class_names`.
        class_names: the model's K class names.
        angle: degrees by which the head is tilted clockwise in the picture, as far as the detector tells.
        detected: False where the detector missed the face and it was filled in.
        probabilities_from_baseline: (K,) float32, how it has changed from its baseline, summing to 1, see
            `FaceBaselines`; None for a face without one.
        corrected: the emotion that a person says it is, None for what the network says.
    """

    track_id: int
    box: tuple[int, int, int, int]
    probabilities: np.ndarray
    class_names: tuple[str, ...] = EMOTIONS
    angle: float = 0.0
    detected: bool = True
    probabilities_from_baseline: np.ndarray | None = None
    corrected: str | None = None

    @property
    def emotion(self) -> str:
        """A person's correction, else the most probable class as it is shown: from the face's baseline where it has
        one."""
        return self.corrected or self.class_names[int(self.shown.argmax())]

    @property
    def confidence(self) -> float:
        """Probability of the most probable class, 0 to 1; it says nothing of a correction."""
        return float(self.shown.max())

    @property
    def valence(self) -> float:
        """How pleasant the face looks, -1 to 1: probability of happy less the largest of the negative emotions.

        FaceReader's definition (Noldus), with contempt among the negative ones. It is derived from `probabilities`,
        and not what the network was trained on. Only for classes that `has_valence`.
        """
        of_class = dict(zip(self.class_names, self.probabilities, strict=True))
        return float(of_class[POSITIVE] - max(of_class[name] for name in NEGATIVES))

    @property
    def shown(self) -> np.ndarray:
        """The probabilities that are shown: from the face's baseline where it has one."""
        return self.probabilities if self.probabilities_from_baseline is None else self.probabilities_from_baseline
