"""Letting the stages of a run work side by side."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar('Item')

BUFFER_SIZE = 2  # items: enough for stages to overlap; frames of a large video take memory
STOP_CHECK_SECONDS = 0.1


def prefetch(items: Iterable[Item], buffer_size: int = BUFFER_SIZE) -> Iterator[Item]:
    """Iterate in a thread of its own, some items ahead of who takes them; their order stays.

    Worth it where the work behind the items releases Python's lock, as decoding, OpenCV and OpenVINO do. Close it
    (`contextlib.closing`) to end the thread early: it ends with the item that it is working on.

    Args:
        items: what to iterate; what it raises is raised here after the items before it.
        buffer_size: how many items to be ahead.
    """
    buffer: queue.Queue = queue.Queue(buffer_size)
    stop = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, buffer, stop), daemon=True)
    thread.start()
    try:
        while True:
            item, error = buffer.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item
    finally:
        stop.set()
        thread.join()


def _fill(items, buffer, stop):
    error: BaseException = StopIteration()
    try:
        for item in items:
            if not _put((item, None), buffer, stop):
                return
    except BaseException as raised:  # whatever it is, who takes the items gets it
        error = raised
    _put((None, error), buffer, stop)


def _put(value, buffer, stop):
    """Wait for room. Returns False when asked to stop."""
    while not stop.is_set():
        try:
            buffer.put(value, timeout=STOP_CHECK_SECONDS)
            return True
        except queue.Full:
            continue
    return False
