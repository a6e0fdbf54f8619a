"""Threads: the stages of a run work side by side, and OpenCV uses no more than it may."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from typing import TypeVar

import cv2

Item = TypeVar('Item')

BUFFER_SIZE = 2  # items: enough for stages to overlap; frames of a large video take memory
STOP_CHECK_SECONDS = 0.1
JOIN_SECONDS = 60  # for the item that the thread is working on; longer, and it will never end


def limit_opencv_threads(count: int) -> None:
    """Limit OpenCV's threads in the whole process, since it knows no other limit. A count of 0 changes nothing."""
    if count:
        cv2.setNumThreads(count)


def call_in_thread(function: Callable[..., Item], *arguments) -> Item:
    """Call a function that may wait for ever: meanwhile, signals are handled here. An exception leaves it behind."""
    answer: Future[Item] = Future()

    def call():
        try:
            answer.set_result(function(*arguments))
        except BaseException as error:  # the caller gets it, whatever it is
            answer.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    while not wait([answer], STOP_CHECK_SECONDS).done:
        pass  # on Windows, signals are handled only between two waits
    return answer.result()


def prefetch(items: Iterable[Item], buffer_size: int = BUFFER_SIZE) -> Iterator[Item]:
    """Iterate in a separate thread, a few items ahead of the consumer; their order stays.

    It pays off if the work that makes the items releases Python's lock, as decoding, OpenCV and OpenVINO do. Close it
    (`contextlib.closing`) to end the thread early: it ends after the item that it is working on.

    Args:
        items: What to iterate. What it raises is raised here, after the items before it.
        buffer_size: How many items to be ahead.
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
        thread.join(JOIN_SECONDS)


def _fill(items, buffer, stop):
    error: BaseException = StopIteration()
    try:
        for item in items:
            if not _put((item, None), buffer, stop):
                return
    except BaseException as raised:  # the consumer gets it, whatever it is
        error = raised
    _put((None, error), buffer, stop)


def _put(value, buffer, stop):
    """Wait for room. Returns False if asked to stop."""
    while not stop.is_set():
        try:
            buffer.put(value, timeout=STOP_CHECK_SECONDS)
            return True
        except queue.Full:
            continue
    return False
