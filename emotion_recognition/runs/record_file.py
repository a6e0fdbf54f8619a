"""The record of a run as a file: reading it, and which files it claims as this program's own."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

EARLIER = 'left_from_earlier_runs'  # names of results that a run did not write and an earlier record claimed


def read_record(path: Path) -> dict[str, Any]:
    """Read a record. It is empty if there is none, or if the file is damaged or not a record."""
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) and 'made_with' in record else {}


def save_record(record: dict[str, Any], path: Path) -> None:
    """Write a record.

    Raises:
        OSError: It cannot be written.
    """
    path.write_text(json.dumps(record, indent=1) + '\n', encoding='utf-8')


def claimed_names(record: dict[str, Any]) -> set[str]:
    """Names of the files next to a record that this program wrote, in this run or an earlier one."""
    groups = [record.get(key) for key in ('results', EARLIER)]
    return {name for group in groups if isinstance(group, list | dict) for name in group if isinstance(name, str)}


def name_of_video(record: dict[str, Any]) -> str | None:
    """Name of the video that a record is about, without any folder; None if it does not say."""
    video = record.get('video')
    name = video.get('name') if isinstance(video, dict) else None
    return (Path(name).name or None) if isinstance(name, str) else None


def find_folder_of_video(path: Path, folder: Path) -> str | None:
    """The folder of a video as a record has it if its results are in another one: relative to theirs, with slashes.

    Args:
        path: Path of the video.
        folder: Folder of the results.

    Returns:
        The folder; None if it is that of the results.
    """
    try:
        relative = Path(os.path.relpath(path.parent, folder))
    except ValueError:  # on another drive of Windows
        relative = path.parent.absolute()
    return None if relative == Path() else relative.as_posix()


def path_of_video(record_path: Path) -> Path | None:
    """Path of the video that a record is about, as seen from where the record is; None if it does not say."""
    record = read_record(record_path)
    name = name_of_video(record)
    folder = record['video'].get('folder', '') if name else ''
    return record_path.parent / folder / name if name and isinstance(folder, str) else None


def find_video(record_path: Path, others: Iterable[Path]) -> Path | None:
    """Find the video that a record is about, which may have been moved with or without it.

    Args:
        record_path: Path of the record.
        others: Further places where it may be, which come first.

    Returns:
        Its path; None if it is in none of these places.
    """
    stated = path_of_video(record_path)
    places = [*others, stated, record_path.parent / stated.name] if stated else []
    return next((place for place in places if place.name == stated.name and place.is_file()), None)
