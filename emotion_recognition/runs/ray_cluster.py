"""Many videos at once, on a Ray cluster or on this machine's cores: the only place that knows Ray."""

import io
import os
import platform
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from emotion_recognition.faces.detection import DETECTORS
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.pipeline import Models, open_models
from emotion_recognition.settings import ROOT, Settings
from emotion_recognition.threads import limit_opencv_threads

LOCAL = 'local'  # an address: a Ray of its own, on this machine
ADDRESS = re.compile(r'auto|local|(ray://)?(?P<host>\[[\da-fA-F:]+\]|[\w.-]+):(?P<port>\d+)|ray://.+')
CORES = 1  # that a video claims, see tests/benchmarks/README.md
MOST_ATTEMPTS = 4  # at a video whose worker is lost
MOST_WAITING = 8  # beside one for each that is under way: what is pending tells an autoscaler how much is needed
POLL_SECONDS = 0.5
CALL_SECONDS = 20
CANCEL_SECONDS = 15  # for which a video that is broken off may clean up
OBJECT_STORE_BYTES = 100_000_000  # of a local Ray, which would reserve a third of the memory; nothing large goes there
# What does not go to the machines of a cluster, as .gitignore would say it: all but the program, one for all of them
CODE = ['/*', '!/.', '!/emotion_recognition', '!/face_detector', '!/emotions_from_video.py', '__pycache__']
MODEL = ['!/model_weights', '/model_weights/*', '!/model_weights/model.h5', '!/model_weights/model.openvino.zip']

Process = Callable[[Path, Models, Any, Interruption], Any]


@dataclass(frozen=True)
class Answer:
    """What became of a video.

    Attributes:
        frames: how many were done.
        told: what would have been said of it on stdout and stderr.
        problem: why it failed, None if it did not.
        is_for_all: whether all other videos would fail for the same reason.
    """

    frames: int = 0
    told: tuple[str, str] = ('', '')
    problem: str | None = None
    is_for_all: bool = False


def separate_address(arguments: Sequence[str]) -> list[str]:
    """Let `--ray videos/` mean a Ray of its own: what follows `--ray` is an address only where it looks like one."""
    separated = list(arguments)
    for index, argument in enumerate(arguments[:-1]):
        if argument == '--ray' and not ADDRESS.fullmatch(arguments[index + 1]):
            separated[index] = f'--ray={LOCAL}'
    return separated


def process_on_ray(
    videos: Sequence[Path], process: Process, settings: Settings, interruption: Interruption
) -> dict[Path, str]:
    """Process videos on all cores that Ray has: a task for each of them.

    A task whose worker is lost is tried again elsewhere; a video that fails by itself is not. What is said of a video
    is said when it is done.

    Args:
        videos: their paths, as the workers see them.
        process: what is to be done with each. It runs on the workers, silently, with a classifier that each of them
            loads once.
        settings: of the video script, with `ray`, the address, and `threads`, the cores that a video claims.
        interruption: ends the tasks; what is done stays.

    Returns:
        Why some of them failed.

    Raises:
        InputError: Ray is not installed or not there, or the model, the detector or an option is wrong for all of them.
    """
    settings = _as_seen_here(replace(settings, threads=settings.threads or CORES), ROOT)
    problems, left, frames, started = {}, set(videos), 0, time.monotonic()
    with _ray(settings) as ray:
        tell_if_too_few_cores(ray, settings.threads)
        submit = _make_task(ray, process, settings)
        with tqdm(total=len(videos), desc='videos', unit='video') as progress:
            for video, answer in _answers(ray, videos, submit, settings, interruption):
                if answer.is_for_all:
                    raise InputError(answer.problem)
                left.discard(video)
                frames += answer.frames
                _tell(answer.told)
                if answer.problem:
                    problems[video] = answer.problem
                progress.set_postfix_str(f'{frames / (time.monotonic() - started):.0f} frames/s in all', refresh=False)
                progress.update()
    why = interruption.reason or 'its task was cancelled'
    return problems | {video: f'{video}: not done, {why}' for video in videos if video in left}


def tell_if_too_few_cores(ray: Any, threads: int) -> None:
    """Say that no node has the cores that a video claims: Ray waits for one without a word, which may still come."""
    most = max((node['Resources'].get('CPU', 0) for node in ray.nodes() if node['Alive']), default=0)
    if threads > most:
        print(f'--threads is {threads}, but no node has more than {most:g} cores: waiting for one', file=sys.stderr)


@contextmanager
def _ray(settings) -> Iterator[Any]:
    """Ray, connected as the settings say."""
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')  # it would tell its makers
    try:
        import ray  # here and not above: it is an extra
    except ImportError:
        raise InputError('--ray needs the package ray; pip install -r requirements-cluster.txt') from None
    environment = {'TQDM_DISABLE': '1', 'OPENBLAS_NUM_THREADS': str(settings.threads)}
    if settings.ray == LOCAL:
        environment['PYTHONPATH'] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')]))
        there = {'address': LOCAL, 'include_dashboard': False, 'object_store_memory': OBJECT_STORE_BYTES}
        there |= {'num_cpus': max(settings.threads, _cores()), 'runtime_env': {'env_vars': environment}}
    else:
        own_model = Path(settings.model_weights_path).resolve().is_relative_to(ROOT)
        code = {'working_dir': str(ROOT), 'excludes': CODE + (MODEL if own_model else [])}
        there = {'address': settings.ray, 'runtime_env': {'env_vars': environment, **code}}
    handler = signal.getsignal(signal.SIGTERM)
    try:
        _call(settings.ray)
        ray.init(**there, log_to_driver=False, logging_level='error')
        signal.signal(signal.SIGTERM, handler)  # Ray has put its own in this one's place
    except (ConnectionError, RuntimeError, ValueError, OSError, ImportError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f'--ray {settings.ray}: cannot connect to Ray: {reason}') from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _cores():
    """How many this process may use: a batch system may have given it some of the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def _call(address):
    """Find out whether anybody is there, for which Ray itself takes minutes."""
    named = ADDRESS.fullmatch(address)
    if named and named['host']:
        socket.create_connection((named['host'].strip('[]'), int(named['port'])), CALL_SECONDS).close()


def _make_task(ray, process, settings):
    """What submits a video. Returns the task's reference, by which Ray knows it."""
    task = ray.remote(num_cpus=settings.threads, max_retries=MOST_ATTEMPTS - 1, retry_exceptions=False)(_work)
    process, settings = ray.put(process), ray.put(settings)
    return lambda video: task.remote(video.absolute(), process, settings, ROOT)


def _answers(ray, videos, submit, settings, interruption):
    """Each video with its answer, as they are done. The tasks that wait are few, however many videos there are."""
    waiting, pending = iter(videos), {}
    while not interruption.reason:
        most = int(ray.cluster_resources().get('CPU', 0) // settings.threads) + MOST_WAITING
        pending |= {submit(video): video for video in islice(waiting, max(0, most - len(pending)))}
        if not pending:
            return
        done, _ = ray.wait(list(pending), timeout=POLL_SECONDS)
        for reference in done:
            video = pending.pop(reference)
            if answer := _fetch(ray, reference, video):
                yield video, answer
    for reference in pending:
        ray.cancel(reference)
    done = ray.wait(list(pending), num_returns=len(pending), timeout=CANCEL_SECONDS)[0] if pending else []
    for reference in done:
        if answer := _fetch(ray, reference, pending[reference]):
            yield pending[reference], answer


def _fetch(ray, reference, video):
    """A task's answer; None if it was cancelled."""
    try:
        return ray.get(reference)
    except ray.exceptions.TaskCancelledError:
        return None
    except ray.exceptions.RayTaskError as error:  # a mistake of this program
        return Answer(problem=f'{video}: {str(error).strip().splitlines()[-1]}')
    except ray.exceptions.RayError as error:
        reason = str(error).splitlines()[0]
        return Answer(problem=f'{video}: its worker was lost {MOST_ATTEMPTS} times: {reason}')


def _tell(told):
    for text, file in zip(told, (sys.stdout, sys.stderr), strict=True):
        if text:
            tqdm.write(text, file=file, end='')


def _work(video, process, settings, root):
    """Process a video on a worker."""
    settings = _as_seen_here(settings, root)
    if missing := [path for path in (settings.model_weights_path, settings.spans) if path and not path.is_file()]:
        return Answer(problem=_not_seen(missing[0]), is_for_all=True)
    if not video.is_file():
        return Answer(problem=_not_seen(video))
    frames, problem, told = 0, None, (io.StringIO(), io.StringIO())
    with redirect_stdout(told[0]), redirect_stderr(told[1]):
        try:
            models = _open_once(settings)
        except InputError as error:
            return Answer(problem=str(error), is_for_all=True)
        try:
            frames = process(video, models, settings, Interruption()).frame_count
        except (InputError, OSError) as error:
            problem = str(error)
    return Answer(frames, tuple(file.getvalue() for file in told), problem)


@lru_cache(maxsize=1)
def _open_once(settings):
    limit_opencv_threads(settings.threads)
    return open_models(settings)


def _as_seen_here(settings, root):
    """The settings with absolute paths; files of this project are those that the worker has of it."""
    values = {}
    for name in ('model_weights_path', 'detector_path', 'spans', 'output_filename'):
        path = getattr(settings, name)
        if path and path not in DETECTORS:
            path = Path(path).absolute()
            values[name] = ROOT / path.relative_to(root) if path.is_relative_to(root) else path
    return replace(settings, **values)


def _not_seen(path):
    from ray.util import get_node_ip_address

    node = f'{platform.node()} ({get_node_ip_address()})'
    return f'{path}: node {node} sees no such file; expected a path in a folder that all nodes share'
