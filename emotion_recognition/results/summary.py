"""A video in few numbers: one tidy row for each face, and for each face in each span."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import pandas as pd

from emotion_recognition.labels import FaceEmotion, has_valence
from emotion_recognition.results.spans import Span

WHOLE_VIDEO = ''  # in the column `span`


@dataclass
class _Seen:
    """What was seen of a face in a span.

    Attributes:
        emotion_ms: (K,) for how long each emotion was shown, in milliseconds.
        probability_ms: (K,) each probability times the milliseconds for which it held.
        valence_ms: the same of valence.
        frames, changes: how many frames began in the span, and how many emotions that differ from the one before.
    """

    emotion_ms: np.ndarray
    probability_ms: np.ndarray
    valence_ms: float = 0.0
    frames: int = 0
    changes: int = 0


class VideoSummary:
    """Sums up what each face shows. Memory grows with faces and spans, and not with frames.

    A frame is shown until the next one's time, so that all shares and means are of time, whatever the frame rate. Where
    it reaches over a span's end, each side gets its part; it is counted where it begins.

    Args:
        video_name: for the first column.
        class_names: of the probabilities, K of them.
        spans: of the video, by their start, without overlaps. Those of one name are summed up together.
    """

    def __init__(self, video_name: str, class_names: Sequence[str], spans: Sequence[Span] = ()):
        self._video_name = video_name
        self._class_names = tuple(class_names)
        self._has_valence = has_valence(class_names)
        self._spans, self._span_ends = spans, [span.end_ms for span in spans]
        self._names = list(dict.fromkeys([WHOLE_VIDEO, *(span.name for span in spans)]))
        self._seen: dict[tuple[str, int], _Seen] = {}  # by the span's name and the face's number
        self._emotions: dict[int, str] = {}  # that each face showed last
        self._shown_ms, self._shown_faces = 0.0, ()

    def add(self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame: its number from 1, its presentation time in milliseconds, its faces."""
        self._show_until(timestamp_ms)
        self._shown_ms, self._shown_faces = timestamp_ms, faces
        around = takewhile(lambda span: span.start_ms <= timestamp_ms, self._spans_from(timestamp_ms))
        names = [WHOLE_VIDEO, *(span.name for span in around)]
        for face in faces:
            emotion = face.emotion
            is_change = self._emotions.get(face.track_id, emotion) != emotion
            self._emotions[face.track_id] = emotion
            for name in names:
                seen = self._seen_in(name, face)
                seen.frames += 1
                seen.changes += is_change

    def to_frame(self, last_frame_ms: float) -> pd.DataFrame:
        """The rows, of the whole video first.

        Args:
            last_frame_ms: for how long the last frame is shown, in milliseconds.
        """
        self._show_until(self._shown_ms + last_frame_ms)
        self._shown_faces = ()
        keys = sorted(self._seen, key=lambda key: (self._names.index(key[0]), key[1]))
        rows = [[self._video_name, name, number, *self._cells(self._seen[name, number])] for name, number in keys]
        return pd.DataFrame(rows, columns=self._columns())

    def _columns(self):
        shares, means = ([name + ending for name in self._class_names] for ending in ('_share', '_mean'))
        valence = ['valence_mean'] if self._has_valence else []
        return ['video', 'span', 'face', 'frames', 'seconds', *shares, *means, *valence, 'changes_per_minute']

    def _cells(self, seen):
        ms = seen.emotion_ms.sum()
        values = [*seen.emotion_ms / ms, *seen.probability_ms / ms, *([seen.valence_ms / ms] * self._has_valence)]
        return [seen.frames, round(ms / 1000, 3), *np.round(values, 4) + 0.0, round(seen.changes / ms * 60_000, 2)]

    def _show_until(self, end_ms):
        """Give the time of the frame that is shown to its faces."""
        if not self._shown_faces:
            return
        parts = [(WHOLE_VIDEO, end_ms - self._shown_ms)]
        for span in takewhile(lambda span: span.start_ms < end_ms, self._spans_from(self._shown_ms)):
            parts.append((span.name, min(end_ms, span.end_ms) - max(self._shown_ms, span.start_ms)))
        for face in self._shown_faces:
            number, valence = self._class_names.index(face.emotion), face.valence if self._has_valence else 0.0
            for name, ms in parts:
                seen = self._seen_in(name, face)
                seen.emotion_ms[number] += ms
                seen.probability_ms += face.probabilities * ms
                seen.valence_ms += valence * ms

    def _spans_from(self, ms):
        """The spans that end later, the one around this moment first if there is one."""
        return self._spans[bisect_right(self._span_ends, ms) :]

    def _seen_in(self, name, face):
        key = (name, face.track_id)
        if key not in self._seen:
            self._seen[key] = _Seen(np.zeros(len(self._class_names)), np.zeros(len(self._class_names)))
        return self._seen[key]
