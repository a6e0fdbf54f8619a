import numpy as np
import pytest

from emotion_recognition.faces.boxes import FoundFace
from emotion_recognition.faces.hiding import MAX_HELD, find_all, hide_faces, pixelate
from emotion_recognition.labels import InputError
from emotion_recognition.media.picture import Picture

HEIGHT, WIDTH = 90, 160


class Scripted:
    """Finds what is said to be in each frame, whose number is the colour of its last pixel."""

    finds_points = False

    def __init__(self, boxes, near=()):
        self.boxes, self.near, self.asked = boxes, near, []

    def prepare(self, picture_bgr):
        return picture_bgr

    def search(self, picture):
        return [FoundFace(box) for box in self.boxes.get(int(picture[-1, -1, 0]), ())]

    def search_near(self, picture, known, distance, scale):
        self.asked.append((int(picture[-1, -1, 0]), known.box))
        return [known] if int(picture[-1, -1, 0]) in self.near else []


def noise(number, brightness=0):
    """A picture full of detail, the same one but for its number and brightness."""
    picture = np.random.default_rng(0).integers(brightness, brightness + 100, (HEIGHT, WIDTH, 3), np.uint8)
    picture[-1, -1] = number
    return picture


def hidden_at(boxes, point, brightnesses, gap_ms=40, near=()):
    """In which frames, from 0, a place is hidden."""
    originals = [noise(number, brightness) for number, brightness in enumerate(brightnesses)]
    frames = [(number, number * gap_ms, Picture(picture.copy())) for number, picture in enumerate(originals)]
    hidden = list(hide_faces(iter(frames), [Scripted(boxes, near)]))
    assert [frame[:2] for frame in hidden] == [frame[:2] for frame in frames]
    x, y = point
    places = (slice(y - 2, y + 3), slice(x - 2, x + 3))
    return [n for n, (*_, picture) in enumerate(hidden) if (picture.bgr[places] != originals[n][places]).any()]


def test_no_detail_of_a_face_is_left():
    picture = noise(7)
    before = picture.copy()
    pixelate(picture, [(60, 30, 40, 40)])
    changed = np.argwhere((picture != before).any(axis=2))
    assert (changed.min(axis=0).tolist(), changed.max(axis=0).tolist()) == ([10, 46], [83, 113])
    colours = np.unique(picture[30:70, 60:100].reshape(-1, 3), axis=0)
    assert len(colours) <= 25  # 5 x 5 cells meet a box of 4 x 4
    pixelate(picture, [(-30, -30, 60, 60), (150, 80, 30, 30), (500, 500, 9, 9)])  # partly or all outside


def test_a_brief_face_is_hidden_for_a_while_before_and_after_it():
    assert hidden_at({20: [(60, 30, 20, 20)]}, (70, 40), [0] * 40) == list(range(8, 33))  # half a second at both ends


def test_a_face_that_is_missed_is_hidden_where_it_must_have_been():
    boxes = {0: [(20, 30, 20, 20)], 4: [(24, 30, 20, 20)], 12: [(32, 30, 20, 20)]}
    originals = [np.roll(noise(0), number, axis=1) for number in range(13)]
    for number, picture in enumerate(originals):
        picture[-1, -1] = number
    frames = [(number, number * 40.0, Picture(picture.copy())) for number, picture in enumerate(originals)]
    shown = [picture.bgr for *_, picture in hide_faces(iter(frames), [Scripted(boxes)])]
    columns = [np.flatnonzero((a != b).any(axis=(0, 2))).min() for a, b in zip(shown, originals, strict=True)]
    assert columns == [number + 13 for number in range(13)]


def test_a_face_is_not_hidden_in_another_scene():
    assert hidden_at({5: [(60, 30, 20, 20)]}, (70, 40), [0] * 4 + [120] * 4 + [0] * 4) == [4, 5, 6, 7]


def test_a_face_that_the_search_of_the_whole_frame_misses_is_sought_where_it_was():
    assert hidden_at({0: [(60, 30, 20, 20)]}, (70, 40), [0] * 40, near={1, 2, 3}) == list(range(16))


def test_several_detectors_find_what_one_of_them_misses():
    one, other = Scripted({7: [(10, 10, 20, 20)]}), Scripted({7: [(11, 10, 20, 20), (90, 10, 20, 20)]})
    assert [face.box for face in find_all(noise(7), [one, other])] == [(10, 10, 20, 20), (90, 10, 20, 20)]


def test_frames_before_an_error_are_not_lost():
    def break_off():
        yield from ((number, number * 40.0, Picture(noise(number))) for number in range(5))
        raise InputError('the file breaks off')

    shown = []
    with pytest.raises(InputError, match='breaks off'):
        for number, *_ in hide_faces(break_off(), [Scripted({})]):
            shown.append(number)
    assert shown == list(range(5))


def test_few_frames_wait():
    taken, waiting = [], []

    def frames():
        for number in range(200):
            taken.append(number)
            yield number, number * 2.0, Picture(noise(number))

    for number, *_ in hide_faces(frames(), [Scripted({})]):
        waiting.append(taken[-1] - number)
    assert max(waiting) == MAX_HELD
