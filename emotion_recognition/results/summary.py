"""The summary of a video: one row for each person or face, and one for each of them in each span."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from emotion_recognition.labels import FaceEmotion, InputError, Person, has_valence
from emotion_recognition.results.csv_tables import open_table, to_cell
from emotion_recognition.results.face_table import PERSON_COLUMNS, name_details, person_cells
from emotion_recognition.results.spans import Span
from emotion_recognition.results.table_writing import Table

USABLE = 'usable'
SHARE, MEAN = '_share', '_mean'  # suffixes of the columns of each emotion
BY_PERSON = 'share_by_person'  # column of corrected summaries: for how much of the time a person gave the emotion
FIRST_COLUMNS = ('video', 'span')
WHOLE_VIDEO = ''  # in the column `span` of a row about the whole video


@dataclass
class _Seen:
    """What was seen of a face in a span.

    Attributes:
        emotion_ms: (K,) float64, how long each emotion was shown, in milliseconds.
        probability_ms: (K,) float64, sum of each probability times the milliseconds for which it was shown.
        valence_ms: Sum of valence times the milliseconds for which it was shown.
        machine_ms: Sum of these milliseconds. The time in which a person gave the emotion counts for none of the three.
        usable_ms: For how long it could be seen well enough, in milliseconds.
        frames: Number of frames that began in the span.
        changes: Number of those in which the face's emotion differed from the one before.
    """

    emotion_ms: np.ndarray
    probability_ms: np.ndarray
    valence_ms: float = 0.0
    machine_ms: float = 0.0
    usable_ms: float = 0.0
    frames: int = 0
    changes: int = 0


class VideoSummary:
    """Sums up the emotions of each face. Memory grows with faces and spans, not with frames.

    A frame lasts until the next one is shown: all shares and means are of time, whatever the frame rate. If a frame
    lasts beyond the end of a span, its time is divided there, and it counts as a frame of the span in which it begins.

    Args:
        video_name: Name of the video, for the first column.
        class_names: Names of the K classes that the probabilities belong to.
        spans: Spans of the video, ordered by their start, without overlaps. Those with the same name share a row.
        with_people: Whether there is a row for each person, not for each of the tracker's faces.
        min_quality: Quality from which a face is usable, 0 to 1, see `FaceQuality`; None if it is not measured.
        is_corrected: Whether a person has corrected the faces, so that a column says how much of the time.
    """

    def __init__(
        self,
        video_name: str,
        class_names: Sequence[str],
        spans: Sequence[Span] = (),
        with_people: bool = False,
        min_quality: float | None = None,
        is_corrected: bool = False,
    ):
        self._video_name = video_name
        self._class_names = tuple(class_names)
        self._has_valence = has_valence(class_names)
        self._spans, self._span_ends = spans, [span.end_ms for span in spans]
        self._names = list(dict.fromkeys([WHOLE_VIDEO, *(span.name for span in spans)]))
        self._with_people, self._min_quality, self._is_corrected = with_people, min_quality, is_corrected
        self._people: dict[int, Person] = {}
        self._seen: dict[tuple[str, int], _Seen] = {}  # by span name and the face's number
        self._emotions: dict[int, str] = {}  # the last one of each face
        self._shown_ms, self._shown_faces = 0.0, ()

    def add(self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame: its number from 1, when it is shown in milliseconds, and its faces."""
        self._show_until(timestamp_ms)
        self._shown_ms, self._shown_faces = timestamp_ms, faces
        current = takewhile(lambda span: span.start_ms <= timestamp_ms, self._spans_from(timestamp_ms))
        names = [WHOLE_VIDEO, *(span.name for span in current)]
        for face in faces:
            emotion = face.emotion
            is_change = self._emotions.get(face.number, emotion) != emotion
            self._emotions[face.number] = emotion
            if face.person:
                self._people[face.number] = face.person
            for name in names:
                seen = self._seen_in(name, face)
                seen.frames += 1
                seen.changes += is_change

    def to_table(self, last_frame_ms: float) -> Table:
        """Make the table, whose first rows are about the whole video.

        Args:
            last_frame_ms: How long the last frame is shown, in milliseconds.
        """
        self._show_until(self._shown_ms + last_frame_ms)
        self._shown_faces = ()
        keys = sorted(self._seen, key=lambda key: (self._names.index(key[0]), key[1]))
        details = name_details(self._people.values())
        rows = [
            [
                to_cell(self._video_name),
                to_cell(name),
                *self._who(number, details),
                *self._cells(self._seen[name, number]),
            ]
            for name, number in keys
        ]
        who = [*PERSON_COLUMNS, *map(to_cell, details)] if self._with_people else ['face']
        columns = name_columns(who, self._class_names, self._min_quality is not None, self._is_corrected)
        return Table(columns, rows)

    @property
    def people(self) -> list[Person]:
        """The people that were seen."""
        return list(self._people.values())

    def _who(self, number, details):
        return person_cells(self._people[number], details) if self._with_people else [number]

    def _cells(self, seen):
        ms = seen.emotion_ms.sum()
        usable = [] if self._min_quality is None else [round(seen.usable_ms / ms, 4)]
        means = [*seen.probability_ms, *[seen.valence_ms] * self._has_valence] / np.float64(seen.machine_ms or np.nan)
        values = np.round([*seen.emotion_ms / ms, *means], 4) + 0.0
        by_person = [round(1 - seen.machine_ms / ms, 4) + 0.0] * self._is_corrected
        changes = round(seen.changes / ms * 60_000, 2)
        return [seen.frames, round(ms / 1000, 3), *usable, *values, changes, *by_person]

    def _show_until(self, end_ms):
        """Count the current frame, which is shown until `end_ms`, for its faces."""
        if not self._shown_faces:
            return
        parts = [(WHOLE_VIDEO, end_ms - self._shown_ms)]
        for span in takewhile(lambda span: span.start_ms < end_ms, self._spans_from(self._shown_ms)):
            parts.append((span.name, min(end_ms, span.end_ms) - max(self._shown_ms, span.start_ms)))
        for face in self._shown_faces:
            number, valence = self._class_names.index(face.emotion), face.valence if self._has_valence else 0.0
            is_usable = bool(face.seen) and self._min_quality is not None and face.seen.quality >= self._min_quality
            for name, ms in parts:
                seen = self._seen_in(name, face)
                seen.emotion_ms[number] += ms
                seen.usable_ms += ms * is_usable
                if not face.corrected:
                    seen.machine_ms += ms
                    seen.probability_ms += face.shown * ms
                    seen.valence_ms += valence * ms

    def _spans_from(self, ms):
        """The spans that end after a moment. If that moment is in a span, that one is the first."""
        return self._spans[bisect_right(self._span_ends, ms) :]

    def _seen_in(self, name, face):
        key = (name, face.number)
        if key not in self._seen:
            self._seen[key] = _Seen(np.zeros(len(self._class_names)), np.zeros(len(self._class_names)))
        return self._seen[key]


def name_columns(
    who: Sequence[str], class_names: Sequence[str], with_usable: bool = False, is_corrected: bool = False
) -> list[str]:
    """Names of the columns of a summary.

    Args:
        who: Those that say whose row it is.
        class_names: Names of the classes.
        with_usable: Whether quality is measured.
        is_corrected: Whether a person has corrected it.
    """
    shares, means = ([name + ending for name in class_names] for ending in (SHARE, MEAN))
    valence, by_person = ['valence' + MEAN] * has_valence(class_names), [BY_PERSON] * is_corrected
    times = ['frames', 'seconds', *[USABLE] * with_usable]
    return [*FIRST_COLUMNS, *who, *times, *shares, *means, *valence, 'changes_per_minute', *by_person]


def join_rows(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Table:
    """Make a table of a folder from rows about its files, whose columns may differ.

    Args:
        columns: Names of all columns; some may come more than once.
        rows: Cells by the names of their columns. What is missing is empty, but `BY_PERSON` is 0 where nothing was
            corrected.
    """
    names, missing = list(dict.fromkeys(columns)), {BY_PERSON: 0.0}
    return Table(names, [[row.get(name, missing.get(name, '')) for name in names] for row in rows])


def read_summary(path: Path) -> Table:
    """Read a summary of a run, also one that a spreadsheet has saved, with all texts as they are in cells.

    Raises:
        InputError: A spreadsheet has changed its columns or its numbers.
    """
    table = open_table(path, (*FIRST_COLUMNS, 'frames'), 'a summary')
    columns = list(table.columns)
    place = len(columns) - 1 - columns[::-1].index('frames')
    class_names = [name.removesuffix(SHARE) for name in columns[place:] if name.endswith(SHARE)]
    who = columns[len(FIRST_COLUMNS) : place]
    is_known = who == ['face'] or who[: len(PERSON_COLUMNS)] == PERSON_COLUMNS
    expected = name_columns(who, class_names, USABLE in columns[place:], BY_PERSON in columns)
    if not is_known or columns != expected:
        raise InputError(
            f'{path}: has not the columns that the run wrote, but {len(columns)}: '
            f'{", ".join(columns[:3])} ... {columns[-1]}; delete it, and analyse the video again'
        )
    rows = []
    for _, row in table.rows():
        numbers = [row.whole_number('frames', minimum=0), *(_to_number(row, name) for name in columns[place + 1 :])]
        rows.append([*(to_cell(row.cells[name]) for name in columns[:place]), *numbers])
    return Table([*map(to_cell, columns[:place]), *columns[place:]], rows)


def _to_number(row, column):
    """The number in a cell. A mean is empty if a person gave the emotion all the time."""
    return row.number(column) if row.text(column) or not column.endswith(MEAN) else np.nan
