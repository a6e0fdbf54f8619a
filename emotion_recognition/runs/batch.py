"""All inputs of one command: which to analyse, in turn or on Ray, and which failed."""

from collections.abc import Sequence
from pathlib import Path

from emotion_recognition.faces.detection import finds_points
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError, describe_error
from emotion_recognition.media.part import WHOLE_VIDEO
from emotion_recognition.media.photographs import is_photograph
from emotion_recognition.pipeline import Models, open_models
from emotion_recognition.results.output_paths import name_tables_of_folder
from emotion_recognition.results.spans import check_spans
from emotion_recognition.runs.annotation import WINDOW_TITLE, Process
from emotion_recognition.runs.folder_summary import summarise_folders
from emotion_recognition.runs.inputs import check_files, find_files, name_all_outputs
from emotion_recognition.runs.output_check import check_inputs_stay
from emotion_recognition.runs.people_batch import analyse_with_people
from emotion_recognition.runs.people_file import PEOPLE_OF_RUN, read_people
from emotion_recognition.runs.photograph_batch import analyse_photographs
from emotion_recognition.runs.provenance import find_pending
from emotion_recognition.runs.ray_cluster import process_on_ray
from emotion_recognition.runs.run_folder import remove_dead_runs
from emotion_recognition.settings import Settings
from emotion_recognition.threads import limit_opencv_threads
from emotion_recognition.window import open_window

MAX_REPORTED_PROBLEMS = 100


def analyse_files(paths: Sequence[Path], settings: Settings, process: Process) -> tuple[int, dict[Path, str]]:
    """Analyse all videos and photographs among paths and in folders.

    Args:
        paths: Files and folders that the user named.
        settings: Settings of the video script.
        process: What is done with each video. It gets no models if there are corrections to apply.

    Returns:
        How many files there are, and why some of them failed.

    Raises:
        InputError: The model, the detector or an option is wrong for all of them.
    """
    videos, photographs, not_taken = find_files(paths)
    files = [*videos, *(path for group in photographs.values() for path in group)]
    folders = [path for path in paths if path.is_dir()]
    check_combinations(settings, videos, len(files), folders)
    outputs, problems = name_all_outputs(files, settings.output_filename)
    here = {path: named for path, named in outputs.items() if is_photograph(path) or not settings.ray}
    problems |= not_taken | check_files(here, settings)  # Ray's workers may see other files
    outputs = {path: outputs[path] for path in files if path not in problems}
    for folder in {named.annotated.parent for named in outputs.values()}:
        remove_dead_runs(folder)
    videos = [video for video in videos if video in outputs]
    pending = find_pending(videos, outputs, settings) if settings.skip_done else videos
    limit_opencv_threads(settings.threads)
    needs_models = not settings.apply and outputs and (photographs or (pending and not settings.ray))
    models = open_models(settings) if needs_models else None
    stills = {
        folder: named
        for folder, group in photographs.items()
        if (named := {path: outputs[path] for path in group if path in outputs})
    }
    with Interruption() as interruption:
        if settings.people is not None and models:
            folder = next(iter(folders), next(iter(outputs)).parent)
            problems |= analyse_with_people(pending, stills, folder, process, models, settings, interruption)
            pending, stills = [], {}
        if pending and settings.ray:
            problems |= process_on_ray(pending, process, settings, interruption)
        else:
            problems |= process_in_turn(pending, process, models, settings, interruption)
        if not settings.apply:
            done = {video: outputs[video] for video in videos if video not in problems}
            problems |= summarise_folders(folders, done)
        for folder, group in stills.items():
            with open_window(WINDOW_TITLE, settings.show_process) as window:
                problems |= analyse_photographs(folder, group, models, settings, window, interruption)
    return len(files) + len(not_taken), problems


def check_combinations(settings: Settings, videos: Sequence[Path], file_count: int, folders: Sequence[Path]) -> None:
    """Check that the options fit each other and the inputs.

    Args:
        settings: Settings of the video script.
        videos: The videos among the inputs.
        file_count: Number of videos and photographs.
        folders: The folders among the inputs, which get tables of their own.

    Raises:
        InputError: They do not.
    """
    check_inputs_stay([], [table for folder in folders for table in name_tables_of_folder(folder)], settings)
    if settings.output_filename and file_count > 1:
        raise InputError(f'--output-filename names one output, but there are {file_count} files')
    if not isinstance(settings.rest, str) and not videos:
        raise InputError('--rest START END is about a video; expected a video among the inputs')
    if settings.part != WHOLE_VIDEO and not videos:
        raise InputError('--start and --end are times of a video; expected a video among the inputs')
    if settings.spans:
        check_spans(settings.spans, videos)
    if settings.apply and (len(videos) != 1 or file_count > 1 or settings.skip_done):
        raise InputError('--apply corrects the results of one video; expected one video, and no --skip-done')
    if settings.people is not None:
        check_people(settings)
    if settings.ray and (settings.apply or settings.show_process):
        raise InputError('--ray is for many videos, without a window; expected neither --apply nor --show-process')


def check_people(settings: Settings) -> None:
    """Check that the options fit `--people`.

    Raises:
        InputError: They do not, or the people of earlier runs cannot be read.
    """
    if not settings.identity or not finds_points(settings):
        raise InputError('--people needs people to be told apart; expected YuNet as detector, and no --no-identity')
    if settings.ray or settings.apply:
        raise InputError('--people compares the faces of all files here and now; expected neither --ray nor --apply')
    if settings.skip_done and str(settings.people) == PEOPLE_OF_RUN:
        raise InputError('--skip-done with --people needs a file that keeps the people: --people FILE.npz')
    read_people(settings.people)


def process_in_turn(
    videos: Sequence[Path], process: Process, models: Models | None, settings: Settings, interruption: Interruption
) -> dict[Path, str]:
    """Process videos one after the other. Returns why some of them failed."""
    problems = {}
    for video in videos:
        try:
            if interruption.reason:
                raise InputError(f'{video}: not begun, {interruption.reason}')
            if problem := process(video, models, settings, interruption).problem:
                problems[video] = str(problem)
        except (InputError, OSError) as error:
            problems[video] = describe_error(error, video)
    return problems


def describe_problems(problems: dict[Path, str], file_count: int) -> str:
    """What to say at the end about the files that failed: one line for a single file, otherwise a list."""
    if file_count == 1:
        return next(iter(problems.values()))
    reported = list(problems.values())[:MAX_REPORTED_PROBLEMS]
    if len(problems) > len(reported):
        reported.append(f'and {len(problems) - len(reported)} more')
    return '\n  '.join([f'{len(problems)} of {file_count} files failed:', *reported])
