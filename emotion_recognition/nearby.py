"""Looking for faces near those of the last frames."""

from typing import Protocol

import cv2
import numpy as np

from emotion_recognition.boxes import FoundFace, boxes_of, intersection_over_union, sort_faces

REMEMBERED_FRAMES = 15  # for which a face that the detector misses is still looked for where it was
# How far around a face, in its sizes, it is looked for in the next frame, and by which factor it may have grown or
# shrunk. The second try costs a fraction of a whole frame, and finds most of the faces that the first one misses.
NEARBY_TRIES = ((0.3, 1.3), (1.0, 1.7))
SAME_FACE_IOU = 0.3  # two boxes that overlap so much are one face
SCENE_CUT = 25  # mean difference, 0..255, between the pixels of two frames: in a shot it is below 10 or so
THUMBNAIL_SIZE = (32, 18)  # pixels, for that difference
SAMPLED_ROWS = 120  # at least, that a thumbnail is made of: all of a large picture would take a sixth of its search


class RegionDetector(Protocol):
    """A detector that can search a part of a frame, for `NearbySearch`."""

    def prepare(self, frame_bgr: np.ndarray) -> np.ndarray:
        """From (height, width, 3) uint8, BGR, to the picture that it searches, of the same height and width."""

    def search(self, picture: np.ndarray) -> list[FoundFace]:
        """Find the faces of a whole picture."""

    def search_near(self, picture: np.ndarray, known: FoundFace, distance: float, scale: float) -> list[FoundFace]:
        """Find the faces around a known one.

        Args:
            picture: what `prepare` returned.
            known: where a face was a frame ago or so.
            distance: how far around it they are looked for, in its sizes.
            scale: by which factor they may be larger or smaller.
        """


class NearbySearch:
    """Looks for faces near those of the last frames, which costs little, and in the whole frame where that may not do.

    The whole frame is searched every nth time, at scene cuts, while no face is known, and when a face of the previous
    frame is not found again. A face that enters beside a known one may so be seen up to n - 1 frames late.

    Args:
        detector: what searches.
        whole_frame_every: n.
    """

    def __init__(self, detector: RegionDetector, whole_frame_every: int):
        self._detector = detector
        self._whole_frame_every = whole_frame_every
        self._known: list[tuple[FoundFace, int]] = []  # a face, for how many frames it has been missed
        self._since_whole_frame = 0
        self._thumbnail: np.ndarray | None = None

    def detect(self, frame_bgr: np.ndarray) -> list[FoundFace]:
        """See `FaceDetector`."""
        picture = self._detector.prepare(frame_bgr)
        self._since_whole_frame += 1
        visible = any(missed == 0 for _, missed in self._known)
        due = self._since_whole_frame >= self._whole_frame_every
        faces = None
        if not self._is_scene_cut(picture) and visible and not due:
            faces = self._search_nearby(picture)
        if faces is None:
            faces = self._detector.search(picture)
            self._since_whole_frame = 0
        self._remember(faces)
        return sort_faces(faces)

    def _is_scene_cut(self, picture):
        step = max(1, len(picture) // SAMPLED_ROWS)
        sampled = np.ascontiguousarray(picture[::step, ::step])
        before, self._thumbnail = self._thumbnail, cv2.resize(sampled, THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA)
        return before is None or cv2.absdiff(before, self._thumbnail).mean() > SCENE_CUT

    def _search_nearby(self, picture):
        """Faces near the known ones, None if one of the previous frame's is not among them."""
        found: list[FoundFace] = []
        for known, missed in self._known:
            faces = self._detector.search_near(picture, known, *NEARBY_TRIES[0])
            if not faces and not missed:
                faces = self._detector.search_near(picture, known, *NEARBY_TRIES[1])
                if not faces:
                    return None
            found += [face for face in faces if not _overlaps(face, found)]
        return found

    def _remember(self, faces):
        missed = [(face, count + 1) for face, count in self._known if count < REMEMBERED_FRAMES]
        self._known = [(face, 0) for face in faces]
        self._known += [(face, count) for face, count in missed if not _overlaps(face, faces)]


def _overlaps(face, others):
    return bool(others) and intersection_over_union([face.box], boxes_of(others)).max() >= SAME_FACE_IOU
