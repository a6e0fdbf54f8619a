"""Many videos at once, on a Ray cluster or on this machine's cores."""

import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.annotation import Process
from emotion_recognition.runs.ray_connection import connected_ray
from emotion_recognition.runs.ray_worker import TaskResult, localise_paths, process_on_worker
from emotion_recognition.settings import ROOT, Settings

CORES = 1  # that a video claims, see tests/benchmarks/README.md
MAX_ATTEMPTS = 4  # at a video whose worker is lost
MAX_WAITING = 8  # tasks besides one for each video under way; autoscalers need some waiting ones to see the demand
POLL_SECONDS = 0.5
CANCEL_SECONDS = 15  # for the results of cancelled videos to be written


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
    with connected_ray(settings) as ray:
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
    yield from _cancel(ray, pending)


def _cancel(ray, pending):
    """Cancel tasks, and yield the videos with results that were begun, and written as far as they came."""
    deadline = time.monotonic() + CANCEL_SECONDS
    while pending and time.monotonic() < deadline:
        for reference in pending:
            ray.cancel(reference)  # several times, since one that meets the start of a task can get lost
        for reference in ray.wait(list(pending), timeout=POLL_SECONDS)[0]:
            video = pending.pop(reference)
            if result := _fetch_result(ray, reference, video):
                yield video, result


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
