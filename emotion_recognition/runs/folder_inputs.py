"""What a folder holds to analyse, and what is left out; and the files that a pattern stands for."""

import glob
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from emotion_recognition.media.photographs import COPY_SUFFIXES, PHOTOGRAPH_SUFFIXES, is_photograph
from emotion_recognition.results.output_paths import (
    CORRECTED_SUFFIX,
    FOLDER_SUFFIX,
    OUTPUT_SUFFIX,
    PEOPLE_SUFFIX,
    RECORD_SUFFIX,
    TIMELINE_SUFFIX,
    Outputs,
    outputs_beside,
)
from emotion_recognition.runs.run_folder import KEPT

# fmt: off
VIDEO_SUFFIXES = [  # of the files that are taken from a folder
    '.3g2', '.3gp', '.asf', '.avi', '.divx', '.dv', '.f4v', '.flv', '.m2ts', '.m2v', '.m4v', '.mkv', '.mov', '.mp4',
    '.mpeg', '.mpg', '.mts', '.mxf', '.ogm', '.ogv', '.qt', '.ts', '.vob', '.webm', '.wmv',
]
# fmt: on
MAX_KINDS = 10  # of files left out that are listed, and of folders


def expand_patterns(paths: Iterable[Path]) -> list[Path]:
    """Replace patterns such as `*.mp4`, which shells expand except on Windows, by what they stand for.

    A pattern that is the very name of a file stands for that file, and one that fits nothing stays as it is. Own
    results are left out, as they are in folders.
    """
    expanded: list[Path] = []
    for path in paths:
        fits = [] if os.path.lexists(path) else sorted(map(Path, glob.glob(str(path))))
        expanded += [fit for fit in fits if not _is_own_copy(fit)] or [path]
    return expanded


def list_inputs(folder: Path, recursive: bool) -> list[Path]:
    """List the videos and photographs in a folder, without hidden files and own results.

    What else is in it is counted by its kind on stderr, and folders with videos or photographs that are not searched
    are named there.

    Args:
        folder: Path of the folder.
        recursive: Whether to search the folders in it too, except hidden ones and those of unfinished runs.

    Raises:
        OSError: The folder cannot be read.
    """
    files = _list_files(folder, recursive)
    inputs = [file for file in files if is_input(file)]
    own = _name_own_results(files) | {file for file in files if _is_named_as_own(file)}
    left_out = Counter(file.suffix.lower() for file in set(files) - set(inputs) - own)
    if left_out:
        kinds = sorted(left_out.items(), key=lambda kind: (-kind[1], kind[0]))
        listed = [f'{count} {suffix or "without a suffix"}' for suffix, count in kinds[:MAX_KINDS]]
        if others := sum(count for _, count in kinds[MAX_KINDS:]):
            listed.append(f'{others} of other kinds')
        print(f'{folder}: {", ".join(listed)} not taken', file=sys.stderr)
    if inputs and not recursive and (folders := _name_folders(folder)):
        named = ', '.join(folders[:MAX_KINDS] + ['...'] * (len(folders) > MAX_KINDS))
        print(f'{folder}: not searched: {named}; --recursive searches the folders in it too', file=sys.stderr)
    return inputs


def _name_folders(folder: Path) -> list[str]:
    """Name the folders directly in a folder that hold videos or photographs."""
    names = []
    for inner in sorted(folder.iterdir()):
        with suppress(OSError):  # nobody asked for what is in it
            if inner.is_dir() and _is_searched(inner.name) and any(map(is_input, _list_files(inner, False))):
                names.append(inner.name)
    return names


def _list_files(folder, recursive):
    files = []
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if recursive and _is_searched(name))
        files += [Path(parent, name) for name in sorted(names) if not name.startswith('.')]
    return files


def _is_searched(name):
    return not name.startswith('.') and KEPT not in name


def _raise(error):
    raise error


def is_input(file: Path) -> bool:
    """Whether a file in a folder is a video or a photograph, and no result of this program."""
    if file.suffix.lower() not in VIDEO_SUFFIXES + PHOTOGRAPH_SUFFIXES and not is_photograph(file):
        return False
    return not _is_own_copy(file)


def _is_own_copy(file):
    """Whether a file is an annotated copy, a timeline or a picture of people of this program."""
    if file.stem.endswith(FOLDER_SUFFIX + Path(PEOPLE_SUFFIX).stem):  # the picture of a folder's people
        return True
    is_timeline = file.name.endswith(TIMELINE_SUFFIX)
    stem = file.name.removesuffix(TIMELINE_SUFFIX) if is_timeline else file.stem
    annotated = file.with_name(stem.removesuffix(CORRECTED_SUFFIX) + '.mp4')
    if is_timeline or file.suffix.lower() == annotated.suffix:  # of a video, perhaps under a name that the user chose
        # Path.exists would fail if the record's name were too long.
        return annotated.stem.endswith(OUTPUT_SUFFIX) or os.path.exists(Outputs(annotated).record)
    return annotated.stem.endswith(OUTPUT_SUFFIX)


def _is_named_as_own(file):
    return any(f'{OUTPUT_SUFFIX}{separator}' in file.name for separator in '._')


def _name_own_results(files: Sequence[Path]) -> set[Path]:
    """Paths of the results that records are about, under whatever names."""
    records = [file for file in files if file.name.endswith(RECORD_SUFFIX)]
    named = [outputs_beside(record, RECORD_SUFFIX) for record in records]
    return {path for outputs in named for path in (*outputs.all(), *outputs.corrected().all())}


def count_stems(folder: Path) -> Counter[str]:
    """Count the inputs of a folder that have each stem. Case does not tell files apart on Windows and macOS.

    HEIC and others whose results are always named after all of their names do not count.
    """
    try:
        files = [file for file in folder.iterdir() if file.suffix.lower() in COPY_SUFFIXES or not is_photograph(file)]
        return Counter(file.stem.casefold() for file in files if is_input(file))
    except OSError:  # that there is no such file is said later
        return Counter()
