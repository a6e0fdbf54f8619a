"""A small picture of the last ten seconds of the largest face: a curve for each emotion."""

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np

from emotion_recognition.labels import FaceEmotion, emotion_colour_bgr
from emotion_recognition.results.drawing import FONT, LIGHT_TEXT_COLOUR_BGR, TEXT_COLOUR_BGR, scale_text

SECONDS = 10  # that it shows
GAP_MS = 500.0  # between two frames of a face, from which on nothing is drawn between them
DIM_COLOUR_BGR = (150, 150, 150)  # names of the emotions that are not the most probable one
TEXT_SHARE = 0.65  # size of its letters, compared with those of labels
CURVE_SHARE = 0.25  # width of the curves, compared with the frame


class RecentEmotions:
    """What each face has shown in the last ten seconds, and a picture of it for the largest one."""

    def __init__(self):
        self._recent: dict[int, deque] = {}  # by the face's number: times in milliseconds, and probabilities
        self._chosen: FaceEmotion | None = None
        self._now_ms = 0.0

    def add(self, ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Take the next frame's faces at a time in milliseconds. Those whose number is not known do not count."""
        self._now_ms = ms
        known = [face for face in faces if face.number]
        for face in known:
            samples = self._recent.setdefault(face.number, deque())
            if samples and ms - samples[-1][0] > GAP_MS:
                nothing = np.zeros_like(face.shown)
                samples += [(samples[-1][0], nothing), (ms, nothing)]
            samples.append((ms, face.shown))
        for number, samples in list(self._recent.items()):
            while samples and samples[0][0] < ms - SECONDS * 1000:
                samples.popleft()
            if not samples:
                del self._recent[number]
        self._chosen = max(known, key=lambda face: face.box[2] * face.box[3], default=self._chosen)

    def measure(self, frame_shape: Sequence[int]) -> tuple[int, int]:
        """Width and height of the picture in pixels; (0, 0) while there is no face."""
        if not self._chosen or self._chosen.number not in self._recent:
            return 0, 0
        _, row_height, names_width = self._measure_names(frame_shape)
        return names_width + round(CURVE_SHARE * frame_shape[1]), row_height * (len(self._chosen.class_names) + 1)

    def draw(self, frame_bgr: np.ndarray, left: int, top: int) -> None:
        """Draw the picture in place.

        Args:
            frame_bgr: (height, width, 3) uint8, BGR.
            left, top: Where its upper left corner is, in pixels.
        """
        width, height = self.measure(frame_bgr.shape)
        if not width:
            return
        scale, row_height, names_width = self._measure_names(frame_bgr.shape)
        cv2.rectangle(frame_bgr, (left, top), (left + width, top + height), TEXT_COLOUR_BGR, cv2.FILLED)
        rows = top + row_height * np.arange(1, len(self._chosen.class_names) + 2)  # their lower ends, from the title's
        margin = row_height // 4
        title = f'{self._chosen.who}, last {SECONDS} s'
        _write(frame_bgr, title, (left + margin, rows[0] - margin), scale, LIGHT_TEXT_COLOUR_BGR)
        samples = self._recent[self._chosen.number]
        times = np.array([ms for ms, _ in samples])
        probabilities = np.array([shown for _, shown in samples])
        x = left + width - 2 - (self._now_ms - times) / (SECONDS * 1000) * (width - names_width - 2)
        for name, bottom, values in zip(self._chosen.class_names, rows[1:], probabilities.T, strict=True):
            colour = LIGHT_TEXT_COLOUR_BGR if values[-1] == probabilities[-1].max() else DIM_COLOUR_BGR
            _write(frame_bgr, name, (left + margin, bottom - margin), scale, colour)
            curve = np.stack([x, bottom - 1 - values * (row_height - 2)], axis=1)
            area = np.concatenate([[[x[0], bottom - 1]], curve, [[x[-1], bottom - 1]]])
            class_colour = emotion_colour_bgr(name, self._chosen.class_names)
            cv2.fillPoly(frame_bgr, [np.rint(area).astype(np.int32)], class_colour)

    def _measure_names(self, frame_shape):
        """Size of the letters, height of a row, and width of the names, in pixels."""
        scale = TEXT_SHARE * scale_text(frame_shape)
        names = self._chosen.class_names
        sizes = [cv2.getTextSize(name, FONT, scale, 1)[0] for name in names]
        row_height = round(1.7 * max(height for _, height in sizes))
        return scale, row_height, max(width for width, _ in sizes) + row_height // 2


def _write(frame_bgr, text, origin, scale, colour):
    cv2.putText(frame_bgr, text, tuple(map(int, origin)), FONT, scale, colour, max(1, round(scale)), cv2.LINE_AA)
