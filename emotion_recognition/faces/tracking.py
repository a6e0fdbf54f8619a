"""Following faces over time: face numbers and smoothed probabilities."""

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotion_recognition.faces.boxes import intersection_over_union
from emotion_recognition.faces.crops import grey_thumbnail

LOST_SECONDS = 0.5  # how long a face may be missed and still keep its number
LOST_GAPS = 2.5  # the same in gaps between frames, if that is longer: one missed frame, and half a gap for jitter
RECENT_GAPS = 5  # the gap is the median of this many, so that one or two long pauses do not count
MIN_IOU = 0.2  # smallest overlap with the expected box; Haar's boxes of one face differ in size by up to 1.3
# Time constant of the velocity's average: long compared with the detector's jitter, short compared with turns.
VELOCITY_SECONDS = 0.2
# Lowest correlation of two thumbnails of one face. On a handheld clip of three people, it is 0.70 (5th percentile) for
# faces of one person 5 to 13 frames apart. For faces of two people it is at most 0.59, and 0.20 on average.
MIN_CORRELATION = 0.6
# Cost of a pair below MIN_IOU: higher than that of any possible pair, so that as many faces as possible are continued.
IMPOSSIBLE_COST = 10.0


@dataclass
class _Track:
    track_id: int
    box: np.ndarray  # (4,) float: x, y, width, height
    probabilities: np.ndarray  # (K,) smoothed
    last_seen_ms: float
    appearance: np.ndarray  # see grey_thumbnail
    velocity: np.ndarray  # (2,) float: of the box's centre, in pixels per millisecond
    missed: bool = False  # whether the previous frame missed it

    def expected_box(self, timestamp_ms):
        # How a face moved says nothing about where it is more than LOST_SECONDS later.
        shift = self.velocity * min(timestamp_ms - self.last_seen_ms, LOST_SECONDS * 1000)
        return self.box + np.array([*shift, 0, 0])


class FaceTracker:
    """Gives each face a number that it keeps, and averages its probabilities over time.

    Each box moves on at its velocity. Detections are matched to these expected boxes by overlap (intersection over
    union), for all faces together (Hungarian method). This is the idea of SORT (Bewley et al. 2016, arXiv 1602.00763).
    Libraries are not used for two reasons: they count missed frames, although with cameras and variable frame rates it
    is time that matters; and they give a face no number in its first frames.

    A face that was missed keeps its number only if it looks similar: when the camera pans or the scene changes, the
    next person often stands where the last one stood.

    Args:
        smoothing_seconds: Time constant of the exponential average of a face's probabilities; 0 turns it off.
        lost_seconds: How long a face may be missed and still be the same one, in seconds. If frames are far apart, as
            in time-lapse and surveillance videos, one of them may miss it.
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
        crops_bgr: Sequence[np.ndarray],
        is_scene_cut: bool = False,
    ) -> tuple[list[int], np.ndarray]:
        """Take the faces of the next frame. Call it for frames without faces too, with empty arrays.

        Args:
            timestamp_ms: When the frame is shown, in milliseconds; not before the previous frame.
            boxes: (n, 4) x, y, width, height in pixels.
            probabilities: (n, K) float32, 0 to 1.
            crops_bgr: Crops of the n faces, each (height, width, 3) uint8, BGR.
            is_scene_cut: Whether the frame begins another scene. Then each face is treated as one that was missed.

        Returns:
            n face numbers from 1, and the (n, K) float32 smoothed probabilities, both in the order of the boxes.
        """
        memory_ms = self._memory_ms(timestamp_ms)
        self._tracks = [track for track in self._tracks if timestamp_ms - track.last_seen_ms <= memory_ms]
        boxes = np.asarray(boxes, float).reshape(-1, 4)
        appearances = [grey_thumbnail(crop) for crop in crops_bgr]
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
        """How long a missed face is remembered, in milliseconds, at the present frame rate."""
        if self._newest_ms is not None:
            self._gaps_ms.append(timestamp_ms - self._newest_ms)
        self._newest_ms = timestamp_ms
        gap_ms = statistics.median_low(self._gaps_ms) if self._gaps_ms else 0
        return max(self._lost_ms, LOST_GAPS * gap_ms)

    def _match(self, timestamp_ms, boxes, appearances):
        """Find the track that each box continues, by the box's index."""
        if not len(boxes) or not self._tracks:
            return {}
        expected = np.array([track.expected_box(timestamp_ms) for track in self._tracks])
        iou = intersection_over_union(boxes, expected)
        correlation = np.array(appearances) @ np.array([track.appearance for track in self._tracks]).T
        missed = np.array([track.missed for track in self._tracks])
        possible = (iou >= MIN_IOU) & (~missed | (correlation >= MIN_CORRELATION))
        pairs = np.argwhere(possible)
        if possible.sum(axis=0).max() > 1 or possible.sum(axis=1).max() > 1:
            pairs = _best_pairs(np.where(possible, 1 - iou, IMPOSSIBLE_COST))
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
    """Find the pairs of boxes and tracks with the lowest total cost."""
    # Not imported at the top, since it takes as long as everything else together, and most videos never need it.
    from scipy.optimize import linear_sum_assignment

    return zip(*linear_sum_assignment(cost), strict=True)


def weight_of_newest(elapsed, time_constant):
    """Weight of the newest value, 0 to 1, in an exponential average of values that are unevenly spaced in time.

    Args:
        elapsed: Time since the value before it.
        time_constant: Time constant of the average, in the same unit; 0 gives the newest value all the weight.
    """
    return 1 - math.exp(-elapsed / time_constant) if time_constant else 1.0
