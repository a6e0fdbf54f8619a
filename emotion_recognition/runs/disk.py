"""Writing files to the disk at once: after a power failure they are whole, and not empty under their names."""

import os
from contextlib import suppress
from pathlib import Path


def write_through(path: Path) -> None:
    """Let the system write a file that was closed to the disk now.

    Raises:
        OSError: It cannot be written.
    """
    with path.open('r+b') as file:
        os.fsync(file.fileno())


def write_folder_through(folder: Path) -> None:
    """Let the system write the names of a folder's files to the disk now, if it can."""
    with suppress(OSError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
