"""CSV files that people bring or have changed: read as spreadsheets save them, with errors that say where they are.

It also keeps texts from outside, such as names of files and people, from being run by spreadsheets: a cell that begins
like a formula is written with an apostrophe before it, and read without.
"""

import csv
import math
import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from emotion_recognition.labels import InputError, reason
from emotion_recognition.media.input_file import check_regular_file
from emotion_recognition.results.text_encoding import find_encoding
from emotion_recognition.settings import MAX_NUMBER

SEPARATORS = ',;\t'  # spreadsheets write each of them; with the last two, numbers may have a decimal comma
FORMULA = re.compile(r"'*[=+\-@\t\r\n]")  # at the start of a cell; after apostrophes too, so that none is lost
MAX_HEADER_LENGTH = 100_000  # characters; a longer first line is no header
# In a table with commas, "1,5" may be a number, as Google Sheets writes it, but "1,500" may be two different ones.
THOUSANDS = re.compile(r',\d{3}(?!\d)')
CLOCK_TIME = re.compile(r'(?:(\d{1,6}):(?=[0-5]?\d:))?(\d{1,6}):([0-5]?\d(?:[.,]\d+)?)')  # h:mm:ss.s or m:ss.s


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
            value = float(text if self._may_be_thousands(text) else text.replace(',', '.'))
        except ValueError:
            value = math.nan
        if not minimum <= value <= maximum:
            raise self.error(column, expected)
        return value

    def _may_be_thousands(self, text):
        return not self._has_decimal_comma and THOUSANDS.search(text)

    def seconds(self, column: str) -> float:
        """The time in a cell, in seconds: `12`, `12.5` or `12,5`, `0:12` or `1:02:03.5`.

        Raises:
            InputError: There is no time.
        """
        clock_time = CLOCK_TIME.fullmatch(self.text(column))
        if not clock_time:
            return self.number(column, 'a time, such as 12.5 or 1:02:03')
        hours, minutes, seconds = clock_time.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(',', '.'))

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
        encoding: UTF-8 with or without its mark, UTF-16, or ANSI.
        separator: What separates the cells.
        columns: Names of the columns.
        lines_before: Number of empty lines before these names.
    """

    path: Path
    kind: str
    encoding: str
    separator: str
    columns: tuple[str, ...]
    lines_before: int = 0

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Yield each row that is not empty, with the number of its line.

        Raises:
            InputError: The file cannot be read, or a row has more cells than there are columns.
        """
        with _errors(self.path, self.kind), self.path.open(newline='', encoding=self.encoding) as file:
            reader = csv.reader(islice(file, self.lines_before, None), delimiter=self.separator, strict=True)
            next(reader, None)
            for cells in reader:
                line = self.lines_before + reader.line_num
                place = f'{self.path}: line {line}'
                if any(cells[len(self.columns) :]):
                    raise InputError(
                        f'{place} has {len(cells)} cells; expected {len(self.columns)}, as in the first line'
                    )
                if any(cells):
                    cells += [''] * (len(self.columns) - len(cells))
                    of_column = dict(zip(self.columns, map(from_cell, cells), strict=False))
                    yield line, Row(place, of_column, self.separator != ',')


def open_table(path: Path, columns: Sequence[str], kind: str, optional: Sequence[str] = ()) -> CsvTable:
    """Open a CSV file as spreadsheets save it, and read the names of its columns.

    It may be in UTF-8, UTF-16 or ANSI, with commas, semicolons or tabs between its cells, empty lines and columns, and
    names in any case.

    Args:
        path: Path of the file.
        columns: Columns that it must have, in any order and among others.
        kind: What it should be, for messages, such as `a table of spans`.
        optional: Columns that it may have, whose names are in any case too.

    Raises:
        InputError: It cannot be read, or lacks a column.
    """
    check_regular_file(path, kind)
    with _errors(path, kind):
        encoding = find_encoding(path)
        with path.open(newline='', encoding=encoding) as file:
            lines_before, line = _find_header(file)
        headers = {separator: next(csv.reader([line], delimiter=separator), []) for separator in SEPARATORS}
    headers = {separator: _to_names(header, [*columns, *optional]) for separator, header in headers.items()}
    separator = max(SEPARATORS, key=lambda separator: len({*columns} & {*headers[separator]}))
    if missing := [name for name in columns if name not in headers[separator]]:
        others = f', and perhaps {", ".join(optional)}' if optional else ''
        raise InputError(
            f'{path}: has no column {", ".join(missing)}; expected {kind} with the columns {", ".join(columns)}{others}'
        )
    return CsvTable(path, kind, encoding, separator, headers[separator], lines_before)


def _find_header(file):
    """The number of empty lines at the start of a file, and the first line that is not empty."""
    for lines_before, line in enumerate(iter(lambda: file.readline(MAX_HEADER_LENGTH), '')):
        if line.strip(f'{SEPARATORS} \r\n'):
            return lines_before, line
    return 0, ''


def _to_names(header, known):
    """The names in a header, the known ones as they are known, without empty ones at its end."""
    names = [from_cell(name.strip()) for name in header]
    while names and not names[-1]:
        names.pop()
    others = {name.casefold(): name for name in known if name not in names}
    return tuple(others.pop(name.casefold(), name) for name in names)


@contextmanager
def _errors(path, kind):
    try:
        yield
    except UnicodeError:
        raise InputError(f'{path}: is damaged, or no text; expected {kind}, saved as "CSV UTF-8"') from None
    except (OSError, csv.Error) as error:
        raise InputError(f'{path}: cannot be read as {kind} ({reason(error)})') from None
