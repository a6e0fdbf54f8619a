"""The summary of all videos in a folder."""

from collections.abc import Iterable
from pathlib import Path

from emotion_recognition.labels import InputError, describe_error
from emotion_recognition.results.csv_tables import to_cell
from emotion_recognition.results.output_paths import Outputs, name_in_folder, name_summary_of_folder
from emotion_recognition.results.summary import join_rows, read_summary
from emotion_recognition.results.table_writing import Table, write_table
from emotion_recognition.runs.record_file import read_record
from emotion_recognition.runs.run_folder import RunFolder


def summarise_folders(
    folders: Iterable[Path],
    done: dict[Path, Outputs],
    output_folder: Path | None = None,
    decimal_comma: bool = False,
) -> dict[Path, str]:
    """Join the summaries of each folder's videos in one table. All were made with one model. Of a video that was
    corrected, the corrected summary is taken.

    The column `video` has the path within the folder, which is the name for a video that is in no folder in there.

    Args:
        folders: Folders that the user named.
        done: The analysed videos, and where their results are.
        output_folder: Folder for the tables; None for the folders themselves.
        decimal_comma: Whether the tables are written in the European way, see `write_table`.

    Returns:
        Why some tables could not be written, and why the rows of some videos are missing in them.
    """
    problems = {}
    for folder in folders:
        path = name_summary_of_folder(folder, output_folder)
        tables: list[Table] = []
        for video, outputs in done.items():
            if folder not in video.parents:
                continue
            summary = choose_summary(outputs)
            try:
                name = to_cell(name_in_folder(video, folder))
                tables.append(read_summary(summary).with_column('video', name))
            except InputError as error:
                problems[summary] = f'{error} (its rows are missing in {path})'
        try:
            if tables:
                columns = (column for table in tables for column in table.columns)
                joined = join_rows(columns, (row for table in tables for row in table.records()))
                with RunFolder(Outputs(path)) as own:
                    write_table(joined, own.annotated, decimal_comma)
                print(f'Wrote {path}, a row for each video and person')
        except (InputError, OSError) as error:
            problems[path] = describe_error(error, path)
    return problems


def choose_summary(outputs: Outputs) -> Path:
    """Path of the summary of a video that counts: the corrected one, if it corrects the run that is there."""
    corrected = outputs.corrected().summary
    return corrected if corrects_run(outputs) and corrected.exists() else outputs.summary


def corrects_run(outputs: Outputs) -> bool | None:
    """Whether the corrected results of a video are about the run that is there now; None if none say what they are
    about."""
    corrected_run = read_record(outputs.corrected().record).get('corrections', {}).get('run')
    if not corrected_run:
        return None
    return corrected_run == read_record(outputs.record).get('run', corrected_run)  # older records do not say
