"""The window that shows frames while they are processed, and its keys."""

import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from emotion_recognition import window_process
from emotion_recognition.labels import InputError

END_KEYS = {'q': 'q', 'Q': 'q', '\x1b': 'Esc'}
OPEN_SECONDS = 10.0  # how long a screen may take to answer; it may be another machine's
ANSWER_SECONDS = 0.2  # how long a frame may take to be shown before the work goes on


class Window:
    """A window for frames, which the user may resize. It opens with the first frame, and the `with` block closes it.

    It belongs to a process of its own: if the screen is lost, user interfaces end their process at once, and if it
    hangs, they wait without a limit. The work outlives both.

    Args:
        title: Title of the window.
        largest_side: Larger side of the window when it opens, in pixels; smaller frames are not enlarged.
        is_needed: Whether it is an error that there is no screen, or none any more. Otherwise a note says so.

    Attributes:
        key: The key that was pressed before the last call of `show` or `poll`, or None.

    Raises:
        InputError: On entering the `with` block: there is no screen, and the window is needed.
    """

    key: str | None = None

    def __init__(self, title: str, largest_side: int = 1280, is_needed: bool = True):
        self._command = [sys.executable, '-P', window_process.__file__, title, str(largest_side)]
        self._is_needed = is_needed
        self._is_lost = False
        self._answer: Future[bytes] | None = None  # that has not come yet

    def show(self, frame_bgr: np.ndarray) -> str | None:
        """Show a frame and check the keys, see `poll`. While the window is busy with an earlier one, it is left out.

        Args:
            frame_bgr: (height, width, 3) uint8, BGR.

        Returns:
            Why the user wants to end, or None to go on.

        Raises:
            InputError: The screen was lost, and the window is needed.
        """
        return self._ask(window_process.SIZE.pack(*frame_bgr.shape[:2]), np.ascontiguousarray(frame_bgr))

    def poll(self) -> str | None:
        """Store the key that was pressed in `key`.

        Returns:
            Why the user wants to end, or None to go on.

        Raises:
            InputError: The screen was lost, and the window is needed.
        """
        return self._ask(window_process.SIZE.pack(0, 0))

    def _ask(self, *request):
        self.key = None
        if self._is_lost:
            return None
        answer = self._exchange(*request, seconds=ANSWER_SECONDS)
        if answer is None:  # it is busy
            return None
        if not answer:
            return self._lose('the window was lost, probably with its screen')
        if answer == window_process.CLOSED:
            return 'the window was closed'
        code = int(answer)
        self.key = chr(code) if 0 <= code < 0x80 else None
        return f'{END_KEYS[self.key]} was pressed' if self.key in END_KEYS else None

    def _exchange(self, *request, seconds):
        """Returns the answer, which is empty if the process has ended, or None if it does not come in time."""
        if self._answer is None:
            self._answer = self._talker.submit(self._talk, *request)
            wait([self._answer], seconds)
        if not self._answer.done():
            return None
        answer, self._answer = self._answer.result().decode().strip(), None
        return answer

    def _talk(self, *request):
        try:
            for part in request:
                rest = memoryview(part).cast('B')
                while rest:
                    rest = rest[self._process.stdin.write(rest) :]
        except OSError:  # it has ended
            return b''
        return self._process.stdout.readline()

    def _lose(self, problem, advice=''):
        self._is_lost = True
        if self._is_needed:
            raise InputError(problem + advice)
        print(f'{problem[0].upper()}{problem[1:]}: continuing without a window', file=sys.stderr)

    def __enter__(self):
        self._talker = ThreadPoolExecutor(1)
        self._process = subprocess.Popen(
            self._command,
            # Where the screen does not see memory that Qt shares with it, as in some containers, it would stay black.
            env={**os.environ, 'QT_X11_NO_MITSHM': '1'},
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a user interface would say in several lines what one says here
            process_group=0,  # Ctrl-C in the terminal is for this process alone; on Windows, the flag says so
            creationflags=getattr(subprocess, 'CREATE_NEW_PROCESS_GROUP', 0),
        )
        try:
            if not self._exchange(seconds=OPEN_SECONDS):
                display = os.environ.get('DISPLAY')
                where = f' (DISPLAY={display})' if display else ''
                self._lose(f'no screen here for a window{where}', '; emotions_from_video.py needs none')
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception):
        with self._process:
            self._process.kill()
            self._talker.shutdown()  # its thread ends with the process


def open_window(title: str, is_wanted: bool) -> AbstractContextManager[Window | None]:
    """Open a window if it is wanted and there is a screen. Prints a note if it is wanted but there is none.

    Args:
        title: Title of the window.
        is_wanted: Whether the user wants a window.

    Returns:
        A context manager that gives the window, or None if it is not wanted.
    """
    return Window(title, is_needed=False) if is_wanted else nullcontext()
