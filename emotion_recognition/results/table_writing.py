"""How tables are written: with commas and decimal points, or in the European way, as `--decimal-comma` asks for."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = {False: ',', True: ';'}  # by whether numbers have a decimal comma
POINTS = {False: '.', True: ','}


class Table(NamedTuple):
    """A table as it is written.

    Attributes:
        columns: Names of the columns.
        rows: Their cells: numbers, texts or lists of them, and None or NaN where nothing is known. Texts from outside
            have gone through `to_cell`.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def records(self) -> list[dict[str, Any]]:
        """The rows, each as its cells by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def to_frame(self) -> 'pd.DataFrame':
        """Convert the table to a DataFrame."""
        import pandas as pd  # not at the top, since it takes a sixth of a second, and the scripts do not need it

        return pd.DataFrame(self.rows, columns=self.columns)

    def with_column(self, column: str, cell: Any) -> 'Table':
        """Copy the table, with this cell in all rows of a column."""
        place = self.columns.index(column)
        return self._replace(rows=[[*row[:place], cell, *row[place + 1 :]] for row in self.rows])


def write_table(table: Table, path: Path, decimal_comma: bool = False, separator: str | None = None) -> None:
    """Write a table that people open in spreadsheets, see `write_text`.

    Args:
        table: The table.
        path: Path of the CSV file.
        decimal_comma: Whether numbers have a decimal comma, with semicolons between the cells.
        separator: What is between the cells instead.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator or SEPARATORS[decimal_comma], lineterminator='\n')
    writer.writerow(table.columns)
    writer.writerows([_to_text(cell, decimal_comma) for cell in row] for row in table.rows)
    write_text(text.getvalue(), path)


def _to_text(cell, decimal_comma):
    if not isinstance(cell, float | np.floating):
        return '' if cell is None else str(cell)
    return '' if np.isnan(cell) else str(cell).replace('.', POINTS[decimal_comma])


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
