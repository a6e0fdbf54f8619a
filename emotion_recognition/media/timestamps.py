"""Putting the timestamps of damaged and of joined recordings in order."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from emotion_recognition.labels import InputError
from emotion_recognition.media.packets import DECODE_ERRORS

Item = TypeVar('Item')

JOINED_SECONDS = 0.5  # by which time must jump back where another recording begins; small steps back are mere damage
PAUSE_SECONDS = 10  # a longer one that leads beyond the file's end is a damaged timestamp
DAY_SECONDS = 86_400  # the same where the file does not tell its end


class Timed(NamedTuple):
    """Something from a file with its mended timestamp.

    Attributes:
        item: the thing itself.
        pts: its timestamp, in units of the time base. Within a recording it only increases.
        recording: which of the recordings that were joined in the file it is from: 0 for the first one.
        shift: what must be added to `pts` for this recording to follow the one before it, in the same units.
    """

    item: object
    pts: int
    recording: int
    shift: int


def repair_timestamps(
    items: Iterable[tuple[int | None, int, Item]], time_base: float, end: int | None = None
) -> Iterator[Timed]:
    """Fill in missing timestamps and replace damaged ones; the others stay the file's own.

    A single timestamp that its neighbours contradict comes to lie between them. Where time jumps back for good,
    another recording begins: transport streams are often joined by appending the files.

    Args:
        items: timestamp or None, usual distance to the next one, thing; in the order in which they are shown.
        time_base: unit of the timestamps, in seconds.
        end: timestamp at which the file ends as it says itself, None if it does not say.
    """
    joined, pause = max(1, round(JOINED_SECONDS / time_base)), round(PAUSE_SECONDS / time_base)
    day = round(DAY_SECONDS / time_base)
    last, recording, count, shift = None, 0, 0, 0
    for (pts, step, item), following in _with_next(items):
        latest = None if last is None else max(last + pause, last + day if end is None else end)
        if _is_contradicted(pts, last, following, latest):
            pts = _between(last, following, step)
        elif last is not None and pts < last - joined:
            count += 1
            recording, shift = count, last + shift + step - pts
        elif recording and pts > last + max(joined, shift):  # back to the file's own time: what was behind was damage
            recording, shift = 0, 0
        elif last is not None:
            pts = max(pts, last + 1)
        last = pts
        yield Timed(item, pts, recording, shift)


def _with_next(items):
    """Each item with the timestamp of the one after it. An error in reading comes after the last item."""
    held, problem = None, None
    try:
        for item in items:
            if held is not None:
                yield held, item[0]
            held = item
    except (*DECODE_ERRORS, InputError) as error:
        problem = error
    if held is not None:
        yield held, None
    if problem is not None:
        raise problem


def _is_contradicted(pts, last, following, latest):
    if pts is None:
        return True
    if last is None:
        return following is not None and following < pts
    if pts > latest:
        return True
    return following is not None and (last < following < pts or pts <= last < following)


def _between(last, following, step):
    if last is None:
        return 0 if following is None else following - step
    if following is None or following <= last:
        return last + step
    return last + max(1, min(step, (following - last) // 2))
