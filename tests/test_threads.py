import importlib
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from emotion_recognition.threads import import_ahead, prefetch
from tests.paths import ROOT


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


@pytest.fixture
def write_module(tmp_path, monkeypatch):
    """Writes a module of some lines, which can be imported until the test ends, and returns its name."""

    def write(lines):
        (tmp_path / 'slow_module.py').write_text(lines)
        return 'slow_module'

    monkeypatch.syspath_prepend(tmp_path)
    yield write
    sys.modules.pop('slow_module', None)


def test_a_module_is_imported_in_another_thread_and_who_uses_it_waits(write_module):
    name = write_module('import threading, time; thread = threading.current_thread(); time.sleep(0.2); done = True')
    import_ahead(name)
    started = time.monotonic()
    while name not in sys.modules and time.monotonic() < started + 10:
        time.sleep(0.001)
    module = importlib.import_module(name)
    assert module.thread is not threading.current_thread() and module.done


@pytest.mark.filterwarnings('error::pytest.PytestUnhandledThreadExceptionWarning')
def test_a_module_that_cannot_be_imported_fails_where_it_is_used(write_module):
    name = write_module('raise ImportError("no such library")')
    before = set(threading.enumerate())
    import_ahead(name)
    with pytest.raises(ImportError, match='no such library'):
        importlib.import_module(name)
    for thread in set(threading.enumerate()) - before:
        thread.join(10)


def test_ctrl_c_during_an_import_ahead_ends_in_one_line_and_not_in_the_middle_of_it(tmp_path):
    (tmp_path / 'slow_module.py').write_text('import time; time.sleep(0.3); print("complete")')
    code = f"""
import signal, sys
sys.path.insert(0, {str(tmp_path)!r})
from emotion_recognition.command_line import one_line_errors
from emotion_recognition.threads import import_ahead
with one_line_errors('script'):
    import_ahead('slow_module')
    signal.raise_signal(signal.SIGINT)
"""
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, 'complete\n', 'script: interrupted\n')
