"""Drawing faces and text on a frame."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from emotion_recognition.labels import FaceEmotion, emotion_colour_bgr
from emotion_recognition.media.planes import Planes
from emotion_recognition.results.canvas import FONT, canvas_of

TEXT_COLOUR_BGR = (20, 20, 20)
LIGHT_TEXT_COLOUR_BGR = (235, 235, 235)
TEXT_SCALE_PER_PIXEL = 1 / 600  # of the frame's shorter side: 0.6 at 360 pixels, 1.8 at 1080
MIN_TEXT_SCALE = 0.45  # still readable at 240 pixels
NOT_KNOWN = '?'  # in place of a number, while it is not known whose face it is


@dataclass(frozen=True)
class Label:
    """Where the label of a face is.

    Attributes:
        text: Number or name, emotion and confidence.
        box: x, y, width, height in pixels of the frame.
        scale: Size of its letters, in OpenCV's unit.
    """

    text: str
    box: tuple[int, int, int, int]
    scale: float


def draw_faces(picture: np.ndarray | Planes, faces: Iterable[FaceEmotion]) -> None:
    """Draw the box, number or name, emotion and confidence of each face, in place.

    Args:
        picture: (height, width, 3) uint8, BGR, or the planes of a frame that is written. Lines and letters grow with
            its size.
        faces: Faces of the frame. Their boxes may reach beyond its border; their labels stay inside.
    """
    scale, canvas = scale_text(picture.shape), canvas_of(picture)
    line_width = max(1, round(2.5 * scale))
    outline_width = line_width + 2 * max(1, round(scale))
    faces = list(faces)
    for face in faces:
        x, y, width, height = face.box
        corners = (x, y), (x + width, y + height)
        # A dark outline around the coloured one keeps the box visible on a bright background.
        canvas.rectangle(*corners, TEXT_COLOUR_BGR, outline_width)
        canvas.rectangle(*corners, _colour(face), line_width)
    for face, label in zip(faces, place_labels(picture.shape, faces), strict=True):
        _draw_label(canvas, label, _colour(face))


def place_labels(frame_shape: Sequence[int], faces: Iterable[FaceEmotion]) -> list[Label]:
    """Place the label of each face above, below or inside its box, wherever it is free of those before it.

    Args:
        frame_shape: Height and width of the frame in pixels; what follows does not count.
        faces: Faces of the frame, in the order in which they are drawn.
    """
    labels: list[Label] = []
    for face in faces:
        text = f'{_name(face)}: {face.emotion} ' + ('(corrected)' if face.corrected else f'{face.confidence:.0%}')
        labels.append(_place_label(frame_shape, text, face.box, [label.box for label in labels]))
    return labels


def measure_lines(frame_shape: Sequence[int], lines: Iterable[str]) -> tuple[int, int]:
    """Width and height in pixels of what `draw_lines` draws in a frame of a height and width."""
    sizes = [_measure(line, scale_text(frame_shape))[2:4] for line in lines]
    return max((width for width, _ in sizes), default=0), sum(height for _, height in sizes)


def draw_lines(frame_bgr: np.ndarray, lines: Iterable[str], origin: tuple[int, int] = (0, 0)) -> None:
    """Write lines of text, on a dark background, in place.

    Args:
        frame_bgr: (height, width, 3) uint8, BGR.
        lines: The lines, from top to bottom.
        origin: Upper left corner of the first one, x and y in pixels.
    """
    scale = scale_text(frame_bgr.shape)
    left, top = origin
    for line in lines:
        text_height, thickness, label_width, label_height, margin = _measure(line, scale)
        cv2.rectangle(frame_bgr, (left, top), (left + label_width, top + label_height), TEXT_COLOUR_BGR, cv2.FILLED)
        start = (left + margin, top + margin // 2 + text_height)
        cv2.putText(frame_bgr, line, start, FONT, scale, LIGHT_TEXT_COLOUR_BGR, thickness, cv2.LINE_AA)
        top += label_height


def mirror_faces(faces: Iterable[FaceEmotion], frame_width: int) -> list[FaceEmotion]:
    """Move the boxes of a frame's faces to where they are in its mirror image, `frame_width` pixels wide."""
    return [replace(face, box=(frame_width - face.box[0] - face.box[2], *face.box[1:])) for face in faces]


def _colour(face):
    return emotion_colour_bgr(face.emotion, face.class_names)


def _name(face):
    """What OpenCV can draw of what names a face: its letters are ASCII."""
    if not face.number:
        return NOT_KNOWN
    name = face.person.name if face.person else ''
    drawable = unicodedata.normalize('NFKD', name).encode('ascii', 'ignore').decode().strip()
    return drawable or str(face.number)


def scale_text(frame_shape: Sequence[int]) -> float:
    """Size of the letters of labels and lines, in OpenCV's unit, in a frame of a height and width."""
    return max(MIN_TEXT_SCALE, min(frame_shape[:2]) * TEXT_SCALE_PER_PIXEL)


def _place_label(frame_shape, text, box, others):
    frame_height, frame_width = frame_shape[:2]
    scale = scale_text(frame_shape)
    full_width = _measure(text, scale)[2]
    if full_width > frame_width:
        scale *= frame_width / full_width
    _, _, label_width, label_height, _ = _measure(text, scale)
    x, y, _, height = box
    left = max(0, min(x, frame_width - label_width))
    inside = max(0, min(y, frame_height - label_height))
    places = [
        (left, top, label_width, label_height)
        for top in (y - label_height, y + height, inside)
        if 0 <= top <= frame_height - label_height or top == inside
    ]
    place = next((place for place in places if not any(_overlap(place, other) for other in others)), places[0])
    return Label(text, place, scale)


def _draw_label(canvas, label, colour):
    text_height, thickness, _, _, margin = _measure(label.text, label.scale)
    left, top, width, height = label.box
    canvas.rectangle((left, top), (left + width, top + height), colour, cv2.FILLED)
    origin = (left + margin, top + margin // 2 + text_height)
    canvas.text(label.text, origin, label.scale, TEXT_COLOUR_BGR, thickness)


def _measure(text, scale):
    """Measure a text: its height and line width, and the width, height and margin of its label, all in pixels."""
    thickness = max(1, round(1.5 * scale))
    (text_width, text_height), baseline = cv2.getTextSize(text, FONT, scale, thickness)
    margin = round(6 * scale)
    return text_height, thickness, text_width + 2 * margin, text_height + baseline + margin, margin


def _overlap(place, other):
    return (
        place[0] < other[0] + other[2]
        and other[0] < place[0] + place[2]
        and place[1] < other[1] + other[3]
        and other[1] < place[1] + place[3]
    )
