"""Each face's probabilities over time, thinned for display: an hour takes no more space than a few minutes."""

from collections.abc import Sequence

import numpy as np

from emotion_recognition.labels import FaceEmotion

# Of all faces together: 1.5 MB in a page. At 25 frames a second, up to 13 minutes of one face are not thinned.
MAX_BUCKETS = 20_000
PERCENT = 100


class Curves:
    """Collects each face's probabilities, as whole percentages.

    Each frame begins as a bucket of its own. Whenever there are more than `max_buckets`, neighbours are joined in
    pairs: a bucket then stands for 2, 4, 8 ... frames. It keeps the lowest and the highest probability of each class,
    so no peak is lost.

    Args:
        max_buckets: Number of buckets to keep, of all faces together.

    Attributes:
        frames_per_bucket: Number of frames in each bucket; bucket b begins with frame b * frames_per_bucket + 1.
    """

    def __init__(self, max_buckets: int = MAX_BUCKETS):
        self._max_buckets = max_buckets
        self._faces: dict[int, dict[int, tuple[np.ndarray, np.ndarray]]] = {}
        self._count = 0
        self.frames_per_bucket = 1

    def add(self, frame_number: int, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame, its number counted from 1, with its faces."""
        bucket = (frame_number - 1) // self.frames_per_bucket
        for face in faces:
            percent = np.rint(face.shown * PERCENT).astype(np.uint8)
            buckets = self._faces.setdefault(face.track_id, {})
            self._count += bucket not in buckets
            _join(buckets, bucket, percent, percent)
        while self._count > self._max_buckets and self.frames_per_bucket < frame_number:
            self._thin()

    def _thin(self):
        self.frames_per_bucket *= 2
        for track_id, buckets in self._faces.items():
            halved: dict[int, tuple[np.ndarray, np.ndarray]] = {}
            for bucket, (lowest, highest) in buckets.items():
                _join(halved, bucket // 2, lowest, highest)
            self._faces[track_id] = halved
        self._count = sum(map(len, self._faces.values()))

    def to_json(self) -> list[dict]:
        """Convert the curves for the review page.

        Returns:
            For each face, in the order of their numbers: `face`, its number; `buckets`, the indices of the buckets in
            which it was seen, each as the difference from the one before; `low` and `high`, for each class a list of
            the buckets' percentages. `high` is None if it is the same as `low`.
        """
        return [_face_to_json(track_id, self._faces[track_id]) for track_id in sorted(self._faces)]


def _join(buckets, bucket, lowest, highest):
    if bucket in buckets:
        lowest, highest = np.minimum(buckets[bucket][0], lowest), np.maximum(buckets[bucket][1], highest)
    buckets[bucket] = lowest, highest


def _face_to_json(track_id, buckets):
    low, high = (np.array(side).T.tolist() for side in zip(*buckets.values(), strict=True))
    differences = np.diff(np.array(list(buckets)), prepend=0).tolist()
    return {'face': track_id, 'buckets': differences, 'low': low, 'high': None if low == high else high}
