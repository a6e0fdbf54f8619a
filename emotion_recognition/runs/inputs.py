"""Which videos and photographs to analyse, which of them can be analysed, and where their results go."""

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from emotion_recognition.labels import InputError, reason
from emotion_recognition.media.photographs import PHOTOGRAPH_SUFFIXES, UNREADABLE_SUFFIXES, is_photograph
from emotion_recognition.media.video import VideoReader
from emotion_recognition.results.output_paths import Outputs, name_outputs
from emotion_recognition.runs.annotation import place_results
from emotion_recognition.runs.folder_inputs import VIDEO_SUFFIXES, count_stems, list_inputs
from emotion_recognition.runs.output_check import check_outputs
from emotion_recognition.settings import Settings


def find_files(
    paths: Iterable[Path], recursive: bool = False
) -> tuple[dict[Path, Path | None], dict[Path | None, list[Path]], dict[Path, str]]:
    """Find the videos and photographs among paths: the named files, and the files in named folders except outputs.

    A file that is named twice counts once; a file that is also in a named folder counts only as part of that folder.
    What is left out in a folder is counted on stderr.

    Args:
        paths: Files and folders that the user named.
        recursive: Whether to search the folders in the named folders too.

    Returns:
        The videos, each with the named folder that it is in, or None if it was named itself; the photographs by such
        folders; and why some of the paths are not taken: folders with nothing in them, kinds of pictures that cannot be
        read.

    Raises:
        InputError: There is no video and no photograph at all.
    """
    videos: dict[Path, Path | None] = {}
    photographs: dict[Path | None, list[Path]] = {}
    problems: dict[Path, str] = {}
    named: dict[str, Path] = {}
    for path in paths:
        named.setdefault(os.path.abspath(path), path)
    in_folders = {path: list_inputs(path, recursive) for path in named.values() if path.is_dir()}
    taken: set[str] = set()
    found = {os.path.abspath(file) for files in in_folders.values() for file in files}
    for absolute, path in named.items():
        folder = path if path in in_folders else None
        if folder and not in_folders[folder]:
            problems[path] = _describe_empty(path, recursive)
        for file in in_folders.get(path, [] if absolute in found else [path]):
            if (absolute_file := os.path.abspath(file)) in taken:  # in a folder that is in another one of them
                continue
            taken.add(absolute_file)
            if file.suffix.lower() in UNREADABLE_SUFFIXES:
                problems[file] = f'{file}: {file.suffix} files cannot be read; expected a JPEG, PNG or HEIC of it'
            elif is_photograph(file):
                photographs.setdefault(folder, []).append(file)
            else:
                videos[file] = folder
    if not videos and not photographs:
        raise InputError(next(iter(problems.values()), 'expected a video, a photograph or a folder'))
    return videos, photographs, problems


def _describe_empty(folder, recursive):
    kinds = ' '.join(VIDEO_SUFFIXES + PHOTOGRAPH_SUFFIXES)
    hint = '' if recursive else '; --recursive searches the folders in it too'
    return f'{folder}: holds no video and no photograph ({kinds}){hint}'


def name_all_outputs(
    folders: Mapping[Path, Path | None], settings: Settings
) -> tuple[dict[Path, Outputs], dict[Path, str]]:
    """Decide where the results of files go.

    Args:
        folders: The videos and photographs, each with the folder in which it was found, or None.
        settings: Settings of the video script: `output_filename`, which needs a single input, or `output_folder`, in
            which the results of files in folders get the place that the files have there.

    Returns:
        Where each file's results go, and why some files have no such place: no two files may share one.

    Raises:
        InputError: Files of different folders would share one.
    """
    outputs, problems, claimed = {}, {}, {}
    count_once = lru_cache(count_stems)
    for path, folder in folders.items():
        shares_stem = is_photograph(path) and count_once(path.parent)[path.stem.casefold()] > 1
        try:
            place = _place_of(path, folder, settings.output_folder)
            named = name_outputs(path, settings.output_filename, shares_stem, place)
        except InputError as error:
            problems[path] = str(error)
            continue
        other = claimed.setdefault(named.faces, path)
        if other.parent != path.parent:
            raise InputError(
                f'{path}: its results in {settings.output_folder} would be called like those of {other}; name a folder '
                'above both, with --recursive, or use two output folders'
            )
        if other != path:
            problems[path] = f'{path}: would overwrite the results of {other}; rename one of them'
        else:
            outputs[path] = named
    return outputs, problems


def _place_of(path, folder, output_folder):
    if not output_folder:
        return None
    return Path(output_folder) / (path.relative_to(folder).parent if folder else '')


def place_single(path: Path, settings: Settings) -> Settings:
    """Let the settings name where the results of a single video go, and make the folder for them, if it is to be made.

    Raises:
        InputError: See `make_output_folders`.
    """
    if not settings.output_folder:
        return settings
    folder = Path(settings.output_folder)
    make_output_folders([folder])
    return place_results(settings, name_outputs(path, folder=folder))


def make_output_folders(folders: Iterable[Path]) -> None:
    """Make the folders for results that do not exist.

    Raises:
        InputError: One of them cannot be made, or is a file.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise InputError(f'{folder}: is a file, or is in one; expected a folder for the results') from None
        except OSError as error:
            raise InputError(f'{folder}: cannot be made as a folder for the results ({reason(error)})') from None


def check_files(outputs: dict[Path, Outputs], settings: Settings) -> dict[Path, str]:
    """Check that files can be read and their results written, before the models take seconds to load.

    Args:
        outputs: Where each file's results go.
        settings: Settings of the video script.

    Returns:
        Why some files cannot be read or their results cannot be written.
    """
    problems = {}
    for path, named in outputs.items():
        try:
            if not is_photograph(path):
                VideoReader(path).close()
            check_outputs(path, named, settings)
        except InputError as error:
            problems[path] = str(error)
    return problems
