"""Requests to stop, and the signals that are such."""

import signal
import subprocess
import sys
import threading

import pytest

from emotion_recognition.interruption import Interruption, signals_as_ctrl_c
from tests.conftest import default_handlers
from tests.paths import ROOT


@pytest.fixture(autouse=True)
def handlers():
    with default_handlers():
        yield


def test_the_first_reason_stays():
    interruption = Interruption()
    interruption.request(None)
    assert interruption.reason is None
    interruption.request('q was pressed')
    interruption.request('the window was closed')
    assert interruption.reason == 'q was pressed'
    assert interruption.reasons == ['q was pressed', 'the window was closed']


def test_a_request_that_was_heeded_is_no_longer_pending():
    interruption = Interruption()
    assert not interruption.is_pending
    interruption.request('q was pressed')
    assert interruption.is_pending
    interruption.heed()
    assert not interruption.is_pending and interruption.reason == 'q was pressed'
    interruption.request('the window was closed')
    assert interruption.is_pending


def test_other_signals_than_those_that_are_named_stay_as_they_are():
    before = signal.getsignal(signal.SIGTERM)
    with Interruption(['SIGINT']) as interruption:
        assert signal.getsignal(signal.SIGTERM) is before
        signal.raise_signal(signal.SIGINT)
    assert interruption.reason == 'Ctrl-C was pressed'


@pytest.mark.parametrize(
    ('name', 'reason'),
    [
        ('SIGINT', 'Ctrl-C was pressed'),
        ('SIGTERM', 'it was asked to end (SIGTERM)'),
        ('SIGHUP', 'its terminal was closed (SIGHUP)'),
    ],
)
def test_signals_are_requests(name, reason):
    if not hasattr(signal, name):
        pytest.skip('Windows has no such signal')
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with Interruption() as interruption:
        signal.raise_signal(number)
        assert interruption.reason == reason
    assert signal.getsignal(number) is before


def test_a_second_sigterm_changes_nothing():
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert interruption.reason == 'it was asked to end (SIGTERM)'


def test_a_second_ctrl_c_interrupts_as_usual():
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert interruption.reason == 'Ctrl-C was pressed'


@pytest.mark.parametrize('name', ['SIGHUP', 'SIGINT'])
def test_signals_that_are_ignored_stay_ignored(name):
    """As SIGHUP after nohup, and SIGINT in the background of a shell."""
    if not hasattr(signal, name):
        pytest.skip('Windows has no such signal')
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_IGN)
    with signals_as_ctrl_c(), Interruption() as interruption:
        signal.raise_signal(number)
        assert interruption.reason is None
        signal.raise_signal(signal.SIGTERM)
        assert interruption.reason == 'it was asked to end (SIGTERM)'
    assert signal.signal(number, before) == signal.SIG_IGN


def test_in_a_block_signals_interrupt_as_ctrl_c_does():
    with signals_as_ctrl_c(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')
def test_a_request_that_python_loses_counts_later():
    class Tidied:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    with signals_as_ctrl_c():
        Tidied()
        with Interruption() as interruption:
            assert interruption.reasons == ['it was asked to end (SIGTERM)']
    with Interruption() as interruption:
        assert interruption.reason is None


def test_other_threads_leave_signals_alone():
    """Python lets only the main thread handle them."""
    problems = []

    def use():
        try:
            with signals_as_ctrl_c(), Interruption() as interruption:
                interruption.request('q was pressed')
        except ValueError as error:
            problems.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert problems == []


@pytest.mark.skipif(sys.platform == 'win32', reason='terminals and signals are those of Unix')
def test_what_is_written_after_a_terminal_was_closed_is_no_error():
    import os
    import pty

    code = """
import time
from emotion_recognition.interruption import Interruption
with Interruption() as interruption:
    print('ready', flush=True)
    while not interruption.reason:
        time.sleep(0.05)
    print(interruption.reason, flush=True)
"""
    terminal, of_child = pty.openpty()
    pipes = {'stdin': of_child, 'stdout': of_child, 'stderr': of_child}
    process = subprocess.Popen([sys.executable, '-c', code], cwd=ROOT, **pipes)
    os.close(of_child)
    assert b'ready' in os.read(terminal, 100)
    os.close(terminal)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 0
