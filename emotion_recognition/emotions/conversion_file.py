"""The file of a conversion: a zip of OpenVINO's two files, and of what the conversion was made from.

Next to it stands its SHA-256, so that a conversion which was changed or damaged is not taken for what was made.
"""

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

CACHE_NAME = '.cache'  # folder next to model.h5
ARCHIVE_DATE = (1980, 1, 1, 0, 0, 0)  # of the files inside, so that the same conversion is always the same file
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # with others, unpacking cannot be limited
MAX_BYTES = 2**30  # of the zip file; that of EfficientNetB7, the largest, is a quarter of it
MAX_TEXT_BYTES = 2**25  # unpacked, of the files that are compressed; the shipped conversion has a fiftieth of it


def read_conversion(core, path: Path, origin: dict[str, str]):
    """Read a conversion.

    Args:
        core: The openvino.Core that reads it.
        path: Path of the zip file.
        origin: What the conversion must have been made from.

    Returns:
        An openvino.Model and the SHA-256 of the zip file, in hexadecimal digits. None if there is no such file, it has
        another origin, or it is not as it was written: its SHA-256 is not the one next to it.
    """
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        if not hash_path(path).read_text(encoding='ascii').startswith(sha256):
            return None
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if json.loads(_unpack(archive, 'origin.json', MAX_TEXT_BYTES)) == origin:
                weights = _unpack(archive, 'model.bin', len(content))  # they are not compressed
                return core.read_model(_unpack(archive, 'model.xml', MAX_TEXT_BYTES), weights), sha256
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError):
        pass
    return None


def _unpack(archive, name, max_bytes):
    """Unpack a file from a zip file. Raises ValueError, before it is unpacked, if it is larger than expected."""
    info = archive.getinfo(name)
    if info.file_size > max_bytes or info.compress_type not in METHODS:
        raise ValueError(f'{name} has {info.file_size} bytes; expected {max_bytes} at most, stored or deflated')
    with archive.open(info) as file:
        return file.read(info.file_size)  # never more, even if the size is a lie


def write_conversion(xml_path: Path, path: Path, origin: dict[str, str]) -> None:
    """Write a conversion, and its SHA-256 next to it, each completely or not at all.

    The weights are not compressed: that would make the file 7 % smaller, but every start slower.

    Args:
        xml_path: Path of OpenVINO's .xml file, next to which its .bin file is.
        path: Path of the new zip file.
        origin: What the conversion was made from.

    Raises:
        OSError: A file cannot be written.
    """
    contents = {
        'origin.json': (json.dumps(origin, indent=2).encode(), zipfile.ZIP_STORED),
        'model.xml': (xml_path.read_bytes(), zipfile.ZIP_DEFLATED),
        'model.bin': (xml_path.with_suffix('.bin').read_bytes(), zipfile.ZIP_STORED),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w') as archive:
        for name, (content, compression) in contents.items():
            archive.writestr(zipfile.ZipInfo(name, ARCHIVE_DATE), content, compression)
    _write(path, packed.getvalue())
    _write(hash_path(path), f'{hashlib.sha256(packed.getvalue()).hexdigest()}  {path.name}\n'.encode())


def keep_conversion(xml_path: Path, folders: Sequence[Path], name: str, origin: dict[str, str]) -> None:
    """Keep a conversion in the first folder that can be written, in place of those of the model's earlier contents.

    Args:
        xml_path, origin: See `write_conversion`.
        folders: The folders, which need not exist.
        name: Name of the zip file.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_conversion(xml_path, folder / name, origin)
        except OSError:
            continue
        for other in folder.glob('*.zip'):
            is_of_model = other.name.rpartition('-')[0] == name.rpartition('-')[0]
            if is_of_model and other.name != name and folder.name == CACHE_NAME:
                other.unlink(missing_ok=True)
                hash_path(other).unlink(missing_ok=True)
        return


def hash_path(path: Path) -> Path:
    """Path of the file with the SHA-256 of a conversion, in the form of the command sha256sum."""
    return path.with_suffix('.sha256')


def _write(path, content):
    temporary_path = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        temporary_path.write_bytes(content)
        os.replace(temporary_path, path)
    finally:
        with suppress(OSError):
            temporary_path.unlink()
