"""How one face was seen to look: what its own reference at rest is taken from."""

from collections.abc import Callable

import numpy as np

# Share of a face's own reference: none until it has been seen for the first of these times, in seconds, then rising
# evenly to MAX_OWN_SHARE at the second. The rest is everybody's, so a face of which little is known is not misjudged.
OWN_SECONDS = 2.0, 10.0
# The model card has the figures by which it and the lead were chosen. With a share of 1, a person who shows nothing all
# the time would lose nearly half of the neutral frames.
MAX_OWN_SHARE = 0.75
SIGHTING_SECONDS = 1.0  # that a frame counts at most, so that a few frames of a time-lapse are not taken for much
SAMPLE_SECONDS = 0.1  # between two answers that are kept of a face
MAX_SAMPLES = 512  # of a face; when there are more, every other one is dropped, and they are taken half as often


class Look:
    """The log-odds of one face over everything that it was seen to do, thinned so that memory is bounded."""

    def __init__(self):
        self._seconds = 0.0  # for which the face has been seen
        self._newest_ms: float | None = None
        self._samples: list[tuple[float, np.ndarray]] = []  # time in milliseconds, log-odds
        self._sample_seconds = SAMPLE_SECONDS
        self._next_sample = 0.0  # seconds seen at which it is due
        self._median: np.ndarray | None = None

    def add(self, timestamp_ms: float, odds: np.ndarray) -> None:
        """Add the face's (K,) log-odds in its next frame."""
        if self._newest_ms is not None:
            self._seconds += min((timestamp_ms - self._newest_ms) / 1000, SIGHTING_SECONDS)
        self._newest_ms = timestamp_ms
        if self._seconds >= self._next_sample:
            self._next_sample = self._seconds + self._sample_seconds
            self._samples.append((timestamp_ms, odds))
            self._median = None
        while len(self._samples) > MAX_SAMPLES:
            self._thin()

    def divide(self, find_number: Callable[[float], int]) -> dict[int, 'Look']:
        """Divide the look of a track among the people to whom it belongs, nearly always one.

        Args:
            find_number: Gives the number of the person to whom it belongs at a time in milliseconds.
        """
        parts: dict[int, Look] = {}
        for ms, odds in self._samples:
            part = parts.setdefault(find_number(ms), Look())
            part._sample_seconds = self._sample_seconds
            part._samples.append((ms, odds))
        for part in parts.values():
            part._seconds = self._seconds * len(part._samples) / len(self._samples)
        return parts

    def joined(self, other: 'Look') -> 'Look':
        """Join two looks of one person. Each counts for as long as the face was seen."""
        look = Look()
        look._seconds = self._seconds + other._seconds
        look._sample_seconds = max(self._sample_seconds, other._sample_seconds)
        for one in (self, other):
            step = round(look._sample_seconds / one._sample_seconds)
            look._samples += one._samples[::step]
        while len(look._samples) > MAX_SAMPLES:
            look._thin()
        return look

    @property
    def own_share(self) -> float:
        """Share of the face's own reference, as long as it has been seen."""
        return MAX_OWN_SHARE * float(np.interp(self._seconds, OWN_SECONDS, (0, 1)))

    @property
    def median(self) -> np.ndarray:
        """(K,) median of the log-odds."""
        if self._median is None:
            self._median = np.median([odds for _, odds in self._samples], axis=0)
        return self._median

    def _thin(self):
        self._samples = self._samples[::2]
        self._sample_seconds *= 2
