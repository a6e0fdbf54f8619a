"""Which reference at rest each face has: everybody's, its own, or that of a span that the user names."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotion_recognition.emotions.look import Look
from emotion_recognition.emotions.model_file import ModelFile
from emotion_recognition.emotions.rest import compare_with_rest, log_odds, offset_of_span
from emotion_recognition.labels import NEUTRAL, FaceEmotion, InputError
from emotion_recognition.settings import REST_AUTO, REST_MODEL, REST_NONE

OWN_NEUTRAL_LEAD = 0.4  # nats by which neutral is raised in a face's own reference
# A face whose usual look is further from neutral than the looks of 95 % of all neutral faces rather shows something all
# the time than rests: the share falls, to nothing at this distance beyond them, in nats.
HELD_DISTANCE = 1.0


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
        self._looks: dict[int, Look] = {}  # by the face's number, see FaceEmotion
        self._in_span: dict[int, np.ndarray] = {}  # the same -> (3, K) sums of ones, log-odds and their squares
        self._last_in_span_ms: dict[int, float] = {}
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
            if not face.number:  # whose face it is, is not known yet
                continue
            odds = log_odds(face.probabilities, self._neutral)
            if self._learns:
                self._looks.setdefault(face.number, Look()).add(timestamp_ms, odds)
            if is_in_span:
                sums = np.stack([np.ones_like(odds), odds, odds**2])
                self._in_span[face.number] = self._in_span.get(face.number, 0) + sums
                self._last_in_span_ms[face.number] = timestamp_ms

    def regroup(self, find_number: Callable[[int, float], int]) -> None:
        """Let what was learnt of tracks belong to people.

        Args:
            find_number: Gives the number of the person to whom a track belongs at a time in milliseconds.
        """
        looks, self._looks = self._looks, {}
        for track_id, look in looks.items():
            for number, part in look.divide(lambda ms, track_id=track_id: find_number(track_id, ms)).items():
                self._looks[number] = self._looks[number].joined(part) if number in self._looks else part
        in_span, self._in_span = self._in_span, {}
        for track_id, sums in in_span.items():
            number = find_number(track_id, self._last_in_span_ms[track_id])
            self._in_span[number] = self._in_span.get(number, 0) + sums

    def share(self, others: Iterable['References']) -> None:
        """Join what was learnt of each person in this video and in others, so that all of them know all of it.

        Spans are not shared, since their times are this video's.
        """
        everyone = [self, *others]
        joined: dict[int, Look] = {}
        for references in everyone:
            for number, look in references._looks.items():
                joined[number] = joined[number].joined(look) if number in joined else look
        for references in everyone:
            references._looks = joined

    def apply(self, faces: Iterable[FaceEmotion]) -> list[FaceEmotion]:
        """Compare faces with their references, as far as these are known: sets their `probabilities_from_rest`."""
        return [_compare(face, self.find(face.number).offset) for face in faces]

    def find(self, number: int) -> Reference:
        """Find the reference of the face with a number, as far as it is known."""
        if self.span_is_over and number in self._in_span:
            return Reference('span', offset_of_span(self._in_span[number], self._neutral))
        look = self._looks.get(number)
        if not look or not look.own_share:
            return self._everybodys
        held = np.max(look.median - self._at_rest.high)
        share = look.own_share * float(np.clip(1 - held / HELD_DISTANCE, 0, 1))
        own = np.clip(look.median, self._at_rest.low, self._at_rest.high)
        own[self._neutral] = -OWN_NEUTRAL_LEAD
        offset = (1 - share) * self._everybodys.offset + share * own
        return Reference('own', offset, share) if share else self._everybodys

    def describe(self, numbers: Iterable[int], word: str = 'face') -> list[dict]:
        """Describe the references of the faces with these numbers for the record, in JSON's types.

        Args:
            numbers: The numbers.
            word: What they number: 'face' or 'person'.
        """
        references = {number: self.find(number) for number in numbers}
        return [
            {word: number, 'reference': reference.kind, 'own_share': round(reference.own_share, 2)}
            for number, reference in references.items()
        ]


def _compare(face, offset):
    if offset is None:
        return face
    return replace(face, probabilities_from_rest=compare_with_rest(face.probabilities, offset))
