"""What the window shows: the frame with its faces, and what the script does, in corners that no face needs."""

from collections.abc import Sequence

import cv2
import numpy as np

from emotion_recognition.emotions.look import MAX_OWN_SHARE
from emotion_recognition.emotions.references import References
from emotion_recognition.labels import FaceEmotion
from emotion_recognition.live.corners import BOTTOM_LEFT, BOTTOM_RIGHT, TOP_LEFT, Corner
from emotion_recognition.live.recent_emotions import RecentEmotions
from emotion_recognition.results.drawing import draw_faces, draw_lines, measure_lines, mirror_faces, place_labels

KEY_HELP = (  # lines that fit 320 pixels
    'q: end   s: picture   space: pause',
    'b: at rest   r: record   c: curves',
    '1 to 9: mark',
)
KEY_HELP_SECONDS = 5


class LiveView:
    """Draws what the window shows.

    Args:
        mirror: Whether to show mirror images.

    Attributes:
        recent: What the faces have shown lately.
        shows_curves: Whether the picture of that is shown.
    """

    def __init__(self, mirror: bool):
        self._mirror = mirror
        self.recent, self.shows_curves = RecentEmotions(), False
        self._lines, self._help, self._curves = Corner(TOP_LEFT), Corner(BOTTOM_LEFT), Corner(BOTTOM_RIGHT)

    def draw(
        self,
        picture_bgr: np.ndarray,
        faces: Sequence[FaceEmotion],
        lines: Sequence[str],
        help_lines: Sequence[str] = (),
    ) -> np.ndarray:
        """Draw a frame as it is shown.

        Args:
            picture_bgr: The camera's picture, (height, width, 3) uint8, BGR. It is not changed.
            faces: Its faces.
            lines: What the script says in a corner.
            help_lines: What it says in another one.

        Returns:
            A new picture of the same size.
        """
        if self._mirror:
            faces = mirror_faces(faces, picture_bgr.shape[1])
        shown_bgr = cv2.flip(picture_bgr, 1) if self._mirror else picture_bgr.copy()
        draw_faces(shown_bgr, faces)
        boxes = [face.box for face in faces]
        covers = [label.box for label in place_labels(shown_bgr.shape, faces)]
        for corner, text in ((self._lines, lines), (self._help, help_lines)):
            place = corner.place(shown_bgr.shape, measure_lines(shown_bgr.shape, text), covers, boxes)
            covers.append(place)
            draw_lines(shown_bgr, text, place[:2])
        if self.shows_curves:
            size = self.recent.measure(shown_bgr.shape)
            self.recent.draw(shown_bgr, *self._curves.place(shown_bgr.shape, size, covers, boxes)[:2])
        return shown_bgr


def describe_references(references: References, faces: Sequence[FaceEmotion], ms: float) -> list[str]:
    """Say what the faces are compared with, at a time in milliseconds.

    `from rest` says that labels are changes from how the faces themselves look at rest.
    """
    lines = []
    found = [references.find(face.number) for face in faces if face.number]
    shares = [reference.own_share for reference in found if reference.kind != 'span']
    if references.span_ms and not references.span_is_over:
        lines.append(f'look as at rest, {(references.span_ms[1] - ms) / 1000:.1f} s')
    elif references.learns and shares and min(shares) < MAX_OWN_SHARE:
        lines.append(f'learning how faces rest, {min(shares) / MAX_OWN_SHARE:.0%}')
    if any(reference.kind in ('own', 'span') for reference in found):
        lines.append('from rest')
    return lines
