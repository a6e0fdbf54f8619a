"""Which videos and photographs to analyse, and which of them can be analysed."""

import os
import sys
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from emotion_recognition.labels import InputError
from emotion_recognition.media.photographs import COPY_SUFFIXES, PHOTOGRAPH_SUFFIXES, UNREADABLE_SUFFIXES, is_photograph
from emotion_recognition.media.video import VideoReader
from emotion_recognition.results.output_paths import (
    CORRECTED_SUFFIX,
    FOLDER_SUFFIX,
    OUTPUT_SUFFIX,
    PEOPLE_SUFFIX,
    TIMELINE_SUFFIX,
    Outputs,
    name_outputs,
)
from emotion_recognition.runs.output_check import check_outputs
from emotion_recognition.settings import Settings

# fmt: off
VIDEO_SUFFIXES = [  # of the files that are taken from a folder
    '.3g2', '.3gp', '.asf', '.avi', '.divx', '.dv', '.f4v', '.flv', '.m2ts', '.m2v', '.m4v', '.mkv', '.mov', '.mp4',
    '.mpeg', '.mpg', '.mts', '.mxf', '.ogm', '.ogv', '.qt', '.ts', '.vob', '.webm', '.wmv',
]
OTHER_VIDEO_SUFFIXES = [  # of videos that are not taken from a folder, but said to be there
    '.264', '.265', '.av1', '.braw', '.h264', '.h265', '.hevc', '.insv', '.ivf', '.lrv', '.mjpeg', '.mjpg', '.mod',
    '.mpv', '.r3d', '.rm', '.rmvb', '.swf', '.tod', '.wtv', '.y4m',
]
# fmt: on


def find_files(paths: Iterable[Path]) -> tuple[list[Path], dict[Path | None, list[Path]], dict[Path, str]]:
    """Find the videos and photographs among paths: the named files, and the files in named folders except outputs.

    A file that is named twice counts once; a file that is also in a named folder counts only as part of that folder.
    What looks like a picture or a video in a folder and is not taken is counted on stderr.

    Args:
        paths: Files and folders that the user named.

    Returns:
        The videos; the photographs by the named folder that they are in, or None if they were named themselves; and why
        some of the paths are not taken: folders with nothing in them, kinds of pictures that cannot be read.

    Raises:
        InputError: There is no video and no photograph at all.
    """
    videos: list[Path] = []
    photographs: dict[Path | None, list[Path]] = {}
    problems: dict[Path, str] = {}
    named: dict[str, Path] = {}
    for path in paths:
        named.setdefault(os.path.abspath(path), path)
    folders = [path for path in named.values() if path.is_dir()]
    in_folders = {folder: _list_inputs(folder) for folder in folders}
    found = {os.path.abspath(file) for files in in_folders.values() for file in files}
    for absolute, path in named.items():
        if path in in_folders and not in_folders[path]:
            kinds = ' '.join(VIDEO_SUFFIXES + PHOTOGRAPH_SUFFIXES)
            problems[path] = f'{path}: holds no video and no photograph ({kinds})'
        for file in in_folders.get(path, [] if absolute in found else [path]):
            if file.suffix.lower() in UNREADABLE_SUFFIXES:
                problems[file] = f'{file}: {file.suffix} files cannot be read; expected a JPEG, PNG or HEIC of it'
            elif is_photograph(file):
                photographs.setdefault(path if path in in_folders else None, []).append(file)
            else:
                videos.append(file)
    if not videos and not photographs:
        raise InputError(next(iter(problems.values()), 'expected a video, a photograph or a folder'))
    return videos, photographs, problems


def _list_inputs(folder):
    files = [file for file in sorted(folder.iterdir()) if not file.name.startswith('.')]
    left_out = Counter(file.suffix.lower() for file in files)
    kinds = [f'{left_out[kind]} {kind}' for kind in UNREADABLE_SUFFIXES + OTHER_VIDEO_SUFFIXES if left_out[kind]]
    if kinds:
        print(f'{folder}: not taken: {", ".join(kinds)}', file=sys.stderr)
    return [file for file in files if _is_input(file)]


def _is_input(file):
    if file.suffix.lower() not in VIDEO_SUFFIXES + PHOTOGRAPH_SUFFIXES and not is_photograph(file):
        return False
    if file.stem.endswith(FOLDER_SUFFIX + Path(PEOPLE_SUFFIX).stem):  # the picture of a folder's people
        return False
    is_timeline = file.name.endswith(TIMELINE_SUFFIX)
    stem = file.name.removesuffix(TIMELINE_SUFFIX) if is_timeline else file.stem
    annotated = file.with_name(stem.removesuffix(CORRECTED_SUFFIX) + '.mp4')
    if is_timeline or file.suffix.lower() == annotated.suffix:  # of a video, perhaps under a name that the user chose
        # Path.exists would fail if the record's name were too long.
        return not (annotated.stem.endswith(OUTPUT_SUFFIX) or os.path.exists(Outputs(annotated).record))
    return not annotated.stem.endswith(OUTPUT_SUFFIX)


def name_all_outputs(
    paths: Iterable[Path], output_filename: str | Path | None = None
) -> tuple[dict[Path, Outputs], dict[Path, str]]:
    """Decide where the results of files go.

    Args:
        paths: Paths of videos and photographs.
        output_filename: Path of the annotated copy that the user named, which needs a single input; or None.

    Returns:
        Where each file's results go, and why some files have no such place: no two files may share one.
    """
    outputs, problems, claimed = {}, {}, {}
    count_stems = lru_cache(_count_stems)
    for path in paths:
        try:
            shares_stem = is_photograph(path) and count_stems(path.parent)[path.stem.casefold()] > 1
            named = name_outputs(path, output_filename, shares_stem)
            if named.faces in claimed:
                raise InputError(f'{path}: would overwrite the results of {claimed[named.faces]}; rename one of them')
            outputs[path], claimed[named.faces] = named, path
        except InputError as error:
            problems[path] = str(error)
    return outputs, problems


def _count_stems(folder):
    """How many inputs of a folder have each stem. Case does not tell files apart on Windows and macOS.

    HEIC and others whose results are always named after all of their names do not count.
    """
    try:
        files = [file for file in folder.iterdir() if file.suffix.lower() in COPY_SUFFIXES or not is_photograph(file)]
        return Counter(file.stem.casefold() for file in files if _is_input(file))
    except OSError:  # that there is no such file is said later
        return Counter()


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
            check_outputs(path, named.corrected() if settings.apply else named, settings)
        except InputError as error:
            problems[path] = str(error)
    return problems
