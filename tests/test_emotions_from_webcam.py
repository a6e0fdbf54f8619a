"""The real script in a real window on a real X server, with a clip as its camera."""

import os
import re
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import ImageGrab

from emotion_recognition.labels import emotion_colour_bgr
from emotion_recognition.results.drawing import draw_lines
from tests.clips import copy_packets, picture_times_ms, write_clip
from tests.conftest import CLASS_NAMES
from tests.paths import DEMO_PATH, ROOT
from tests.screen import NEEDS_SCREEN, Screen, close_window, wait_for_window, xdotool

pytestmark = pytest.mark.xdist_group('alone')  # the script keeps up with a clip that plays at its own pace


@pytest.fixture
def start(colour_model_path):
    """A function that starts the script. Its processes end with the test, even if the test fails."""
    processes = []

    def start(csv_path, display, *options):
        command = [sys.executable, ROOT / 'emotions_from_webcam.py', '--model-weights-path', colour_model_path]
        environment = {key: value for key, value in os.environ.items() if key not in ('DISPLAY', 'WAYLAND_DISPLAY')}
        process = subprocess.Popen(
            [*command, '--csv-path', csv_path, *map(str, options)],
            env={**environment, **({'DISPLAY': display} if display else {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def finish(process):
    """Returns the exit code and the output of a process, which must end within five minutes."""
    stdout, stderr = process.communicate(timeout=300)
    assert 'Traceback' not in stderr
    return process.returncode, stdout, stderr


def wait_for(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def shows_a_box(display, emotions):
    """Returns whether the screen shows enough of the colour of one of these emotions."""
    screenshot = np.asarray(ImageGrab.grab(xdisplay=display).convert('RGB')).astype(int)
    distances = (np.abs(screenshot - emotion_colour_bgr(emotion)[::-1]).max(axis=2) for emotion in emotions)
    return any((distance < 12).sum() > 300 for distance in distances)


@pytest.fixture(scope='module')
def long_clip(tmp_path_factory):
    """A clip without faces that lasts longer than any test waits: it plays on while a busy machine looks for it."""
    folder = tmp_path_factory.mktemp('clip')
    part = write_clip(folder / 'part.mp4', range(0, 6_000, 40), size=(320, 240))
    return copy_packets(part, folder / 'long.mp4', repeats=100)


@pytest.fixture(scope='module')
def face_clip(tmp_path_factory):
    """The same with faces: the demo clip again and again."""
    return copy_packets(DEMO_PATH, tmp_path_factory.mktemp('clip') / 'faces.mp4', repeats=70)


@NEEDS_SCREEN
def test_window_shows_the_boxes_and_its_keys_work(tmp_path, display, start, face_clip):
    csv_path = tmp_path / 'faces.csv'
    process = start(csv_path, display, '--camera', face_clip, '--window-size', 640)
    window = wait_for_window(display, 'emotions_from_webcam', process)
    wait_for(lambda: csv_path.read_text().count('\n') > 20)  # rows reach the disk while it runs
    wait_for(lambda: shows_a_box(display, pd.read_csv(csv_path).emotion.unique()))  # the clip has scenes without faces
    xdotool(display, 'key', '--window', window, 's')
    wait_for(lambda: (tmp_path / 'faces_1_camera.png').exists() and (tmp_path / 'faces_1.png').exists())
    xdotool(display, 'key', '--window', window, 'b')
    wait_for(lambda: pd.read_csv(csv_path).happy_from_rest.notna().any())
    xdotool(display, 'key', '--window', window, 'space')
    time.sleep(1)
    rows = csv_path.read_text().count('\n')
    time.sleep(1)
    assert csv_path.read_text().count('\n') == rows
    pressed = time.monotonic()
    xdotool(display, 'key', '--window', window, 'q')
    code, stdout, _ = finish(process)
    assert time.monotonic() - pressed < 20
    assert code == 0
    table = pd.read_csv(csv_path)
    assert list(table.columns[:7]) == ['frame', 'ms', 'face', 'person', 'name', 'identified', 'x']
    assert table.person.min() == 1  # how many more depends on the frames that a busy machine leaves out
    assert table.columns[-2:].tolist() == ['time', 'mark'] and table.mark.isna().all()
    compared = table[table.happy_from_rest.notna()]
    assert compared.index[0] > 20 and set(compared.emotion) <= set(CLASS_NAMES)
    probabilities = compared[[f'{name}_from_rest' for name in CLASS_NAMES]]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-3)
    assert table.frame.is_monotonic_increasing and table.ms.iloc[0] >= 0
    elapsed = pd.to_datetime(table.time).diff().dt.total_seconds().sum() * 1000
    assert elapsed == pytest.approx(table.ms.iloc[-1] - table.ms.iloc[0], abs=300)
    assert f'Wrote {csv_path}, {len(table)} rows' in stdout
    assert re.search(r'\d+ frames shown, [\d.]+ a second, \d+ ms old', stdout)


def stands_still(csv_path):
    """Returns whether the table, which is saved every 0.8 s, does not grow any more."""
    rows = csv_path.read_text().count('\n')
    time.sleep(1.2)
    return csv_path.read_text().count('\n') == rows


def shows_line(display, line):
    """Returns whether the screen shows a line of text in the corner of a window of 640x360 pixels."""
    picture = np.zeros((360, 640, 3), np.uint8)
    draw_lines(picture, [line])
    text = picture[
        : np.flatnonzero(picture.any(axis=(1, 2)))[-1] + 1, : np.flatnonzero(picture.any(axis=(0, 2)))[-1] + 1
    ]
    screenshot = np.asarray(ImageGrab.grab(xdisplay=display).convert('RGB'))
    return cv2.matchTemplate(screenshot, text, cv2.TM_CCOEFF_NORMED).max() > 0.95


@NEEDS_SCREEN
def test_marks_are_shown_and_stand_in_the_table_and_the_streams(tmp_path, display, start, face_clip, pylsl):
    csv_path = tmp_path / 'faces.csv'
    process = start(csv_path, display, '--camera', face_clip, '--window-size', 640, '--lsl')
    window = wait_for_window(display, 'emotions_from_webcam', process)
    names = ('FacialEmotions faces.mp4', 'FacialEmotionsMarks faces.mp4')
    faces, marks = (pylsl.StreamInlet(pylsl.resolve_byprop('source_id', name, timeout=120)[0]) for name in names)
    for inlet in (faces, marks):
        inlet.open_stream(120)
    rows = csv_path.read_text().count('\n')
    wait_for(lambda: csv_path.read_text().count('\n') > rows + 40)
    xdotool(display, 'key', '--window', window, '3')
    first_mark, first_time = marks.pull_sample(120)
    xdotool(display, 'key', '--window', window, 'space')
    wait_for(lambda: stands_still(csv_path))  # and the first mark is no longer shown
    xdotool(display, 'key', '--window', window, '7')
    wait_for(lambda: shows_line(display, 'mark 7'))
    second_mark, second_time = marks.pull_sample(120)
    assert (first_mark, second_mark) == (['3'], ['7'])
    time.sleep(1)
    xdotool(display, 'key', '--window', window, 'space')
    wait_for(lambda: not shows_line(display, 'mark 7'))
    samples, times = faces.pull_chunk(max_samples=100_000)
    xdotool(display, 'key', '--window', window, 'q')
    assert finish(process)[0] == 0

    table = pd.read_csv(csv_path)
    marked = table[table.mark.notna()].drop_duplicates('frame')
    assert marked.mark.tolist() == [3, 7]
    assert (second_time - first_time) * 1000 == pytest.approx(marked.ms.diff().iloc[-1], abs=2)
    sent = (
        pd.DataFrame(samples).rename(columns={0: 'frame', 1: 'face', 2: 'person_sent', 7: 'anger'}).assign(time=times)
    )
    both = sent.merge(table, on=['frame', 'face'], suffixes=('_sent', ''))
    assert len(both) == len(sent) > 30
    np.testing.assert_allclose(both.anger_sent, both.anger, atol=1e-4)
    np.testing.assert_array_equal(both.person_sent, both.person)
    # The times are those of the frames. They are sent later, after the faces have been found and classified.
    np.testing.assert_allclose((both.time_sent - first_time) * 1000, both.ms - marked.ms.iloc[0], atol=2)


@NEEDS_SCREEN
@pytest.mark.parametrize('how', ['Escape', 'close', 'Ctrl-C', 'SIGTERM', 'SIGHUP', 'end of the file'])
def test_other_ways_to_end(tmp_path, display, start, long_clip, how):
    csv_path = tmp_path / 'faces.csv'
    clip = write_clip(tmp_path / 'short.mp4', range(0, 1000, 40)) if how == 'end of the file' else long_clip
    process = start(csv_path, display, '--camera', clip)
    # A short clip may be over before anybody has seen its window
    window = wait_for_window(display, 'emotions_from_webcam', process) if clip == long_clip else None
    recording = tmp_path / 'faces_1.mp4'
    if how == 'SIGTERM':
        xdotool(display, 'key', '--window', window, 'r')
        wait_for(lambda: recording.exists() and recording.stat().st_size)
    if how == 'Escape':
        xdotool(display, 'key', '--window', window, 'Escape')
    elif how == 'close':
        close_window(display, window)
    elif how != 'end of the file':
        process.send_signal(signal.SIGINT if how == 'Ctrl-C' else getattr(signal, how))
    code, stdout, _ = finish(process)
    assert code == 0
    assert f'Wrote {csv_path}, 0 rows' in stdout
    assert len(pd.read_csv(csv_path)) == 0
    if how == 'SIGTERM':
        assert f'Wrote {recording}, {len(picture_times_ms(recording))} frames' in stdout


@NEEDS_SCREEN
def test_camera_that_is_lost_ends_the_run_with_a_whole_table(tmp_path, display, start, stream_address):
    csv_path = tmp_path / 'faces.csv'
    options = ['--camera', stream_address, '--reopen-seconds', 0.5]
    code, stdout, stderr = finish(start(csv_path, display, *options))
    assert code == 1
    assert stderr.splitlines()[-1].endswith('was lost and could not be opened again in 0.5 s')
    assert f'Wrote {csv_path}, 0 rows' in stdout
    assert len(pd.read_csv(csv_path)) == 0


@NEEDS_SCREEN
def test_a_screen_that_is_lost_ends_the_run_with_a_whole_table(tmp_path, start, face_clip):
    csv_path = tmp_path / 'faces.csv'
    with Screen() as display:
        process = start(csv_path, display, '--camera', face_clip)
        wait_for(lambda: csv_path.exists() and csv_path.read_text().count('\n') > 20)
    code, stdout, stderr = finish(process)
    assert (code, stderr) == (1, 'emotions_from_webcam.py: the window was lost, probably with its screen\n')
    assert f'Wrote {csv_path}, {len(pd.read_csv(csv_path))} rows' in stdout


def test_without_a_screen(tmp_path, start):
    if sys.platform != 'linux':
        pytest.skip('elsewhere there is always a screen')
    code, _, stderr = finish(start(tmp_path / 'faces.csv', None, '--camera', DEMO_PATH))
    assert (code, stderr.count('\n')) == (1, 1)
    assert 'no screen' in stderr and 'emotions_from_video.py' in stderr
    assert list(tmp_path.iterdir()) == []
