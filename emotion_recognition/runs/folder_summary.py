"""The summary of all videos in a folder."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from emotion_recognition.labels import InputError, describe_error
from emotion_recognition.results.output_paths import Outputs, name_summary_of_folder
from emotion_recognition.runs.run_folder import RunFolder


def summarise_folders(folders: Iterable[Path], done: dict[Path, Outputs]) -> dict[Path, str]:
    """Join the summaries of each folder's videos in one table in that folder.

    Args:
        folders: Folders that the user named.
        done: The analysed videos, and where their results are.

    Returns:
        Why some tables could not be written.
    """
    problems = {}
    for folder in folders:
        path = name_summary_of_folder(folder)
        summaries = [outputs.summary for video, outputs in done.items() if video.parent == folder]
        try:
            if summaries:
                join_summaries(summaries, path)
                print(f'Wrote {path}, a row for each video and person')
        except (InputError, OSError) as error:
            problems[path] = describe_error(error, path)
    return problems


def join_summaries(paths: Iterable[Path], path: Path) -> None:
    """Write the rows of several videos' summaries, all made with one model, into one table.

    Raises:
        InputError: Another run is writing the table.
        OSError: It cannot be written.
    """
    # Read as text, so that each number is written as in the video's own summary, and a span may be called NA.
    tables = [pd.read_csv(one, dtype=str, keep_default_na=False) for one in paths]
    with RunFolder(Outputs(path)) as own:
        pd.concat(tables).to_csv(own.annotated, index=False)
