"""How a run is ended from outside: Ctrl-C, and the signals of batch systems and terminals."""

import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

END_SIGNALS = {
    'SIGINT': 'Ctrl-C was pressed',
    'SIGTERM': 'it was asked to end (SIGTERM)',
    'SIGHUP': 'its terminal was closed (SIGHUP)',
}
_raised: list[str] = []  # reasons for which `signals_as_ctrl_c` has interrupted its block


class Interruption:
    """A request to stop, checked between frames, so that everything done until then is written completely.

    In its `with` block Ctrl-C, SIGTERM and SIGHUP are such requests. A second Ctrl-C interrupts as usual. Python loses
    a KeyboardInterrupt that is raised while it tidies up an object; the request behind it counts from the start.

    Args:
        signals: Names of the signals that are such requests.

    Attributes:
        reasons: The reason for each request, in their order.
    """

    def __init__(self, signals: Iterable[str] = END_SIGNALS):
        self.reasons: list[str] = []
        self._signals = tuple(signals)
        self._heeded = 0

    @property
    def reason(self) -> str | None:
        """The reason for the first request, or None."""
        return self.reasons[0] if self.reasons else None

    @property
    def is_pending(self) -> bool:
        """Whether there is a request that was not heeded."""
        return len(self.reasons) > self._heeded

    def heed(self) -> None:
        """Take note that the requests until now have ended the first pass. What it saw is still to be written."""
        self._heeded = len(self.reasons)

    def not_begun(self, path: Path) -> str:
        """What is said of a file whose turn had not come when the run was asked to stop."""
        return f'{path}: not begun, {self.reason}'

    def nothing_written(self, path: Path) -> str:
        """What is said of a video whose run was asked to stop before the first frame."""
        return f'{path}: nothing was written, {self.reason} before the first frame'

    def request(self, reason: str | None) -> None:
        """Ask the run to stop after the current frame. None asks for nothing."""
        if reason:
            self.reasons.append(reason)

    def __enter__(self):
        self._previous = _handle_signals(self._signals, self._on_signal)
        self.reasons += _raised
        return self

    def _on_signal(self, number, _):
        self.request(END_SIGNALS[signal.Signals(number).name])
        if number == signal.SIGINT:
            signal.signal(number, self._previous[number])

    def __exit__(self, *exception):
        _restore_signals(self._previous)


@contextmanager
def signals_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and SIGHUP interrupt the block as Ctrl-C does, so that it can clean up."""
    _raised.clear()
    previous = _handle_signals(END_SIGNALS, _note_and_interrupt)
    try:
        yield
    finally:
        _restore_signals(previous)
        _raised.clear()


def _note_and_interrupt(number, _):
    _raised.append(END_SIGNALS[signal.Signals(number).name])
    raise KeyboardInterrupt


def _handle_signals(names, handler):
    """Handle signals, except those that are ignored, as after nohup. Returns the previous handlers."""
    if threading.current_thread() is not threading.main_thread():  # other threads receive no signals
        return {}
    terminals = [file.fileno() for file in (sys.__stdout__, sys.__stderr__) if file and file.isatty()]

    def handle(number, frame):
        if number == getattr(signal, 'SIGHUP', None):  # writing to a closed terminal would fail
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for terminal in terminals:
                os.dup2(nowhere, terminal)
        handler(number, frame)

    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]  # Windows has no SIGHUP
    taken = [number for number in numbers if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    return {number: signal.signal(number, handle) for number in taken}


def _restore_signals(previous):
    for number, handler in previous.items():
        signal.signal(number, handler)
