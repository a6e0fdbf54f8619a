"""Whole runs as processes: two at once, ended by signals, killed."""

import os
import re
import signal
import struct
import subprocess
import sys
from itertools import islice

import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.emotions import conversion
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from emotion_recognition.results import timeline
from tests.clips import picture_times_ms, write_clip
from tests.conftest import save_classifier, wait_for_frames
from tests.paths import DEMO_PATH, ROOT

if os.name == 'nt':
    pytest.skip('terminals and signals are those of Unix', allow_module_level=True)
import fcntl
import pty
import termios

OUTPUTS = ['_with_emotions.mp4', '_with_emotions_emotions_data.csv', '_with_emotions_faces_data.csv']
OUTPUTS += ['_with_emotions_review.html', '_with_emotions_run.json', '_with_emotions_summary.csv']
OUTPUTS += ['_with_emotions_timeline.png']


@pytest.fixture(scope='module')
def models(tmp_path_factory):
    """One that calls every face happy, and one that calls every face sad; both with their conversions."""
    paths = []
    for number in (4, 6):
        kernel = np.zeros((3, 9))
        kernel[:, number] = 20
        paths.append(save_classifier(tmp_path_factory.mktemp('model') / 'model.h5', kernel))
        conversion.ship(paths[-1])
    return paths


@pytest.fixture
def face_clip(tmp_path):
    """The face in the first frames of the demo."""
    path = tmp_path / 'clips' / 'face.mp4'
    path.parent.mkdir()
    with VideoReader(DEMO_PATH) as reader, VideoWriter(path, reader) as writer:
        for _, timestamp_ms, frame_bgr in islice(reader.read_frames(), 12):
            writer.write(timestamp_ms, frame_bgr[40:280, 180:420])
        writer.end_here()
    return path


def command(clip, model_path):
    return [sys.executable, ROOT / 'emotions_from_video.py', clip, '--model-weights-path', model_path]


def names(clip):
    """What is next to a clip, hidden files too, without its own stem."""
    return sorted(path.name.removeprefix(clip.stem) for path in clip.parent.iterdir() if path != clip)


def check_whole(clip):
    """The outputs are whole and agree with each other. Returns how many frames they have."""
    assert names(clip) == OUTPUTS
    times = picture_times_ms(clip.with_name(f'{clip.stem}_with_emotions.mp4'))
    table = pd.read_csv(clip.with_name(f'{clip.stem}_with_emotions_emotions_data.csv'))
    assert (table.frame_end.iloc[-1], table.ms_end.iloc[-1]) == (len(times), pytest.approx(times[-1]))
    return len(times)


class Runs:
    """A process that analyses a clip each time that it is asked to; started once, since a start takes seconds."""

    CODE = """
import functools, sys, emotions_from_video
from emotion_recognition.runs import batch

batch.open_models = functools.cache(batch.open_models)
for _ in sys.stdin:
    emotions_from_video.main(sys.argv[1:])
    print('done', flush=True)
"""

    def __init__(self, clip, model_path, messages_path):
        _, _, *arguments = command(clip, model_path)
        self._messages_path = messages_path
        with messages_path.open('w') as file:
            pipes = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'stderr': file, 'text': True}
            self._process = subprocess.Popen([sys.executable, '-c', self.CODE, *arguments], cwd=ROOT, **pipes)

    def begin(self):
        self._process.stdin.write('\n')
        self._process.stdin.flush()

    def wait(self):
        while (line := self._process.stdout.readline()) != 'done\n':
            assert line, self._messages_path.read_text()  # else it has ended

    def end(self):
        self._process.communicate()


def test_two_runs_at_once_ten_times(tmp_path, face_clip, models):
    frame_count = len(picture_times_ms(face_clip))
    pair = [Runs(face_clip, model, tmp_path / f'messages_{number}.txt') for number, model in enumerate(models)]
    for _ in range(10):
        for runs in pair:
            runs.begin()
        for runs in pair:
            runs.wait()
        assert check_whole(face_clip) == frame_count
        periods = pd.read_csv(face_clip.with_name('face_with_emotions_emotions_data.csv')).emotions
        faces = pd.read_csv(face_clip.with_name('face_with_emotions_faces_data.csv')).emotion
        assert set(periods) - {'[]'} == set(faces)  # of one run, either of the two
        assert set(faces) in ({'happy'}, {'sad'})
    for runs in pair:
        runs.end()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP])
def test_signals_among_the_frames_leave_what_was_done(tmp_path, long_clip, models, number):
    messages = tmp_path / 'messages.txt'
    with messages.open('w') as file:
        process = subprocess.Popen(command(long_clip, models[0]), stdout=subprocess.PIPE, stderr=file, text=True)
    wait_for_frames(process, messages.read_text)
    process.send_signal(number)
    process.send_signal(number)  # some systems send it twice, which is no reason to lose what was done
    stdout, _ = process.communicate(timeout=300)
    assert process.returncode == 0 and 'Traceback' not in messages.read_text()
    assert f'({number.name})' in messages.read_text()
    assert 100 < check_whole(long_clip) < 5000
    assert 'Wrote' in stdout


OPENS_MODELS_FOR_EVER = """
import sys, time, emotions_from_video
from emotion_recognition.runs import batch

def open_models(settings):
    print('opening', flush=True)
    time.sleep(60)

batch.open_models = open_models
emotions_from_video.main(sys.argv[1:])
"""


def test_sigterm_before_the_first_frame_leaves_nothing_and_says_so(long_clip, models):
    _, _, *arguments = command(long_clip, models[0])
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'text': True}
    process = subprocess.Popen([sys.executable, '-c', OPENS_MODELS_FOR_EVER, *arguments], cwd=ROOT, **pipes)
    assert process.stdout.readline() == 'opening\n'
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=30)  # and not after the minute
    assert process.returncode == 1
    assert stderr == 'emotions_from_video.py: interrupted; unfinished files were not written\n'
    assert names(long_clip) == []


def test_sigterm_just_before_the_only_pass_ends_the_run(face_clip, models, monkeypatch):
    real_describe_run = emotions_from_video.describe_run

    def describe_and_be_terminated(*arguments):
        signal.raise_signal(signal.SIGTERM)
        return real_describe_run(*arguments)

    monkeypatch.setattr(emotions_from_video, 'describe_run', describe_and_be_terminated)
    told = rf'{face_clip}: nothing was written, it was asked to end \(SIGTERM\) before the first frame$'
    with pytest.raises(SystemExit, match=told):
        emotions_from_video.main([str(face_clip), '--no-identity', '--model-weights-path', str(models[0])])
    assert names(face_clip) == []


def test_sigterm_while_the_results_are_written_lets_them_be_written(face_clip, models, monkeypatch):
    real_save_timeline, handler = timeline.save_timeline, signal.getsignal(signal.SIGTERM)

    def save_and_be_terminated(*arguments):
        signal.raise_signal(signal.SIGTERM)
        real_save_timeline(*arguments)

    monkeypatch.setattr(timeline, 'save_timeline', save_and_be_terminated)
    emotions_from_video.main([str(face_clip), '--model-weights-path', str(models[0])])
    assert check_whole(face_clip) == len(picture_times_ms(face_clip))
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_terminal_that_is_closed_ends_the_run_with_whole_files(long_clip, models):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [str(part) for part in command(long_clip, models[0])])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 120, 0, 0))  # room for the progress bar
    shown = b''
    while not re.search(rb'[1-9]\d\d/5000', shown):
        shown += os.read(terminal, 10_000)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert 100 < check_whole(long_clip) < 5000


def test_a_run_after_a_killed_one_cleans_up(tmp_path, long_clip, models):
    messages = tmp_path / 'messages.txt'
    with messages.open('w') as file:
        process = subprocess.Popen(command(long_clip, models[0]), stdout=subprocess.DEVNULL, stderr=file)
    wait_for_frames(process, messages.read_text)
    process.kill()
    process.wait()
    left = names(long_clip)
    assert len(left) == 2 and all(name.startswith('.') for name in left)
    write_clip(long_clip, [0, 40])
    subprocess.run(command(long_clip, models[0]), check=True, capture_output=True)
    assert check_whole(long_clip) == 2
