"""How tables are written: with commas and decimal points, or in the European way, as `--decimal-comma` asks for."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

SEPARATORS = {False: ',', True: ';'}  # by whether numbers have a decimal comma
POINTS = {False: '.', True: ','}


def write_table(table: pd.DataFrame, path: Path, decimal_comma: bool = False) -> None:
    """Write a table that people open in spreadsheets, see `write_text`.

    Args:
        table: The table. Texts from outside have gone through `to_cell`.
        path: Path of the CSV file.
        decimal_comma: Whether numbers have a decimal comma, with semicolons between the cells.
    """
    text = table.to_csv(index=False, sep=SEPARATORS[decimal_comma], decimal=POINTS[decimal_comma], lineterminator='\n')
    write_text(text, path)


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
