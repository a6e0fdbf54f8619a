"""Each face's probabilities over time, thinned for the eye, so that an hour takes no more room than some minutes."""

from collections.abc import Sequence

import numpy as np

from emotion_recognition.labels import FaceEmotion

# Of all faces together: 1.5 MB in a page; up to 13 minutes at 25 frames a second, none is thinned.
MOST_BUCKETS = 20_000
PERCENT = 100


class Curves:
    """Collects each face's probabilities, in whole per cent.

    Where there are more than `most_buckets`, neighbours are joined in pairs, again and again: a bucket then stands for
    2, 4, 8 ... frames, and keeps the lowest and the highest probability of each class, so that no peak is lost.

    Args:
        most_buckets: how many are kept, of all faces together.

    Attributes:
        frames_per_bucket: bucket b stands for the frames from number b * frames_per_bucket + 1 on.
    """

    def __init__(self, most_buckets: int = MOST_BUCKETS):
        self._most_buckets = most_buckets
        self._faces: dict[int, dict[int, tuple[np.ndarray, np.ndarray]]] = {}
        self._count = 0
        self.frames_per_bucket = 1

    def add(self, frame_number: int, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame: its number from 1, its faces."""
        bucket = (frame_number - 1) // self.frames_per_bucket
        for face in faces:
            percent = np.rint(face.shown * PERCENT).astype(np.uint8)
            buckets = self._faces.setdefault(face.track_id, {})
            self._count += bucket not in buckets
            _join(buckets, bucket, percent, percent)
        while self._count > self._most_buckets and self.frames_per_bucket < frame_number:
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
        """For each face, by its number: `face`; `buckets`, in which it was seen, as differences to the one before;
        `low` and `high`, a list of the buckets' per cents for each class, `high` None where nothing was thinned."""
        return [_face_to_json(track_id, self._faces[track_id]) for track_id in sorted(self._faces)]


def _join(buckets, bucket, lowest, highest):
    if bucket in buckets:
        lowest, highest = np.minimum(buckets[bucket][0], lowest), np.maximum(buckets[bucket][1], highest)
    buckets[bucket] = lowest, highest


def _face_to_json(track_id, buckets):
    low, high = (np.array(side).T.tolist() for side in zip(*buckets.values(), strict=True))
    differences = np.diff(np.array(list(buckets)), prepend=0).tolist()
    return {'face': track_id, 'buckets': differences, 'low': low, 'high': None if low == high else high}
