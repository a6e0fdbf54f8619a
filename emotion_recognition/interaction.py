"""How a user watches a run and ends it: the window, the key q, Ctrl-C."""

import os
import signal
import sys
import threading

import cv2
import numpy as np


class Interruption:
    """The wish to end a run, looked at between frames, so that what was done is written whole.

    In its `with` block the first Ctrl-C is such a wish; the second one breaks off as usual.

    Attributes:
        reason: who wished it, None while nobody did.
    """

    reason: str | None = None

    def request(self, reason: str) -> None:
        """End the run after the frame that is being worked on."""
        self.reason = reason

    def __enter__(self):
        self._in_main_thread = threading.current_thread() is threading.main_thread()  # signals reach no other
        if self._in_main_thread:
            self._previous = signal.signal(signal.SIGINT, self._on_ctrl_c)
        return self

    def _on_ctrl_c(self, *_):
        self.request('Ctrl-C was pressed')
        signal.signal(signal.SIGINT, self._previous)

    def __exit__(self, *exception):
        if self._in_main_thread:
            signal.signal(signal.SIGINT, self._previous)


class Window:
    """A window for frames, which the user may resize; closed at the end of its `with` block.

    Args:
        title: of the window.
        largest_side: of the window as it opens, in pixels.
    """

    def __init__(self, title: str, largest_side: int = 1280):
        self._title = title
        self._largest_side = largest_side
        self._is_open = False

    def show(self, frame_bgr: np.ndarray) -> str | None:
        """Show a frame, (height, width, 3) uint8, BGR. Returns why the user wants to end, None to go on."""
        if not self._is_open:
            self._open(*frame_bgr.shape[:2])
        cv2.imshow(self._title, frame_bgr)
        if cv2.waitKey(1) & 0xFF == ord('q'):
            return 'q was pressed'
        if cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            return 'the window was closed'
        return None

    def _open(self, height, width):
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        scale = min(1, self._largest_side / max(height, width))
        cv2.resizeWindow(self._title, round(width * scale), round(height * scale))
        self._is_open = True

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._is_open:
            cv2.destroyWindow(self._title)


def has_screen() -> bool:
    """Whether a window can be opened; says so if not. OpenCV would end the whole process."""
    if sys.platform == 'linux' and not (os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')):
        print('No screen here: going on without a window.', file=sys.stderr)
        return False
    return True
