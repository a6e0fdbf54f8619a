"""The webcam script's functions without a window: keys, names, the corner's text and errors."""

from contextlib import nullcontext
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest

import emotions_from_webcam
from emotion_recognition.emotions.model_file import ModelFile
from emotion_recognition.emotions.references import References
from emotion_recognition.emotions.rest import LogOddsAtRest
from emotion_recognition.faces.detection import open_detector
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import FaceEmotion, InputError
from emotion_recognition.live.live_table import LiveFaceTable
from emotion_recognition.live.live_view import KEY_HELP, LiveView, describe_references
from emotion_recognition.live.recording import Recorder
from emotion_recognition.live.session import LiveSession
from emotion_recognition.live.watching import Watch, begin_rest
from emotion_recognition.media.camera import CameraFrame
from emotion_recognition.media.video import VideoReader
from emotion_recognition.pipeline import EmotionPipeline, open_models
from emotion_recognition.results.drawing import TEXT_COLOUR_BGR, draw_faces, draw_lines, measure_lines, place_labels
from emotions_from_webcam import WebcamSettings
from tests.clips import demo_frame
from tests.conftest import CLASS_NAMES, find_faces
from tests.paths import DEMO_PATH


class ScriptedCamera:
    """Gives frames at 0, 0.1, 0.2 ... s, and none when `has_frame` is false."""

    def __init__(self, *has_frame):
        self._has_frame, self._number, self.ended = list(has_frame), 0, False

    def read_newest(self, _):
        self.ended = len(self._has_frame) <= 1
        if not self._has_frame or not self._has_frame.pop(0):
            return None
        self._number += 1
        return CameraFrame(self._number, self._number / 10, np.zeros((48, 64, 3), np.uint8))


class ClipCamera:
    """Gives pictures, ten a second, and may be lost at the end."""

    def __init__(self, pictures_bgr, is_lost=False):
        self._pictures_bgr, self._number, self.ended, self._is_lost = list(pictures_bgr), 0, False, is_lost

    def read_newest(self, _):
        if not self._pictures_bgr and self._is_lost:
            raise InputError('camera 0 was lost')
        self.ended = len(self._pictures_bgr) <= 1 and not self._is_lost
        self._number += 1
        return CameraFrame(self._number, self._number / 10, self._pictures_bgr.pop(0))


class ScriptedWindow:
    """Reports the next of the given keys each time that it is asked, and keeps what it shows."""

    def __init__(self, *keys):
        self._keys, self.key, self.shown = list(keys), None, []

    def show(self, picture_bgr):
        self.shown.append(picture_bgr)
        return self.poll()

    def poll(self):
        self.key = self._keys.pop(0) if self._keys else None


def test_a_mark_is_of_the_frame_that_was_shown_when_its_key_was_pressed(tmp_path):
    references = References(ModelFile(CLASS_NAMES))
    pipeline = SimpleNamespace(process=lambda *_: [], references=references, begin_scene=lambda: None)
    camera = ScriptedCamera(True, True, False, True, True, True, False)
    window = ScriptedWindow(None, '1', '2', 'x', ' ', '3', '4', ' ')  # the pause outlasts the camera
    with LiveFaceTable(tmp_path / 'faces.csv', CLASS_NAMES) as table:
        watch = Watch(pipeline, LiveSession(table), window, LiveView(True), tmp_path / 'faces.csv')
        watch.run(camera, Interruption())
    # A key that is found when the second frame is shown was pressed during the first. When no frame comes, and in the
    # pause, which takes no frames, a key belongs to the last frame shown.
    rows = pd.read_csv(tmp_path / 'faces.csv', dtype=str)
    assert rows[['frame', 'ms', 'mark']].to_numpy().tolist() == [
        ['1', '0.0', '1'],
        ['2', '100.0', '2'],
        ['4', '300.0', '3 4'],
    ]


def watch_clip(pictures_bgr, keys, path, settings, is_lost=False):
    """Watch a clip, with a key for each picture. Returns the table, and what the window showed."""
    pipeline, window = EmotionPipeline(open_models(settings), settings), ScriptedWindow(*keys)
    with LiveFaceTable(path, pipeline.class_names, settings.identity) as table, Recorder(path) as recorder:
        watch = Watch(pipeline, LiveSession(table, None, recorder), window, LiveView(mirror=False), path)
        with pytest.raises(InputError, match='was lost') if is_lost else nullcontext():
            watch.run(ClipCamera(pictures_bgr, is_lost), Interruption())
    return pd.read_csv(path), window.shown


@pytest.mark.parametrize('identity', [True, False])
def test_a_pause_keeps_the_face_its_person_and_its_reference(tmp_path, colour_model_path, identity):
    settings = WebcamSettings(model_weights_path=colour_model_path, identity=identity)
    keys = [None] * 4 + ['b'] + [None] * 33 + [' '] + [None] * 29 + [' ']  # a span at rest of 3 s, a pause of 3 s
    table, _ = watch_clip([demo_frame(0)] * 80, keys, tmp_path / 'faces.csv', settings)
    before, after = table[table.frame <= 39], table[table.frame > 39]
    assert after.frame.tolist() == list(range(70, 81)) and after.ms.iloc[0] == 6900  # by the clock
    assert set(table.face) == {1} and (not identity or set(table.person) == {1})
    assert before.happy_from_rest.notna().sum() == 4 and after.happy_from_rest.notna().all()


def test_who_sits_there_after_a_pause_is_not_taken_for_the_one_before(tmp_path, colour_model_path):
    first_bgr, second_bgr = demo_frame(0), demo_frame(4)
    settings = WebcamSettings(model_weights_path=colour_model_path)
    detector = open_detector(settings)
    (first,), (second,) = find_faces(detector, first_bgr), find_faces(detector, second_bgr)
    swapped_bgr = first_bgr.copy()  # in place of the first face; the rest of the picture stays as it was
    head_bgr = _with_margin(swapped_bgr, first.box)
    head_bgr[:] = cv2.resize(_with_margin(second_bgr, second.box), head_bgr.shape[1::-1])
    keys = [None] * 9 + [' '] + [None] * 4 + [' ']
    table, _ = watch_clip([first_bgr] * 12 + [swapped_bgr] * 23, keys, tmp_path / 'faces.csv', settings)
    assert set(table[table.frame <= 10].person) == {1}
    assert 1 not in set(table[table.frame > 12].person) and table.person.iloc[-1] == 2


def _with_margin(frame_bgr, box):
    """The part of a frame with a face and a quarter of its size around it."""
    x, y, width, height = box
    return frame_bgr[y - height // 4 : y + height * 5 // 4, x - width // 4 : x + width * 5 // 4]


def test_a_recording_has_what_was_watched_without_the_pause_although_the_camera_is_lost(tmp_path, colour_model_path):
    settings = WebcamSettings(model_weights_path=colour_model_path, confirm_seconds=0)
    dimmed = [np.uint8(demo_frame(0) * (0.4 + number / 50)) for number in range(20)]
    keys = [None, 'r', None, None, None, ' ', None, None, None, ' ', 's', None, None, 'r', None, 'r']
    table, _ = watch_clip(dimmed, keys, tmp_path / 'faces.csv', settings, is_lost=True)
    assert table.frame.tolist() == [1, 2, 3, 4, 5, 6, *range(11, 21)]
    # The picture during which r was pressed is the one before; those of the pause are not recorded
    expected = {number: (1, index) for index, number in enumerate([3, 4, 5, 6, 11, 12, 13, 14], 1)}
    expected |= {number: (2, index) for index, number in enumerate(range(17, 21), 1)}
    recorded = table[table.recording.notna()].set_index('frame')
    places = zip(recorded.recording.str[6].astype(int), recorded.recording_frame.astype(int), strict=True)
    assert dict(zip(recorded.index, places, strict=True)) == expected
    for part in (1, 2):
        with VideoReader(tmp_path / f'faces_{part}.mp4') as reader:
            read = {number: (ms, frame_bgr.mean()) for number, ms, frame_bgr in reader.read_frames()}
        numbers = {index: number for number, (one, index) in expected.items() if one == part}
        assert read.keys() == numbers.keys()
        for index, (ms, brightness) in read.items():
            assert ms == pytest.approx(100 * (index - 1), abs=0.02)
            assert brightness == pytest.approx(dimmed[numbers[index] - 1].mean(), abs=2)
    saved_bgr = cv2.imread(str(tmp_path / 'faces_1_camera.png'))
    assert (saved_bgr == dimmed[10]).all() and (cv2.imread(str(tmp_path / 'faces_1.png')) != saved_bgr).any()


def test_a_pause_and_curves_are_shown_at_once(tmp_path, colour_model_path):
    settings = WebcamSettings(model_weights_path=colour_model_path, confirm_seconds=0)
    keys = [None, ' ', None, 'c', None, ' ']
    _, shown = watch_clip([demo_frame(0)] * 10, keys, tmp_path / 'faces.csv', settings)
    assert not shows(shown[1], 'paused') and shows(shown[2], 'paused') and not shows(shown[6], 'paused')
    dark = [(picture_bgr == TEXT_COLOUR_BGR).all(axis=2).sum() for picture_bgr in shown]
    assert dark[4] - dark[3] > 10_000


def shows(picture_bgr, line):
    """Whether a picture shows a line of text."""
    width, height = measure_lines(picture_bgr.shape, [line])
    drawn_bgr = np.zeros_like(picture_bgr)
    draw_lines(drawn_bgr, [line])
    return cv2.matchTemplate(picture_bgr, drawn_bgr[:height, :width], cv2.TM_CCOEFF_NORMED).max() > 0.95


def test_the_keys_do_not_cover_the_label_of_a_face_in_the_upper_half_of_a_small_picture():
    face = FaceEmotion(1, (110, 30, 90, 90), np.full(9, 1 / 9, np.float32))
    view, picture_bgr = LiveView(mirror=False), np.full((240, 320, 3), 90, np.uint8)
    shown_bgr = view.draw(picture_bgr, [face], ['25 frames/s'], KEY_HELP)
    (label,) = place_labels(picture_bgr.shape, [face])
    left, top, width, height = label.box
    draw_faces(expected_bgr := picture_bgr.copy(), [face])
    assert (shown_bgr == expected_bgr)[top : top + height, left : left + width].all()
    assert shows(shown_bgr, KEY_HELP[0]) and shows(shown_bgr, KEY_HELP[-1]) and (picture_bgr == 90).all()


def some_face(number):
    return FaceEmotion(number, (0, 0, 9, 9), np.full(9, 1 / 9, np.float32))


def test_the_corner_says_how_long_to_look_as_at_rest():
    references, face = References(ModelFile(CLASS_NAMES)), some_face(1)
    assert describe_references(references, [face], 1000) == []
    begin_rest(references, 6000)
    references.add(7500, [face])
    assert describe_references(references, [face], 7500) == ['look as at rest, 1.5 s']
    references.add(9001, [face])
    assert describe_references(references, [face], 9001) == ['from rest']
    assert describe_references(references, [some_face(2)], 9001) == []


def test_the_corner_says_how_far_the_newest_face_is_known():
    at_rest = LogOddsAtRest(*np.zeros((3, 9)))
    references = References(ModelFile(CLASS_NAMES, 1.0, at_rest, np.zeros(9)))
    old, new = some_face(1), some_face(2)
    for second in range(12):
        references.add(second * 1000, [old, new] if second > 5 else [old])
    assert describe_references(references, [], 11000) == []
    assert describe_references(references, [old], 11000) == ['from rest']
    learning = 'learning how faces rest, 38%'  # 3 s of 8
    assert describe_references(references, [old, new], 11000) == [learning, 'from rest']


def test_a_model_without_neutral_goes_on_without_a_span_at_rest(capsys):
    references = References(ModelFile(('happy', 'sad')))
    begin_rest(references, 0.0)
    assert references.span_ms is None
    assert capsys.readouterr().err == 'a span at rest needs a model that knows neutral; this one knows happy, sad\n'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--camera', '97'], 'camera 97 cannot be opened'),
        (['--detector-path', 'none.xml'], 'no such detector file'),
        (['--camera', str(DEMO_PATH), '--model-weights-path', 'none.h5'], 'no such model file'),
        (['--camera', '9' * 20], f'camera {"9" * 20} cannot be opened'),
        (['--csv-path', 'no_folder/faces.csv'], 'no_folder: no such folder for the table'),
        (['--csv-path', '.'], 'is a folder; expected a name for the table'),
        (['--csv-path', __file__], 'already exists; expected another name'),
        (['--rest', '0', '1'], '--rest START END is for videos; press b while the camera runs'),
    ],
)
def test_what_is_missing_is_said_in_one_line(options, message, colour_model_path, monkeypatch, capfd):
    monkeypatch.setattr(emotions_from_webcam, 'Window', lambda *_: nullcontext())  # which needs a screen
    with pytest.raises(SystemExit) as error:
        emotions_from_webcam.main(['--model-weights-path', str(colour_model_path), *options])
    assert message in str(error.value) and '\n' not in str(error.value)
