"""The webcam script's functions without a window: keys, names, the corner's text and errors."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import emotions_from_webcam
from emotion_recognition.emotions.model_file import ModelFile
from emotion_recognition.emotions.references import References
from emotion_recognition.emotions.rest import LogOddsAtRest
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import FaceEmotion
from emotion_recognition.live.live_table import LiveFaceTable
from emotion_recognition.live.live_view import LiveView, describe_references
from emotion_recognition.live.session import LiveSession
from emotion_recognition.live.watching import Watch, begin_rest
from emotion_recognition.media.camera import CameraFrame
from tests.conftest import CLASS_NAMES, DEMO_PATH


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


class ScriptedWindow:
    """Reports the next of the given keys each time that it is asked."""

    def __init__(self, *keys):
        self._keys, self.key = list(keys), None

    def show(self, _):
        return self.poll()

    def poll(self):
        self.key = self._keys.pop(0)


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
