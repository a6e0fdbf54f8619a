import cv2
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from emotion_recognition.labels import EMOTION_COLOURS_BGR, EMOTIONS, FaceEmotion, Person
from emotion_recognition.media.planes import Planes
from emotion_recognition.results.canvas import FONT, canvas_of
from emotion_recognition.results.drawing import draw_faces, draw_lines, mirror_faces

HAPPY = np.array([0, 0, 0, 0, 1, 0, 0, 0, 0], np.float32)


def test_every_emotion_has_its_own_colour():
    assert tuple(EMOTION_COLOURS_BGR) == EMOTIONS
    assert len(set(EMOTION_COLOURS_BGR.values())) == 9


def test_box_in_the_colour_of_the_emotion():
    frame = np.zeros((240, 320, 3), np.uint8)
    draw_faces(frame, [FaceEmotion(1, (100, 100, 80, 80), HAPPY)])
    for x, y in ((140, 180), (100, 140), (180, 140)):  # lower, left and right side
        np.testing.assert_allclose(frame[y, x], (60, 215, 255), atol=25)  # the line has soft edges
    assert not frame[110:170, 110:170].any()


@pytest.mark.parametrize('box', [(0, 0, 60, 60), (280, 0, 40, 60), (300, 200, 40, 60), (-10, -10, 50, 50)])
def test_label_stays_whole_at_the_border(box):
    inside = np.zeros((240, 320, 3), np.uint8)
    draw_faces(inside, [FaceEmotion(1, (100, 100, 1, 1), HAPPY)])
    at_border = np.zeros((240, 320, 3), np.uint8)
    draw_faces(at_border, [FaceEmotion(1, box, HAPPY)])
    colour = EMOTION_COLOURS_BGR['happy']
    assert (at_border == colour).all(axis=2).sum() >= 0.98 * (inside == colour).all(axis=2).sum()


@pytest.mark.parametrize(('width', 'height'), [(426, 240), (3840, 2160), (90, 400)])
def test_label_fits_any_frame(width, height):
    frame = np.zeros((height, width, 3), np.uint8)
    draw_faces(frame, [FaceEmotion(12, (width // 2, height // 2, 40, 40), HAPPY)])
    label = (frame[: height // 2 - height // 100] == EMOTION_COLOURS_BGR['happy']).all(axis=2)  # above the box's line
    rows, columns = np.flatnonzero(label.any(axis=1)), np.flatnonzero(label.any(axis=0))
    left, right = columns[[0, -1]]
    assert left >= 0 and right < width
    dark = (frame[rows[0] : rows[-1], left:right] < 60).all(axis=2)
    assert not dark[:, :2].any() and not dark[:, -2:].any()  # the text touches neither end
    assert dark.any()


def test_labels_of_neighbours_do_not_cover_each_other():
    frame = np.zeros((240, 426, 3), np.uint8)
    alone = []
    for x in (20, 90):
        frame_of_one = np.zeros((240, 426, 3), np.uint8)
        draw_faces(frame_of_one, [FaceEmotion(1, (x, 80, 60, 70), HAPPY)])
        alone.append((frame_of_one == EMOTION_COLOURS_BGR['happy']).all(axis=2).sum())
    draw_faces(frame, [FaceEmotion(1, (20, 80, 60, 70), HAPPY), FaceEmotion(1, (90, 80, 60, 70), HAPPY)])
    assert (frame == EMOTION_COLOURS_BGR['happy']).all(axis=2).sum() == pytest.approx(sum(alone), rel=0.03)


def drawn(**face):
    frame = np.zeros((240, 320, 3), np.uint8)
    draw_faces(frame, [FaceEmotion(**{'track_id': 3, 'box': (100, 100, 80, 80), 'probabilities': HAPPY} | face)])
    return frame


@pytest.mark.parametrize(
    ('name', 'label'),
    [('Zoë Müller', 'Zoe Muller'), ('前後', '12'), ('前 B', 'B'), ('', '12'), ('\u0301', '12')],
    ids=['accents', 'Chinese', 'in part', 'none', 'an accent alone'],
)
def test_the_label_has_what_can_be_drawn_of_the_name_or_the_number(monkeypatch, name, label):
    texts, real_put_text = [], cv2.putText

    def put_text(frame_bgr, text, *others):
        texts.append(text)
        return real_put_text(frame_bgr, text, *others)

    monkeypatch.setattr(cv2, 'putText', put_text)
    assert drawn(person=Person(12, name)).any()
    assert texts == [f'{label}: happy 100%']


def test_the_number_in_the_label_is_the_persons():
    assert (drawn(track_id=3) == drawn(track_id=8, person=Person(3))).all()
    assert (drawn(track_id=3) != drawn(track_id=3, person=Person(8))).any()


def test_nothing_to_draw():
    frame = np.zeros((24, 32, 3), np.uint8)
    draw_faces(frame, [])
    assert not frame.any()


def test_lines_stand_in_the_upper_left_corner():
    frame = np.full((240, 320, 3), 255, np.uint8)
    draw_lines(frame, ['30 frames/s', 'q: end'])
    dark = (frame == (20, 20, 20)).all(axis=2)
    assert dark[0, 0] and dark[:60].any(axis=1).sum() > 25
    assert not dark[:, 200:].any() and not dark[80:].any()


def test_mirrored_face_covers_the_mirrored_pixels():
    frame = np.zeros((40, 60, 3), np.uint8)
    frame[5:15, 50:58] = 255
    (face,) = mirror_faces([FaceEmotion(1, (50, 5, 8, 10), HAPPY)], 60)
    x, y, width, height = face.box
    assert (frame[:, ::-1][y : y + height, x : x + width] == 255).all()
    assert (face.track_id, face.emotion) == (1, 'happy')


@pytest.mark.parametrize('matrix', [1, 2], ids=['BT.709', 'not stated'])
def test_planes_are_drawn_on_as_pictures_are(matrix):
    frame = np.random.default_rng(0).integers(60, 200, (240, 320, 3), np.uint8)
    frame = cv2.GaussianBlur(frame, (0, 0), 6)
    faces = [FaceEmotion(1, (101, 100, 81, 79), HAPPY), FaceEmotion(12, (250, 31, 90, 90), HAPPY[::-1])]
    planes, before = (Planes.of_bgr(frame, matrix, VideoReformatter(), 1) for _ in range(2))
    draw_faces(planes, faces)
    drawn = frame.copy()
    draw_faces(drawn, faces)
    expected = Planes.of_bgr(drawn, matrix, VideoReformatter(), 1)
    assert np.abs(planes.y.astype(int) - expected.y).max() <= 6  # soft edges are rounded once more
    for plane, of_picture in ((planes.u, expected.u), (planes.v, expected.v)):
        assert np.mean(np.abs(plane.astype(int) - of_picture) > 12) < 0.06  # half the resolution, at the edges
    untouched = ~(drawn != frame).any(axis=2)
    np.testing.assert_array_equal(planes.y[untouched], before.y[untouched])
    far = cv2.erode(untouched.astype(np.uint8), np.ones((9, 9)))[::2, ::2].astype(bool)
    np.testing.assert_array_equal(planes.u[far], before.u[far])
    assert far.mean() > 0.5


@pytest.mark.parametrize('origin', [(40, 60), (-30, 60), (170, 60), (40, 4), (40, 121), (-900, 60), (40, 900)])
def test_a_line_on_planes_is_the_one_of_opencv_and_ends_at_the_border(origin):
    background = np.random.default_rng(0).integers(30, 220, (120, 200), np.uint8)
    planes = Planes.copy_of(background, background[::2, ::2], background[::2, ::2], matrix=1)
    canvas_of(planes).text('2: happy 80%', origin, 0.8, (20, 20, 20), 1)
    large = cv2.copyMakeBorder(background, 1000, 1000, 1000, 1000, cv2.BORDER_CONSTANT)
    at = origin[0] + 1000, origin[1] + 1000
    cv2.putText(large, '2: happy 80%', at, FONT, 0.8, planes.to_yuv((20, 20, 20))[0], 1, cv2.LINE_AA)
    expected = large[1000:-1000, 1000:-1000]
    assert np.abs(planes.y.astype(int) - expected).max() <= 4  # overlapping strokes are rounded otherwise
    is_seen = bool((expected != background).any())
    assert is_seen == (-900 not in origin and 900 not in origin)
    assert bool((planes.u != background[::2, ::2]).any()) == is_seen
