"""CSV files that people bring or have changed: read as spreadsheets save them, with errors that say where they are.

It also keeps texts from outside, such as names of files and people, from being run by spreadsheets: a cell that begins
like a formula is written with an apostrophe before it, and read without.
"""

import codecs
import csv
import math
import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emotion_recognition.labels import InputError, reason
from emotion_recognition.media.input_file import check_regular_file
from emotion_recognition.settings import MAX_NUMBER

SEPARATORS = ',;\t'  # spreadsheets write each of them; with the last two, numbers may have a decimal comma
FORMULA = re.compile(r"'*[=+\-@\t\r\n]")  # at the start of a cell; after apostrophes too, so that none is lost
MAX_HEADER_LENGTH = 100_000  # characters; a longer first line is no header


def to_cell(text: str) -> str:
    """Put an apostrophe before a text from outside that a spreadsheet would run as a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def from_cell(cell: str) -> str:
    """Take off the apostrophe that `to_cell` put there."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


class Row:
    """One row of a table.

    Args:
        place: The file and the line, for messages.
        cells: The cells of all columns, by their names.
        has_decimal_comma: Whether numbers may be written with a decimal comma.

    Attributes:
        cells: The same cells, with blanks around them as the file has them.
    """

    def __init__(self, place: str, cells: Mapping[str, str], has_decimal_comma: bool):
        self.cells = cells
        self._place = place
        self._has_decimal_comma = has_decimal_comma

    def text(self, column: str) -> str:
        """The text of a cell without blanks around it; empty if there is no such column."""
        return self.cells.get(column, '').strip()

    def number(
        self, column: str, expected: str = 'a number', minimum: float = -MAX_NUMBER, maximum: float = MAX_NUMBER
    ) -> float:
        """The number in a cell.

        Args:
            column: Name of the column.
            expected: What to expect there, for the message.
            minimum, maximum: Its bounds.

        Raises:
            InputError: There is no number, or it is out of its bounds.
        """
        text = self.text(column)
        try:
            value = float(text.replace(',', '.') if self._has_decimal_comma else text)
        except ValueError:
            value = math.nan
        if not minimum <= value <= maximum:
            raise self.error(column, expected)
        return value

    def whole_number(
        self, column: str, expected: str = 'a number from 1', minimum: int = 1, maximum: int = MAX_NUMBER
    ) -> int:
        """The whole number in a cell, see `number`."""
        text = self.text(column)
        value = int(text) if re.fullmatch(r'-?\d{1,10}', text) else None
        if value is None or not minimum <= value <= maximum:
            raise self.error(column, expected)
        return value

    def error(self, column: str, expected: str) -> InputError:
        """Make the error that says what is wrong with a cell."""
        return InputError(f'{self._place} has {reprlib.repr(self.text(column))} under {column}; expected {expected}')


@dataclass(frozen=True)
class CsvTable:
    """A table that `open_table` has opened.

    Attributes:
        path: Path of the file.
        kind: What it should be, for messages.
        encoding: UTF-8 with or without its mark, or UTF-16.
        separator: What separates the cells.
        columns: Names of the columns.
    """

    path: Path
    kind: str
    encoding: str
    separator: str
    columns: tuple[str, ...]

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Yield each row that is not empty, with the number of its line.

        Raises:
            InputError: The file cannot be read, or a row has more cells than there are columns.
        """
        with _errors(self.path, self.kind), self.path.open(newline='', encoding=self.encoding) as file:
            reader = csv.reader(file, delimiter=self.separator, strict=True)
            next(reader, None)
            for cells in reader:
                place = f'{self.path}: line {reader.line_num}'
                if any(cells[len(self.columns) :]):
                    raise InputError(
                        f'{place} has {len(cells)} cells; expected {len(self.columns)}, as in the first line'
                    )
                if any(cells):
                    cells += [''] * (len(self.columns) - len(cells))
                    of_column = dict(zip(self.columns, map(from_cell, cells), strict=False))
                    yield reader.line_num, Row(place, of_column, self.separator != ',')


def open_table(path: Path, columns: Sequence[str], kind: str) -> CsvTable:
    """Open a CSV file in UTF-8 or UTF-16, with commas, semicolons or tabs between its cells, and read its first line.

    Args:
        path: Path of the file.
        columns: Columns that it must have, in any order and among others.
        kind: What it should be, for messages, such as `a table of spans`.

    Raises:
        InputError: It cannot be read, or lacks a column.
    """
    check_regular_file(path, kind)
    with _errors(path, kind):
        with path.open('rb') as file:
            encoding = _find_encoding(file.read(4))
        with path.open(newline='', encoding=encoding) as file:
            line = file.readline(MAX_HEADER_LENGTH)
        headers = {separator: next(csv.reader([line], delimiter=separator), []) for separator in SEPARATORS}
    headers = {separator: tuple(from_cell(name.strip()) for name in header) for separator, header in headers.items()}
    separator = max(SEPARATORS, key=lambda separator: len({*columns} & {*headers[separator]}))
    if missing := [name for name in columns if name not in headers[separator]]:
        raise InputError(
            f'{path}: has no column {", ".join(missing)}; expected {kind} with the columns {", ".join(columns)}'
        )
    return CsvTable(path, kind, encoding, separator, headers[separator])


def _find_encoding(start):
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return 'utf-16'
    return 'utf-8-sig' if start.startswith(codecs.BOM_UTF8) else 'utf-8'


@contextmanager
def _errors(path, kind):
    try:
        yield
    except UnicodeError:  # which letters the bytes of another encoding stand for could only be guessed
        raise InputError(f'{path}: is not in UTF-8, as {kind} must be; save it as "CSV UTF-8"') from None
    except (OSError, csv.Error) as error:
        raise InputError(f'{path}: cannot be read as {kind} ({reason(error)})') from None
