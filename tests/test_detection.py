import av
import numpy as np
import pytest

from emotion_recognition.boxes import intersection_over_union
from emotion_recognition.detection import HaarFaceDetector, NearbySearch, YuNetFaceDetector, open_detector
from emotion_recognition.labels import InputError
from tests.conftest import DEMO_PATH, DETECTOR_PATH, SHARED


def test_no_face_in_a_plain_frame():
    boxes = HaarFaceDetector(DETECTOR_PATH).detect(np.full((120, 160, 3), 90, np.uint8))
    assert boxes.shape == (0, 4)


def test_two_faces_from_left_to_right():
    with av.open(str(DEMO_PATH)) as container:
        frame = next(frame for frame in container.decode(video=0) if frame.time >= 8).to_ndarray(format='bgr24')
    boxes = HaarFaceDetector(DETECTOR_PATH).detect(frame)
    assert len(boxes) == 2
    (left, right) = boxes[:, 0] + boxes[:, 2] / 2
    assert left < 320 < right


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match='no such detector file'):
        open_detector(tmp_path / 'none.xml')


@pytest.mark.parametrize('text', ['', 'not xml', '<?xml version="1.0"?><opencv_storage><a>1</a></opencv_storage>'])
def test_file_that_is_no_cascade(tmp_path, text):
    path = tmp_path / 'cascade.xml'
    path.write_text(text)
    with pytest.raises(InputError, match='not a Haar cascade'):
        HaarFaceDetector(path)


# ---- looking near known faces


class Counting(HaarFaceDetector):
    """Notes how wide the pictures are that it searches."""

    def __init__(self):
        super().__init__(DETECTOR_PATH, min_face_size=48)
        self.widths = []

    def search(self, grey, *sizes):
        self.widths.append(grey.shape[1])
        return super().search(grey, *sizes)


@pytest.fixture(scope='module')
def portrait():
    """A face of some 190 pixels, (360, 640, 3)."""
    with av.open(str(DEMO_PATH)) as container:
        return next(container.decode(video=0)).to_ndarray(format='bgr24')


def moved(portrait, pixels):
    return np.roll(portrait, pixels, axis=1)


def test_known_face_is_followed_without_searching_the_whole_frame(portrait):
    detector = Counting()
    search = NearbySearch(detector, whole_frame_every=8)
    lefts = [search.detect(moved(portrait, 4 * number))[0][0] for number in range(16)]
    assert np.polyfit(range(16), lefts, 1)[0] == pytest.approx(4, abs=0.3)  # pixels a frame
    assert [number for number, width in enumerate(detector.widths) if width == 640] == [0, 8]


def test_whole_frame_is_searched_again_for_a_face_that_jumped(portrait):
    search = NearbySearch(Counting(), whole_frame_every=100)
    before = search.detect(portrait)[0]
    after = search.detect(moved(portrait, -190))[0]
    assert before[0] - after[0] == pytest.approx(190, abs=15)


def test_whole_frame_is_searched_while_no_face_is_known_and_at_a_scene_cut(portrait):
    detector = Counting()
    search = NearbySearch(detector, whole_frame_every=100)
    for _ in range(3):
        assert len(search.detect(np.full_like(portrait, 90))) == 0
    search.detect(portrait)
    assert detector.widths == [640] * 4
    search.detect(portrait)
    assert detector.widths[4] < 640
    search.detect(255 - portrait)
    assert detector.widths[5] == 640


def test_second_face_is_found_within_n_frames(portrait):
    both = np.hstack([portrait[:, 140:500], portrait[:, 140:500]])
    one = both.copy()
    one[:, 360:] = one[:, 359:360]
    search = NearbySearch(Counting(), whole_frame_every=5)
    search.detect(one)
    counts = [len(search.detect(both)) for _ in range(5)]
    assert counts[-1] == 2 and counts == sorted(counts)


def test_faces_below_the_smallest_size_are_left_out(portrait):
    assert len(open_detector(DETECTOR_PATH, min_face_size=100).detect(portrait)) == 1
    assert len(open_detector(DETECTOR_PATH, min_face_size=300).detect(portrait)) == 0


# ---- YuNet

YUNET_PATH = next((SHARED / 'detectors').glob('face_detection_yunet*.onnx'), None)


@pytest.mark.skipif(YUNET_PATH is None, reason='the YuNet file is not here')
def test_yunet_finds_the_same_face_as_haar(portrait):
    detector = open_detector(YUNET_PATH)
    assert isinstance(detector, YuNetFaceDetector)
    (box,) = detector.detect(portrait)
    (haar_box,) = HaarFaceDetector(DETECTOR_PATH, min_face_size=48).detect(portrait)
    assert intersection_over_union([box], [haar_box])[0, 0] > 0.6
    assert len(detector.detect(np.full((50, 2000, 3), 90, np.uint8))) == 0
    assert len(open_detector(YUNET_PATH, min_face_size=400).detect(portrait)) == 0


def test_file_that_is_no_yunet(tmp_path):
    path = tmp_path / 'yunet.onnx'
    path.write_bytes(b'nothing')
    with pytest.raises(InputError, match='not a YuNet'):
        open_detector(path)
