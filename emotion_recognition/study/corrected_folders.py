"""The tables about folders, with what has been corrected in their videos."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from emotion_recognition.labels import InputError, describe_error
from emotion_recognition.results.csv_tables import from_cell, open_table, to_cell
from emotion_recognition.results.output_paths import FOLDER_SUFFIX, PEOPLE_SUFFIX, SUMMARY_SUFFIX, Outputs, to_text
from emotion_recognition.results.people_table import PersonInFile, make_people_table
from emotion_recognition.results.summary import join_rows, read_summary
from emotion_recognition.results.table_writing import write_table
from emotion_recognition.runs.run_folder import RunFolder

MAX_FOLDERS_ABOVE = 5  # in which tables are looked for


def follow_corrections(outputs: Outputs, appearances: Sequence[PersonInFile], video_name: str) -> dict[Path, str]:
    """Put what has been corrected in a video into the summaries and tables of people of the folders that have it.

    They are looked for in the folder of the results and, since results may be in subfolders, in those above. There, a
    video is called by its path from the folder. Says which tables were changed.

    Args:
        outputs: Where the corrected results are.
        appearances: Who is seen in the video, as corrected; nobody if people are not told apart.
        video_name: Name of the video.

    Returns:
        Why some tables were not changed.
    """
    problems = {}
    folder = Path(os.path.abspath(outputs.annotated.parent))
    for place in (folder, *list(folder.parents)[:MAX_FOLDERS_ABOVE]):
        name = to_text((folder.relative_to(place) / video_name).as_posix())
        tables = {path: 'video' for path in place.glob(f'*{FOLDER_SUFFIX}{SUMMARY_SUFFIX}')}
        if appearances:
            tables |= {path: 'file' for path in place.glob(f'*{FOLDER_SUFFIX}{PEOPLE_SUFFIX}')}
        for path, column in tables.items():
            try:
                new = read_summary(outputs.summary) if column == 'video' else make_people_table(appearances)
                if _replace_rows(path, column, name, new.with_column(column, to_cell(name))):
                    print(f'Corrected too: {path}')
            except (InputError, OSError) as error:
                problems[path] = describe_error(error, path)
    return problems


def _replace_rows(path, column, name, new):
    """Replace the rows about a video in a table, and leave all others as they are. Returns whether there were any."""
    table = open_table(path, [column], 'a table of a folder')
    with path.open(newline='', encoding=table.encoding) as file:
        header, *rows = filter(any, csv.reader(file, delimiter=table.separator))
    place = table.columns.index(column)
    if not any(from_cell(row[place]) == name for row in rows):
        return False
    others = [dict(zip(header, row, strict=False)) for row in rows if from_cell(row[place]) != name]
    before = next(index for index, row in enumerate(rows) if from_cell(row[place]) == name)
    changed = [*others[:before], *new.records(), *others[before:]]
    if column == 'file':
        changed.sort(key=_person_of)
    with RunFolder(Outputs(path)) as own:
        joined = join_rows([*header, *new.columns], changed)
        write_table(joined, own.annotated, table.separator != ',', table.separator)
    return True


def _person_of(row):
    number = str(row.get('person', ''))
    return int(number) if number.isdigit() else 0
