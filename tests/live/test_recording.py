"""Recordings: real files of the real encoder."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from emotion_recognition.live import recording as recording_module
from emotion_recognition.live.recording import Recorder
from emotion_recognition.media.video import VideoReader
from tests.paths import ROOT

# In a process of its own, which ends without a warning
KILLED = """
import sys, time
from pathlib import Path
import numpy as np
from emotion_recognition.live.recording import Recorder

recorder = Recorder(Path(sys.argv[1]))
recorder.begin_or_end()
for number in range(100):
    recorder.add(40.0 * number, np.full((48, 64, 3), number, np.uint8))
    time.sleep(0.005)
print('recorded', flush=True)
time.sleep(60)
"""


def read(path):
    """Returns the times in milliseconds of a video's pictures, and their mean brightness."""
    with VideoReader(path) as reader:
        times, brightness = zip(*((ms, frame_bgr.mean()) for _, ms, frame_bgr in reader.read_frames()), strict=True)
    return list(times), list(brightness)


def picture(brightness):
    return np.full((48, 64, 3), brightness, np.uint8)


def test_a_recording_has_the_pictures_at_their_own_times(tmp_path, capsys):
    with Recorder(tmp_path / 'live.csv') as recorder:
        assert recorder.add(0, picture(0)) is None and recorder.describe() == []
        recorder.begin_or_end()
        assert recorder.describe() == ['recording 0:00']
        shown = [(5000, 50), (5033, 100), (66_400, 150)]
        places = [recorder.add(ms, picture(brightness)) for ms, brightness in shown]
        assert places == [('live_1.mp4', 1), ('live_1.mp4', 2), ('live_1.mp4', 3)]
        assert recorder.describe() == ['recording 1:01']
        recorder.begin_or_end()
        assert recorder.add(70_000, picture(0)) is None and recorder.describe() == []
        recorder.begin_or_end()  # the end of the run ends it
        recorder.add(80_000, picture(200))
        recorder.add(80_040, picture(200))
    times, brightness = read(tmp_path / 'live_1.mp4')
    np.testing.assert_allclose(times, [0, 33, 61_400], atol=0.02)
    np.testing.assert_allclose(brightness, [50, 100, 150], atol=3)
    assert len(read(tmp_path / 'live_2.mp4')[0]) == 2
    said = sorted(capsys.readouterr().out.splitlines())
    assert said == [f'Wrote {tmp_path / "live_1.mp4"}, 3 frames', f'Wrote {tmp_path / "live_2.mp4"}, 2 frames']


def test_frames_that_cannot_be_written_in_time_are_left_out_and_said(tmp_path, capsys, monkeypatch):
    may_write, write = threading.Event(), recording_module.FrameWriter.write
    monkeypatch.setattr(recording_module, 'MAX_WAITING', 3)
    monkeypatch.setattr(
        recording_module.FrameWriter, 'write', lambda *arguments: (may_write.wait(60), write(*arguments))
    )
    with Recorder(tmp_path / 'live.csv') as recorder:
        recorder.begin_or_end()
        started = time.monotonic()
        added = [recorder.add(40.0 * number, picture(9)) for number in range(10)]
        assert time.monotonic() - started < 5  # the window does not wait for the disk
        count = sum(place is not None for place in added)
        assert count in (3, 4)  # the thread has taken the first one, or not yet
        may_write.set()
    assert capsys.readouterr().out == (
        f'Wrote {tmp_path / "live_1.mp4"}, {count} frames; {10 - count} more could not be written in time\n'
    )
    assert len(read(tmp_path / 'live_1.mp4')[0]) == count


def test_a_camera_that_changes_its_size_is_recorded_at_the_first_one(tmp_path, capsys):
    with Recorder(tmp_path / 'live.csv') as recorder:
        recorder.begin_or_end()
        shapes = [(48, 64, 3), (96, 128, 3), (48, 64, 3)]
        places = [recorder.add(40.0 * number, np.zeros(shape, np.uint8)) for number, shape in enumerate(shapes)]
    assert [place and place[1] for place in places] == [1, None, 2]
    assert '2 frames; 1 more' in capsys.readouterr().out


def test_a_full_disk_leaves_what_was_recorded_before(tmp_path, file_size_limit, capsys):
    path, random = tmp_path / 'live_1.mp4', np.random.default_rng(0)
    with Recorder(tmp_path / 'live.csv') as recorder:
        recorder.begin_or_end()
        file_size_limit(60_000)
        for number in range(100):
            recorder.add(40.0 * number, random.integers(0, 256, (48, 64, 3), np.uint8))
            time.sleep(0.005)
        deadline = time.monotonic() + 20
        while recorder.describe() != ['recording failed']:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert recorder.add(9000, picture(0)) is None
    times, _ = read(path)
    assert 10 < len(times) < 100
    np.testing.assert_allclose(times, 40.0 * np.arange(len(times)), atol=0.02)
    said = capsys.readouterr()
    assert said.err.startswith(f'{path}: cannot be written (File too large); the recording ends after')
    assert said.out == ''


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no kill -9')
def test_kill_9_loses_the_last_second_at_most(tmp_path):
    command = [sys.executable, '-c', KILLED, tmp_path / 'live.csv']
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'recorded\n'
    time.sleep(0.5)  # the last frames may still wait to be encoded
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    times, _ = read(tmp_path / 'live_1.mp4')
    assert 70 <= len(times) <= 100 and times[:3] == pytest.approx([0, 40, 80], abs=0.02)


def test_a_recording_without_frames_or_without_a_folder_leaves_nothing(tmp_path, capsys):
    with Recorder(tmp_path / 'live.csv') as recorder:
        recorder.begin_or_end()
    with Recorder(tmp_path / 'gone' / 'live.csv') as recorder:
        recorder.begin_or_end()
        assert recorder.describe() == []
    assert list(tmp_path.iterdir()) == []
    assert (
        capsys.readouterr().err
        == f'{tmp_path / "gone" / "live_1.mp4"}: cannot be written (No such file or directory)\n'
    )


def test_recorded_pictures_can_be_analysed_again_by_their_numbers(tmp_path):
    with Recorder(tmp_path / 'live.csv') as recorder:
        recorder.begin_or_end()
        places = {brightness: recorder.add(brightness * 3.0, picture(brightness)) for brightness in range(0, 250, 10)}
    with VideoReader(tmp_path / 'live_1.mp4') as reader:
        found = {number: frame_bgr.mean() for number, _, frame_bgr in reader.read_frames()}
    for brightness, (_, number) in places.items():
        assert found[number] == pytest.approx(brightness, abs=3)
