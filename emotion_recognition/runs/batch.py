"""All inputs of one command: which to analyse, in turn or on Ray, and which failed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from emotion_recognition.faces.detection import finds_points
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError, describe_error
from emotion_recognition.media.encoders import find_problem
from emotion_recognition.media.part import WHOLE_VIDEO
from emotion_recognition.media.photographs import is_photograph
from emotion_recognition.pipeline import Models, open_models
from emotion_recognition.results.output_paths import Outputs, name_table_of_folder, name_tables_of_folder
from emotion_recognition.results.spans import check_spans
from emotion_recognition.runs.annotation import WINDOW_TITLE, Process, place_results
from emotion_recognition.runs.folder_inputs import expand_patterns
from emotion_recognition.runs.folder_summary import summarise_folders
from emotion_recognition.runs.inputs import check_files, find_files, make_output_folders, name_all_outputs
from emotion_recognition.runs.output_check import check_inputs_stay
from emotion_recognition.runs.people_batch import analyse_with_people
from emotion_recognition.runs.people_file import PEOPLE_OF_RUN, read_people
from emotion_recognition.runs.photograph_batch import analyse_photographs
from emotion_recognition.runs.photograph_group import PhotographGroup, find_pending_photographs
from emotion_recognition.runs.provenance import find_pending
from emotion_recognition.runs.ray_cluster import process_on_ray
from emotion_recognition.runs.ray_connection import LOCAL
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
        process: What is done with each video.

    Returns:
        How many files there are, and why some of them failed.

    Raises:
        InputError: The model, the detector or an option is wrong for all of them.
    """
    paths = expand_patterns(paths)
    videos, photographs, problems = find_files(paths, settings.recursive)
    files = videos | {path: folder for folder, group in photographs.items() for path in group}
    folders = [path for path in paths if path.is_dir()]
    file_count = len(files) + len(problems)
    check_combinations(settings, list(videos), len(files), folders)
    outputs, not_possible = _place_results(files, folders, settings)
    problems |= not_possible
    of_videos = {video: outputs[video] for video in videos if video in outputs}
    pending, stills = of_videos, _group(photographs, outputs, settings)
    if settings.skip_done:
        pending = {video: outputs[video] for video in find_pending(list(of_videos), outputs, settings)}
        stills = find_pending_photographs(stills, settings)
    limit_opencv_threads(settings.threads)
    needs_models = stills or (pending and not settings.ray)
    models = open_models(settings) if needs_models else None
    with Interruption() as interruption:
        if settings.people is not None and models:
            folder = next(iter(folders), next(iter(outputs)).parent)
            problems |= analyse_with_people(pending, stills, folder, process, models, settings, interruption)
            pending, stills = {}, []
        if pending and settings.ray:
            problems |= process_on_ray(pending, process, settings, interruption)
        else:
            problems |= process_in_turn(pending, process, models, settings, interruption)
        done = {video: named for video, named in of_videos.items() if video not in problems}
        problems |= summarise_folders(folders, done, _output_folder(settings), settings.decimal_comma)
        for group in stills:
            with open_window(WINDOW_TITLE, settings.show_process) as window:
                problems |= analyse_photographs(group, models, settings, window, interruption)
    return file_count, problems


def _output_folder(settings):
    return Path(settings.output_folder) if settings.output_folder else None


def _place_results(files, folders, settings):
    """Decide and check where the results of files go. Returns that, and why some files have no such place."""
    outputs, problems = name_all_outputs(files, settings)
    folder = _output_folder(settings)
    places = {named.annotated.parent for named in outputs.values()} | ({folder} if folder else set(folders))
    if folder:
        make_output_folders(places)
    here = {path: named for path, named in outputs.items() if is_photograph(path) or not settings.ray}
    problems |= check_files(here, settings)  # Ray's workers may see other files
    for place in places:
        remove_dead_runs(place)
    return {path: named for path, named in outputs.items() if path not in problems}, problems


def _group(photographs, outputs, settings):
    """Group the photographs that can be done."""
    groups = []
    for folder, paths in photographs.items():
        table_path = name_table_of_folder(folder, _output_folder(settings)) if folder else None
        if named := {path: outputs[path] for path in paths if path in outputs}:
            groups.append(PhotographGroup(folder, named, table_path, settings.single_tables or not folder))
    return groups


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
    tables = [table for folder in folders for table in name_tables_of_folder(folder, _output_folder(settings))]
    check_inputs_stay([], tables, settings)
    if settings.output_folder:
        check_names_of_folders(settings, folders)
    if settings.output_filename and file_count > 1:
        raise InputError(f'--output-filename names one output, but there are {file_count} files')
    if not isinstance(settings.rest, str) and not videos:
        raise InputError('--rest START END is about a video; expected a video among the inputs')
    if settings.part != WHOLE_VIDEO and not videos:
        raise InputError('--start and --end are times of a video; expected a video among the inputs')
    if settings.spans:
        check_spans(settings.spans, videos)
    if settings.people is not None:
        check_people(settings)
    is_here = settings.ray in (None, LOCAL)  # on a cluster, each worker finds out
    if videos and settings.write_video and is_here and (problem := find_problem(settings.encoder)):
        raise InputError(problem)
    if settings.ray and settings.show_process:
        raise InputError('--ray is for many videos, without a window; expected no --show-process')


def check_names_of_folders(settings: Settings, folders: Sequence[Path]) -> None:
    """Check that no two folders would have tables of one name in the folder for all results.

    Raises:
        InputError: Two of them would.
    """
    names: dict[str, Path] = {}
    for folder in folders:
        other = names.setdefault(folder.resolve().name, folder)
        if other.resolve() != folder.resolve():
            raise InputError(
                f'{folder}: its tables in {settings.output_folder} would be called like those of {other}; use two '
                'output folders'
            )


def check_people(settings: Settings) -> None:
    """Check that the options fit `--people`.

    Raises:
        InputError: They do not, or the people of earlier runs cannot be read.
    """
    if not settings.identity or settings.whole_picture or not finds_points(settings):
        raise InputError(
            '--people needs people to be told apart; expected YuNet, and neither --no-identity nor --whole-picture'
        )
    if settings.ray:
        raise InputError('--people compares the faces of all files here and now; expected no --ray')
    if settings.skip_done and str(settings.people) == PEOPLE_OF_RUN:
        raise InputError('--skip-done with --people needs a file that keeps the people: --people FILE.npz')
    read_people(settings.people)


def process_in_turn(
    videos: Mapping[Path, Outputs],
    process: Process,
    models: Models | None,
    settings: Settings,
    interruption: Interruption,
) -> dict[Path, str]:
    """Process videos one after the other, given where their results go. Returns why some of them failed."""
    problems = {}
    for video, outputs in videos.items():
        try:
            if interruption.reason:
                raise InputError(interruption.not_begun(video))
            if problem := process(video, models, place_results(settings, outputs), interruption).problem:
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
