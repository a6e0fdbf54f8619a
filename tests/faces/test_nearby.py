import numpy as np
import pytest

from emotion_recognition.faces.haar import HaarFaceDetector
from emotion_recognition.faces.nearby import NearbySearch
from emotion_recognition.faces.yunet import YuNetFaceDetector
from tests.clips import demo_frame


class Counting:
    """Passes everything on to a detector, and records which searches were of the whole frame."""

    def __init__(self, detector):
        self._detector = detector
        self.whole = []

    def prepare(self, frame_bgr):
        return self._detector.prepare(frame_bgr)

    def search(self, picture):
        self.whole.append(True)
        return self._detector.search(picture)

    def search_near(self, picture, *arguments):
        self.whole.append(False)
        return self._detector.search_near(picture, *arguments)


@pytest.fixture(params=['haar', 'yunet'])
def detector(request):
    if request.param == 'haar':
        return Counting(HaarFaceDetector(min_face_size=48))
    return Counting(YuNetFaceDetector(min_face_size=48))


@pytest.fixture(scope='module')
def portrait():
    """A frame with a face of about 190 pixels, (360, 640, 3)."""
    return demo_frame(0)


def moved(portrait, pixels):
    return np.roll(portrait, pixels, axis=1)


def test_known_face_is_followed_without_searching_the_whole_frame(portrait, detector):
    search = NearbySearch(detector, whole_frame_every=8)
    boxes = [search.detect(moved(portrait, 4 * number))[0].box for number in range(16)]
    middles = [x + width / 2 for x, _, width, _ in boxes]
    assert np.polyfit(range(16), middles, 1)[0] == pytest.approx(4, abs=0.3)  # pixels a frame
    assert [number for number, whole in enumerate(detector.whole) if whole] == [0, 8]


def test_face_that_jumped_is_found_again(portrait, detector):
    search = NearbySearch(detector, whole_frame_every=100)
    before = search.detect(portrait)[0].box
    after = search.detect(moved(portrait, -190))[0].box
    assert before[0] - after[0] == pytest.approx(190, abs=15)


def test_a_face_that_jumped_is_not_taken_for_its_neighbour(portrait, detector):
    head = portrait[45:225, 240:385]
    height, width = head.shape[:2]
    before, after = (np.full((360, 640, 3), 128, np.uint8) for _ in range(2))
    for picture, places in ((before, (170, 170 + width)), (after, (10, 170 + width))):
        for x in places:
            picture[100 : 100 + height, x : x + width] = head
    search = NearbySearch(detector, whole_frame_every=100)
    assert len(search.detect(before)) == 2
    left, right = search.detect(after)
    assert left.box[0] < 60 and right.box[0] > 300


def test_whole_frame_is_searched_while_no_face_is_known_and_at_a_scene_cut(portrait, detector):
    search = NearbySearch(detector, whole_frame_every=100)
    for _ in range(3):
        assert search.detect(np.full_like(portrait, 90)) == []
    search.detect(portrait)
    assert detector.whole == [True] * 4
    search.detect(portrait)
    assert detector.whole[4:] == [False]
    search.detect(portrait, is_scene_cut=True)
    assert detector.whole[5] is True


def test_second_face_is_found_within_n_frames(portrait, detector):
    both = np.hstack([portrait[:, 140:500], portrait[:, 140:500]])
    one = both.copy()
    one[:, 360:] = one[:, 359:360]
    search = NearbySearch(detector, whole_frame_every=5)
    search.detect(one)
    counts = [len(search.detect(both)) for _ in range(5)]
    assert counts[-1] == 2 and counts == sorted(counts)
