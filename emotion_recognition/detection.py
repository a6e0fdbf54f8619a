"""Finding faces in a frame."""

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from emotion_recognition.boxes import intersection_over_union, sort_boxes
from emotion_recognition.labels import InputError

MIN_FACE_SIZE = 48  # pixels: smaller faces hold less than the network was trained on
WHOLE_FRAME_EVERY = 10  # frames
REMEMBERED_FRAMES = 15  # for which a face that the detector misses is still looked for where it was
# How far around a face, in its sizes, it is looked for in the next frame, and by which factor it may have grown or
# shrunk. The second try costs a fraction of a whole frame, and finds most of the faces that the first one misses.
NEARBY_TRIES = ((0.3, 1.3), (1.0, 1.7))
SAME_FACE_IOU = 0.3  # two boxes that overlap so much are one face
SCENE_CUT = 25  # mean difference, 0..255, between the pixels of two frames: in a shot it is below 10 or so
THUMBNAIL_SIZE = (32, 18)  # pixels, for that difference

YUNET_LARGEST_SIDE = 640  # pixels that a frame is scaled down to: finds faces from some 15 pixels there
YUNET_SCORE_THRESHOLD = 0.7  # 0..1


class FaceDetector(Protocol):
    """Something that finds faces."""

    def detect(self, frame_bgr: np.ndarray) -> np.ndarray:
        """Find faces.

        Args:
            frame_bgr: (height, width, 3) uint8, BGR; the next frame of the same video.

        Returns:
            (n, 4) int array of x, y, width, height in pixels, inside the frame, from left to right; n may be 0.
        """


def open_detector(
    path: str | Path, min_face_size: int = MIN_FACE_SIZE, whole_frame_every: int = WHOLE_FRAME_EVERY
) -> FaceDetector:
    """A detector for one video: YuNet for an .onnx file, otherwise a Haar cascade.

    Args:
        path: of the detector's file.
        min_face_size: in pixels; smaller faces are not looked for.
        whole_frame_every: how often a Haar cascade searches the whole frame, see `NearbySearch`; 1 for each frame.

    Raises:
        InputError: the file is missing or not a detector.
    """
    if not Path(path).is_file():
        raise InputError(f'{path}: no such detector file')
    if Path(path).suffix.lower() == '.onnx':
        return YuNetFaceDetector(path, min_face_size)
    detector = HaarFaceDetector(path, min_face_size=min_face_size)
    return detector if whole_frame_every == 1 else NearbySearch(detector, whole_frame_every)


class HaarFaceDetector:
    """OpenCV's frontal face detector (Viola and Jones 2001, doi:10.1109/CVPR.2001.990517); see `FaceDetector`.

    Args:
        cascade_path: XML file of a Haar cascade.
        scale_factor: ratio between two sizes at which faces are looked for, above 1.
        min_neighbors: how many overlapping hits make a face.
        min_face_size: in pixels; smaller faces are not looked for.

    Raises:
        InputError: the file is not a cascade.
    """

    def __init__(
        self, cascade_path: str | Path, scale_factor: float = 1.3, min_neighbors: int = 5, min_face_size: int = 0
    ):
        try:
            self._cascade = cv2.CascadeClassifier(str(cascade_path))
        except (cv2.error, SystemError):
            self._cascade = None
        if self._cascade is None or self._cascade.empty():
            raise InputError(f'{cascade_path}: not a Haar cascade; OpenCV cannot read it as one')
        self.scale_factor = scale_factor
        self.min_neighbors = min_neighbors
        self.min_face_size = min_face_size

    def detect(self, frame_bgr: np.ndarray) -> np.ndarray:
        return self.search(cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY))

    def search(self, grey: np.ndarray, min_size: float = 0, max_size: float = 0) -> np.ndarray:
        """Find faces in a (height, width) uint8 picture, of sizes in pixels; a max_size of 0 is none."""
        smallest, largest = round(max(min_size, self.min_face_size)), round(max_size)
        boxes = self._cascade.detectMultiScale(
            grey, self.scale_factor, self.min_neighbors, minSize=(smallest, smallest), maxSize=(largest, largest)
        )
        return sort_boxes(boxes)


class NearbySearch:
    """Looks for faces near those of the last frames, which costs little, and in the whole frame where that may not do.

    The whole frame is searched every nth time, at scene cuts, while no face is known, and when a face of the previous
    frame is not found again. A face that enters beside a known one may so be seen up to n - 1 frames late.

    Args:
        detector: what searches.
        whole_frame_every: n.
    """

    def __init__(self, detector: HaarFaceDetector, whole_frame_every: int = WHOLE_FRAME_EVERY):
        self._detector = detector
        self._whole_frame_every = whole_frame_every
        self._known: list[tuple[np.ndarray, int]] = []  # box of a face, for how many frames it has been missed
        self._since_whole_frame = 0
        self._thumbnail: np.ndarray | None = None

    def detect(self, frame_bgr: np.ndarray) -> np.ndarray:
        """See `FaceDetector`."""
        grey = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)
        self._since_whole_frame += 1
        visible = any(missed == 0 for _, missed in self._known)
        due = self._since_whole_frame >= self._whole_frame_every
        boxes = None
        if not self._is_scene_cut(grey) and visible and not due:
            boxes = self._search_nearby(grey)
        if boxes is None:
            boxes = self._detector.search(grey)
            self._since_whole_frame = 0
        self._remember(boxes)
        return boxes

    def _is_scene_cut(self, grey):
        before, self._thumbnail = self._thumbnail, cv2.resize(grey, THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA)
        return before is None or cv2.absdiff(before, self._thumbnail).mean() > SCENE_CUT

    def _search_nearby(self, grey):
        """Boxes near the known faces, None if one of the previous frame's is not among them."""
        found: list[np.ndarray] = []
        for known, missed in self._known:
            boxes = self._search_around(grey, known, *NEARBY_TRIES[0])
            if not len(boxes) and not missed:
                boxes = self._search_around(grey, known, *NEARBY_TRIES[1])
                if not len(boxes):
                    return None
            found += [box for box in boxes if not _overlaps(box, found)]
        return sort_boxes(found)

    def _search_around(self, grey, box, distance, scale):
        x, y, width, height = box
        left, top = max(0, int(x - distance * width)), max(0, int(y - distance * height))
        right, bottom = int(x + (1 + distance) * width), int(y + (1 + distance) * height)
        boxes = self._detector.search(grey[top:bottom, left:right], width / scale, width * scale)
        boxes[:, :2] += left, top
        return boxes

    def _remember(self, boxes):
        missed = [(box, count + 1) for box, count in self._known if count < REMEMBERED_FRAMES]
        self._known = [(box, 0) for box in boxes] + [(box, count) for box, count in missed if not _overlaps(box, boxes)]


class YuNetFaceDetector:
    """OpenCV's small network for faces (Wu et al. 2023, doi:10.1007/s11633-023-1423-y); see `FaceDetector`.

    Slower than NearbySearch on large frames, but it sees turned and half-hidden faces too.

    Args:
        model_path: ONNX file, `face_detection_yunet_*.onnx` of OpenCV's model zoo.
        min_face_size: in pixels; smaller faces are left out.
        score_threshold: 0..1; detections below it are left out.

    Raises:
        InputError: the file is not such a network.
    """

    def __init__(self, model_path: str | Path, min_face_size: int = 0, score_threshold: float = YUNET_SCORE_THRESHOLD):
        try:
            self._network = cv2.FaceDetectorYN.create(str(model_path), '', (320, 320), score_threshold)
            self._network.detect(np.zeros((320, 320, 3), np.uint8))
        except (cv2.error, SystemError):
            raise InputError(f'{model_path}: not a YuNet face detector; OpenCV cannot read it as one') from None
        self._min_face_size = min_face_size

    def detect(self, frame_bgr: np.ndarray) -> np.ndarray:
        height, width = frame_bgr.shape[:2]
        scale = min(1, YUNET_LARGEST_SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        self._network.setInputSize(size)
        _, detections = self._network.detect(cv2.resize(frame_bgr, size, interpolation=cv2.INTER_AREA))
        if detections is None:
            return sort_boxes([])
        boxes = detections[:, :4] / scale
        boxes = boxes[np.isfinite(boxes).all(axis=1)]  # OpenCV now and then returns one that is not
        boxes = [_square_inside(box, width, height) for box in boxes]
        return sort_boxes([box for box in boxes if min(box[2:]) >= max(1, self._min_face_size)])


def _square_inside(box, frame_width, frame_height):
    """The square of a tall box' height about its centre, as Haar's boxes are, cut at the frame's border."""
    x, y, width, height = box
    side = max(width, height)
    left, top = x + (width - side) / 2, y + (height - side) / 2
    left, right = np.clip([left, left + side], 0, frame_width).round().astype(int)
    top, bottom = np.clip([top, top + side], 0, frame_height).round().astype(int)
    return left, top, right - left, bottom - top


def _overlaps(box, others):
    return len(others) > 0 and intersection_over_union([box], others).max() >= SAME_FACE_IOU
