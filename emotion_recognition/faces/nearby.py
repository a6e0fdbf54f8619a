"""Searching for faces near those of the last frames."""

import numpy as np

from emotion_recognition.faces.boxes import FoundFace, boxes_of, intersection_over_union, sort_faces
from emotion_recognition.faces.detection import FaceDetector

REMEMBERED_FRAMES = 15  # how long a face that the detector misses is still searched for where it was
# How far around a face to search for it in the next frame, in sizes of the face, and by which factor it may have grown
# or shrunk. The second try costs a fraction of a whole frame, and finds most of the faces that the first one misses.
NEARBY_TRIES = ((0.3, 1.3), (1.0, 1.7))
SAME_FACE_IOU = 0.3  # two boxes that overlap by this or more are one face


class NearbySearch:
    """Searches near the faces of the last frames, which costs little, and the whole frame if that may not be enough.

    The whole frame is searched every nth time, at scene cuts, while no face is known, and when a face of the previous
    frame is not found again. So a face that enters next to a known one may be seen up to n - 1 frames late.

    Args:
        detector: Finds the faces.
        whole_frame_every: n; 1 searches every frame as a whole.
    """

    def __init__(self, detector: FaceDetector, whole_frame_every: int):
        self._detector = detector
        self._whole_frame_every = whole_frame_every
        self._known: list[tuple[FoundFace, int]] = []  # a face, and for how many frames it has been missed
        self._since_whole_frame = 0

    def detect(self, frame_bgr: np.ndarray, is_scene_cut: bool = False) -> list[FoundFace]:
        """Find the faces of the next frame of a video.

        Args:
            frame_bgr: (height, width, 3) uint8, BGR.
            is_scene_cut: Whether the frame begins another scene.

        Returns:
            The faces from left to right.
        """
        picture = self._detector.prepare(frame_bgr)
        self._since_whole_frame += 1
        visible = any(missed == 0 for _, missed in self._known)
        due = self._since_whole_frame >= self._whole_frame_every
        faces = None
        if visible and not due and not is_scene_cut:
            faces = self._search_nearby(picture)
        if faces is None:
            faces = self._detector.search(picture)
            self._since_whole_frame = 0
        self._remember(faces)
        return sort_faces(faces)

    def _search_nearby(self, picture):
        """Find the faces near the known ones. None if a face of the previous frame is not among them."""
        found: list[FoundFace] = []
        for known, missed in self._known:
            others = [other for other, _ in self._known if other is not known]
            faces = self._detector.search_near(picture, known, *NEARBY_TRIES[0])
            if not missed and not _is_among(known, faces, others):
                faces += self._detector.search_near(picture, known, *NEARBY_TRIES[1])
                if not _is_among(known, faces, others):
                    return None
            for face in faces:
                if not _overlaps(face, found):
                    found.append(face)
        return found

    def _remember(self, faces):
        missed = [(face, count + 1) for face, count in self._known if count < REMEMBERED_FRAMES]
        self._known = [(face, 0) for face in faces]
        self._known += [(face, count) for face, count in missed if not _overlaps(face, faces)]


def _is_among(known, faces, others):
    """Whether one of the faces found around a known face is that face, and not another known one."""
    return any(not _overlaps(face, others) or _overlap(face, [known]) >= _overlap(face, others) for face in faces)


def _overlaps(face, others):
    return _overlap(face, others) >= SAME_FACE_IOU


def _overlap(face, others):
    return intersection_over_union([face.box], boxes_of(others)).max() if others else 0.0
