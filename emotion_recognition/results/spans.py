"""Spans of videos that the user names: stimuli, conditions, questions of an interview."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from emotion_recognition.labels import InputError
from emotion_recognition.results.csv_tables import open_table

SPAN_COLUMNS = ('video', 'start', 'end', 'name')
MAX_REPORTED_NAMES = 5


@dataclass(frozen=True)
class Span:
    """A stretch of a video that the user names.

    Attributes:
        name: The user's name for it.
        start_ms: When it starts, in milliseconds of the video.
        end_ms: When it ends, in milliseconds of the video; this moment is not part of it.
    """

    name: str
    start_ms: float
    end_ms: float


def read_spans(path: str | Path | None, video_path: Path) -> tuple[Span, ...]:
    """Read the spans of one video.

    Args:
        path: CSV file with the columns `video` (a file name), `start` and `end` (seconds), `name`; None for no spans.
        video_path: Path of the video. Only its name matters, not its folder.

    Returns:
        Its spans, ordered by their start and without overlaps. Several may have the same name.

    Raises:
        InputError: The file cannot be read, lacks a column, or one of its lines is wrong, see `open_table`.
    """
    return _read_all(path).get(_composed(video_path.name), ()) if path else ()


def check_spans(path: str | Path, video_paths: Iterable[Path]) -> None:
    """Check that the spans can be read and fit the videos, before the work begins.

    Args:
        path: CSV file, see `read_spans`.
        video_paths: Paths of all videos.

    Raises:
        InputError: The spans cannot be read, or the name of one of their videos fits none of the paths, or several.
    """
    counts = Counter(_composed(video_path.name) for video_path in video_paths)
    for name in _read_all(path):
        if not counts[name]:
            names = list(counts)[:MAX_REPORTED_NAMES] + ['...'] * (len(counts) > MAX_REPORTED_NAMES)
            raise InputError(f'{path}: video is {name}; expected one of the inputs: {", ".join(names) or "no video"}')
        if counts[name] > 1:
            raise InputError(
                f'{path}: video is {name}, but {counts[name]} inputs have this name; analyse them separately'
            )


def describe_outside(spans: Iterable[Span], start_ms: float, end_ms: float, is_part: bool = False) -> list[str]:
    """Describe the spans that reach beyond a video, for example because they are in milliseconds by mistake.

    Args:
        spans: Spans of the video.
        start_ms, end_ms: When the first frame is shown and the last one ends, in milliseconds. Players begin at 0, even
            if the first frame is later.
        is_part: Whether they are those of a part of the video, which was analysed alone.

    Returns:
        A line for each of them.
    """
    whole = 'what was analysed' if is_part else 'the video'
    return [
        f'span {span.name}: {span.start_ms / 1000:g} to {span.end_ms / 1000:g} s reaches beyond {whole}, which is '
        f'from {start_ms / 1000:.2f} to {end_ms / 1000:.2f} s'
        for span in spans
        if round(span.start_ms - min(0.0, start_ms)) < 0
        or span.end_ms < start_ms
        or round((span.end_ms - end_ms) / 1000, 2) > 0
    ]


def _read_all(path: str | Path) -> dict[str, tuple[Span, ...]]:
    """Read the spans of all videos in a file, by the videos' names."""
    spans: dict[str, list[Span]] = {}
    for _, row in open_table(Path(path), SPAN_COLUMNS, 'a table of spans').rows():
        spans.setdefault(_composed(_text(row, 'video')), []).append(_to_span(row))
    if not spans:
        raise InputError(f'{path}: holds no spans; expected a line for each')
    return {name: _in_order(path, name, of_video) for name, of_video in spans.items()}


def _to_span(row):
    start, end = (row.number(column, 'seconds, such as 12.5') for column in ('start', 'end'))
    if not start < end:
        raise row.error('end', f'a time after the start, {start:g}')
    return Span(_text(row, 'name'), start * 1000, end * 1000)


def _text(row, column):
    text = row.text(column)
    if not text or any(unicodedata.category(character) == 'Cc' for character in text):
        raise row.error(column, 'one line of text')
    return text


def _in_order(path, video_name, spans):
    spans = sorted(spans, key=lambda span: span.start_ms)
    for one, other in pairwise(spans):
        if other.start_ms < one.end_ms:
            raise InputError(
                f'{path}: {other.name} of {video_name} begins at {other.start_ms / 1000:g} s, before {one.name} ends '
                f'at {one.end_ms / 1000:g} s; expected spans that do not overlap'
            )
    return tuple(spans)


def _composed(name):
    """Compose each letter and its accents into one character: macOS keeps them apart in the names of files."""
    return unicodedata.normalize('NFC', name)
