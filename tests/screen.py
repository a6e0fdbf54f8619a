"""An X server without a screen (Xvfb), and keys for its windows (xdotool). Linux only."""

import os
import shutil
import signal
import subprocess
import time

import pytest

NEEDS_SCREEN = pytest.mark.skipif(
    not (shutil.which('Xvfb') and shutil.which('xdotool')), reason='Xvfb or xdotool is not installed'
)


class Screen:
    """A separate X server. Its `with` block gives its name.

    Args:
        width, height: Size of the screen in pixels.
    """

    def __init__(self, width: int = 800, height: int = 600):
        self._size = f'{width}x{height}x24'

    def __enter__(self):
        read_end, write_end = os.pipe()
        # -noreset: otherwise it starts again when the last client has left, and refuses new ones meanwhile.
        command = ['Xvfb', '-displayfd', str(write_end), '-screen', '0', self._size, '-nolisten', 'tcp', '-noreset']
        self._server = subprocess.Popen(command, pass_fds=[write_end], stderr=subprocess.DEVNULL)
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            return f':{pipe.readline().strip()}'

    def hang(self):
        """Let it answer nothing any more."""
        self._server.send_signal(signal.SIGSTOP)

    def __exit__(self, *exception):
        self._server.send_signal(signal.SIGCONT)
        self._server.terminate()
        self._server.wait()


def xdotool(display, *arguments):
    """Run xdotool on a display. Returns the words that it prints."""
    environment = {**os.environ, 'DISPLAY': display}
    done = subprocess.run(['xdotool', *arguments], env=environment, capture_output=True, text=True, timeout=30)
    return done.stdout.split()


def wait_for_window(display, title, process, seconds=300):
    """Wait for a process to open a window. Returns the window's number."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if windows := xdotool(display, 'search', '--onlyvisible', '--name', title):
            return windows[-1]
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)  # each search takes some of the processor's time
    raise AssertionError(f'no window in {seconds} s')


def close_window(display, window):
    """Ask for a window to be closed, as a window manager does when its cross is clicked."""
    from Xlib import X
    from Xlib.display import Display
    from Xlib.protocol.event import ClientMessage

    server = Display(display)
    message, wish = server.intern_atom('WM_PROTOCOLS'), server.intern_atom('WM_DELETE_WINDOW')
    resource = server.create_resource_object('window', int(window))
    resource.send_event(ClientMessage(window=resource, client_type=message, data=(32, [wish, X.CurrentTime, 0, 0, 0])))
    server.sync()  # otherwise the connection may close before the message is sent
    server.close()
