"""Baselines: how each face looks at rest. Faces differ, and some people look sad although they are not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emotion_recognition.labels import NEUTRAL, FaceEmotion, InputError

# A class is shown if its log-odds against neutral rise above their mean at rest by more than they vary there; otherwise
# neutral is shown. The table has the recalls measured on an acted clip of one person, with the model of that time and a
# single view of each face. The clip's neutral scene was the baseline of itself and of five other scenes, whose mean
# recall is 0.11 without a baseline. Then each half of that scene was the baseline of the other half and of the five.
#   deviations, lead   whole scene: itself, the five   first half: second, the five   second half: first, the five
#   0, 0               0.07, 0.38                      0.00, 0.29                     0.26, 0.39
#   0, 1               0.82, 0.32                      0.40, 0.24                     1.00, 0.35
#   0, 2               1.00, 0.26                      0.77, 0.20                     1.00, 0.29
#   2, 0.5             1.00, 0.38                      0.80, 0.37                     1.00, 0.39
# Two standard deviations are also what medicine calls the normal range.
DEVIATIONS_AT_REST = 2.0
NEUTRAL_LEAD = 0.5  # logit of neutral, so that it comes first if nothing has changed
MIN_PROBABILITY = 1e-6  # logarithms of smaller ones would show the rounding of a runtime


class FaceBaselines:
    """Measures each face's baseline in a span of time, and afterwards the change from it.

    The change is computed from each class's log-odds against neutral, log p - log p(neutral). Their mean over the span
    is subtracted, and twice their standard deviation there; neutral gets a small lead; and the softmax gives the
    probabilities. So a face that looks as it did in the span is neutral, whatever it was doing: an expression that was
    held there becomes neutral, and its end may become another emotion. Class priors cancel out, since they are the same
    at all times. The probabilities of a change rank the classes, but they are not calibrated. Memory grows with the
    number of faces in the span, not with its frames.

    Args:
        class_names: Names of the K classes, in the order of the probabilities.
        start_ms: First time of the span, in milliseconds.
        end_ms: Last time of the span, in milliseconds.

    Attributes:
        is_measured: Whether the span is over.

    Raises:
        InputError: The model has no class `neutral`.
    """

    def __init__(self, class_names: Sequence[str], start_ms: float, end_ms: float):
        if NEUTRAL not in class_names:
            raise InputError(f'a baseline needs a model that knows {NEUTRAL}; this one knows {", ".join(class_names)}')
        self.start_ms, self.end_ms = start_ms, end_ms
        self.is_measured = False
        self._neutral = class_names.index(NEUTRAL)
        self._sums: dict[int, np.ndarray] = {}  # face number -> (3, K) sums of ones, log-odds and their squares

    @property
    def face_count(self) -> int:
        """Number of faces that have been seen in the span so far."""
        return len(self._sums)

    def compare(self, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> list[FaceEmotion]:
        """Take the faces of the next frame.

        Args:
            timestamp_ms: When the frame is shown, in milliseconds.
            faces: Its faces.

        Returns:
            The same faces. Once the span is over, those that were seen in it have `probabilities_from_baseline`.
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
        logs = np.log(np.maximum(face.probabilities, MIN_PROBABILITY), dtype=np.float64)
        return logs - logs[self._neutral]
