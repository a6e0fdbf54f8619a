"""A real window on a real X server. Skipped if Xvfb or xdotool is not installed."""

import os
import subprocess
import sys

import pytest

from emotion_recognition.window import has_screen
from tests.conftest import ROOT
from tests.screen import NEEDS_SCREEN, close_window, wait_for_window, xdotool

# In a process of its own, which has one X server for its life. It says what it finds.
SHOW = """
import sys
import numpy as np
from emotion_recognition.window import Window

with Window('some frames', largest_side=320) as window:
    reason = window.show(np.zeros((360, 640, 3), np.uint8))
    while reason is None:
        reason = window.show(np.zeros((360, 640, 3), np.uint8))
        if window.key:
            print(window.key, flush=True)
print(reason, flush=True)
"""


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


@pytest.mark.skipif(sys.platform != 'linux', reason='elsewhere there is always a screen')
def test_there_is_a_screen_only_with_an_x_server_or_wayland(monkeypatch):
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    assert not has_screen()
    monkeypatch.setenv('WAYLAND_DISPLAY', 'wayland-0')
    assert has_screen()
    monkeypatch.delenv('WAYLAND_DISPLAY')
    monkeypatch.setenv('DISPLAY', ':0')
    assert has_screen()
