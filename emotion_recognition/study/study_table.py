"""The table of a study: one row for each participant and condition, from the summaries of its videos."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from emotion_recognition.labels import InputError
from emotion_recognition.results.csv_tables import from_cell, to_cell
from emotion_recognition.results.output_paths import CORRECTED_SUFFIX, FOLDER_SUFFIX, SUMMARY_SUFFIX, outputs_beside
from emotion_recognition.results.summary import MEAN, SHARE, USABLE, WHOLE_VIDEO, read_summary
from emotion_recognition.results.video_names import is_name_of, split_name
from emotion_recognition.runs.folder_summary import corrects_run
from emotion_recognition.runs.record_file import read_record
from emotion_recognition.study.participants import Appearance, read_participants

CORRECTED = CORRECTED_SUFFIX + SUMMARY_SUFFIX  # how the names of corrected summaries end
SUMS, RATE = ['frames', 'seconds'], 'changes_per_minute'
SOURCE_COLUMNS = ['video', 'person', 'chosen', 'corrected']  # where a row comes from
MAX_NAMED = 5


@dataclass(frozen=True)
class SummaryOfVideo:
    """The summary of a video.

    Attributes:
        path: Its file.
        video: Name of the video, after its folders within that of the results.
        rows: A row for each person, and for each of them in each span: `span`, `person` (number of the person, or of
            the face if people are not told apart), and columns of numbers.
    """

    path: Path
    video: str
    rows: pd.DataFrame

    @property
    def seconds(self) -> pd.Series:
        """For how many seconds each person is seen in the complete video, by their numbers."""
        return self.rows[self.rows['span'] == WHOLE_VIDEO].set_index('person')['seconds']

    @property
    def shares_numbers(self) -> bool:
        """Whether its people have the same numbers in the other videos of the run, see `--people`."""
        suffix = CORRECTED if self.path.name.endswith(CORRECTED) else SUMMARY_SUFFIX
        record = read_record(outputs_beside(self.path, suffix).record)
        return bool(record and record['made_with'].get('across_files'))


def read_summaries(folder: Path) -> list[SummaryOfVideo]:
    """Read the summaries of all videos in a folder and its subfolders; of corrected videos, the corrected ones.

    Says which of these are left out, since they correct another run than the one that is there.

    Raises:
        InputError: There are none, one cannot be read, two are about one video, or their models have other emotions.
    """
    of_folder = FOLDER_SUFFIX + SUMMARY_SUFFIX
    paths = {path for path in folder.rglob(f'*{SUMMARY_SUFFIX}') if not path.name.endswith(of_folder)}
    for path in [path for path in sorted(paths) if path.name.endswith(CORRECTED)]:
        outputs = outputs_beside(path, CORRECTED)
        if is_outdated := corrects_run(outputs) is False:
            print(f'{path}: left out, as it corrects an earlier run of the video', file=sys.stderr)
        paths.discard(path if is_outdated else outputs.summary)
    found: dict[str, SummaryOfVideo] = {}
    for path in sorted(paths):
        table = read_summary(path).to_frame()
        if table.empty:  # nobody is seen in the video
            continue
        video = path.relative_to(folder).with_name(from_cell(table['video'].iloc[0])).as_posix()
        one = SummaryOfVideo(path, video, _to_numbers(table))
        if video in found:
            raise InputError(f'{path} and {found[video].path}: are both about {video}; expected one of them')
        found[video] = one
        first = next(iter(found.values()))
        if list(one.rows.filter(like=MEAN)) != list(first.rows.filter(like=MEAN)):
            raise InputError(f'{path}: has other emotions than {first.path}; analyse both videos with one model')
    if not found:
        raise InputError(f'{folder}: holds no summary of a video with faces; expected a folder with *{SUMMARY_SUFFIX}')
    return list(found.values())


def _to_numbers(table):
    """Keep the columns `span` and `person`, and those of numbers."""
    number = table.columns[2]  # `person`, or `face` if people are not told apart
    measures = [name for name in table.columns if name in [*SUMS, USABLE, RATE] or name.endswith((SHARE, MEAN))]
    rows = table[['span', number, *measures]].rename(columns={number: 'person'})
    return rows.astype(dict.fromkeys(measures, float) | dict.fromkeys(['person', 'frames'], int))


def make_study_table(folder: Path, participants_path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Join the summaries in a folder and its subfolders with the participants.

    A condition is what a span names. A video without spans is one condition, which is called as the participants' table
    says or, if it does not, like the video. Videos of one participant and condition are summed up together.

    Args:
        folder: Folder with the results of `emotions_from_video.py`.
        participants_path: CSV file, see `read_participants`.

    Returns:
        The table, and a line for each participant or video that is left out, and each person who had to be chosen.

    Raises:
        InputError: One of the files cannot be used, or they do not fit each other.
    """
    appearances, videos = read_participants(participants_path), read_summaries(folder)
    details = list(appearances[0].details)
    if taken := {*details} & {*SOURCE_COLUMNS, *videos[0].rows.columns}:
        raise InputError(f'{participants_path}: has a column {min(taken)}, as the results have; expected another name')
    remarks, parts, participants = [], [], {}
    for one in appearances:
        found = _find_videos(one, videos)
        for video in found:
            number = _find_number(one, video)
            if other := participants.get((video.video, number)):
                raise one.row.error('person', f'another number, since person {number} of {video.video} is {other}')
            participants[video.video, number] = one.participant
            parts.append(_rows(one, video, number))
            if one.person is None and len(video.seconds) > 1:
                remarks.append(f'{one.participant}: person {number} of {video.video}, {parts[-1]["chosen"].iloc[0]}')
        if not found:
            whom = one.video or f'person {one.person}'
            remarks.append(f'{one.participant}: left out, as no summary in {folder} shows anybody in {whom}')
    if others := {video.video for video in videos} - {video for video, _ in participants}:
        remarks.append(f'left out, as {participants_path} does not name them: {name_some(sorted(others))}')
    if not parts:
        raise InputError(f'{participants_path}: fits no summary in {folder}; {remarks[0]}')
    return _sum_up(pd.concat(parts), [*map(to_cell, ['participant', *details]), 'condition']), remarks


def name_some(names: Sequence[str]) -> str:
    """Name the first of many videos or conditions, for a line in the terminal."""
    return ', '.join([*names[:MAX_NAMED], *[f'and {len(names) - MAX_NAMED} more'] * (len(names) > MAX_NAMED)])


def _find_videos(one: Appearance, videos: list[SummaryOfVideo]) -> list[SummaryOfVideo]:
    if one.video:
        parts = split_name(one.video)
        fitting = [video for video in videos if is_name_of(parts, video.path.with_name(Path(video.video).name))]
        if len(fitting) > 1:
            names = ' and '.join(video.video for video in fitting[:2])
            raise one.row.error('video', f'the name of one video, but it fits {names}; add the folder or the suffix')
        return fitting
    if len(videos) > 1 and (alone := [video.video for video in videos if not video.shares_numbers]):
        raise one.row.error(
            'video', f"a video's name, since {alone[0]} has numbers of its own; --people gives all videos the same"
        )
    return [video for video in videos if one.person in video.seconds]


def _find_number(one: Appearance, video: SummaryOfVideo) -> int:
    if one.person is None:
        return int(video.seconds.idxmax())
    if one.person not in video.seconds:
        raise one.row.error('person', f'one of the people in {video.video}: {", ".join(map(str, video.seconds.index))}')
    return one.person


def _rows(one: Appearance, video: SummaryOfVideo, number: int) -> pd.DataFrame:
    """The rows of a participant in a video, one for each condition."""
    is_span = video.rows['span'] != WHOLE_VIDEO
    if is_span.any() and one.condition:
        raise one.row.error('condition', f'an empty cell, since the spans of {video.video} name its conditions')
    rows = video.rows[(video.rows['person'] == number) & (is_span == is_span.any())]
    people = len(video.seconds)
    chosen = 'by number' if one.person else 'the only person' if people == 1 else f'seen longest of {people} people'
    first = {'participant': one.participant, **one.details}
    columns = {to_cell(name): to_cell(text) for name, text in first.items()}
    columns |= {'condition': rows['span'] if is_span.any() else to_cell(one.condition or video.video)}
    columns |= {'video': to_cell(video.video), 'person': str(number), 'chosen': chosen}
    columns |= {'corrected': 'yes' if video.path.name.endswith(CORRECTED) else 'no'}
    return pd.concat([pd.DataFrame(columns, rows.index), rows.drop(columns=['span', 'person'])], axis=1)


def _sum_up(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Make one row of those with the same keys: sums of `frames` and `seconds`, and means that seconds weigh."""
    means = [name for name in rows.columns if name not in [*keys, *SOURCE_COLUMNS, *SUMS]]
    cells = []
    for key, group in rows.groupby(keys, sort=False):
        sources = ['; '.join(dict.fromkeys(group[name])) for name in SOURCE_COLUMNS]
        weights = group['seconds'] if group['seconds'].any() else group['seconds'] + 1
        weights = group[means].notna().mul(weights, axis=0)  # what has no mean, since a person gave it, does not count
        values = (group[means].fillna(0) * weights).sum() / weights.sum().replace(0, np.nan)
        cells.append([*key, *sources, group['frames'].sum(), group['seconds'].sum().round(3), *(values.round(4) + 0.0)])
    return pd.DataFrame(cells, columns=[*keys, *SOURCE_COLUMNS, *SUMS, *means])
