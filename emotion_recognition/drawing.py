"""Drawing faces on a frame."""

from collections.abc import Iterable

import cv2
import numpy as np

from emotion_recognition.labels import FaceEmotion, emotion_colour_bgr

FONT = cv2.FONT_HERSHEY_SIMPLEX
TEXT_COLOUR_BGR = (20, 20, 20)
TEXT_SCALE_PER_PIXEL = 1 / 600  # of the frame's shorter side: 0.6 at 360 pixels, 1.8 at 1080
SMALLEST_TEXT_SCALE = 0.45  # still readable at 240 pixels


def draw_faces(frame_bgr: np.ndarray, faces: Iterable[FaceEmotion]) -> None:
    """Draw box, number, emotion and confidence of each face, in place.

    Args:
        frame_bgr: (height, width, 3) uint8, BGR. Line and letter sizes grow with it.
        faces: boxes may reach over the border; their labels stay inside.
    """
    scale = max(SMALLEST_TEXT_SCALE, min(frame_bgr.shape[:2]) * TEXT_SCALE_PER_PIXEL)
    line_width = max(1, round(2.5 * scale))
    for face in faces:
        colour = emotion_colour_bgr(face.emotion)
        x, y, width, height = face.box
        # A dark line around the coloured one keeps the box visible on bright ground.
        cv2.rectangle(frame_bgr, (x, y), (x + width, y + height), TEXT_COLOUR_BGR, line_width + 2, cv2.LINE_AA)
        cv2.rectangle(frame_bgr, (x, y), (x + width, y + height), colour, line_width, cv2.LINE_AA)
        _draw_label(frame_bgr, f'{face.track_id}: {face.emotion} {face.confidence:.0%}', face.box, colour, scale)


def _draw_label(frame_bgr, text, box, colour, scale):
    """Put a filled label above the box, or inside its top where there is no room above."""
    frame_height, frame_width = frame_bgr.shape[:2]
    full_width = _measure(text, scale)[2]
    if full_width > frame_width:
        scale *= frame_width / full_width
    text_height, thickness, label_width, label_height, margin = _measure(text, scale)
    x, y, _, _ = box
    left = max(0, min(x, frame_width - label_width))
    top = y - label_height if y >= label_height else max(0, y)
    top = min(top, max(0, frame_height - label_height))
    cv2.rectangle(frame_bgr, (left, top), (left + label_width, top + label_height), colour, cv2.FILLED)
    origin = (left + margin, top + margin // 2 + text_height)
    cv2.putText(frame_bgr, text, origin, FONT, scale, TEXT_COLOUR_BGR, thickness, cv2.LINE_AA)


def _measure(text, scale):
    """Height and line width of a text, width, height and margin of its label, all in pixels."""
    thickness = max(1, round(1.5 * scale))
    (text_width, text_height), baseline = cv2.getTextSize(text, FONT, scale, thickness)
    margin = round(6 * scale)
    return text_height, thickness, text_width + 2 * margin, text_height + baseline + margin, margin
