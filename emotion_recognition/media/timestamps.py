"""Repairing the timestamps of damaged files, and of files that were joined from several recordings."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from emotion_recognition.labels import InputError
from emotion_recognition.media.packets import DECODE_ERRORS

Item = TypeVar('Item')

MIN_JUMP_BACK_SECONDS = 0.5  # a longer jump back starts another recording; a shorter one is damage
MAX_PAUSE_SECONDS = 10  # a timestamp after a longer pause is damaged if it is beyond the file's end
DAY_SECONDS = 86_400  # the longest pause if the file does not say where it ends


class TimedItem(NamedTuple):
    """A frame or packet with its repaired timestamp.

    Attributes:
        item: The frame or packet.
        pts: Its timestamp, in units of the time base. It increases within a recording by `min_step` or more.
        recording: Index, from 0, of the recording that it belongs to, if several were joined in the file.
        shift: What must be added to `pts`, in the same units, so that this recording follows the one before it.
    """

    item: object
    pts: int
    recording: int
    shift: int


def repair_timestamps(
    items: Iterable[tuple[int | None, int, Item]], time_base: float, end: int | None = None, min_step: int = 1
) -> Iterator[TimedItem]:
    """Fill in missing timestamps and replace damaged ones. All others stay as the file has them.

    A single timestamp that contradicts its neighbours is replaced by one between them. If time jumps back and stays
    there, another recording begins: transport streams are often joined by appending one file to another.

    Args:
        items: Timestamp or None, usual distance to the next timestamp, and the frame or packet, in the order in which
            they are shown.
        time_base: Unit of the timestamps, in seconds.
        end: Timestamp at which the file says that it ends, or None if it does not say.
        min_step: Smallest distance between the timestamps of a recording; 0 if several may have the same one, as sound
            packets do that are shorter than the time base.

    Yields:
        The frames or packets with their timestamps, in the same order.
    """
    jump_back, pause = max(1, round(MIN_JUMP_BACK_SECONDS / time_base)), round(MAX_PAUSE_SECONDS / time_base)
    day = round(DAY_SECONDS / time_base)
    last, recording, count, shift = None, 0, 0, 0
    for (pts, step, item), following in _with_next(items):
        latest = None if last is None else max(last + pause, last + day if end is None else end)
        if _is_contradicted(pts, last, following, latest, min_step):
            pts = _between(last, following, step, min_step)
        elif last is not None and pts < last - jump_back:
            count += 1
            recording, shift = count, last + shift + step - pts
        elif recording and pts > last + max(jump_back, shift):  # the file's time is back, so the jump was damage
            recording, shift = 0, 0
        elif last is not None:
            pts = max(pts, last + min_step)
        last = pts
        yield TimedItem(item, pts, recording, shift)


def _with_next(items):
    """Yield each item with the timestamp of the next one. An error in reading is raised after the last item."""
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


def _is_contradicted(pts, last, following, latest, min_step):
    if pts is None:
        return True
    if last is None:
        return following is not None and following < pts
    if pts > latest:
        return True
    earliest = last + min_step
    return following is not None and (earliest <= following < pts or pts < earliest <= following)


def _between(last, following, step, min_step):
    if last is None:
        return 0 if following is None else following - step
    if following is None or following < last + min_step:
        return last + step
    return last + max(min_step, min(step, (following - last) // 2))
