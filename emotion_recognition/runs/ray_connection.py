"""Connecting Ray: to a cluster, or to a Ray of this run's own on this machine."""

import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from emotion_recognition.labels import InputError
from emotion_recognition.settings import ROOT, Settings
from emotion_recognition.threads import count_cores

LOCAL = 'local'  # address that means a Ray of this run's own, on this machine
ADDRESS = re.compile(r'auto|local|(ray://)?(?P<host>\[[\da-fA-F:]+\]|[\w.-]+):(?P<port>\d+)|ray://.+')
CONNECT_SECONDS = 20
STARTED_LATE = 'timed out during startup'  # what Ray says then
QUIET = {'log_to_driver': False, 'logging_level': 'error'}
OBJECT_STORE_BYTES = 100_000_000  # of a local Ray, by default a third of the memory; nothing large is stored there
REMOVE_SECONDS = 10  # for the processes of a local Ray to end, which write logs until then
# What is not sent to the machines of a cluster, as in .gitignore: everything but the program and, if used, its model.
CODE = ['/*', '!/.', '!/emotion_recognition', '!/face_detector', '!/emotions_from_video.py', '__pycache__']
CODE += ['!/model_weights', '/model_weights/*', '!/model_weights/face_recognition']
MODEL = ['!/model_weights/model.h5', '!/model_weights/model.openvino.*']


def is_address(text: str) -> bool:
    """Whether a text is an address of a Ray cluster, rather than a video or folder."""
    return ADDRESS.fullmatch(text) is not None


@contextmanager
def connected_ray(settings: Settings) -> Iterator[Any]:
    """Connect Ray, until the block ends.

    Args:
        settings: Settings of the video script, with the address in `ray`, and in `threads` the cores that a video
            claims.

    Yields:
        The module `ray`.

    Raises:
        InputError: Ray is not installed or cannot be reached.
    """
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')  # otherwise Ray sends statistics to its makers
    try:
        import ray  # here and not above: it is an optional requirement
    except ImportError:
        raise InputError('--ray needs the package ray; pip install -r requirements-cluster.txt') from None
    handler = signal.getsignal(signal.SIGTERM)
    with ExitStack() as stack:
        try:
            _check_address(settings.ray)
            if settings.ray == LOCAL:
                _start_local(ray, settings, stack.enter_context(_temporary_folder()))
            else:
                _connect(ray, settings)
            signal.signal(signal.SIGTERM, handler)  # Ray has replaced it with its own
        except Exception as error:  # Ray raises nothing more special if one of its processes does not start in time
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f'--ray {settings.ray}: cannot connect to Ray: {reason}') from None
        stack.callback(ray.shutdown)
        yield ray


def _connect(ray, settings):
    """Connect to a cluster, to whose machines the program and its model are sent."""
    is_own_model = Path(settings.model_weights_path).resolve().is_relative_to(ROOT)
    code = {'working_dir': str(ROOT), 'excludes': CODE + (MODEL if is_own_model else [])}
    environment = {'env_vars': _variables_of_workers(settings), **code}
    ray.init(address=settings.ray, runtime_env=environment, **QUIET)


def _start_local(ray, settings, folder):
    """Start a Ray of this run's own. It may not start within its 30 s on a busy machine: then try again.

    Its workers inherit their environment variables. If Ray were given them, it would start other workers for them than
    those that it has started already, which takes five seconds.
    """
    folders = [str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])]
    own = {'num_cpus': max(settings.threads, count_cores()), 'object_store_memory': OBJECT_STORE_BYTES}
    own |= {'include_dashboard': False, '_temp_dir': folder}
    with _environment(_variables_of_workers(settings) | {'PYTHONPATH': os.pathsep.join(folders)}):
        for is_last in (False, False, True):
            try:
                ray.init(address=LOCAL, **own, **QUIET)
                return
            except Exception as error:
                if is_last or STARTED_LATE not in str(error):
                    raise
                ray.shutdown()


def _variables_of_workers(settings):
    return {'TQDM_DISABLE': '1', 'OPENBLAS_NUM_THREADS': str(settings.threads)}


@contextmanager
def _environment(variables):
    """Set environment variables, for processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _temporary_folder():
    """Make a folder for the logs and sockets of a local Ray, and remove it when its last process has ended.

    It is where Ray would make its own: on a Mac, the usual temporary folder has too long a path for sockets.
    """
    parent = os.environ.get('RAY_TMPDIR') or ('/tmp' if sys.platform == 'darwin' else tempfile.gettempdir())
    os.makedirs(parent, exist_ok=True)
    folder = tempfile.mkdtemp(prefix='ray_', dir=parent)
    try:
        yield folder
    finally:
        deadline = time.monotonic() + REMOVE_SECONDS
        while os.path.exists(folder) and time.monotonic() < deadline:
            shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.1)  # one of those processes may make it again


def _check_address(address):
    """Check that something answers at the address. Ray itself would take minutes to find out."""
    match = ADDRESS.fullmatch(address)
    if match and match['host']:
        socket.create_connection((match['host'].strip('[]'), int(match['port'])), CONNECT_SECONDS).close()
