"""What a Ray worker does with one video. Workers import it from their own copy of this project."""

import io
import platform
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from emotion_recognition.faces.detection import DETECTORS
from emotion_recognition.interruption import END_SIGNALS, Interruption
from emotion_recognition.labels import InputError, describe_error
from emotion_recognition.media.encoders import find_problem
from emotion_recognition.pipeline import open_models
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.annotation import Process, place_results
from emotion_recognition.settings import ROOT, Settings
from emotion_recognition.threads import limit_opencv_threads


@dataclass(frozen=True)
class TaskResult:
    """What became of a video.

    Attributes:
        frame_count: Number of frames that were processed.
        output: What was printed on stdout and on stderr.
        problem: Why the video failed, or None.
        affects_all: Whether all other videos would fail for the same reason.
    """

    frame_count: int = 0
    output: tuple[str, str] = ('', '')
    problem: str | None = None
    affects_all: bool = False


def process_on_worker(video: Path, outputs: Outputs, process: Process, settings: Settings, root: Path) -> TaskResult:
    """Process a video on a worker, without printing anything.

    Args:
        video: Path of the video.
        outputs: Where its results go.
        process: What is done with it.
        settings: Settings of the video script.
        root: Folder of this project on the machine that submitted the task.
    """
    with _Cancellation() as cancellation:
        return _process(video, outputs, process, localise_paths(settings, root), cancellation)


class _Cancellation(Interruption):
    """Ray's request to cancel the task, which comes as Ctrl-C; if it is repeated, that is the same request.

    Ray would raise an exception for it, which can get lost where FFmpeg asks for more of a file.
    """

    def __init__(self):
        super().__init__(['SIGINT'])

    def _on_signal(self, *_):
        if not self.reasons:
            self.request(END_SIGNALS['SIGINT'])


def _process(video, outputs, process, settings, cancellation):
    if missing := [path for path in (settings.model_weights_path, settings.spans) if path and not path.is_file()]:
        return TaskResult(problem=_describe_missing(missing[0]), affects_all=True)
    if not video.is_file():
        return TaskResult(problem=_describe_missing(video))
    if settings.write_video and (problem := find_problem(settings.encoder)):
        return TaskResult(problem=f'node {_name_node()}: {problem}', affects_all=True)
    frame_count, problem, output = 0, None, (io.StringIO(), io.StringIO())
    with redirect_stdout(output[0]), redirect_stderr(output[1]):
        try:
            models = _open_models_once(settings)
        except InputError as error:
            return TaskResult(problem=str(error), affects_all=True)
        try:
            results = process(video, models, place_results(settings, outputs), cancellation)
            frame_count, problem = results.frame_count, results.problem and str(results.problem)
        except (InputError, OSError) as error:
            problem = describe_error(error, video)
    return TaskResult(frame_count, tuple(file.getvalue() for file in output), problem)


@lru_cache(maxsize=1)
def _open_models_once(settings):
    limit_opencv_threads(settings.threads)
    return open_models(settings)


def localise_paths(settings: Settings, root: Path) -> Settings:
    """Make all paths of the settings absolute.

    Args:
        settings: Settings of the video script.
        root: Folder of this project on the machine that the settings come from. Paths in it are changed to paths in
            this machine's copy of the project.
    """
    values = {}
    for name in ('model_weights_path', 'detector_path', 'spans'):
        path = getattr(settings, name)
        if path and path not in DETECTORS:
            path = Path(path).absolute()
            values[name] = ROOT / path.relative_to(root) if path.is_relative_to(root) else path
    return replace(settings, **values)


def _describe_missing(path):
    return f'{path}: node {_name_node()} sees no such file; expected a path in a folder that all nodes share'


def _name_node():
    from ray.util import get_node_ip_address  # here and not above: it is an optional requirement

    return f'{platform.node()} ({get_node_ip_address()})'
