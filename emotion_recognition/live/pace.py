"""How fast frames are shown, and how old they are then."""

import time
from collections import deque

import numpy as np

RECENT_FRAMES = 30


class Pace:
    """Takes note of each frame as it is shown. Times are in seconds of `time.perf_counter`."""

    def __init__(self):
        self._recent: deque[float] = deque(maxlen=RECENT_FRAMES)
        self._first: float | None = None
        self._ages: list[float] = []

    def add(self, read_time: float) -> None:
        """A frame that was read at a time is shown now."""
        now = time.perf_counter()
        self._first = now if self._first is None else self._first
        self._recent.append(now)
        self._ages.append(now - read_time)

    @property
    def frame_rate(self) -> float:
        """Frames a second over the last ones; 0 before the second."""
        return _rate(len(self._recent) - 1, self._recent[-1] - self._recent[0]) if self._recent else 0.0

    def __str__(self) -> str:
        if len(self._ages) < 2:
            return f'{len(self._ages)} frames shown'
        frame_rate = _rate(len(self._ages) - 1, self._recent[-1] - self._first)
        median, late = np.percentile(self._ages, [50, 95]) * 1000
        return f'{len(self._ages)} frames shown, {frame_rate:.1f} a second, {median:.0f} ms old (95 %: {late:.0f} ms)'


def _rate(count, seconds):
    return count / seconds if seconds else 0.0
