"""Threads: how many there may be, stages that work side by side, and calls that may never return."""

import importlib
import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import cv2

Item = TypeVar('Item')

BUFFER_SIZE = 2  # items: enough for stages to overlap; frames of a large video take memory
STOP_CHECK_SECONDS = 0.1  # between two looks at whether to stop, while waiting
JOIN_SECONDS = 60  # for the item that the thread is working on; longer, and it will never end


def count_cores() -> int:
    """Number of cores that this process may use; a batch system may have given it only some of the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def limit_opencv_threads(count: int) -> None:
    """Limit OpenCV's threads in the whole process, since it knows no other limit. A count of 0 changes nothing."""
    if count:
        cv2.setNumThreads(count)


def import_ahead(*modules: str) -> None:
    """Import modules in a thread, beside other work, so that nobody has to wait for them when they are used.

    Who uses them imports them as always: an import waits for one that has begun, and what failed here fails there too,
    where it is reported. The process does not end before the thread does, since it could crash while a library loads.

    Args:
        modules: Their complete names, in the order in which they are imported. Nobody should import parts of the same
            libraries under other names meanwhile: two threads that meet in a circle of imports break it.
    """
    threading.Thread(target=_import_all, args=(modules,)).start()


def _import_all(modules):
    for module in modules:
        with suppress(Exception):
            importlib.import_module(module)


class CallThread:
    """A thread of its own for calls that may never return, such as those that wait for a disk or a network.

    If one does not return, that thread hangs and nothing else: who waits for it can give up, and the program can end.
    """

    def __init__(self):
        self._calls: queue.SimpleQueue = queue.SimpleQueue()
        self._answers: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=_answer, args=(self._calls, self._answers), daemon=True).start()

    def call(self, function: Callable[..., Any], *arguments, while_waiting: Callable[[], object] = lambda: None) -> Any:
        """Call a function in the thread, and wait for its answer. Signals are handled meanwhile.

        Args:
            function: What to call.
            arguments: Its arguments.
            while_waiting: Called again and again until the answer comes. Its exception, like that of a signal, ends the
                waiting; nothing can be called after that.

        Returns:
            What the function returns; what it raises is raised here.
        """
        self._calls.put(partial(function, *arguments))
        while True:
            try:
                answer, error = self._answers.get(timeout=STOP_CHECK_SECONDS)
            except queue.Empty:  # on Windows, signals are handled only between two waits
                while_waiting()
                continue
            if error is not None:
                raise error
            return answer

    def close(self, last: Callable[[], object] = lambda: None) -> None:
        """Let the thread make a last call and end, without waiting for it."""
        self._calls.put(last)
        self._calls.put(None)


def _answer(calls, answers):
    for call in iter(calls.get, None):
        try:
            answers.put((call(), None))
        except BaseException as error:  # the caller gets it, whatever it is
            answers.put((None, error))


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
