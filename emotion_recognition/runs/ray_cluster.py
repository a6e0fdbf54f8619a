"""Many videos at once, on a Ray cluster or on this machine's cores. Only this module and `ray_worker` know Ray."""

import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.annotation import Process
from emotion_recognition.runs.ray_worker import TaskResult, localise_paths, process_on_worker
from emotion_recognition.settings import ROOT, Settings
from emotion_recognition.threads import count_cores

LOCAL = 'local'  # address that means a Ray of this run's own, on this machine
ADDRESS = re.compile(r'auto|local|(ray://)?(?P<host>\[[\da-fA-F:]+\]|[\w.-]+):(?P<port>\d+)|ray://.+')
CORES = 1  # that a video claims, see tests/benchmarks/README.md
MAX_ATTEMPTS = 4  # at a video whose worker is lost
MAX_WAITING = 8  # tasks besides one for each video under way; autoscalers need some waiting ones to see the demand
POLL_SECONDS = 0.5
CONNECT_SECONDS = 20
CANCEL_SECONDS = 15  # for a cancelled video to clean up
STARTED_LATE = 'timed out during startup'  # what Ray says then
OBJECT_STORE_BYTES = 100_000_000  # of a local Ray, by default a third of the memory; nothing large is stored there
# What is not sent to the machines of a cluster, as in .gitignore: everything but the program and, if used, its model.
CODE = ['/*', '!/.', '!/emotion_recognition', '!/face_detector', '!/emotions_from_video.py', '__pycache__']
CODE += ['!/model_weights', '/model_weights/*', '!/model_weights/face_recognition']
MODEL = ['!/model_weights/model.h5', '!/model_weights/model.openvino.*']


def is_address(text: str) -> bool:
    """Whether a text is an address of a Ray cluster, rather than a video or folder."""
    return ADDRESS.fullmatch(text) is not None


def process_on_ray(
    videos: Mapping[Path, Outputs], process: Process, settings: Settings, interruption: Interruption
) -> dict[Path, str]:
    """Process videos on all cores that Ray has, each as a task of its own.

    A task whose worker is lost is tried again elsewhere; a video that fails by itself is not. The messages of a video
    are printed when it is done.

    Args:
        videos: Paths of the videos, as the workers see them, and where their results go.
        process: What is done with each video. It runs on the workers, silently, with models that each worker opens
            once.
        settings: Settings of the video script, with the address in `ray`, and in `threads` the cores that a video
            claims.
        interruption: Ends the tasks. The results of finished videos stay.

    Returns:
        Why some videos failed.

    Raises:
        InputError: Ray is not installed or cannot be reached, or the model, the detector or an option is wrong for all
            videos.
    """
    settings = localise_paths(replace(settings, threads=settings.threads or CORES), ROOT)
    problems, unfinished, frame_count, start = {}, set(videos), 0, time.monotonic()
    with _connected_ray(settings) as ray:
        warn_if_too_few_cores(ray, settings.threads)
        submit = _make_submit(ray, process, settings)
        with tqdm(total=len(videos), desc='videos', unit='video') as progress:
            for video, result in _run_tasks(ray, videos, submit, settings, interruption):
                if result.affects_all:
                    raise InputError(result.problem)
                unfinished.discard(video)
                frame_count += result.frame_count
                _print_output(result.output)
                if result.problem:
                    problems[video] = result.problem
                rate = frame_count / (time.monotonic() - start)
                progress.set_postfix_str(f'{rate:.0f} frames/s in all', refresh=False)
                progress.update()
    reason = interruption.reason or 'its task was cancelled'
    return problems | {video: f'{video}: not done, {reason}' for video in videos if video in unfinished}


def warn_if_too_few_cores(ray: Any, threads: int) -> None:
    """Print a warning if no node has the cores that a video claims: Ray would silently wait for one that has.

    Args:
        ray: The module, connected.
        threads: Cores that a video claims.
    """
    cores = max((node['Resources'].get('CPU', 0) for node in ray.nodes() if node['Alive']), default=0)
    if threads > cores:
        print(f'--threads is {threads}, but no node has more than {cores:g} cores: waiting for one', file=sys.stderr)


@contextmanager
def _connected_ray(settings) -> Iterator[Any]:
    """Connect Ray as the settings say. Gives the module."""
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')  # otherwise Ray sends statistics to its makers
    try:
        import ray  # here and not above: it is an optional requirement
    except ImportError:
        raise InputError('--ray needs the package ray; pip install -r requirements-cluster.txt') from None
    connection, handler = _describe_connection(settings), signal.getsignal(signal.SIGTERM)
    try:
        _check_address(settings.ray)
        started = _start(ray, connection)
        signal.signal(signal.SIGTERM, handler)  # Ray has replaced it with its own
    except Exception as error:  # Ray raises nothing more special if one of its processes does not start in time
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f'--ray {settings.ray}: cannot connect to Ray: {reason}') from None
    try:
        yield ray
    finally:
        ray.shutdown()
        if settings.ray == LOCAL:
            _remove_session(Path(started.address_info['session_dir']))


def _start(ray, connection):
    """Connect to Ray. One of this run's own may not start within its 30 s on a busy machine: then try again."""
    for is_last in (False, False, True):
        try:
            return ray.init(**connection, log_to_driver=False, logging_level='error')
        except Exception as error:
            if is_last or STARTED_LATE not in str(error):
                raise
            ray.shutdown()


def _remove_session(folder):
    """Remove what a Ray of this run's own leaves in the temporary folder: its logs, and the link to the latest Ray."""
    shutil.rmtree(folder, ignore_errors=True)
    latest = folder.with_name('session_latest')
    with suppress(OSError):
        if os.path.basename(latest.readlink()) == folder.name:
            latest.unlink()


def _describe_connection(settings):
    """Arguments of `ray.init`: where Ray is, and what its workers need."""
    environment = {'TQDM_DISABLE': '1', 'OPENBLAS_NUM_THREADS': str(settings.threads)}
    if settings.ray == LOCAL:
        environment['PYTHONPATH'] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')]))
        connection = {'address': LOCAL, 'include_dashboard': False, 'object_store_memory': OBJECT_STORE_BYTES}
        connection['num_cpus'] = max(settings.threads, count_cores())
        return connection | {'runtime_env': {'env_vars': environment}}
    is_own_model = Path(settings.model_weights_path).resolve().is_relative_to(ROOT)
    code = {'working_dir': str(ROOT), 'excludes': CODE + (MODEL if is_own_model else [])}
    return {'address': settings.ray, 'runtime_env': {'env_vars': environment, **code}}


def _check_address(address):
    """Check that something answers at the address. Ray itself would take minutes to find out."""
    match = ADDRESS.fullmatch(address)
    if match and match['host']:
        socket.create_connection((match['host'].strip('[]'), int(match['port'])), CONNECT_SECONDS).close()


def _make_submit(ray, process, settings):
    """Make a function that submits a video as a task and returns Ray's reference to the task."""
    options = {'num_cpus': settings.threads, 'max_retries': MAX_ATTEMPTS - 1, 'retry_exceptions': False}
    task = ray.remote(**options)(process_on_worker)
    process, settings = ray.put(process), ray.put(settings)
    return lambda video, named: task.remote(
        video.absolute(), Outputs(named.annotated.absolute()), process, settings, ROOT
    )


def _run_tasks(ray, videos, submit, settings, interruption):
    """Yield each video with its result when it is done. However many videos there are, only a few tasks wait."""
    waiting, pending = iter(videos.items()), {}
    while not interruption.reason:
        limit = int(ray.cluster_resources().get('CPU', 0) // settings.threads) + MAX_WAITING
        pending |= {submit(*video): video[0] for video in islice(waiting, max(0, limit - len(pending)))}
        if not pending:
            return
        done, _ = ray.wait(list(pending), timeout=POLL_SECONDS)
        for reference in done:
            video = pending.pop(reference)
            if result := _fetch_result(ray, reference, video):
                yield video, result
    for reference in pending:
        ray.cancel(reference)
    done = ray.wait(list(pending), num_returns=len(pending), timeout=CANCEL_SECONDS)[0] if pending else []
    for reference in done:
        if result := _fetch_result(ray, reference, pending[reference]):
            yield pending[reference], result


def _fetch_result(ray, reference, video):
    """Fetch a task's result; None if the task was cancelled."""
    try:
        return ray.get(reference)
    except ray.exceptions.TaskCancelledError:
        return None
    except ray.exceptions.RayTaskError as error:  # an error in this program
        return TaskResult(problem=f'{video}: {str(error).strip().splitlines()[-1]}')
    except ray.exceptions.RayError as error:
        reason = str(error).splitlines()[0]
        return TaskResult(problem=f'{video}: its worker was lost {MAX_ATTEMPTS} times: {reason}')


def _print_output(output):
    for text, file in zip(output, (sys.stdout, sys.stderr), strict=True):
        if text:
            tqdm.write(text, file=file, end='')
