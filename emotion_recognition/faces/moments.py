"""The best moments of each track: the few pictures by which its face is compared with others."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from emotion_recognition.faces.embedding import EYE_DISTANCE, SIDE, FaceEmbedder, cut_face
from emotion_recognition.labels import FaceEmotion

SAMPLE_MS = 100.0  # between two pictures of a face that are looked at, after its first slot: it may be gone soon
SLOT_MS = 500.0  # at first, from each of which the best picture is kept
MAX_MOMENTS = 12  # of a track; when there are more, of every two the better one is kept, and slots are twice as long
MIN_EYE_DISTANCE = 12.0  # pixels between the eyes; of smaller faces too little can be seen
# Pictures from which the distance to the person's mean is expected to be larger than this tell too little.
MAX_EXPECTED_DISTANCE = 0.4


PICTURE_SIZE = 72  # pixels, of the pictures that are kept for people to look at
NO_PICTURE = -np.inf, 0.0  # in place of a judgement and a time in milliseconds


@dataclass(frozen=True)
class Moment:
    """One picture of a face.

    Attributes:
        ms: When it is shown, in milliseconds.
        expected_distance: See `judge`; the lower, the better.
        vector: (128,) float32, see `FaceEmbedder`.
        picture_jpeg: The face, as a JPEG file with PICTURE_SIZE pixels in width and height.
        worst_before: The worst picture since the moment before: its judgement, and when it is shown in milliseconds. If
            the track went over to another face in between, as in a cross-fade, it did so there.
    """

    ms: float
    expected_distance: float
    vector: np.ndarray
    picture_jpeg: bytes = b''
    worst_before: tuple[float, float] = NO_PICTURE


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
    grey = cv2.cvtColor(picture_bgr, cv2.COLOR_BGR2GRAY)[20:130, 20:130]
    sharpness = cv2.Laplacian(grey, cv2.CV_32F).var() / max(1.0, float(grey.var()))
    corners = np.array([[0, 0], [SIDE, 0], [0, SIDE], [SIDE, SIDE]]) @ to_frame[:, :2].T + to_frame[:, 2]
    outside = max(0.0, -corners.min(), *(corners - frame_shape[1::-1]).max(axis=0)) / (SIDE * scale)
    small = max(0.0, -np.log2(scale))  # 1 if the face is half as large in the frame as in the picture
    return 0.05 + 1.7 * (1 - face.score) + 0.4 * turn - 0.016 * np.log(sharpness + 1e-6) + 0.2 * outside + 0.03 * small


def take_picture(frame_bgr: np.ndarray, face: FaceEmotion) -> tuple[float, np.ndarray | None]:
    """Cut a face out and judge it, see `cut_face` and `judge`; infinity and None if it is too small."""
    if face.points is None:
        return np.inf, None
    picture_bgr, to_frame = cut_face(frame_bgr, face.points)
    if EYE_DISTANCE * np.hypot(*to_frame[:, 0]) < MIN_EYE_DISTANCE:
        return np.inf, None
    return judge(face, picture_bgr, to_frame, frame_bgr.shape), picture_bgr


@dataclass
class TrackMoments:
    """The best moments of one track so far. Memory is bounded, and an hour takes a hundred calls of the network.

    Attributes:
        start_ms, end_ms: When its face is first and last seen, in milliseconds.
        moments: Its moments, ordered by time.
    """

    start_ms: float
    end_ms: float = 0.0
    moments: list[Moment] = field(default_factory=list)
    _slot_ms: float = SLOT_MS
    _slot_start_ms: float = -np.inf
    _sampled_ms: float = -np.inf
    _best: tuple[float, np.ndarray, float] | None = None  # of the present slot: judgement, picture, time
    _worst_before: tuple[float, float] = NO_PICTURE  # from the last moment to the best picture: judgement, time
    _worst_since: tuple[float, float] = NO_PICTURE  # from the best picture to now

    def add(self, ms: float, frame_bgr: np.ndarray, face: FaceEmotion, embedder: FaceEmbedder) -> None:
        """Look at the face in its next frame."""
        self.end_ms = ms
        if ms - self._sampled_ms < SAMPLE_MS and ms - self.start_ms >= SLOT_MS:
            return
        self._sampled_ms = ms
        if ms - self._slot_start_ms >= self._slot_ms:
            self.close_slot(embedder)
            self._slot_start_ms = ms
        judgement, picture_bgr = take_picture(frame_bgr, face)
        if judgement <= MAX_EXPECTED_DISTANCE and (self._best is None or judgement < self._best[0]):
            replaced = (self._best[0], self._best[2]) if self._best else NO_PICTURE
            self._worst_before = max(self._worst_before, self._worst_since, replaced)
            self._best, self._worst_since = (judgement, picture_bgr, ms), NO_PICTURE
        else:
            self._worst_since = max(self._worst_since, (judgement, ms))

    def close_slot(self, embedder: FaceEmbedder) -> None:
        """Keep the best picture of the slot as a moment."""
        if self._best is None:
            return
        expected, picture_bgr, ms = self._best
        vector = embedder.embed([picture_bgr])[0]
        self.moments.append(Moment(ms, expected, vector, _to_jpeg(picture_bgr), self._worst_before))
        self._best, self._worst_before, self._worst_since = None, self._worst_since, NO_PICTURE
        if len(self.moments) > MAX_MOMENTS:
            self.moments = list(_better_of_pairs(self.moments))
            self._slot_ms *= 2


def _to_jpeg(picture_bgr):
    small = cv2.resize(picture_bgr, (PICTURE_SIZE, PICTURE_SIZE), interpolation=cv2.INTER_AREA)
    return cv2.imencode('.jpg', small)[1].tobytes()


def _better_of_pairs(moments):
    worst = NO_PICTURE  # since the last one that is kept
    for one, *others in (moments[index : index + 2] for index in range(0, len(moments), 2)):
        worst, left = max(worst, one.worst_before), NO_PICTURE
        if others and others[0].expected_distance < one.expected_distance:
            one, worst = others[0], max(worst, (one.expected_distance, one.ms), others[0].worst_before)
        elif others:
            left = max(others[0].worst_before, (others[0].expected_distance, others[0].ms))
        yield replace(one, worst_before=worst)
        worst = left


class VideoMoments:
    """Collects the best moments of all tracks of a video, and which tracks are seen together.

    Args:
        embedder: Gives the vectors.

    Attributes:
        tracks: By the tracker's number.
        together: When two tracks are first and last seen in one frame, in milliseconds, by their numbers, the smaller
            one first.
    """

    def __init__(self, embedder: FaceEmbedder):
        self._embedder = embedder
        self.tracks: dict[int, TrackMoments] = {}
        self.together: dict[tuple[int, int], tuple[float, float]] = {}

    def add(self, ms: float, frame_bgr: np.ndarray, faces: Sequence[FaceEmotion]) -> None:
        """Look at the next frame.

        Args:
            ms: When it is shown, in milliseconds.
            frame_bgr: (height, width, 3) uint8, BGR, with nothing drawn on it.
            faces: Its faces, in the order of the tracker's numbers.
        """
        for index, face in enumerate(faces):
            track = self.tracks.setdefault(face.track_id, TrackMoments(ms))
            track.add(ms, frame_bgr, face, self._embedder)
            for other in faces[:index]:
                pair = other.track_id, face.track_id
                self.together[pair] = self.together.get(pair, (ms, ms))[0], ms
        # Pictures are not kept for tracks that have ended
        for track in self.tracks.values():
            if ms - track.end_ms > SLOT_MS:
                track.close_slot(self._embedder)

    def end(self) -> None:
        """Close the last slots, after the last frame."""
        for track in self.tracks.values():
            track.close_slot(self._embedder)
