"""Which files are to be analysed, and which of them can be."""

from collections.abc import Iterable
from pathlib import Path

from emotion_recognition.files import (
    CORRECTED_SUFFIX,
    OUTPUT_SUFFIX,
    PHOTOGRAPH_SUFFIXES,
    TIMELINE_SUFFIX,
    Outputs,
    check_outputs,
    is_photograph,
    name_outputs,
)
from emotion_recognition.labels import InputError
from emotion_recognition.video import VideoReader

# fmt: off
VIDEO_SUFFIXES = [  # of the files in a folder that are taken
    '.3gp', '.avi', '.flv', '.m2ts', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.mts', '.ogv', '.ts', '.webm',
    '.wmv',
]
# fmt: on


def find_files(paths: Iterable[Path]) -> tuple[list[Path], dict[Path | None, list[Path]]]:
    """The videos and photographs among paths: files as they are, of folders those in them that are no outputs.

    Returns:
        The videos; and the photographs by the folder that was named, those that were named themselves under None.

    Raises:
        InputError: a folder holds neither.
    """
    videos: list[Path] = []
    photographs: dict[Path | None, list[Path]] = {}
    for path in paths:
        files = [path]
        if path.is_dir():
            files = [file for file in sorted(path.iterdir()) if _is_input(file)]
            if not files:
                kinds = ' '.join(VIDEO_SUFFIXES + PHOTOGRAPH_SUFFIXES)
                raise InputError(f'{path}: holds no video and no photograph ({kinds})')
        for file in files:
            if is_photograph(file):
                photographs.setdefault(path if path.is_dir() else None, []).append(file)
            else:
                videos.append(file)
    return videos, photographs


def _is_input(file):
    if file.name.startswith('.') or file.suffix.lower() not in VIDEO_SUFFIXES + PHOTOGRAPH_SUFFIXES:
        return False
    stem = file.name.removesuffix(TIMELINE_SUFFIX) if file.name.endswith(TIMELINE_SUFFIX) else file.stem
    return not stem.removesuffix(CORRECTED_SUFFIX).endswith(OUTPUT_SUFFIX)


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
