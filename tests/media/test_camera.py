import os
import signal
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest

from emotion_recognition.interruption import signals_as_ctrl_c
from emotion_recognition.labels import InputError
from emotion_recognition.media import camera as camera_module
from emotion_recognition.media.camera import Camera, parse_source
from tests.clips import write_clip
from tests.paths import ROOT

pytestmark = pytest.mark.xdist_group('alone')  # frames are due at their own times


def test_sources():
    assert parse_source('2') == 2
    assert parse_source('/dev/video2') == '/dev/video2'
    assert parse_source('rtsp://camera/1') == 'rtsp://camera/1'


def test_file_plays_at_its_own_pace_to_its_end(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', [0, 200, 400, 1200, 1400])
    seen = []
    with Camera(str(clip)) as camera:
        time.sleep(0.3)  # nobody asks for a frame yet
        while not camera.ended:
            if frame := camera.read_newest(0.01):
                seen.append((frame.number, frame.time))
    numbers, times = zip(*seen, strict=True)
    assert numbers == (1, 2, 3, 4, 5)
    late = np.subtract(times, times[0]) - [0, 0.2, 0.4, 1.2, 1.4]
    assert np.median(np.abs(late)) < 0.08, late  # not each: other programs may hold one up


def test_slow_user_gets_the_newest_frame(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 2000, 20))  # 50 frames a second
    ages, numbers = [], []
    with Camera(str(clip)) as camera:
        while not camera.ended:
            if frame := camera.read_newest(0.5):
                ages.append(time.perf_counter() - frame.time)
                numbers.append(frame.number)
                time.sleep(0.25)
    assert 3 <= len(numbers) <= 10  # 8 on a quiet machine, of 100
    assert numbers[-1] == 100
    assert np.median(ages[:-1]) < 0.1, ages  # the last frame waits, since no newer one comes


def test_reading_ends_with_the_with_block(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', [0, 60_000])
    before = set(threading.enumerate())
    with Camera(str(clip)) as camera:
        assert camera.read_newest(60).number == 1
    for thread in set(threading.enumerate()) - before:
        thread.join(10)  # nobody waits for the one that closes the file
        assert not thread.is_alive()  # although the next frame is due in a minute


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no such pipes')
def test_signals_are_heard_while_a_source_opens(tmp_path):
    pipe = tmp_path / 'camera.ts'
    os.mkfifo(pipe)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    started = time.monotonic()
    with signals_as_ctrl_c(), pytest.raises(KeyboardInterrupt):
        Camera(str(pipe))
    assert time.monotonic() - started < 10
    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))  # lets the thread end that waits for what comes


class Capture:
    """Takes the place of cv2.VideoCapture: gives three frames, then none; may open again."""

    opens = 0
    released = 0
    opens_again = False

    def __init__(self, source):
        type(self).opens += 1
        self.frames = 3
        self.is_open = Capture.opens == 1 or Capture.opens_again

    def isOpened(self):
        return self.is_open

    def set(self, *_):
        return True

    def grab(self):
        return True

    def read(self):
        time.sleep(0.01)
        self.frames -= 1
        return (True, np.zeros((4, 4, 3), np.uint8)) if self.frames >= 0 else (False, None)

    def release(self):
        type(self).released += 1


@pytest.fixture
def capture(monkeypatch):
    monkeypatch.setattr(cv2, 'VideoCapture', Capture)
    monkeypatch.setattr(camera_module, 'RETRY_SECONDS', 0.05)
    monkeypatch.setattr(Capture, 'opens', 0)
    monkeypatch.setattr(Capture, 'released', 0)
    return Capture


def test_lost_camera_is_opened_again(capture, monkeypatch):
    monkeypatch.setattr(capture, 'opens_again', True)
    with Camera(0) as camera:
        frames = [camera.read_newest(60) for _ in range(7)]
    assert None not in frames
    assert frames[-1].number >= 7
    assert capture.released == capture.opens >= 3


def test_camera_that_stays_lost_is_an_error_after_some_seconds(capture):
    with Camera(0, reopen_seconds=0.4) as camera:
        started = time.monotonic()
        with pytest.raises(InputError, match=r'camera 0 was lost and could not be opened again in 0\.4 s'):
            while True:
                camera.read_newest(2)
        assert 0.4 <= time.monotonic() - started < 20
    assert capture.released >= capture.opens


def test_camera_that_is_lost_while_nobody_reads_has_not_just_ended(capture):
    with Camera(0, reopen_seconds=0) as camera:
        camera._thread.join(5)
        with pytest.raises(InputError, match='was lost'):
            while not camera.ended:
                camera.read_newest(0.1)


def test_camera_that_stalls_can_be_left(capture, monkeypatch):
    stalled = threading.Event()
    monkeypatch.setattr(capture, 'read', lambda self: (stalled.wait(60), np.zeros((4, 4, 3), np.uint8)))
    monkeypatch.setattr(camera_module, 'CLOSE_SECONDS', 0.1)
    started = time.monotonic()
    with Camera(0) as camera:
        assert (camera.read_newest(0.1), camera.ended) == (None, False)
    assert time.monotonic() - started < 20
    stalled.set()


def test_what_the_reading_thread_raises_is_raised_for_the_reader(capture, monkeypatch):
    monkeypatch.setattr(capture, 'read', lambda self: 1 / 0)
    with Camera(0) as camera, pytest.raises(ZeroDivisionError):
        camera.read_newest(60)


NOT_THERE = [97, '/dev/video97', 'no_such_file.mp4', 'http://127.0.0.1:9/']


@pytest.mark.parametrize('source', NOT_THERE)
def test_camera_that_is_not_there(source):
    with pytest.raises(InputError, match='cannot be opened: '):
        Camera(source)


def test_opencv_is_silent_about_cameras_that_are_not_there():
    """In a process of its own: FFmpeg's log level is read once in a process, when its first video is opened."""
    code = f"""
from emotion_recognition.labels import InputError
from emotion_recognition.media.camera import Camera
for source in {NOT_THERE}:
    try:
        Camera(source)
    except InputError:
        print(source)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith('OPENCV_')}
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines() == [str(source) for source in NOT_THERE]
    assert done.stderr == ''


def test_stream_that_ends(stream_address):
    with Camera(stream_address, reopen_seconds=0.3) as camera:
        numbers, brightness = [], []
        with pytest.raises(InputError, match='was lost'):
            while True:
                if frame := camera.read_newest(1):
                    numbers.append(frame.number)
                    brightness.append(frame.picture_bgr.mean())
    assert len(numbers) > 5
    assert brightness == sorted(brightness)
