"""The nine emotions, their colours, and the value that stands for one face in one frame."""

from dataclasses import dataclass

import numpy as np

# Class order of model.h5 as this project trains it; a model's own names come from its file.
EMOTIONS = ('anger', 'contempt', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise', 'uncertain')

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
    """

    track_id: int
    box: tuple[int, int, int, int]
    probabilities: np.ndarray
    class_names: tuple[str, ...] = EMOTIONS

    @property
    def emotion(self) -> str:
        """Name of the most probable class."""
        return self.class_names[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """Probability of the most probable class, 0 to 1."""
        return float(self.probabilities.max())
