"""Hiding faces in pictures, with `--blur-faces`: finding all of them, and pixelating them beyond recognition.

It asks nobody whether a face counts: what may be a face is hidden, small or brief, and for a while before it is first
seen and after it is last seen.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from emotion_recognition.faces.boxes import FoundFace, box_between, boxes_of, intersection_over_union
from emotion_recognition.faces.crops import align_face
from emotion_recognition.faces.detection import FaceDetector
from emotion_recognition.faces.scene_cuts import SceneCuts
from emotion_recognition.faces.tracking import FaceTracker
from emotion_recognition.groups import end_at_error
from emotion_recognition.media.picture import Picture

CELLS = 4  # across a face's box; with 8, people know people whom they have met
# How far what is pixelated reaches beyond the box, in sizes of the box: to the ears and hair, and below the chin
BESIDE, ABOVE, BELOW = 0.35, 0.5, 0.35
HOLD_MS = 500.0  # how long a face stays hidden where it is not found, at both ends and in between
MAX_HELD = 60  # frames that wait for what comes: 360 MB at 1920x1080
SAME_PLACE_IOU = 0.3
NEARBY = 0.5, 1.5  # distance and scale of the search for a face that is not found, see `FaceDetector.search_near`

Box = tuple[int, int, int, int]


def pixelate(picture_bgr: np.ndarray, boxes: Iterable[Box]) -> None:
    """Pixelate faces beyond recognition, in place, with hair and chin.

    Args:
        picture_bgr: (height, width, 3) uint8, BGR.
        boxes: x, y, width, height in pixels of each face. They may reach beyond the picture.
    """
    limits = np.array(picture_bgr.shape[1::-1])
    for x, y, width, height in boxes:
        side = max(width, height)
        start = np.clip(np.floor([x - BESIDE * side, y - ABOVE * side]), 0, limits).astype(int)
        end = np.clip(np.ceil([x + width + BESIDE * side, y + height + BELOW * side]), start, limits).astype(int)
        region = picture_bgr[start[1] : end[1], start[0] : end[0]]
        if region.size:
            cells = [max(1, round(float(length) * CELLS / side)) for length in end - start]
            mosaic = cv2.resize(region, cells, interpolation=cv2.INTER_AREA)
            region[:] = cv2.resize(mosaic, region.shape[1::-1], interpolation=cv2.INTER_NEAREST)


def hide_faces(
    frames: Iterable[tuple[int, float, Picture]], detectors: Sequence[FaceDetector]
) -> Iterator[tuple[int, float, Picture]]:
    """Hide the faces of a video.

    A face that is missed for up to HOLD_MS is hidden between the places at both ends. For as long before it is first
    seen, and after it is last seen, its place there is hidden, within the scene.

    Args:
        frames: Number, timestamp in milliseconds and picture of each. The pictures are changed.
        detectors: Find the faces, see `open_hiding_detectors`.

    Yields:
        The same frames, late.

    Raises:
        InputError: What the frames raise, after all frames before it have been yielded.
    """
    window, errors = _Window(detectors), []
    for number, ms, picture in end_at_error(frames, errors):
        window.add(number, ms, picture.bgr)
        while window.is_full:
            yield window.take()
    while window.held:
        yield window.take()
    if errors:
        raise errors[0]


def find_all(
    picture_bgr: np.ndarray, detectors: Sequence[FaceDetector], known: Sequence[FoundFace] = ()
) -> list[FoundFace]:
    """Find all faces of a picture, (height, width, 3) uint8, BGR: in all of it, and near those that are known."""
    found: list[FoundFace] = []
    for detector in detectors:
        prepared = detector.prepare(picture_bgr)
        found += [face for face in detector.search(prepared) if not _is_among(face, found)]
        for face in known:
            if not _is_among(face, found):
                found += detector.search_near(prepared, face, *NEARBY)
    return [face for face in found if min(face.box[2:]) > 0]


def _is_among(face, others):
    return bool(others) and intersection_over_union([face.box], boxes_of(others)).max() >= SAME_PLACE_IOU


@dataclass
class _Frame:
    number: int
    ms: float
    picture_bgr: np.ndarray | None  # None once it has been taken
    scene: int
    boxes: dict[int, Box] = field(default_factory=dict)  # of the faces in it, by the tracker's numbers


class _Window:
    """The frames around the one that is hidden next: those that wait, and as many before it."""

    def __init__(self, detectors):
        self._detectors = detectors
        self._cuts, self._tracker, self._scene = SceneCuts(), FaceTracker(), 0
        self._known: list[FoundFace] = []  # in the newest frame
        self._latest: dict[int, _Frame] = {}  # the last frame with each face
        self.held: deque[_Frame] = deque()
        self._past: deque[_Frame] = deque(maxlen=MAX_HELD)

    @property
    def is_full(self):
        return self.held[-1].ms - self.held[0].ms > HOLD_MS or len(self.held) > MAX_HELD

    def add(self, number, ms, picture_bgr):
        is_cut = self._cuts.is_cut(picture_bgr)
        self._scene += is_cut
        self._known = find_all(picture_bgr, self._detectors, [] if is_cut else self._known)
        crops, nothing = [align_face(picture_bgr, face) for face in self._known], np.zeros((len(self._known), 1))
        track_ids, _ = self._tracker.update(ms, boxes_of(self._known), nothing, crops, is_cut)
        frame = _Frame(number, ms, picture_bgr, self._scene)
        for track_id, face in zip(track_ids, self._known, strict=True):
            frame.boxes[track_id] = face.box
            self._fill(track_id, self._latest.get(track_id), frame)
            self._latest[track_id] = frame
        self._latest = {track_id: one for track_id, one in self._latest.items() if ms - one.ms <= HOLD_MS}
        self.held.append(frame)

    def _fill(self, track_id, before, after):
        """Note where a face must have been that was missed for a moment."""
        if before is None or before.scene != after.scene:
            return
        for one in self.held:
            if before.ms < one.ms:
                share = (one.ms - before.ms) / (after.ms - before.ms)
                one.boxes[track_id] = box_between(before.boxes[track_id], after.boxes[track_id], share)

    def take(self):
        """Hide the faces of the oldest frame that waits, and return it."""
        frame = self.held[0]
        near = [one for one in (*self._past, *self.held) if one.scene == frame.scene]
        boxes: dict[int, Box] = {}
        for one in sorted(near, key=lambda one: -abs(one.ms - frame.ms)):  # of a face's places, the nearest counts
            if abs(one.ms - frame.ms) <= HOLD_MS:
                boxes |= one.boxes
        pixelate(frame.picture_bgr, boxes.values())
        shown = frame.number, frame.ms, Picture(frame.picture_bgr)
        frame.picture_bgr = None
        self._past.append(self.held.popleft())
        return shown
