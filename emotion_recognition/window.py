"""The window that shows frames while they are processed, and its keys."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext

import cv2
import numpy as np

END_KEYS = {'q': 'q', 'Q': 'q', '\x1b': 'Esc'}


class Window:
    """A window for frames, which the user may resize. It opens with the first frame, and the `with` block closes it.

    Args:
        title: Title of the window.
        largest_side: Larger side of the window when it opens, in pixels; smaller frames are not enlarged.

    Attributes:
        key: The key that was pressed before the last call of `show` or `poll`, or None.
    """

    key: str | None = None

    def __init__(self, title: str, largest_side: int = 1280):
        self._title = title
        self._largest_side = largest_side
        self._is_open = False

    def show(self, frame_bgr: np.ndarray) -> str | None:
        """Show a frame and check the keys, see `poll`.

        Args:
            frame_bgr: (height, width, 3) uint8, BGR.

        Returns:
            Why the user wants to end, or None to go on.
        """
        if not self._is_open:
            self._open(*frame_bgr.shape[:2])
        elif self._is_closed():  # imshow would open a new one
            return 'the window was closed'
        cv2.imshow(self._title, frame_bgr)
        return self.poll()

    def poll(self) -> str | None:
        """Store the key that was pressed in `key`.

        Returns:
            Why the user wants to end, or None to go on.
        """
        code = cv2.waitKeyEx(1) & 0xFFFF  # not waitKey, which would cut the left arrow's code 0xFF51 down to a Q
        self.key = chr(code) if code < 0x80 else None
        if self.key in END_KEYS:
            return f'{END_KEYS[self.key]} was pressed'
        return 'the window was closed' if self._is_closed() else None

    def _is_closed(self):
        try:
            return self._is_open and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error:  # some of OpenCV's user interfaces raise this for a window that has been closed
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
    """Open a window if it is wanted and there is a screen. Prints a note if it is wanted but there is none.

    Args:
        title: Title of the window.
        is_wanted: Whether the user wants a window.

    Returns:
        A context manager that gives the window, or None.
    """
    if is_wanted and has_screen():
        return Window(title)
    if is_wanted:
        print('No screen here: continuing without a window', file=sys.stderr)
    return nullcontext()


def has_screen() -> bool:
    """Whether a window can be opened. If not, trying to open one would make OpenCV end the whole process."""
    return sys.platform != 'linux' or bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))
