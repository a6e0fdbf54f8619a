"""The same face over time: track numbers and smoothed probabilities."""

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from emotion_recognition.faces.boxes import intersection_over_union

LOST_SECONDS = 0.5  # how long a face may be missed and still come back under its number
LOST_GAPS = 2.5  # the same in gaps between frames, where that is longer: one frame may miss it; half a gap for jitter
RECENT_GAPS = 5  # whose median is the gap: a long pause or two do not count
MIN_IOU = 0.2  # of a detection with where the face is expected; Haar's boxes of one face differ by up to 1.3 in size
VELOCITY_SECONDS = (
    0.2  # time constant of the velocity's average: long against the detector's jitter, short against turns
)
APPEARANCE_SIZE = 24  # side in pixels of the grey thumbnails that are compared after a gap
# Correlation of two thumbnails of one face. On a handheld clip of three people: one person's faces 5 to 13 frames apart
# 0.70 (5th percentile), two people's at most 0.59, 0.20 on average.
MIN_CORRELATION = 0.6
IMPOSSIBLE = 10.0  # cost of a pair below MIN_IOU: dearer than any possible pair, so that as many faces as can be go on


@dataclass
class _Track:
    track_id: int
    box: np.ndarray  # (4,) float: x, y, width, height
    probabilities: np.ndarray  # (K,) smoothed
    last_seen_ms: float
    appearance: np.ndarray  # thumbnail, see _appearance
    velocity: np.ndarray  # (2,) float: pixels a millisecond, of the box's centre
    missed: bool = False  # in the previous frame

    def expected_box(self, timestamp_ms):
        # What a face does for longer than LOST_SECONDS cannot be told from how it moved before.
        shift = self.velocity * min(timestamp_ms - self.last_seen_ms, LOST_SECONDS * 1000)
        return self.box + np.array([*shift, 0, 0])


class FaceTracker:
    """Gives each face a number that it keeps, and averages its probabilities over time.

    A detection continues the face whose box, moved on at its velocity, it overlaps best (intersection over union), all
    faces together (Hungarian method): the idea of SORT (Bewley et al. 2016, arXiv 1602.00763). Not taken from a
    library, since those count missed frames where this counts time, which variable frame rates and cameras need, and
    give a face no number in its first frames.

    A face that was missed comes back only if it looks alike: when the camera pans or the scene changes, the next person
    often stands where the last one stood.

    Args:
        smoothing_seconds: time constant of the exponential average of a face's probabilities; 0 turns it off.
        lost_seconds: how long a face may be missed and still be the same one. Where frames come seldom, as in
            time-lapse and surveillance videos, it may be missed in one of them.
    """

    def __init__(self, smoothing_seconds: float = 0.0, lost_seconds: float = LOST_SECONDS):
        self._smoothing_ms = smoothing_seconds * 1000
        self._lost_ms = lost_seconds * 1000
        self._gaps_ms: deque[float] = deque(maxlen=RECENT_GAPS)
        self._newest_ms: float | None = None
        self._tracks: list[_Track] = []
        self._count = 0

    def update(
        self,
        timestamp_ms: float,
        boxes: np.ndarray,
        probabilities: np.ndarray,
        faces_bgr: Sequence[np.ndarray],
        is_scene_cut: bool = False,
    ) -> tuple[list[int], np.ndarray]:
        """Take the next frame's faces; call it for frames without faces too, with empty arrays.

        Args:
            timestamp_ms: of the frame, in milliseconds; not below the previous one's.
            boxes: (n, 4) x, y, width, height in pixels.
            probabilities: (n, K) float32.
            faces_bgr: n pictures of the faces, each (height, width, 3) uint8, BGR.
            is_scene_cut: the frame begins another scene, so that each face was missed, as it were.

        Returns:
            n track numbers from 1, and the (n, K) smoothed probabilities, both in the order of the boxes.
        """
        memory_ms = self._memory_ms(timestamp_ms)
        self._tracks = [track for track in self._tracks if timestamp_ms - track.last_seen_ms <= memory_ms]
        boxes = np.asarray(boxes, float).reshape(-1, 4)
        appearances = [_appearance(face) for face in faces_bgr]
        for track in self._tracks:
            track.missed |= is_scene_cut
        matches = self._match(timestamp_ms, boxes, appearances)
        for track in self._tracks:
            track.missed = True
        seen = []
        for index, (box, face_probabilities) in enumerate(zip(boxes, probabilities, strict=True)):
            track = matches.get(index)
            if track is None:
                self._count += 1
                track = _Track(self._count, box, face_probabilities, timestamp_ms, appearances[index], np.zeros(2))
                self._tracks.append(track)
            else:
                self._continue(track, timestamp_ms, box, face_probabilities)
            track.appearance, track.missed = appearances[index], False
            seen.append(track)
        smoothed = np.array([track.probabilities for track in seen], np.float32).reshape(np.shape(probabilities))
        return [track.track_id for track in seen], smoothed

    def _memory_ms(self, timestamp_ms):
        """How long a face is remembered at the rate at which frames come."""
        if self._newest_ms is not None:
            self._gaps_ms.append(timestamp_ms - self._newest_ms)
        self._newest_ms = timestamp_ms
        gap_ms = statistics.median_low(self._gaps_ms) if self._gaps_ms else 0
        return max(self._lost_ms, LOST_GAPS * gap_ms)

    def _match(self, timestamp_ms, boxes, appearances):
        """The track that each box continues, by the box's index."""
        if not len(boxes) or not self._tracks:
            return {}
        expected = np.array([track.expected_box(timestamp_ms) for track in self._tracks])
        iou = intersection_over_union(boxes, expected)
        correlation = np.array(appearances) @ np.array([track.appearance for track in self._tracks]).T
        missed = np.array([track.missed for track in self._tracks])
        possible = (iou >= MIN_IOU) & (~missed | (correlation >= MIN_CORRELATION))
        pairs = np.argwhere(possible)
        if possible.sum(axis=0).max() > 1 or possible.sum(axis=1).max() > 1:
            pairs = _best_pairs(np.where(possible, 1 - iou, IMPOSSIBLE))
        return {int(box): self._tracks[track] for box, track in pairs if possible[box, track]}

    def _continue(self, track, timestamp_ms, box, probabilities):
        elapsed_ms = timestamp_ms - track.last_seen_ms
        if elapsed_ms > 0:
            moved = box[:2] + box[2:] / 2 - track.box[:2] - track.box[2:] / 2
            track.velocity += weight_of_newest(elapsed_ms, VELOCITY_SECONDS * 1000) * (
                moved / elapsed_ms - track.velocity
            )
        weight = weight_of_newest(elapsed_ms, self._smoothing_ms)
        track.probabilities = track.probabilities + weight * (probabilities - track.probabilities)
        track.box, track.last_seen_ms = box, timestamp_ms


def _best_pairs(cost):
    """Where boxes compete for tracks: the pairs of the least cost in all."""
    # Imported here, since it takes as long as all the rest, and most videos never need it.
    from scipy.optimize import linear_sum_assignment

    return zip(*linear_sum_assignment(cost), strict=True)


def _appearance(face_bgr):
    """Grey thumbnail as a vector of mean 0 and length 1: the product of two is their correlation."""
    size = (APPEARANCE_SIZE, APPEARANCE_SIZE)
    grey = cv2.cvtColor(cv2.resize(face_bgr, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    vector = grey.ravel() - grey.mean()
    return vector / max(1e-9, float(np.linalg.norm(vector)))


def weight_of_newest(elapsed, time_constant):
    """Weight of the newest value in an exponential average of unevenly spaced ones; times in any one unit."""
    return 1 - math.exp(-elapsed / time_constant) if time_constant else 1.0
