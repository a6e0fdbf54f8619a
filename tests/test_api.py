"""What the package offers for use from Python."""

import ast
import re
import subprocess
import sys
import threading

import cv2
import numpy as np
import pandas as pd
import pytest

import emotion_recognition
from emotion_recognition import Camera, InputError, analyse_frames, analyse_image, analyse_video, api, table_of_faces
from tests.clips import copy_packets, demo_frame, write_clip
from tests.paths import DEMO_PATH, ROOT

SMALL = 'examples/webcam.png'


@pytest.fixture(scope='module')
def short_clip(tmp_path_factory):
    """The first second of the demo clip, of a woman who smiles."""
    return copy_packets(DEMO_PATH, tmp_path_factory.mktemp('short') / 'clip.mp4', seconds=1)


def is_watching():
    """Whether a camera's thread is running."""
    return any(Camera._read_all.__name__ in thread.name for thread in threading.enumerate())


SLOW = ['keras', 'matplotlib', 'openvino', 'pandas', 'ray', 'scipy', 'tensorflow']


@pytest.mark.parametrize(
    ('module', 'names'),
    [
        ('emotion_recognition', ['av', 'cv2', 'numpy', *SLOW]),
        ('emotions_from_video', SLOW),  # it imports them once it needs them, if possible beside the frames
        ('emotions_from_webcam', SLOW),
    ],
)
def test_an_import_loads_nothing_slow(module, names):
    program = f'import sys, {module}; print(sorted({{*{names}}} & sys.modules.keys()))'
    done = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == '[]\n', done.stderr


def test_all_names_are_there_and_known_to_editors():
    source = ast.parse((ROOT / 'emotion_recognition' / '__init__.py').read_text())
    (for_editors,) = (node for node in source.body if isinstance(node, ast.If))
    names = [alias.asname for node in for_editors.body for alias in node.names]
    assert sorted(names) == list(emotion_recognition._MODULES)
    for name in names:
        assert getattr(emotion_recognition, name).__name__ == name and name in dir(emotion_recognition)
    with pytest.raises(AttributeError, match="module 'emotion_recognition' has no attribute 'analyze_image'"):
        emotion_recognition.analyze_image  # noqa: B018


def test_a_photograph_and_its_array_have_the_same_faces(tmp_path):
    picture_bgr = demo_frame(8)
    cv2.imwrite(str(tmp_path / 'two.png'), picture_bgr)
    before = picture_bgr.copy()
    faces = analyse_image(picture_bgr)
    assert [(face.number, face.emotion) for face in faces] == [(1, 'happy'), (2, 'neutral')]
    assert np.array_equal(picture_bgr, before)
    mirrored_view = cv2.flip(picture_bgr, 1)[:, ::-1]
    for same in (analyse_image(tmp_path / 'two.png'), analyse_image(mirrored_view)):
        assert [face.box for face in same] == [face.box for face in faces]
        assert np.array_equal(same[0].shown, faces[0].shown)


def test_the_classifier_is_opened_once():
    analyse_image(np.zeros((90, 90, 3), np.uint8))
    before = api._open_once.cache_info()
    assert analyse_image(np.zeros((90, 90, 3), np.uint8), min_face_size=20) == []
    after = api._open_once.cache_info()
    assert (after.misses, after.hits) == (before.misses, before.hits + 1)


def test_a_video_gives_the_frames_and_faces_of_the_command_line(tmp_path):
    options = {'start': 6, 'end': 6.8}  # one face, and then two
    table = table_of_faces(analyse_frames(DEMO_PATH, **options))
    analyse_video(DEMO_PATH, output_folder=tmp_path, write_video=False, review=False, **options)
    written = pd.read_csv(tmp_path / 'demo_with_emotions_faces_data.csv')
    pd.testing.assert_frame_equal(table, written)
    assert list(table.groupby('person')['frame'].agg(['min', 'max']).itertuples(name=None)) == [
        (1, 151, 170),
        (2, 161, 170),
    ]


def test_a_video_without_faces_gives_all_frames_and_an_empty_table(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 200, 40))
    frames = list(analyse_frames(str(clip)))
    assert [(frame.number, frame.ms, frame.faces) for frame in frames] == [(n + 1, 40.0 * n, []) for n in range(5)]
    assert frames[0].picture_bgr.shape == (48, 64, 3)
    table = table_of_faces(frames)
    assert len(table) == 0 and {'frame', 'ms', 'emotion', 'happy'} <= set(table.columns)


def test_a_camera_is_watched_until_the_loop_ends(short_clip):
    frames = analyse_frames(Camera(str(short_clip)))
    seen = next(frame for frame in frames if frame.faces)
    assert [(face.who, face.emotion) for face in seen.faces] == [('person 1', 'happy')]
    assert 0 < seen.ms < 1500
    assert is_watching()
    frames.close()
    assert not is_watching()


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: analyse_image('none.jpg'), 'none.jpg: no such file; expected a photograph'),
        (lambda: analyse_image(None), 'the image is None, which cv2.imread gives for a file that it cannot read; '),
        (
            lambda: analyse_image(np.zeros((4, 5), np.uint8)),
            r'the picture is \(4, 5\) uint8; expected .*GRAY2BGR',
        ),
        (lambda: analyse_image(np.zeros((4, 5, 3))), r'the picture is \(4, 5, 3\) float64; expected .*, BGR$'),
        (lambda: analyse_image(SMALL, start=3), 'start: no option here; expected some of model_weights_path, '),
        (lambda: analyse_image(SMALL, min_face_size=-1), '--min-face-size is -1; expected 0 to 65535'),
        (lambda: analyse_frames(0), r'the source is 0; expected the path of a video, or a Camera, such as Camera\(0\)'),
        (lambda: analyse_frames(SMALL), 'webcam.png: is a photograph; expected a video, or use analyse_image'),
        (lambda: analyse_frames('a.mp4', output_folder='b'), 'output_folder: no option here; expected some of'),
        (lambda: next(analyse_frames('none.mp4')), 'none.mp4: no such file; expected a video'),
    ],
)
def test_mistakes_are_named_in_one_line(call, message, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError, match=message) as error:
        call()
    assert '\n' not in str(error.value)


def test_the_example_greets_who_smiles(short_clip, monkeypatch, capsys):
    script = ROOT / 'examples' / 'react_to_smile.py'
    source = script.read_text()
    assert len(source.splitlines()) < 30
    monkeypatch.setattr(sys, 'argv', [str(script), str(short_clip)])
    exec(compile(source, script, 'exec'), {})
    assert re.fullmatch(r'\d\.\d s: hello, person 1! \(happy, \d\d%\)\n', capsys.readouterr().out)
