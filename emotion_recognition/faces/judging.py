"""Judging pictures of faces: how well a face can be seen, and how much it tells about whose face it is."""

from collections.abc import Sequence

import cv2
import numpy as np

from emotion_recognition.faces.boxes import FoundFace
from emotion_recognition.faces.embedding import EYE_DISTANCE, SIDE, cut_face, fit_template
from emotion_recognition.labels import FaceEmotion, FaceQuality

MIN_EYE_DISTANCE = 12.0  # pixels between the eyes; of smaller faces too little can be seen
# How far a picture's vector is expected to be from the mean of the person's: up to the first it is good, beyond the
# second it tells too little. On a clip of three people, the nearest of them was the right one for 343 of 344 pictures
# up to 0.4, and for 19 of 20 beyond.
GOOD_DISTANCE, MAX_DISTANCE = 0.4, 0.6
SHARPNESS_SIDE = 128  # pixels, to which a face is scaled before its sharpness is measured, so that sizes compare
# A sharpness from which the quality is full, one at which it is nothing, and the same of the detector's score. They are
# chosen so that the quality says how often the network's answer stays what it was in a sharp, large picture of the same
# face: see examples/README.md, Quality.
FULL_SHARPNESS, NO_SHARPNESS = 0.1, 0.001
FULL_SCORE, NO_SCORE = 0.9, 0.5


def measure(frame_bgr: np.ndarray, found: FoundFace) -> FaceQuality | None:
    """Measure how well a face can be seen, in about a tenth of a millisecond.

    Args:
        frame_bgr: (height, width, 3) uint8, BGR.
        found: Where the face is.

    Returns:
        The measures; None if the detector does not find points.
    """
    if found.points is None:
        return None
    x, y, width, height = found.box
    sharpness = _sharpness(_shrink(cv2.cvtColor(frame_bgr[y : y + height, x : x + width], cv2.COLOR_BGR2GRAY)))
    cosine = _cosine_of_turn(found.points)
    # A small face is blurred at SHARPNESS_SIDE, so its size is in its sharpness
    quality = cosine * _share_of(np.log(sharpness + 1e-9), np.log(NO_SHARPNESS), np.log(FULL_SHARPNESS))
    quality *= _share_of(found.score, NO_SCORE, FULL_SCORE)
    eye_distance = EYE_DISTANCE * np.hypot(*fit_template(found.points))
    return FaceQuality(float(eye_distance), sharpness, float(np.degrees(np.arccos(cosine))), found.score, quality)


def judge(face: FaceEmotion, picture_bgr: np.ndarray, to_frame: np.ndarray, frame_shape: Sequence[int]) -> float:
    """Estimate how far the vector of a picture will be from the mean of the person's vectors.

    Linear in what makes faces hard to recognise; fitted to 880 pictures of six people in four clips, where the
    distances are 0.2 to 0.4, and for the size to pictures of 102 people that were scaled down.

    Args:
        face: The face, with its points.
        picture_bgr: The face as `cut_face` cuts it out.
        to_frame: The matrix from `cut_face`.
        frame_shape: Height and width of the frame in pixels.
    """
    points, scale = np.array(face.points), float(np.hypot(*to_frame[:, 0]))
    to_eyes = np.linalg.norm(points[:2] - points[2], axis=1)  # from the nose; one is short if the head is turned
    turn = abs(to_eyes[0] - to_eyes[1]) / to_eyes.sum()
    sharpness = _sharpness(cv2.cvtColor(picture_bgr, cv2.COLOR_BGR2GRAY)[20:130, 20:130])
    corners = np.array([[0, 0], [SIDE, 0], [0, SIDE], [SIDE, SIDE]]) @ to_frame[:, :2].T + to_frame[:, 2]
    outside = max(0.0, -corners.min(), *(corners - frame_shape[1::-1]).max(axis=0)) / (SIDE * scale)
    small = max(0.0, -np.log2(scale))  # 1 if the face is half as large in the frame as in the picture
    return 0.05 + 1.7 * (1 - face.score) + 0.4 * turn - 0.016 * np.log(sharpness + 1e-6) + 0.2 * outside + 0.03 * small


def _sharpness(grey):
    """Variance of the Laplacian of a grey picture, (height, width) uint8, as a share of the variance of the picture."""
    of_laplacian, of_picture = (cv2.meanStdDev(one)[1].item() for one in (cv2.Laplacian(grey, cv2.CV_16S), grey))
    return of_laplacian**2 / max(1.0, of_picture**2)


def _shrink(grey):
    """Scale a face to SHARPNESS_SIDE: first by a whole number, which is fast, so that no pixels are skipped."""
    height, width = grey.shape
    factor = max(1, min(height, width) // SHARPNESS_SIDE)
    if factor > 1:
        whole = grey[: height // factor * factor, : width // factor * factor]
        grey = cv2.resize(whole, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
    return cv2.resize(grey, (SHARPNESS_SIDE, SHARPNESS_SIDE), interpolation=cv2.INTER_LINEAR)


def _cosine_of_turn(points):
    """Cosine of the angle by which a head is turned, if the nose's tip stands half the eyes' distance before them."""
    (right_x, right_y), (left_x, left_y), (nose_x, nose_y) = points[:3]
    half_x, half_y = (left_x - right_x) / 2, (left_y - right_y) / 2
    aside = (nose_x - right_x - half_x) * half_x + (nose_y - right_y - half_y) * half_y  # along the line of the eyes
    return float(np.cos(np.arctan2(abs(aside), half_x**2 + half_y**2)))


def _share_of(value, none, full):
    return min(1.0, max(0.0, float((value - none) / (full - none))))


def take_picture(frame_bgr: np.ndarray, face: FaceEmotion) -> tuple[float, np.ndarray | None]:
    """Cut a face out and judge it, see `cut_face` and `judge`; infinity and None if it is too small."""
    if face.points is None:
        return np.inf, None
    picture_bgr, to_frame = cut_face(frame_bgr, face.points)
    if EYE_DISTANCE * np.hypot(*to_frame[:, 0]) < MIN_EYE_DISTANCE:
        return np.inf, None
    return judge(face, picture_bgr, to_frame, frame_bgr.shape), picture_bgr
