"""In which encoding spreadsheets have saved a table."""

import codecs
import sys
from functools import cache
from pathlib import Path

from emotion_recognition.labels import InputError

ANSI = 'cp1252'  # what Excel means by CSV without "UTF-8" on most computers with Latin letters
WORKBOOKS = b'PK\x03\x04', b'\xd0\xcf\x11\xe0'  # how .xlsx, .ods and .xls files begin
CHUNK_BYTES = 1 << 20


def find_encoding(path: Path) -> str:
    """Find the encoding of a table: UTF-8 with or without its mark, UTF-16 with its mark, otherwise ANSI.

    Raises:
        InputError: It is a workbook, not a table.
        OSError: It cannot be read.
    """
    with path.open('rb') as file:
        start = file.read(4)
        if start.startswith(WORKBOOKS):
            raise InputError(
                f'{path}: is a workbook of a spreadsheet; save it there as "CSV UTF-8" (File, Save As), and name that'
            )
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return 'utf-16'
        if start.startswith(codecs.BOM_UTF8):
            return 'utf-8-sig'
        file.seek(0)
        decoder = codecs.getincrementaldecoder('utf-8')()
        try:
            for chunk in iter(lambda: file.read(CHUNK_BYTES), b''):
                decoder.decode(chunk)
            decoder.decode(b'', final=True)
        except UnicodeError:
            _say_guessed(path)
            return ANSI
    return 'utf-8'


@cache
def _say_guessed(path):
    """Say, once of a file, what its letters are taken for: in another encoding they would be other ones."""
    print(f'{path}: is not in UTF-8 and is read as ANSI; if letters are wrong, save it as "CSV UTF-8"', file=sys.stderr)
