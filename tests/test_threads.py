import threading
import time
from contextlib import closing

import pytest

from emotion_recognition.threads import prefetch


def test_order_stays():
    assert list(prefetch(range(1000))) == list(range(1000))


def test_works_ahead_in_another_thread_but_no_further_than_the_buffer():
    begun = []

    def items():
        for number in range(10):
            begun.append(threading.current_thread())
            yield number

    with closing(prefetch(items(), buffer_size=3)) as ahead:
        assert next(ahead) == 0
        time.sleep(0.3)
        assert len(begun) == 5  # one taken, three in the buffer, one waiting for room
        assert threading.current_thread() not in begun


def test_error_comes_after_the_items_before_it():
    def items():
        yield 1
        yield 2
        raise OSError('broken')

    ahead = prefetch(items())
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(OSError, match='broken'):
        next(ahead)


def test_closing_ends_the_threads_of_a_chain():
    before = set(threading.enumerate())
    with (
        closing(prefetch(iter(int, 1))) as first,  # endless
        closing(prefetch(number + 1 for number in first)) as second,
    ):
        assert next(second) == 1
    assert not set(threading.enumerate()) - before
