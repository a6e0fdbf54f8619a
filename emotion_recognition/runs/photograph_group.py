"""The photographs of a folder: the table with the faces of all, and which of them an earlier run has done."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emotion_recognition.results.csv_tables import to_cell
from emotion_recognition.results.face_table import FaceColumns, FaceTable
from emotion_recognition.results.output_paths import Outputs, name_in_folder
from emotion_recognition.results.table_writing import SEPARATORS
from emotion_recognition.runs.provenance import describe_provenance
from emotion_recognition.runs.record_file import read_record, save_record
from emotion_recognition.runs.run_folder import RunFolder
from emotion_recognition.settings import Settings


@dataclass(frozen=True)
class PhotographGroup:
    """The photographs of one folder that the user named, or those that the user named one by one.

    Attributes:
        folder: The folder, or None.
        outputs: The photographs that are to be done, and where their results go.
        table_path: Path of the table with the faces of all; None if there is no folder.
        with_own_tables: Whether each photograph gets a table of its own.
        done_rows: Rows of the photographs that an earlier run has done, which the table keeps.
        is_done: Whether an earlier run has done all of them, and the table is about no others.
    """

    folder: Path | None
    outputs: dict[Path, Outputs]
    table_path: Path | None = None
    with_own_tables: bool = True
    done_rows: Sequence[Sequence[str]] = ()
    is_done: bool = False

    def name(self, path: Path) -> str:
        """What the table calls a photograph."""
        return name_in_folder(path, self.folder)

    @contextmanager
    def open_table(self, columns: FaceColumns, made_with: dict[str, Any]) -> Iterator[FaceTable | None]:
        """Open the table with the faces of all, if there is one. It is moved into place at the end, with a record.

        Args:
            columns: Its columns after the first one, `file`.
            made_with: What the results are made with, see `describe_provenance`.
        """
        if not self.table_path:
            yield None
            return
        with RunFolder(Outputs(self.table_path)) as own:
            with FaceTable(own.annotated, columns, ['file']) as table:
                table.copy(self.done_rows)
                yield table
            results = {own.annotated.name: own.annotated.stat().st_size}
            save_record({'made_with': made_with, 'results': results, 'ended_early': None}, own.record)


def find_pending_photographs(groups: Sequence[PhotographGroup], settings: Settings) -> list[PhotographGroup]:
    """Leave out photographs that an earlier run's table has and that would be the same now. Prints how many these are.

    Raises:
        OSError: See `describe_provenance`.
    """
    if not groups:
        return []
    provenance = describe_provenance(settings)
    left = [_leave_out_done(group, provenance, settings) for group in groups]
    count, left_count = (sum(len(group.outputs) for group in some) for some in (groups, left))
    print(f'Done before: {count - left_count} of {count} photographs')
    return [group for group in left if not group.is_done]


def _leave_out_done(group, provenance, settings):
    rows = _read_rows(group.table_path, provenance, SEPARATORS[settings.decimal_comma]) if group.table_path else {}
    done = {
        path: rows[cell]
        for path, outputs in group.outputs.items()
        if (cell := to_cell(group.name(path))) in rows and _is_whole(path, outputs, group, settings)
    }
    return replace(
        group,
        outputs={path: outputs for path, outputs in group.outputs.items() if path not in done},
        done_rows=[row for of_photograph in done.values() for row in of_photograph],
        is_done=bool(rows) and len(done) == len(group.outputs) == len(rows),
    )


def _read_rows(path, provenance, separator):
    """Read the rows of each photograph from a table that is as it was written, and was made with the same."""
    record = read_record(Outputs(path).record)
    rows: dict[str, list[list[str]]] = {}
    try:
        is_whole = record['results'] == {path.name: path.stat().st_size} and record['ended_early'] is None
        if is_whole and record['made_with'] == provenance:
            with path.open(newline='', encoding='utf-8') as file:
                reader = csv.reader(file, delimiter=separator)
                next(reader)
                for row in reader:
                    rows.setdefault(row[0], []).append(row)
    except (OSError, ValueError, KeyError, IndexError, StopIteration, csv.Error):  # no record, or it is damaged
        return {}
    return rows


def _is_whole(path, outputs, group, settings):
    """Whether a photograph is older than the table, and its other results are there."""
    wanted = [outputs.annotated] * settings.write_video + [outputs.faces] * group.with_own_tables
    is_older = path.stat().st_mtime_ns < group.table_path.stat().st_mtime_ns
    return is_older and all(result.exists() for result in wanted)
