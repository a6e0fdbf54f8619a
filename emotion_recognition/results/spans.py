"""Spans of videos that the user names: stimuli, conditions, questions of an interview."""

import csv
import math
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from emotion_recognition.labels import InputError

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
        InputError: The file cannot be read, lacks a column, or one of its lines is wrong.
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


def describe_outside(spans: Iterable[Span], start_ms: float, end_ms: float) -> list[str]:
    """Describe the spans that reach beyond a video, for example because they are in milliseconds by mistake.

    Args:
        spans: Spans of the video.
        start_ms, end_ms: When the first frame is shown and the last one ends, in milliseconds. Players begin at 0, even
            if the first frame is later.

    Returns:
        A line for each of them.
    """
    return [
        f'span {span.name}: {span.start_ms / 1000:g} to {span.end_ms / 1000:g} s reaches beyond the video, which is '
        f'from {start_ms / 1000:.2f} to {end_ms / 1000:.2f} s'
        for span in spans
        if round(span.start_ms - min(0.0, start_ms)) < 0
        or span.end_ms < start_ms
        or round((span.end_ms - end_ms) / 1000, 2) > 0
    ]


def _read_all(path: str | Path) -> dict[str, tuple[Span, ...]]:
    """Read the spans of all videos in a file, by the videos' names."""
    spans: dict[str, list[Span]] = {}
    try:
        with Path(path).open(newline='', encoding='utf-8-sig') as file:  # Excel writes a byte order mark
            reader = csv.DictReader(file)
            missing = [column for column in SPAN_COLUMNS if column not in (reader.fieldnames or [])]
            if missing:
                found = ', '.join(reader.fieldnames or []) or 'nothing'
                raise InputError(f'{path}: its columns are {found}; expected {", ".join(SPAN_COLUMNS)}')
            for row in reader:
                try:
                    spans.setdefault(_composed(_text(row, 'video')), []).append(_span(row))
                except InputError as error:
                    raise InputError(f'{path}, line {reader.line_num}: {error}') from None
    except FileNotFoundError:
        raise InputError(f'{path}: no such file of spans') from None
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f'{path}: not a table of spans; expected CSV in UTF-8') from None
    if not spans:
        raise InputError(f'{path}: holds no spans; expected a line for each')
    return {name: _in_order(path, name, of_video) for name, of_video in spans.items()}


def _span(row):
    start, end = _seconds(row, 'start'), _seconds(row, 'end')
    if not start < end:
        raise InputError(f'start is {start:g} and end is {end:g}; expected start before end')
    return Span(_text(row, 'name'), start * 1000, end * 1000)


def _text(row, column):
    text = (row[column] or '').strip()
    if not text or any(unicodedata.category(character) == 'Cc' for character in text):
        raise InputError(f'{column} is {text!r}; expected one line of text')
    return text


def _seconds(row, column):
    try:
        seconds = float(row[column])
    except (TypeError, ValueError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise InputError(f'{column} is {row[column]!r}; expected seconds, such as 12.5')
    return seconds


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
