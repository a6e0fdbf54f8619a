"""Spans of videos that the user names: conditions, stimuli, questions of an interview."""

import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from emotion_recognition.labels import InputError
from emotion_recognition.results.csv_tables import Row, open_table
from emotion_recognition.results.video_names import is_name_of, names_of, split_name

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
    """Read the spans of one video. Those of other videos are ignored, whatever they are.

    Args:
        path: CSV file with the columns `video`, `start` and `end` (seconds, or times such as 1:02:03), `name`; None for
            no spans.
        video_path: Path of the video. A row is about it if it has its name, in any case, with or without the suffix,
            which Windows hides, and with as many folders before it as the user likes.

    Returns:
        Its spans, ordered by their start and without overlaps. Several may have the same name.

    Raises:
        InputError: The file cannot be read, lacks a column, or one of the video's lines is wrong, see `open_table`.
    """
    rows = _read_rows(path) if path else []
    return _in_order(path, video_path.name, [_to_span(row) for parts, row in rows if is_name_of(parts, video_path)])


def check_spans(path: str | Path, video_paths: Iterable[Path]) -> None:
    """Check that the spans of some videos can be read, before the work begins. Says on stderr which rows are ignored.

    Args:
        path: CSV file, see `read_spans`.
        video_paths: Paths of all videos.

    Raises:
        InputError: The spans cannot be read, or one of them may be about several of the videos.
    """
    of_name: dict[str, list[Path]] = {}  # so that many rows and many videos are no product
    for video_path in video_paths:
        for name in names_of(video_path):
            of_name.setdefault(name, []).append(video_path)
    rows, others, checked = _read_rows(path), Counter(), set()
    for parts, row in rows:
        about = [video_path for video_path in of_name.get(parts[-1], []) if is_name_of(parts, video_path)]
        if len(about) > 1:
            fits = ' and '.join(map(str, about[:2]))
            raise row.error('video', f'the name of one input, but it fits {fits}; add the folder or the suffix')
        others.update([] if about else [row.text('video')])
        checked.update(about)
    for video_path in checked:
        read_spans(path, video_path)
    if others:
        which = 'none of its rows is' if not checked else f'{others.total()} of {len(rows)} rows are not'
        names = list(others)[:MAX_REPORTED_NAMES] + ['...'] * (len(others) > MAX_REPORTED_NAMES)
        print(f'{path}: {which} about an input, and ignored: video is {", ".join(names)}', file=sys.stderr)


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


def _read_rows(path: str | Path) -> list[tuple[tuple[str, ...], Row]]:
    """Read all rows, each with the folders and the name of its video as they are compared."""
    rows = (row for _, row in open_table(Path(path), SPAN_COLUMNS, 'a table of spans').rows())
    read = [(split_name(_text(row, 'video')), row) for row in rows]
    if not read:
        raise InputError(f'{path}: holds no spans; expected a line for each')
    return read


def _to_span(row):
    start, end = row.seconds('start'), row.seconds('end')
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
