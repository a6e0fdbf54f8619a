"""The window that shows frames while they are processed, and its keys."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext

import cv2
import numpy as np

END_KEYS = {'q': 'q', 'Q': 'q', '\x1b': 'Esc'}


class Window:
    """A window for frames, which the user may resize; closed at the end of its `with` block.

    Args:
        title: of the window.
        largest_side: of the window as it opens, in pixels.

    Attributes:
        key: the last one pressed, None for none, as `poll` found it.
    """

    key: str | None = None

    def __init__(self, title: str, largest_side: int = 1280):
        self._title = title
        self._largest_side = largest_side
        self._is_open = False

    def show(self, frame_bgr: np.ndarray) -> str | None:
        """Show a frame, (height, width, 3) uint8, BGR, and look after the keys as `poll` does."""
        if not self._is_open:
            self._open(*frame_bgr.shape[:2])
        elif self._is_closed():  # imshow would open a new one
            return 'the window was closed'
        cv2.imshow(self._title, frame_bgr)
        return self.poll()

    def poll(self) -> str | None:
        """Take the key that was pressed into `key`. Returns why the user wants to end, None to go on."""
        code = cv2.waitKeyEx(1) & 0xFFFF  # not waitKey, which cuts the left arrow's 0xFF51 down to a Q
        self.key = chr(code) if code < 0x80 else None
        if self.key in END_KEYS:
            return f'{END_KEYS[self.key]} was pressed'
        return 'the window was closed' if self._is_closed() else None

    def _is_closed(self):
        try:
            return self._is_open and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error:  # what some of OpenCV's windows say of one that is gone
            return True

    def _open(self, height, width):
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        scale = min(1, self._largest_side / max(height, width))
        cv2.resizeWindow(self._title, round(width * scale), round(height * scale))
        self._is_open = True

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._is_open and not self._is_closed():
            cv2.destroyWindow(self._title)


def open_window(title: str, is_wanted: bool) -> AbstractContextManager[Window | None]:
    """A window where one is wanted and there is a screen; says so where there is none."""
    if is_wanted and has_screen():
        return Window(title)
    if is_wanted:
        print('No screen here: going on without a window.', file=sys.stderr)
    return nullcontext()


def has_screen() -> bool:
    """Whether a window can be opened. Where not, OpenCV would end the whole process."""
    return sys.platform != 'linux' or bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))
