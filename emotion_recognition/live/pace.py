"""How many frames a second are shown, and how old they are when they are shown."""

import time
from collections import deque

import numpy as np

RECENT_FRAMES = 30  # for the current frame rate


class Pace:
    """Measures the frame rate and the age of shown frames. As text, it sums them up for the user."""

    def __init__(self):
        self._recent: deque[float] = deque(maxlen=RECENT_FRAMES)
        self._first: float | None = None
        self._newest = 0.0
        self._ages: list[float] = []

    def add(self, read_time: float) -> None:
        """Count a frame that is shown now. `read_time`: when it was read, in seconds of `time.perf_counter`."""
        now = time.perf_counter()
        self._first = now if self._first is None else self._first
        self._recent.append(now)
        self._newest = now
        self._ages.append(now - read_time)

    def end_pause(self) -> None:
        """Let the time before the next frame not count for the current frame rate."""
        self._recent.clear()

    @property
    def frame_rate(self) -> float:
        """Frames per second over the most recent frames; 0 before the second frame."""
        return _rate(len(self._recent) - 1, self._recent[-1] - self._recent[0]) if self._recent else 0.0

    def __str__(self) -> str:
        if len(self._ages) < 2:
            return f'{len(self._ages)} frames shown'
        frame_rate = _rate(len(self._ages) - 1, self._newest - self._first)
        median, late = np.percentile(self._ages, [50, 95]) * 1000
        return f'{len(self._ages)} frames shown, {frame_rate:.1f} a second, {median:.0f} ms old (95 %: {late:.0f} ms)'


def _rate(count, seconds):
    return count / seconds if seconds else 0.0
