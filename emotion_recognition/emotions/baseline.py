"""What changes in a face from how it looks at rest: people differ, and some look sad who are not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emotion_recognition.labels import NEUTRAL, FaceEmotion, InputError

# A class is shown where its log-odds against neutral rise above their mean at rest by more than they vary there, and
# neutral otherwise. Measured on an acted clip of one person with the model of the time, a single view of each face: its
# neutral scene as the baseline of itself and of five other scenes, whose mean recall is 0.11 without any; and each half
# of that scene as the baseline of its other half and of the five.
#   deviations, lead   whole scene: itself, the five   first half: second, the five   second half: first, the five
#   0, 0               0.07, 0.38                      0.00, 0.29                     0.26, 0.39
#   0, 1               0.82, 0.32                      0.40, 0.24                     1.00, 0.35
#   0, 2               1.00, 0.26                      0.77, 0.20                     1.00, 0.29
#   2, 0.5             1.00, 0.38                      0.80, 0.37                     1.00, 0.39
# Two standard deviations are also what medicine calls the range of the normal.
DEVIATIONS_AT_REST = 2.0
NEUTRAL_LEAD = 0.5  # of neutral's logit, so that it comes first where nothing has changed
LEAST_PROBABILITY = 1e-6  # below it, logarithms tell a runtime's rounding


class FaceBaselines:
    """Measures each face's baseline in a span of time, and from then on what has changed since.

    From each class's log-odds against neutral, log p - log p(neutral), their mean over the span is taken off, and
    twice their standard deviation there; neutral has a small lead; the softmax of that is the change. So a face that
    looks as it did in the span is neutral, whatever it was doing: an expression held there becomes neutral, and its end
    may become another emotion. Class priors, the same at all times, drop out. The probabilities of a change
    rank the classes; they are not calibrated. Memory grows with the faces seen in the span, not with its frames.

    Args:
        class_names: of the probabilities.
        start_ms, end_ms: first and last time of the span, in milliseconds.

    Attributes:
        is_measured: whether the span is over.

    Raises:
        InputError: the model does not know `neutral`.
    """

    def __init__(self, class_names: Sequence[str], start_ms: float, end_ms: float):
        if NEUTRAL not in class_names:
            raise InputError(f'a baseline needs a model that knows {NEUTRAL}; this one knows {", ".join(class_names)}')
        self.start_ms, self.end_ms = start_ms, end_ms
        self.is_measured = False
        self._neutral = class_names.index(NEUTRAL)
        self._sums: dict[int, np.ndarray] = {}  # by track number, (3, K): ones, log-odds, their squares

    @property
    def face_count(self) -> int:
        """How many faces have been seen in the span so far."""
        return len(self._sums)

    def compare(self, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> list[FaceEmotion]:
        """Take the next frame's faces.

        Args:
            timestamp_ms: when it is shown, in milliseconds.
            faces: of the frame.

        Returns:
            The same, and once the span is over with `probabilities_from_baseline` where they were seen in it.
        """
        self.is_measured = self.is_measured or timestamp_ms > self.end_ms
        if self.is_measured:
            return [self._compare(face) for face in faces]
        if timestamp_ms >= self.start_ms:
            for face in faces:
                odds = self._log_odds(face)
                sums = np.stack([np.ones_like(odds), odds, odds**2])
                self._sums[face.track_id] = self._sums.get(face.track_id, 0) + sums
        return list(faces)

    def _compare(self, face):
        if face.track_id not in self._sums:
            return face
        count, total, squares = self._sums[face.track_id]
        mean = total / count
        deviation = np.sqrt(np.maximum(0, squares / count - mean**2))
        logits = self._log_odds(face) - mean - DEVIATIONS_AT_REST * deviation
        logits[self._neutral] = NEUTRAL_LEAD
        change = np.exp(logits - logits.max())
        return replace(face, probabilities_from_baseline=(change / change.sum()).astype(np.float32))

    def _log_odds(self, face):
        logs = np.log(np.maximum(face.probabilities, LEAST_PROBABILITY), dtype=np.float64)
        return logs - logs[self._neutral]
