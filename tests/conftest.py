"""What several test modules need: a small model, a long clip, a browser, a screen, a camera in the network."""

import gc
import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Two tests run at a time on two cores. Libraries with a thread for each core would wait for each other in busy loops.
for variable in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS'):
    os.environ.setdefault(variable, '1')

# Otherwise OpenVINO tells its makers of each conversion, from a fork of this process for each event: seconds of a core.
os.environ['CI'] = 'true'

# Otherwise Ray's workers give way to all other processes, on a busy machine nearly for ever.
os.environ['RAY_worker_niceness'] = '0'  # noqa: SIM112 (Ray spells it so)

gc.disable()  # until all tests are collected: searching a million objects of TensorFlow for garbage takes seconds

import cv2
import h5py
import numpy as np
import pytest
from filelock import FileLock

from emotion_recognition.emotions import conversion
from emotion_recognition.labels import InputError
from emotion_recognition.live.lab_streams import import_pylsl
from tests.clips import copy_packets, write_clip
from tests.conversions import SUBPROCESS
from tests.paths import ROOT
from tests.screen import Screen

# Groups of tests that take longest. Damaged files come first: late in a process, FFmpeg once lacked memory for one.
LONG_GROUPS = ['test_damaged_files', 'alone', 'test_emotions_from_video', 'test_several_hosts']
LONG_GROUPS += ['test_people_in_videos', 'test_people_batch']
LONG_GROUPS += ['test_model_training', 'test_whole_runs', 'test_video', 'test_conversion', 'test_first_pass']
LONG_GROUPS += ['test_shipped_model', 'test_training_network', 'test_match']
CLASS_NAMES = ('anger', 'contempt', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise', 'uncertain')


def save_classifier(path, kernel, class_names=CLASS_NAMES, input_shape=(8, 8, 3), **attributes):
    """Write a model.h5 whose logits are kernel.T @ (mean R, mean G, mean B) / 255."""
    import keras

    inputs = keras.Input(input_shape)
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(kernel.shape[1], activation='softmax', name='emotion')(x)
    model = keras.Model(inputs, outputs)
    model.get_layer('emotion').set_weights([kernel, np.zeros(kernel.shape[1])])
    model.save(path)
    if class_names is not None:
        with h5py.File(path, 'r+') as file:
            file.attrs['class_names'] = json.dumps(class_names)
    with h5py.File(path, 'r+') as file:
        file.attrs.update({name: json.dumps(value) for name, value in attributes.items()})
    return path


@contextmanager
def locked(path):
    """Lock a file, which then is as on a disk without locks: nobody else gets a lock. Windows has other locks."""
    with path.open('r+b') as file:
        if os.name != 'nt':
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope='session', autouse=True)
def conversion_in_this_process():
    """Converts models without a child process, see `tests.conversions`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, 'subprocess', SUBPROCESS)
        yield


@pytest.fixture
def real_conversion(monkeypatch):
    """Converts models as users do, in a child process."""
    monkeypatch.setattr(conversion, 'subprocess', subprocess)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items):
    """Keep each file's tests in one process, so that its fixtures are made once; marked groups stay as they are.

    What takes longest begins first. Otherwise one process would have much to do when there is nothing left for another.
    """
    for item in items:
        if not item.get_closest_marker('xdist_group'):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    ranks = {group: rank for rank, group in enumerate(LONG_GROUPS)}
    items.sort(key=lambda item: ranks.get(item.get_closest_marker('xdist_group').args[0], len(ranks)))


def pytest_collection_finish():
    gc.freeze()  # what was imported stays, and need not be searched again
    gc.enable()


@pytest.fixture(scope='session', autouse=True)
def signals_reach_children():
    """Under nohup, or in the background of a shell, this process ignores signals, and so would its children."""
    for name in ('SIGINT', 'SIGHUP', 'SIGTERM'):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)  # ignores it too, but children start with the default


@contextmanager
def default_handlers():
    """Signals as Python handles them at its start, whatever started the tests."""
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in defaults.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def file_size_limit():
    """A function that limits the size of files in bytes: to what writes beyond it, the disk is full."""
    resource = pytest.importorskip('resource', reason='Windows has no such limit')
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope='session')
def colour_model_path(tmp_path_factory):
    """A model that calls red faces anger, green ones disgust, blue ones sad; with its conversion."""
    kernel = np.zeros((3, 9))
    kernel[0, 0] = kernel[1, 2] = kernel[2, 6] = 20
    path = save_classifier(tmp_path_factory.mktemp('model') / 'model.h5', kernel)
    conversion.ship(path)
    return path


@pytest.fixture(scope='session')
def long_clip_path(tmp_path_factory):
    """5,000 frames without faces, and a tone of 3 s, encoded once for all workers. Copy it: see `long_clip`."""
    folder = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ:
        folder = folder.parent  # of this session, and of all its workers
    path = folder / 'long.mp4'
    with FileLock(folder / 'long.lock'):
        if not path.exists():
            part = write_clip(folder / 'part.mp4', range(0, 20_000, 40), size=(160, 120), sound=('aac', 0, 3.0))
            copy_packets(part, folder / 'unfinished.mp4', repeats=10).rename(path)
    return path


@pytest.fixture
def long_clip(tmp_path, long_clip_path):
    """A clip of 5,000 frames in a folder of its own."""
    (tmp_path / 'clips').mkdir()
    return shutil.copy(long_clip_path, tmp_path / 'clips' / 'long.mp4')


def wait_for_frames(process, messages):
    """Wait until the progress bar of a run on `long_clip` counts some hundreds of frames."""
    deadline = time.monotonic() + 300
    while not re.search(r'[1-9]\d\d/5000', messages()):
        assert process.poll() is None and time.monotonic() < deadline, messages()
        time.sleep(0.05)


def find_faces(detector, frame_bgr):
    """The faces of a single frame."""
    return detector.search(detector.prepare(frame_bgr))


@pytest.fixture(scope='session')
def browser():
    """A window of Chromium, driven by Playwright; what needs it skips where either is missing."""
    pytest.importorskip('playwright.sync_api')
    path = shutil.which('chromium-headless-shell') or shutil.which('chromium')  # the first one starts faster
    if path is None:
        pytest.skip('Chromium is not here')
    from tests.review_pages import start_browser

    with start_browser(path) as window:
        yield window


@pytest.fixture
def open_page(browser):
    """A function that opens review pages, of which it asks that nothing fails in them."""
    from tests.review_pages import opening

    with opening(browser) as open_page:
        yield open_page


@pytest.fixture
def kaggle(tmp_path):
    """A folder of tables and images in Kaggle's layout."""
    from tests.training_runs import write_tables

    return write_tables(tmp_path)


@pytest.fixture
def small_network():
    """Stands in for EfficientNetB0 where a test is about what surrounds it."""
    from tests.training_runs import small_networks

    with small_networks():
        yield


@pytest.fixture(scope='module')
def small_network_throughout():
    """The same for all tests and fixtures of a module that says so in its `pytestmark`."""
    from tests.training_runs import small_networks

    with small_networks():
        yield


def script_on_both_labels(name):
    """What a script of that draft defines."""
    return runpy.run_path(str(ROOT / 'draft_pipelines' / 'both_labels' / f'{name}.py'))


@pytest.fixture(scope='module')
def both_labels():
    """What the draft's script defines."""
    path = list(sys.path)
    yield script_on_both_labels('run')
    sys.path[:] = path


@pytest.fixture
def distil(both_labels, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / 'draft_pipelines' / 'both_labels')
    yield script_on_both_labels('distil')
    del sys.modules['run']  # the draft's script, under a name of many


@pytest.fixture
def display():
    """Name of a fresh X server."""
    with Screen() as name:
        yield name


@pytest.fixture(scope='session')
def pylsl(tmp_path_factory):
    """LabStreamingLayer, where it can be had, within this machine; so it is in processes that are started."""
    configuration = tmp_path_factory.mktemp('lsl') / 'lsl_api.cfg'
    configuration.write_text('[multicast]\nResolveScope = machine\n')
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv('LSLAPICFG', str(configuration))
        try:
            yield import_pylsl()
        except InputError as error:
            pytest.skip(str(error))


@pytest.fixture
def stream_address():
    """Address of a network camera that shows thirty pictures, 30 a second, ever brighter, and then is gone."""
    clients = []

    class Stream(BaseHTTPRequestHandler):
        def do_GET(self):
            clients.append(self.client_address)
            if len(clients) > 1:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=frame')
            self.end_headers()
            for number in range(30):
                picture = cv2.imencode('.jpg', np.full((48, 64, 3), 8 * number, np.uint8))[1].tobytes()
                head = f'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n'
                self.wfile.write(head.encode() + picture + b'\r\n')
                time.sleep(1 / 30)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(('127.0.0.1', 0), Stream) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}/camera.mjpg'
        server.shutdown()
