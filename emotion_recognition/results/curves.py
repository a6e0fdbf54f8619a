"""Each face's probabilities over time and where its label is drawn, thinned for display: an hour takes no more space
than a few minutes."""

from collections.abc import Mapping, Sequence

import numpy as np

from emotion_recognition.labels import FaceEmotion

# Of all faces together: 1.5 MB in a page. At 25 frames a second, up to 13 minutes of one face are not thinned.
MAX_BUCKETS = 20_000
PERCENT = 100
NOT_DRAWN = (0, 0, 0, 0)  # place of a label that is not in the frame

Box = tuple[int, int, int, int]  # x, y, width, height in pixels
Bucket = tuple[np.ndarray, np.ndarray, Box]  # lowest and highest percentages, and the label in its first frame


class Curves:
    """Collects each face's probabilities, as whole percentages.

    Each frame begins as a bucket of its own. Whenever there are more than `max_buckets`, neighbours are joined in
    pairs: a bucket then stands for 2, 4, 8 ... frames. It keeps the lowest and the highest probability of each class,
    so no peak is lost, and where the label of the face is in the first of its frames.

    Args:
        max_buckets: Number of buckets to keep, of all faces together.

    Attributes:
        frames_per_bucket: Number of frames in each bucket; bucket b begins with frame b * frames_per_bucket + 1.
    """

    def __init__(self, max_buckets: int = MAX_BUCKETS):
        self._max_buckets = max_buckets
        self._faces: dict[int, dict[int, Bucket]] = {}
        self._count = 0
        self.frames_per_bucket = 1

    def add(self, frame_number: int, faces: Sequence[FaceEmotion], labels: Mapping[int, Box] | None = None) -> None:
        """Add the next frame.

        Args:
            frame_number: Its number, from 1.
            faces: Its faces.
            labels: Where their labels are drawn, by the tracker's numbers; faces may be missing.
        """
        labels = labels or {}
        bucket = (frame_number - 1) // self.frames_per_bucket
        for face in faces:
            percent = np.rint(face.shown * PERCENT).astype(np.uint8)
            buckets = self._faces.setdefault(face.track_id, {})
            self._count += bucket not in buckets
            _join(buckets, bucket, percent, percent, labels.get(face.track_id, NOT_DRAWN))
        while self._count > self._max_buckets and self.frames_per_bucket < frame_number:
            self._thin()

    def _thin(self):
        self.frames_per_bucket *= 2
        for track_id, buckets in self._faces.items():
            halved: dict[int, Bucket] = {}
            for bucket, content in buckets.items():
                _join(halved, bucket // 2, *content)
            self._faces[track_id] = halved
        self._count = sum(map(len, self._faces.values()))

    def to_json(self, with_labels: bool = False) -> list[dict]:
        """Convert the curves for the review page.

        Args:
            with_labels: Whether the video that it plays has labels.

        Returns:
            For each face, in the order of their numbers: `face`, its number; `buckets`, the indices of the buckets in
            which it was seen, each as the difference from the one before; `low` and `high`, for each class a list of
            the buckets' percentages. `high` is None if it is the same as `low`. With labels also `labels`: lists of the
            buckets' x, y, width and height, each as the difference from the one before; no width if there is none.
        """
        return [_face_to_json(track_id, self._faces[track_id], with_labels) for track_id in sorted(self._faces)]


def _join(buckets, bucket, lowest, highest, label):
    if bucket in buckets:
        before_lowest, before_highest, label = buckets[bucket]
        lowest, highest = np.minimum(before_lowest, lowest), np.maximum(before_highest, highest)
    buckets[bucket] = lowest, highest, label


def _face_to_json(track_id, buckets, with_labels):
    lowest, highest, labels = zip(*buckets.values(), strict=True)
    low, high = np.array(lowest).T.tolist(), np.array(highest).T.tolist()
    content = {'face': track_id, 'buckets': _differences(list(buckets)), 'low': low}
    content['high'] = None if low == high else high
    if with_labels:
        content['labels'] = [_differences(values) for values in zip(*labels, strict=True)]
    return content


def _differences(values):
    return np.diff(np.array(values), prepend=0).tolist()
