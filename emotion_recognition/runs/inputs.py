"""Which files are to be analysed, and which of them can be."""

import os
from collections.abc import Iterable
from pathlib import Path

from emotion_recognition.labels import InputError
from emotion_recognition.media.photographs import PHOTOGRAPH_SUFFIXES, is_photograph
from emotion_recognition.media.video import VideoReader
from emotion_recognition.results.output_paths import (
    CORRECTED_SUFFIX,
    OUTPUT_SUFFIX,
    TIMELINE_SUFFIX,
    Outputs,
    check_outputs,
    name_outputs,
)

# fmt: off
VIDEO_SUFFIXES = [  # of the files in a folder that are taken
    '.3gp', '.avi', '.flv', '.m2ts', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.mts', '.ogv', '.ts', '.webm',
    '.wmv',
]
# fmt: on


def find_files(paths: Iterable[Path]) -> tuple[list[Path], dict[Path | None, list[Path]], dict[Path, str]]:
    """The videos and photographs among paths: files as they are, of folders those in them that are no outputs. A file
    that is named twice, or in a named folder too, counts once, and there.

    Returns:
        The videos; the photographs by the folder that was named, those that were named themselves under None; and why
        some folders give nothing.

    Raises:
        InputError: none gives anything.
    """
    videos: list[Path] = []
    photographs: dict[Path | None, list[Path]] = {}
    problems: dict[Path, str] = {}
    named: dict[str, Path] = {}
    for path in paths:
        named.setdefault(os.path.abspath(path), path)
    folders = [path for path in named.values() if path.is_dir()]
    in_folders = {folder: [file for file in sorted(folder.iterdir()) if _is_input(file)] for folder in folders}
    found = {os.path.abspath(file) for files in in_folders.values() for file in files}
    for place, path in named.items():
        if path in in_folders and not in_folders[path]:
            kinds = ' '.join(VIDEO_SUFFIXES + PHOTOGRAPH_SUFFIXES)
            problems[path] = f'{path}: holds no video and no photograph ({kinds})'
        for file in in_folders.get(path, [] if place in found else [path]):
            if is_photograph(file):
                photographs.setdefault(path if path in in_folders else None, []).append(file)
            else:
                videos.append(file)
    if not videos and not photographs:
        raise InputError(next(iter(problems.values()), 'expected a video, a photograph or a folder'))
    return videos, photographs, problems


def _is_input(file):
    if file.name.startswith('.') or file.suffix.lower() not in VIDEO_SUFFIXES + PHOTOGRAPH_SUFFIXES:
        return False
    is_timeline = file.name.endswith(TIMELINE_SUFFIX)
    stem = file.name.removesuffix(TIMELINE_SUFFIX) if is_timeline else file.stem
    annotated = file.with_name(stem.removesuffix(CORRECTED_SUFFIX) + '.mp4')
    if is_timeline or file.suffix.lower() == annotated.suffix:  # of a video; the user may have named it
        return not (annotated.stem.endswith(OUTPUT_SUFFIX) or Outputs(annotated).record.exists())
    return not annotated.stem.endswith(OUTPUT_SUFFIX)


def name_all_outputs(
    paths: Iterable[Path], output_filename: str | Path | None = None
) -> tuple[dict[Path, Outputs], dict[Path, str]]:
    """Name where the results of files go.

    Args:
        paths: of videos and photographs.
        output_filename: of the annotated file, where there is but one.

    Returns:
        The outputs, and why some files have none: no two may share theirs.
    """
    outputs, problems, claimed = {}, {}, {}
    for path in paths:
        try:
            named = name_outputs(path, output_filename)
            if named.faces in claimed:
                raise InputError(f'{path}: its output would be that of {claimed[named.faces]}; rename one of them')
            outputs[path], claimed[named.faces] = named, path
        except InputError as error:
            problems[path] = str(error)
    return outputs, problems


def check_files(outputs: dict[Path, Outputs]) -> dict[Path, str]:
    """Find out before the model takes its seconds to load which files can be neither read nor their results written.

    Args:
        outputs: of each file.

    Returns:
        Why some files cannot be done.
    """
    problems = {}
    for path, named in outputs.items():
        try:
            if not is_photograph(path):
                VideoReader(path).close()
            check_outputs(path, named)
        except InputError as error:
            problems[path] = str(error)
    return problems
