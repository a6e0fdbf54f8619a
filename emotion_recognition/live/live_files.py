"""The files of a live run: what they are called, and the pictures that the user saves."""

import sys
from datetime import datetime
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from emotion_recognition.labels import InputError, reason


def name_table(csv_path: str | Path) -> Path:
    """Name the table: codes such as %Y in the file's name are replaced by the current time.

    Raises:
        InputError: The table cannot be there, or one is there already. A live run cannot be repeated, so its table is
            never overwritten.
    """
    path = Path(csv_path)
    if path.is_dir():
        raise InputError(f'{path}: is a folder; expected a name for the table')
    try:
        path = path.with_name(datetime.now().strftime(path.name))
    except ValueError:
        raise InputError(f'{path}: its codes do not give a file name; some, such as %D, contain slashes') from None
    if not path.parent.is_dir():
        raise InputError(f'{path.parent}: no such folder for the table')
    if path.exists():
        raise InputError(f'{path}: already exists; expected another name, since a live table is never overwritten')
    return path


def next_free_path(table_path: Path, suffix: str) -> Path:
    """Path next to the live table, with its name, a suffix such as `.mp4` and the first number that is free."""
    paths = (table_path.with_name(f'{table_path.stem}_{number}{suffix}') for number in count(1))
    return next(path for path in paths if not path.exists())


def save_pictures(table_path: Path, shown_bgr: np.ndarray, camera_bgr: np.ndarray) -> None:
    """Save two pictures as PNG next to the table, under the next free number, and print their paths, or why it failed.

    Args:
        table_path: Path of the live table.
        shown_bgr: What the window shows, (height, width, 3) uint8, BGR.
        camera_bgr: The same as it came from the camera, with nothing drawn on it and not mirrored.
    """
    path = next_free_path(table_path, '.png')
    _save(path, shown_bgr)
    _save(path.with_name(f'{path.stem}_camera.png'), camera_bgr)


def _save(path, picture_bgr):
    try:
        path.write_bytes(cv2.imencode('.png', picture_bgr)[1])
        print(f'Saved {path}')
    except OSError as error:
        path.unlink(missing_ok=True)  # what there is of it
        print(f'{path}: cannot be written ({reason(error)})', file=sys.stderr)
