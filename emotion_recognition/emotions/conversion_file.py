"""The file of a conversion: a zip of OpenVINO's two files, and of what the conversion was made from."""

import json
import os
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

ARCHIVE_DATE = (1980, 1, 1, 0, 0, 0)  # of the files inside, so that the same conversion is always the same file


def read_conversion(core, path: Path, origin: dict[str, str]):
    """Read a conversion.

    Args:
        core: The openvino.Core that reads it.
        path: Path of the zip file.
        origin: What the conversion must have been made from.

    Returns:
        An openvino.Model, or None if there is no such file, it has another origin, or it is damaged. The check sums of
        the zip file show damage.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if json.loads(archive.read('origin.json')) == origin:
                return core.read_model(archive.read('model.xml'), archive.read('model.bin'))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error, RuntimeError):
        pass
    return None


def write_conversion(xml_path: Path, path: Path, origin: dict[str, str]) -> None:
    """Write a conversion completely or not at all.

    The weights are not compressed: that would make the file 7 % smaller, but every start slower.

    Args:
        xml_path: Path of OpenVINO's .xml file, next to which its .bin file is.
        path: Path of the new zip file.
        origin: What the conversion was made from.

    Raises:
        OSError: The file cannot be written.
    """
    contents = {
        'origin.json': (json.dumps(origin, indent=2).encode(), zipfile.ZIP_STORED),
        'model.xml': (xml_path.read_bytes(), zipfile.ZIP_DEFLATED),
        'model.bin': (xml_path.with_suffix('.bin').read_bytes(), zipfile.ZIP_STORED),
    }
    temporary_path = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with zipfile.ZipFile(temporary_path, 'w') as archive:
            for name, (content, compression) in contents.items():
                archive.writestr(zipfile.ZipInfo(name, ARCHIVE_DATE), content, compression)
        os.replace(temporary_path, path)
    finally:
        with suppress(OSError):
            temporary_path.unlink()
