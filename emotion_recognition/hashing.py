"""Hashes, which identify the contents of files."""

import hashlib
from functools import lru_cache
from pathlib import Path


def hash_file(path: str | Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits. The file is not read again until it changes.

    Raises:
        OSError: The file cannot be read.
    """
    path = Path(path)
    state = path.stat()
    return _hash(path, state.st_mtime_ns, state.st_size)


@lru_cache
def _hash(path, *_):
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
