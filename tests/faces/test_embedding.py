import ctypes
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from emotion_recognition.faces import embedding
from emotion_recognition.faces.embedding import NETWORK_PATH, SIDE, TEMPLATE, FaceEmbedder, cut_face
from emotion_recognition.faces.yunet import YuNetFaceDetector
from emotion_recognition.labels import InputError
from tests.clips import demo_frame
from tests.conftest import find_faces
from tests.paths import ROOT

FACES_PATH = ROOT / 'tests' / 'faces' / 'recognised_faces.png'  # the .json next to it says how both were made


@pytest.fixture(scope='module')
def embedder():
    return FaceEmbedder()


@pytest.fixture(scope='module')
def pictures():
    """The two people of the demo, each (150, 150, 3) uint8, BGR."""
    return np.split(cv2.imread(str(FACES_PATH)), 2, axis=1)


@pytest.fixture(scope='module')
def expected():
    """(2, 128): what the package from which the network comes says of the same pictures."""
    return np.array(json.loads(FACES_PATH.with_suffix('.json').read_text())['vectors'])


def test_the_network_answers_as_the_package_does_from_which_it_comes(pictures, expected):
    import openvino

    network = openvino.Core().compile_model(NETWORK_PATH, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    answers = network(np.float32(pictures)[..., ::-1])[0]
    np.testing.assert_allclose(answers, expected, atol=1e-4)


def test_a_vector_is_the_mean_of_a_picture_and_its_mirror_image(embedder, pictures, expected):
    vectors = embedder.embed(pictures)
    assert (vectors.shape, vectors.dtype) == ((2, 128), np.float32)
    np.testing.assert_allclose(embedder.embed([picture[:, ::-1] for picture in pictures]), vectors, atol=1e-6)
    # The picture alone is a little off, by what the processor's bfloat16 loses, and by half of what mirroring changes
    assert (np.linalg.norm(vectors - expected, axis=1) < 0.15).all()


def test_the_order_of_the_colours_is_that_of_opencv(embedder, pictures, expected):
    swapped = embedder.embed([picture[..., ::-1] for picture in pictures])
    right = embedder.embed(pictures)
    assert (np.linalg.norm(right - expected, axis=1) < np.linalg.norm(swapped - expected, axis=1)).all()


def test_two_people_are_far_apart_and_two_frames_of_one_are_close(embedder):
    detector, vectors = YuNetFaceDetector(), []
    for seconds in (1, 2, 4, 5, 8):  # the first alone, the second alone, both side by side
        frame = demo_frame(seconds)
        vectors += list(embedder.embed([cut_face(frame, face.points)[0] for face in find_faces(detector, frame)]))
    first, second = np.array([vectors[0], vectors[1], vectors[4]]), np.array([vectors[2], vectors[3], vectors[5]])
    between = np.linalg.norm(first[:, None] - second[None], axis=2)
    within = [np.linalg.norm(one[:, None] - one[None], axis=2) for one in (first, second)]
    assert between.min() > 0.5 and np.max(within) < 0.35


def place(scale, degrees, shift):
    """The template's points as they are in a face that is scaled, turned clockwise and moved."""
    angle = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (TEMPLATE - SIDE / 2) @ turn.T + shift


@pytest.mark.parametrize(
    ('scale', 'degrees', 'shift'),
    [(1, 0, (75, 75)), (1, 0, (200, 150)), (1.6, 30, (250.5, 200.25)), (0.7, -30, (150, 200)), (2.4, 160, (300, 230))],
    ids=['in place', 'moved', 'larger and turned', 'smaller and turned', 'nearly upside down'],
)
def test_the_points_of_a_face_come_to_lie_on_the_template(scale, degrees, shift):
    points = place(scale, degrees, shift)
    scene = np.zeros((480, 640, 3), np.uint8)
    for x, y in points - 0.5:  # OpenCV counts from the centre of the first pixel
        cv2.circle(scene, (round(x * 16), round(y * 16)), round(40 * scale), (255,) * 3, cv2.FILLED, cv2.LINE_AA, 4)
    picture, to_scene = cut_face(scene, tuple(map(tuple, points)))
    assert picture.shape == (150, 150, 3)
    np.testing.assert_allclose(TEMPLATE @ to_scene[:, :2].T + to_scene[:, 2], points, atol=1e-6)
    _, _, _, centres = cv2.connectedComponentsWithStats((picture[..., 0] > 127).astype(np.uint8))
    dots = centres[1:] + 0.5
    assert len(dots) == 5
    nearest = np.linalg.norm(dots[:, None] - TEMPLATE[None], axis=2).min(axis=0)
    assert nearest.max() < 0.4  # pixels


def test_points_that_fit_no_upright_face_are_met_as_well_as_can_be():
    """A nose that is moved 10 pixels aside is met by moving everything by 2, and by turning: least squares."""
    points = TEMPLATE.copy()
    points[2, 0] += 10
    _, to_scene = cut_face(np.zeros((150, 150, 3), np.uint8), points)
    left = TEMPLATE @ to_scene[:, :2].T + to_scene[:, 2] - points
    np.testing.assert_allclose(left.mean(axis=0), 0, atol=1e-6)
    for change in (np.array([[0, -0.01], [0.01, 0]]), np.array([[0.01, 0], [0, 0.01]])):  # turns and scales further
        for sign in (1, -1):
            other = left + sign * (TEMPLATE - TEMPLATE.mean(axis=0)) @ change.T
            assert (other**2).sum() > (left**2).sum()


def test_outside_the_frame_the_border_goes_on():
    scene = np.full((100, 100, 3), (10, 20, 30), np.uint8)
    picture, _ = cut_face(scene, place(1, 0, (0, 0)))
    assert (picture == (10, 20, 30)).all()


def test_a_network_that_is_missing_is_reported_in_one_line(tmp_path):
    with pytest.raises(InputError) as caught:
        FaceEmbedder(tmp_path / 'none.xml')
    expected = 'none.xml: no such file, which is needed to tell people apart; --no-identity does without it'
    assert str(caught.value) == str(tmp_path / expected)


@pytest.mark.parametrize('damage', ['no network', 'no weights', 'half of the weights'])
def test_a_damaged_network_is_reported_in_one_line(tmp_path, pictures, damage):
    path = tmp_path / 'network.xml'
    path.write_bytes(b'<html>' if damage == 'no network' else NETWORK_PATH.read_bytes())
    weights = NETWORK_PATH.with_suffix('.bin').read_bytes()
    if damage == 'half of the weights':
        path.with_suffix('.bin').write_bytes(weights[: len(weights) // 2])
    with pytest.raises(InputError) as caught:
        FaceEmbedder(path).embed(pictures)
    reason = 'OpenVINO cannot read it as a face recognition network; --no-identity does without it'
    assert str(caught.value) == f'{path}: {reason}'


def test_without_openvino_the_line_says_what_to_do(monkeypatch):
    monkeypatch.setattr(embedding, 'find_spec', lambda name: None)
    with pytest.raises(InputError, match=r'^telling people apart needs OpenVINO; pip install openvino, or --no-identi'):
        FaceEmbedder()


def test_the_network_is_not_loaded_before_there_is_a_face():
    code = 'import sys; from emotion_recognition.faces.embedding import FaceEmbedder; FaceEmbedder()'
    subprocess.run([sys.executable, '-c', f'{code}; sys.exit("openvino" in sys.modules)'], cwd=ROOT, check=True)


def test_the_network_is_small_enough_to_come_with_the_project():
    size = sum(path.stat().st_size for path in (NETWORK_PATH, NETWORK_PATH.with_suffix('.bin')))
    assert 6_000_000 < size < 7_000_000


def test_no_picture_has_no_vector():
    assert FaceEmbedder().embed([]).shape == (0, 128)


def test_signals_of_the_main_thread_keep_their_stack():
    """Otherwise a signal crashes the process once the network is gone, on processors with AMX; nowhere else is there
    anything to see."""

    class Stack(ctypes.Structure):
        _fields_ = (('start', ctypes.c_void_p), ('flags', ctypes.c_int), ('size', ctypes.c_size_t))

    def find_stack():
        stack = Stack()
        assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack)) == 0
        return stack.start, stack.flags, stack.size

    if not hasattr(ctypes.CDLL(None), 'sigaltstack'):
        pytest.skip('Windows has no such stacks')
    before = find_stack()
    FaceEmbedder().embed([np.zeros((150, 150, 3), np.uint8)])
    assert find_stack() == before
