"""Corrected tables of `--apply`: which there are, and which run each of them is about."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion_recognition.labels import InputError
from emotion_recognition.results.corrections import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, name_run
from emotion_recognition.results.csv_tables import open_table
from emotion_recognition.results.output_paths import RECORD_SUFFIX, Outputs, name_outputs, outputs_beside
from emotion_recognition.runs.record_file import find_video, name_of_video, path_of_video, read_record

SUFFIX = '.csv'
# As the page names it, and as browsers and systems name further copies: "x_corrected (1).csv", "x_corrected copy.csv"
NAME = re.compile(r'(?P<stem>.+)_corrected(?: ?\(\d+\)|-\d+| - Copy.*| copy.*)?\.csv', re.IGNORECASE)


@dataclass(frozen=True)
class CorrectedRun:
    """A run whose results are corrected.

    Attributes:
        table: Path of the corrected table.
        video: Path of the video.
        outputs: Where the results of the run are.
        record: Its record, empty if there is none.
    """

    table: Path
    video: Path
    outputs: Outputs
    record: dict[str, Any]


def find_tables(paths: Iterable[Path]) -> list[Path]:
    """Find the corrected tables among paths and in folders; of several copies of one table, the newest.

    Raises:
        InputError: There is none, or no such folder.
    """
    tables: dict[Path, None] = {}
    for path in paths:
        found = [path]
        if path.is_dir():
            found = [file for file in sorted(path.rglob(f'*{SUFFIX}')) if NAME.fullmatch(file.name)]
            if not found:
                raise InputError(
                    f'{path}: holds no corrected table; expected a folder with *_corrected{SUFFIX}, which review pages '
                    'download'
                )
        tables |= dict.fromkeys(Path(os.path.abspath(file)) for file in found)
    copies: dict[Path, list[Path]] = {}
    for table in tables:
        name = NAME.fullmatch(table.name)
        copies.setdefault(table.with_name(name['stem']) if name else table, []).append(table)
    for group in copies.values():
        group.sort(key=lambda table: table.stat().st_mtime if table.exists() else 0)
        *older, newest = group
        if older:
            print(f'{newest}: is the newest; not applied: {", ".join(table.name for table in older)}', file=sys.stderr)
    return [group[-1] for group in copies.values()]


def find_run(
    table: Path,
    others: Sequence[Path],
    output_filename: str | Path | None = None,
    output_folder: str | Path | None = None,
) -> CorrectedRun:
    """Find the run that a corrected table is about, and its video.

    The run is found by its record, which lies beside the table or in a folder that the user named: by the name of the
    table and by the run that the table states, or else by one of them.

    Args:
        table: Path of the corrected table.
        others: Videos and folders that the user named.
        output_filename, output_folder: Where the annotated video or all results of the run went, if the user named it.

    Raises:
        InputError: There is no such run, there are several, or its video is missing.
    """
    videos = [path for path in others if not path.is_dir()]
    run = _read_run(table)
    if len(videos) == 1:
        outputs = name_outputs(videos[0], output_filename, folder=Path(output_folder) if output_folder else None)
        # The video may have results of another run, too, next to it or in another folder
        if output_filename or (outputs.faces.exists() and run in ('', name_run(outputs.faces))):
            return CorrectedRun(table, videos[0], outputs, read_record(outputs.record))
    records = _find_records(table, others)
    found = _find_fitting(table, run, records)
    if len(found) > 1:
        raise InputError(f'{table}: is about the results of {found[0]} or of {found[1]}; name the video after it')
    if not found and len(videos) == 1:
        return CorrectedRun(table, videos[0], outputs, {})
    if not found:
        where = f'beside it or in {others[0]}' if others else 'beside it'
        raise InputError(
            f'{table}: no record of its run (..._run.json) {where}; name the folder of the results after it'
        )
    path, record = found[0], records[found[0]]
    places = [*videos, *(folder / (name_of_video(record) or '') for folder in [*others, table.parent])]
    video = find_video(path, places)
    if not video and len(videos) == 1:
        video = videos[0]  # which has another name now
    if not video:
        place = os.path.normpath(path_of_video(path))
        raise InputError(f'{table}: its video is not at {place}; name the video or its folder after the table')
    return CorrectedRun(table, video, outputs_beside(path, RECORD_SUFFIX), record)


def _find_fitting(table, run, records):
    """The records that a table is called like and whose run it states, or else those with one of both."""
    name = NAME.fullmatch(table.name)
    named = [path for path in records if name and path.name.casefold() == (name['stem'] + RECORD_SUFFIX).casefold()]
    same_run = [path for path in records if run and records[path].get('run') == run]  # of copies of a video, both
    both = [path for path in named if path in same_run or not run or 'run' not in records[path]]  # older ones have none
    return both or same_run or named


def _find_records(table, others):
    """The records beside a table and in folders, by their paths, without those of corrected results."""
    records_in = f'*{RECORD_SUFFIX}'
    paths = list(table.parent.glob(records_in))
    for path in others:
        paths += path.rglob(records_in) if path.is_dir() else path.parent.glob(records_in)
    records = {Path(os.path.abspath(path)): read_record(path) for path in paths}
    return {path: record for path, record in records.items() if name_of_video(record) and 'corrections' not in record}


def _read_run(table):
    """The run that a corrected table names in its rows; empty if it names none."""
    rows = open_table(table, REQUIRED_COLUMNS, 'a table of periods from the review page', OPTIONAL_COLUMNS).rows()
    return next((row.text('run') for _, row in rows if row.text('run')), '')
