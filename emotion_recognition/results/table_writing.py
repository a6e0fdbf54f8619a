"""How tables are written: with commas and decimal points, or in the European way, as `--decimal-comma` asks for."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = {False: ',', True: ';'}  # by whether numbers have a decimal comma
POINTS = {False: '.', True: ','}


class Table(NamedTuple):
    """A table as it is written.

    Attributes:
        columns: Names of the columns.
        rows: Their cells: texts, which have gone through `to_cell` if they are from outside, and numbers; lists too.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def records(self) -> list[dict[str, Any]]:
        """The rows, each as its cells by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def to_frame(self) -> 'pd.DataFrame':
        """The same for pandas."""
        import pandas as pd  # not at the top, since it takes a fifth of a second, and the scripts need none

        return pd.DataFrame(self.rows, columns=self.columns)

    def with_column(self, column: str, cell: Any) -> 'Table':
        """A copy that has the same cell in each row of a column."""
        place = self.columns.index(column)
        return self._replace(rows=[[*row[:place], cell, *row[place + 1 :]] for row in self.rows])


def write_table(table: Table, path: Path, decimal_comma: bool = False) -> None:
    """Write a table that people open in spreadsheets, see `write_text`.

    Args:
        table: The table.
        path: Path of the CSV file.
        decimal_comma: Whether numbers have a decimal comma, with semicolons between the cells.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=SEPARATORS[decimal_comma], lineterminator='\n')
    writer.writerow(table.columns)
    writer.writerows([cell_text(cell, decimal_comma) for cell in row] for row in table.rows)
    write_text(text.getvalue(), path)


def cell_text(cell: Any, decimal_comma: bool = False) -> str:
    """Convert a cell of a `Table` to text. NaN and None are empty ones."""
    if not isinstance(cell, float):
        return '' if cell is None else str(cell)
    return '' if math.isnan(cell) else repr(float(cell)).replace('.', POINTS[decimal_comma])  # without NumPy's type


def write_text(text: str, path: Path) -> None:
    """Write the text of a table.

    Excel takes letters for those of UTF-8 only after a byte order mark. R's read.csv does not expect one, so a table
    without letters that need it has none.
    """
    path.write_text(text, encoding='utf-8' if text.isascii() else 'utf-8-sig', newline='')


class RowWriter:
    """Writes the rows of a table one after the other, as `csv.writer` does.

    Args:
        file: File that was opened for text, without translation of line ends.
        columns: Names of the columns, which are written.
        texts: Names of those among them that hold no numbers.
        decimal_comma: Whether numbers have a decimal comma, with semicolons between the cells.
    """

    def __init__(self, file: TextIO, columns: Sequence[str], texts: Sequence[str], decimal_comma: bool = False):
        self._writer = csv.writer(file, delimiter=SEPARATORS[decimal_comma], lineterminator='\n')
        self._writer.writerow(columns)
        self._has_comma = [decimal_comma and name not in texts for name in columns]

    def writerow(self, cells: Iterable[Any]) -> None:
        """Write a row. Numbers may be given as texts with a decimal point."""
        if any(self._has_comma):
            cells = [
                str(cell).replace('.', ',') if has_comma else cell
                for cell, has_comma in zip(cells, self._has_comma, strict=True)
            ]
        self._writer.writerow(cells)

    def writerows(self, rows: Iterable[Iterable[Any]]) -> None:
        """Write several rows."""
        for cells in rows:
            self.writerow(cells)
