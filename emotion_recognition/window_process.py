"""The program that owns a window, see `window.py`: it shows what its input brings, and answers with the keys.

    python window_process.py TITLE LARGEST_SIDE

It first writes a line if there is a screen. Then it reads requests: the height and width of a picture, and its bytes;
a size of 0 only asks for the keys. To each it answers with a line: the code of the key, -1 without one, or `closed`.
"""

import ctypes
import os
import struct
import sys
from contextlib import suppress

SIZE = struct.Struct('<II')  # height and width
CLOSED = 'closed'


def has_screen() -> bool:
    """Whether the X server answers. OpenCV would not say so: it ends its process, of which some systems keep a dump."""
    if sys.platform != 'linux':
        return True
    if not os.environ.get('DISPLAY'):
        return bool(os.environ.get('WAYLAND_DISPLAY'))
    try:
        xcb = ctypes.CDLL('libxcb.so.1')
    except OSError:
        return True  # it is left to OpenCV, which has its own
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    is_dead = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return not is_dead


def let_qt_have_all_events() -> None:
    """Load the system's libX11-xcb before OpenCV loads the older one that its package brings.

    Qt calls it to make libX11 leave the X server's events alone. The older one notes that where the libX11 of its time
    looked for it. With a newer libX11, both then take events, and some never reach Qt: a window may stay black.
    """
    with suppress(OSError):  # there is none, or this is not Linux
        ctypes.CDLL('libX11-xcb.so.1', mode=ctypes.RTLD_GLOBAL)


def main() -> None:
    title, largest_side = sys.argv[1], int(sys.argv[2])
    if not has_screen():
        sys.exit('no screen')
    print('ready', flush=True)
    let_qt_have_all_events()

    import cv2  # after the answer, which should come soon
    import numpy as np

    def is_closed():
        try:
            return is_open and cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error:  # some of OpenCV's user interfaces raise this for a window that has been closed
            return True

    is_open, picture_bgr = False, np.empty((0, 0, 3), np.uint8)
    while size := sys.stdin.buffer.read(SIZE.size):
        height, width = SIZE.unpack(size)
        if height:
            if picture_bgr.shape[:2] != (height, width):
                picture_bgr = np.empty((height, width, 3), np.uint8)
            sys.stdin.buffer.readinto(picture_bgr)
            if not is_open:
                cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
                scale = min(1, largest_side / max(height, width))
                cv2.resizeWindow(title, round(width * scale), round(height * scale))
                is_open = True
            if not is_closed():  # otherwise imshow would open a new one
                cv2.imshow(title, picture_bgr)
        code = cv2.waitKeyEx(1) & 0xFFFF  # not waitKey, which would cut the left arrow's code 0xFF51 down to a Q
        print(CLOSED if is_closed() else code, flush=True)


if __name__ == '__main__':
    main()
