"""Names of videos in tables that people write: in any case, with or without suffix and folders."""

import os
import re
import unicodedata
from pathlib import Path


def split_name(text: str) -> tuple[str, ...]:
    """Split a name into its folders and the name itself, as they are compared."""
    return tuple(_comparable(part) for part in re.split(r'[/\\]+', text))


def is_name_of(parts: tuple[str, ...], video_path: Path) -> bool:
    """Whether what `split_name` gave can mean a video: its name, after as many of its folders as the user likes."""
    *folders, name = parts
    folders = [folder for folder in folders if folder not in ('', '.')]
    parents = [_comparable(part.rstrip('/\\')) for part in Path(os.path.abspath(video_path)).parts[:-1]]
    return name in names_of(video_path) and folders == parents[len(parents) - len(folders) :]


def names_of(video_path: Path) -> set[str]:
    """What a video may be called, as it is compared: its name, and that without the suffix, which Windows hides."""
    return {_comparable(video_path.name), _comparable(video_path.stem)}


def _comparable(name):
    """Compose each letter and its accents into one character, which macOS keeps apart in the names of files, and leave
    out which letters are capitals."""
    return unicodedata.normalize('NFC', name).casefold()
