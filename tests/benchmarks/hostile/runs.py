"""What the hostile tries share: clips and models, processes in trouble, and the judge of what they leave."""

import gc
import hashlib
import itertools
import multiprocessing
import os
import re
import resource
import runpy
import shutil
import signal
import sys
import tempfile
import threading
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path

import av
import keras
import numpy as np
from clips import ROOT, make_clip

from emotion_recognition.emotions import conversion
from emotion_recognition.media import input_file
from emotion_recognition.runs.run_folder import RunFolder
from tests.conftest import save_classifier
from tests.conversions import SUBPROCESS
from tests.training_runs import tiny_backbone, write_tables

FORKS = multiprocessing.get_context('forkserver')  # of a process with all modules, which saves seconds for each run
LIMIT_SECONDS = 60  # of a process; the longest ordinary one takes a tenth
CONTAINERS = ('.mp4', '.ts', '.mkv', '.avi')
OPTIONS = (
    ('--no-identity', '--rest', 'model', '--no-review'),  # a single pass
    ('--no-identity', '--no-review', '--elan', '--subtitles'),
    ('--no-write-video',),
    (),
)
COMMON = ('--threads', 1, '--min-face-size', 24, '--model-weights-path')
REQUESTS = ('Ctrl-C was pressed', 'it was asked to end (SIGTERM)', 'its terminal was closed (SIGHUP)')
NUMBERS = itertools.count(1)  # of the runs
HIDDEN = re.compile(r'(^|[/ ])\.[^/ ]+\.(tmp|lock)\b|/\.(faces|unfinished)\b')


def child(script, arguments, log, environment, read=None, file_size=None, move=None, turn_seconds=None, is_real=False):
    """Run a script in this process, which was forked for it.

    Args:
        script: Name of the script.
        arguments: Its command line.
        log: Where its output goes: to this path with 1 and 2 at the end.
        environment: Variables that are set.
        read: For which input reading fails: name, first byte, end, error number (None: it hangs), the first time (from
            1), and whether only then.
        file_size: Limit of the size of files in bytes.
        move: At which move of a file into place (from 1) the process gets a signal, and which.
        turn_seconds: How long it waits for another run that moves its files.
        is_real: Whether it becomes the process that a user starts, which is possible without the last three.
    """
    os.setsid()
    for number in (1, 2):
        os.dup2(os.open(f'{log}{number}', os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.callbacks.clear()  # JAX's, which loses signals; a user's process has no JAX, unless Keras runs on it
    os.environ.update(environment)
    tempfile.tempdir = None
    if file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    sys.argv = [str(ROOT / script), *map(str, arguments)]
    if is_real:
        os.execv(sys.executable, [sys.executable, *sys.argv])
    if read:
        fail_reading(*read)
    if move:
        signal_at_move(*move)
    RunFolder.turn_timeout_seconds = turn_seconds or RunFolder.turn_timeout_seconds
    keras.applications.EfficientNetB0 = tiny_backbone
    runpy.run_path(sys.argv[0], run_name='__main__')


def fail_reading(name, start, end, error_number, first, is_once):
    hits = []

    class File(FileIO):
        def read(self, size=-1):
            position = self.tell()
            if self.name == name and position < end and position + size > start:
                if position < start:
                    return super().read(start - position)
                hits.append(position)
                if len(hits) == first or (len(hits) > first and not is_once):
                    if error_number is None:
                        threading.Event().wait()
                    raise OSError(error_number, os.strerror(error_number))
            return super().read(size)

    input_file.FileIO = File


def signal_at_move(which, number):
    moves, replace = [], os.replace

    def replace_or_not(*paths):
        moves.append(paths)
        if len(moves) == which:
            os.kill(os.getpid(), number)
        replace(*paths)

    os.replace = replace_or_not


class Run:
    """A process of a script. `end` waits for it and gives its exit code; `output` and `errors` are what it printed."""

    def __init__(self, folder, script, arguments, environment=None, **trouble):
        self.script, self.log, self.sent = script, folder / 'logs' / f'{next(NUMBERS)}_', []
        environment = {'TMPDIR': str(folder / 'tmp'), 'DISPLAY': '', **(environment or {})}
        self.process = FORKS.Process(target=child, args=(script, arguments, self.log, environment), kwargs=trouble)
        self.process.start()
        self.begun, self.threads = time.monotonic(), 0

    def status(self, field):
        with suppress(OSError, ProcessLookupError):
            found = re.search(rf'^{field}:\s*(\w+)', Path(f'/proc/{self.process.pid}/status').read_text(), re.M)
            return found and found[1]

    def wait_for(self, condition):
        while self.process.is_alive() and not condition() and time.monotonic() < self.begun + LIMIT_SECONDS:
            self.threads = max(self.threads, int(self.status('Threads') or 0))
            time.sleep(0.01)

    def handles_signals(self):
        return bool(int(self.status('SigCgt') or '0', 16) & (1 << (signal.SIGTERM - 1)))

    def after(self, seconds):
        """Wait until the script handles signals, and then for some seconds."""
        self.wait_for(self.handles_signals)
        moment = time.monotonic() + seconds
        self.wait_for(lambda: time.monotonic() > moment)
        return self

    def send(self, number):
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)
        self.sent.append(number)
        return self

    def end(self, seconds=LIMIT_SECONDS):
        """Returns the exit code, or None if it hangs; then it is killed."""
        deadline = time.monotonic() + seconds
        self.wait_for(lambda: time.monotonic() > deadline)
        is_hanging = self.process.is_alive()
        with suppress(ProcessLookupError):
            if is_hanging:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.join()
        self.output, self.errors = (
            Path(f'{self.log}{number}').read_text(errors='replace') if Path(f'{self.log}{number}').exists() else ''
            for number in (1, 2)
        )
        return None if is_hanging else self.process.exitcode


class Kit:
    """Clips, models and tables for all tries, and what undisturbed runs give."""

    def __init__(self, folder):
        self.folder, self.lock, self.references = folder, threading.Lock(), {}
        for length in (1.0, 1.6):
            for suffix in CONTAINERS:
                make_clip(folder / f'{length}{suffix}', 320, 240, 1, length, 25, noise=50)
        kernel = np.zeros((3, 9))
        kernel[0, 0] = kernel[1, 2] = kernel[2, 6] = 20
        conversion.subprocess = SUBPROCESS
        (folder / 'model').mkdir()
        self.model = save_classifier(folder / 'model' / 'model.h5', kernel)
        conversion.ship(self.model)
        self.tables = write_tables(folder / 'tables') if not (folder / 'tables').mkdir() else None

    def reference(self, clip, options):
        """Tables of faces and of emotions of an undisturbed run, and the number of frames."""
        with self.lock:
            if (clip.name, options) not in self.references:
                folder = Path(tempfile.mkdtemp(dir=self.folder))
                make_folders(folder)
                video = Path(shutil.copy(clip, folder))
                run = Run(folder, 'emotions_from_video.py', [video, *COMMON, self.model, *options])
                assert run.end() == 0, run.errors
                self.references[clip.name, options] = tables_of(video)
            return self.references[clip.name, options]


def make_folders(folder):
    for name in ('tmp', 'logs', 'films'):
        (folder / name).mkdir(parents=True)


def tables_of(video):
    texts = [result(video, name).read_text() for name in ('_faces_data.csv', '_emotions_data.csv')]
    return *texts, int(texts[1].splitlines()[-1].split(',')[3])


def result(video, ending):
    return video.with_name(f'{video.stem}_with_emotions{ending}')


def count_frames(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
