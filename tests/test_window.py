"""A real window on a real X server. Skipped if Xvfb or xdotool is not installed."""

import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack

import numpy as np
import pytest
from PIL import ImageGrab

from emotion_recognition.labels import InputError
from emotion_recognition.window import Window, open_window
from tests.paths import ROOT
from tests.screen import NEEDS_SCREEN, Screen, close_window, wait_for_window, xdotool

FRAME_BGR = np.zeros((360, 640, 3), np.uint8)
LOST = 'The window was lost, probably with its screen: continuing without a window\n'

# In a process of its own, which has one X server for its life. It says what it finds.
SHOW = """
import sys
import time
import numpy as np
from emotion_recognition.window import Window

with Window('some frames', largest_side=320) as window:
    reason = window.show(np.zeros((360, 640, 3), np.uint8))
    while reason is None:
        reason = window.show(np.zeros((360, 640, 3), np.uint8))
        if window.key:
            print(window.key, flush=True)
        time.sleep(0.02)
print(reason, flush=True)
"""


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def shown(display):
    """A process that shows frames, and the number of its window."""
    environment, pipes = {**os.environ, 'DISPLAY': display}, {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
    process = subprocess.Popen([sys.executable, '-c', SHOW], cwd=ROOT, env=environment, text=True, **pipes)
    yield process, wait_for_window(display, 'some frames', process)
    process.kill()
    process.communicate()


@NEEDS_SCREEN
@pytest.mark.parametrize(
    ('key', 'said'), [('q', 'q was pressed'), ('Q', 'q was pressed'), ('Escape', 'Esc was pressed')]
)
def test_keys_that_end(display, shown, key, said):
    process, window = shown
    xdotool(display, 'key', '--window', window, 'Left')  # 0xFF51, which ends in the code of a Q
    xdotool(display, 'key', '--window', window, '3')
    assert process.stdout.readline() == '3\n'
    assert process.poll() is None
    xdotool(display, 'key', '--window', window, key)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout.splitlines()[-1]) == (0, said), stderr


@NEEDS_SCREEN
def test_a_window_that_is_closed_ends_and_is_not_opened_again(display, shown):
    process, window = shown
    close_window(display, window)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (0, 'the window was closed\n'), stderr


@NEEDS_SCREEN
def test_a_window_opens_no_larger_than_it_should(display, shown):
    _, window = shown
    words = xdotool(display, 'getwindowgeometry', '--shell', window)
    assert {'WIDTH=320', 'HEIGHT=180'} <= set(words)


def is_green(display):
    pixel = ImageGrab.grab(xdisplay=display).getpixel((320, 180))
    return max(abs(value - expected) for value, expected in zip(pixel, (0, 200, 0), strict=True)) < 12


@NEEDS_SCREEN
def test_no_window_stays_black(monkeypatch):
    """Ten, on a machine that is busy. If Qt does not get all events, some of them stay black."""
    frame_bgr, windows = np.full_like(FRAME_BGR, (0, 200, 0)), {}
    with ExitStack() as stack:
        for _ in range(4):
            busy = stack.enter_context(subprocess.Popen([sys.executable, '-c', 'while True: pass']))
            stack.callback(busy.kill)
        for _ in range(10):
            display = stack.enter_context(Screen())
            monkeypatch.setenv('DISPLAY', display)
            windows[display] = stack.enter_context(Window('some frames'))

        def all_are_green():
            assert not any(window.show(frame_bgr) for window in windows.values())
            return all(map(is_green, windows))

        wait_for(all_are_green)


@pytest.fixture
def open_on(monkeypatch):
    """A function that opens a window on a display, and shows a frame in it."""

    def open_on(display, is_needed=True):
        monkeypatch.setenv('DISPLAY', display)
        window = stack.enter_context(Window('some frames', is_needed=is_needed))
        wait_for(lambda: window.show(FRAME_BGR) is None and xdotool(display, 'search', '--name', 'some frames'))
        return window

    with ExitStack() as stack:
        yield open_on


@NEEDS_SCREEN
def test_a_screen_that_is_lost_ends_the_window_and_nothing_else(open_on, capsys):
    with Screen() as display, Screen() as other_display:
        needed, other = open_on(display), open_on(other_display, is_needed=False)
    with pytest.raises(InputError, match=r'^the window was lost, probably with its screen$'):
        wait_for(lambda: needed.show(FRAME_BGR))
    wait_for(lambda: other.show(FRAME_BGR) or capsys.readouterr().err == LOST)
    assert (other.show(FRAME_BGR), other.poll(), capsys.readouterr().err) == (None, None, '')


@NEEDS_SCREEN
def test_a_screen_that_hangs_holds_nothing_up(open_on, monkeypatch):
    screen = Screen()
    with screen as display:
        window = open_on(display)
        screen.hang()
        started = time.monotonic()
        assert [window.show(FRAME_BGR) for _ in range(1000)] == [None] * 1000
        monkeypatch.setattr('emotion_recognition.window.OPEN_SECONDS', 0.5)
        with pytest.raises(InputError, match='no screen here'):
            open_on(display)
        assert time.monotonic() - started < 10


def test_without_a_screen_there_is_a_note_or_an_error(monkeypatch, capsys):
    if sys.platform != 'linux':
        pytest.skip('elsewhere there is always a screen')
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    for display, at in [('', ''), (':54321', ' (DISPLAY=:54321)')]:
        monkeypatch.setenv('DISPLAY', display)
        advice = '; emotions_from_video.py needs none'
        with pytest.raises(InputError, match=f'^{re.escape(f"no screen here for a window{at}{advice}")}$'):
            Window('some frames').__enter__()
        with open_window('some frames', True) as window:
            assert window.show(FRAME_BGR) is None
        note = f'No screen here for a window{at}: continuing without a window\n'
        assert capsys.readouterr().err == note
