"""Which reference at rest each face has: everybody's, its own, or that of a span that the user names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotion_recognition.emotions.model_file import ModelFile
from emotion_recognition.emotions.rest import compare_with_rest, log_odds
from emotion_recognition.labels import NEUTRAL, FaceEmotion, InputError
from emotion_recognition.settings import REST_AUTO, REST_MODEL, REST_NONE

# Share of a face's own reference: none until it has been seen for the first of these times, in seconds, then rising
# evenly to MAX_OWN_SHARE at the second. The rest is everybody's, so a face of which little is known is not misjudged.
OWN_SECONDS = 2.0, 10.0
# The model card has the figures by which it and the lead were chosen. With a share of 1, a person who shows nothing all
# the time would lose nearly half of the neutral frames.
MAX_OWN_SHARE = 0.75
OWN_NEUTRAL_LEAD = 0.4  # nats by which neutral is raised in a face's own reference
# A face whose usual look is further from neutral than the looks of 95 % of all neutral faces rather shows something all
# the time than rests: the share falls, to nothing at this distance beyond them, in nats.
HELD_DISTANCE = 1.0
SIGHTING_SECONDS = 1.0  # that a frame counts at most, so that a few frames of a time-lapse are not taken for much
SAMPLE_SECONDS = 0.1  # between two answers that are kept of a face
MAX_SAMPLES = 512  # of a face; when there are more, every other one is dropped, and they are taken half as often

# In a span that the user names: how far the log-odds must rise above their mean there, in standard deviations, and the
# lead of neutral, in nats. Two deviations are also what medicine calls the normal range. Recalls on the acted clip,
# with its neutral scene as the span of itself and of five other scenes, and with each half of that scene as the span:
#   deviations, lead   itself, the five   first half: second, the five   second half: first, the five
#   0, 0               0.00, 0.55         0.00, 0.49                     0.00, 0.53
#   0, 1               0.89, 0.54         0.65, 0.46                     1.00, 0.53
#   2, 0.5             1.00, 0.53         0.87, 0.53                     1.00, 0.49
SPAN_DEVIATIONS = 2.0
SPAN_NEUTRAL_LEAD = 0.5


@dataclass(frozen=True)
class Reference:
    """The reference of one face.

    Attributes:
        kind: 'none', 'model' (everybody's), 'own' (partly the face's own) or 'span'.
        offset: (K,) float64, see `compare_with_rest`; None if there is nothing to compare with.
        own_share: Share of the face's own reference in it, 0 to 1.
    """

    kind: str
    offset: np.ndarray | None
    own_share: float = 0.0


class References:
    """Learns how each face looks at rest, and compares its answers with that.

    A face's own reference is the median of its log-odds against neutral over everything that it was seen to do, as far
    as that is within the looks of nine of ten neutral faces. It needs no span: most faces rest most of the time. But
    somebody who smiles throughout is not taken to rest so, and has everybody's. Memory is bounded for each face.

    If the user names a span, a face that is seen in it is compared with how it looked there: an expression that was
    held in the span becomes neutral, and its end may become another emotion.

    Class probabilities of a comparison rank the emotions. They are calibrated for everybody's reference alone.

    Args:
        model: What the model says of itself.
        rest: 'auto' (everybody's and its own), 'model' (everybody's), 'none', or a span: two times in seconds.

    Attributes:
        span_ms: Start and end of the span in milliseconds, or None.
        span_is_over: Whether the span is over.

    Raises:
        InputError: A span is named, but the model has no class `neutral`.
    """

    def __init__(self, model: ModelFile, rest: str | Sequence[float] = REST_AUTO):
        self._class_names, self._at_rest = model.class_names, model.at_rest
        self._neutral = model.class_names.index(NEUTRAL) if NEUTRAL in model.class_names else None
        self._everybodys = Reference('none', None)
        if rest != REST_NONE and model.offset is not None:
            self._everybodys = Reference('model', model.offset)
        self._learns = rest not in (REST_MODEL, REST_NONE) and self._at_rest is not None
        self._looks: dict[int, _Look] = {}
        self._in_span: dict[int, np.ndarray] = {}  # face number -> (3, K) sums of ones, log-odds and their squares
        self.span_ms: tuple[float, float] | None = None
        self.span_is_over = False
        if not isinstance(rest, str):
            self.begin_span(*(1000 * second for second in rest))

    def begin_span(self, start_ms: float, end_ms: float) -> None:
        """Let the faces that are seen between two times be at rest there, in place of an earlier span.

        Raises:
            InputError: The model has no class `neutral`.
        """
        if self._neutral is None:
            known = ', '.join(self._class_names)
            raise InputError(f'a span at rest needs a model that knows {NEUTRAL}; this one knows {known}')
        self.span_ms, self.span_is_over, self._in_span = (start_ms, end_ms), False, {}

    def end_span(self) -> None:
        """Let the faces be compared with the span from now on, even if the video ends within it."""
        self.span_is_over = True

    @property
    def compares(self) -> bool:
        """Whether faces are compared with anything."""
        return self._everybodys.offset is not None or self.learns

    @property
    def learns(self) -> bool:
        """Whether more frames can still change a reference."""
        return self._learns or (self.span_ms is not None and not self.span_is_over)

    @property
    def span_face_count(self) -> int:
        """Number of faces that have been seen in the span so far."""
        return len(self._in_span)

    def add(self, timestamp_ms: float, faces: Iterable[FaceEmotion]) -> None:
        """Learn from the next frame.

        Args:
            timestamp_ms: When the frame is shown, in milliseconds.
            faces: Its faces.
        """
        self.span_is_over = self.span_is_over or (self.span_ms is not None and timestamp_ms > self.span_ms[1])
        is_in_span = self.span_ms is not None and self.span_ms[0] <= timestamp_ms <= self.span_ms[1]
        if not (self._learns or is_in_span):
            return
        for face in faces:
            odds = log_odds(face.probabilities, self._neutral)
            if self._learns:
                self._looks.setdefault(face.track_id, _Look()).add(timestamp_ms, odds)
            if is_in_span:
                sums = np.stack([np.ones_like(odds), odds, odds**2])
                self._in_span[face.track_id] = self._in_span.get(face.track_id, 0) + sums

    def apply(self, faces: Iterable[FaceEmotion]) -> list[FaceEmotion]:
        """Compare faces with their references, as far as these are known: sets their `probabilities_from_rest`."""
        return [_compare(face, self.find(face.track_id).offset) for face in faces]

    def find(self, track_id: int) -> Reference:
        """Find the reference of a face, as far as it is known."""
        if self.span_is_over and track_id in self._in_span:
            return Reference('span', self._offset_of_span(self._in_span[track_id]))
        look = self._looks.get(track_id)
        if not look or not look.own_share:
            return self._everybodys
        held = np.max(look.median - self._at_rest.high)
        share = look.own_share * float(np.clip(1 - held / HELD_DISTANCE, 0, 1))
        own = np.clip(look.median, self._at_rest.low, self._at_rest.high)
        own[self._neutral] = -OWN_NEUTRAL_LEAD
        offset = (1 - share) * self._everybodys.offset + share * own
        return Reference('own', offset, share) if share else self._everybodys

    def describe(self, track_ids: Iterable[int]) -> list[dict]:
        """Describe the references of faces for the record, in JSON's types."""
        references = {track_id: self.find(track_id) for track_id in track_ids}
        return [
            {'face': track_id, 'reference': reference.kind, 'own_share': round(reference.own_share, 2)}
            for track_id, reference in references.items()
        ]

    def _offset_of_span(self, sums):
        count, total, squares = sums
        mean = total / count
        deviation = np.sqrt(np.maximum(0, squares / count - mean**2))
        offset = mean + SPAN_DEVIATIONS * deviation
        offset[self._neutral] = -SPAN_NEUTRAL_LEAD
        return offset


class _Look:
    """The log-odds of one face over everything that it was seen to do, thinned so that memory is bounded."""

    def __init__(self):
        self._seconds = 0.0  # for which the face has been seen
        self._newest_ms: float | None = None
        self._samples: list[np.ndarray] = []
        self._sample_seconds = SAMPLE_SECONDS
        self._next_sample = 0.0  # seconds seen at which it is due
        self._median: np.ndarray | None = None

    def add(self, timestamp_ms, odds):
        if self._newest_ms is not None:
            self._seconds += min((timestamp_ms - self._newest_ms) / 1000, SIGHTING_SECONDS)
        self._newest_ms = timestamp_ms
        if self._seconds >= self._next_sample:
            self._next_sample = self._seconds + self._sample_seconds
            self._samples.append(odds)
            self._median = None
        if len(self._samples) > MAX_SAMPLES:
            self._samples = self._samples[::2]
            self._sample_seconds *= 2

    @property
    def own_share(self):
        return MAX_OWN_SHARE * float(np.interp(self._seconds, OWN_SECONDS, (0, 1)))

    @property
    def median(self):
        if self._median is None:
            self._median = np.median(self._samples, axis=0)
        return self._median


def _compare(face, offset):
    if offset is None:
        return face
    return replace(face, probabilities_from_rest=compare_with_rest(face.probabilities, offset))
