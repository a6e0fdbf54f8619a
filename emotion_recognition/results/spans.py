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
MOST_NAMES_TOLD = 5


@dataclass(frozen=True)
class Span:
    """A part of a video.

    Attributes:
        name: what the user calls it.
        start_ms: its first moment, in milliseconds of the video.
        end_ms: the first moment behind it.
    """

    name: str
    start_ms: float
    end_ms: float


def read_spans(path: str | Path | None, video_path: Path) -> tuple[Span, ...]:
    """Read the spans of one video.

    Args:
        path: of a CSV file with the columns `video` (a file name), `start` and `end` (seconds), `name`; None for none.
        video_path: of the video. Its folder does not matter.

    Returns:
        Its spans by their start, none of which overlap. Several may have the same name.

    Raises:
        InputError: the file cannot be read, lacks a column, or one of its lines is wrong.
    """
    return _read_all(path).get(_composed(video_path.name), ()) if path else ()


def check_spans(path: str | Path, video_paths: Iterable[Path]) -> None:
    """Find out before the work whether the spans can be read and are of the videos.

    Raises:
        InputError: as `read_spans`; or a video is not among the paths, or among them more than once.
    """
    counts = Counter(_composed(video_path.name) for video_path in video_paths)
    for name in _read_all(path):
        if not counts[name]:
            names = list(counts)[:MOST_NAMES_TOLD] + ['...'] * (len(counts) > MOST_NAMES_TOLD)
            raise InputError(f'{path}: video is {name}; expected one of the inputs: {", ".join(names) or "no video"}')
        if counts[name] > 1:
            raise InputError(f'{path}: video is {name}, but {counts[name]} inputs are called so; analyse them apart')


def describe_outside(spans: Iterable[Span], start_ms: float, end_ms: float) -> list[str]:
    """A line on each span that reaches beyond a video from start to end, such as one in milliseconds by mistake."""
    return [
        f'span {span.name}: {span.start_ms / 1000:g} to {span.end_ms / 1000:g} s reaches beyond the video, which is '
        f'from {start_ms / 1000:.2f} to {end_ms / 1000:.2f} s'
        for span in spans
        if round(span.start_ms - start_ms) < 0 or round((span.end_ms - end_ms) / 1000, 2) > 0
    ]


def _read_all(path: str | Path) -> dict[str, tuple[Span, ...]]:
    """The spans of all videos in a file, by the videos' names."""
    spans: dict[str, list[Span]] = {}
    try:
        with Path(path).open(newline='', encoding='utf-8-sig') as file:  # Excel writes the signature
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
    """A name with its accents as one character each: macOS keeps them apart in the names of files."""
    return unicodedata.normalize('NFC', name)
