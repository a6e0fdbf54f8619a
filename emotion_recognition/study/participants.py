"""The table of a study's participants, which the user writes: who is seen in which video, and as which person."""

from dataclasses import dataclass, field
from pathlib import Path

from emotion_recognition.labels import InputError
from emotion_recognition.results.csv_tables import CsvTable, Row, open_table

OWN_COLUMNS = ('participant', 'video', 'person', 'condition')  # all others are details, such as `group`


@dataclass(frozen=True)
class Appearance:
    """A line of the table: where a participant is seen.

    Attributes:
        participant: Whom the user calls so.
        row: The line, for messages.
        video: Name of the video; empty for all videos in which the person is seen.
        person: Number of the person; None for the only one in the video, or the one who is seen longest.
        condition: Name of the condition, if spans do not name several; may be empty.
        details: The further columns, by their names.
    """

    participant: str
    row: Row
    video: str = ''
    person: int | None = None
    condition: str = ''
    details: dict[str, str] = field(default_factory=dict)


def read_participants(path: Path) -> list[Appearance]:
    """Read the table of participants: `participant`, `video` or `person` or both, and any further columns.

    Raises:
        InputError: The file cannot be read, lacks a column, or one of its lines is wrong, see `open_table`.
    """
    table = open_table(path, ['participant'], 'a table of participants', optional=OWN_COLUMNS[1:])
    if not {'video', 'person'} & set(table.columns):
        raise InputError(f'{path}: has no column video and no column person; expected one of them, or both')
    appearances = [_read_row(table, row) for _, row in table.rows()]
    if not appearances:
        raise InputError(f'{path}: holds no participants; expected a line for each')
    known: dict[str, Appearance] = {}
    for one in appearances:
        first = known.setdefault(one.participant, one)
        for name, text in one.details.items():
            if text != first.details[name]:
                raise one.row.error(
                    name,
                    f'{first.details[name]!r}, as in an earlier line about {one.participant}; what differs within a '
                    'participant is a condition',
                )
    return appearances


def _read_row(table: CsvTable, row: Row) -> Appearance:
    if not row.text('participant'):
        raise row.error('participant', 'a name or number')
    if not row.text('video') and not row.text('person'):
        column = 'video' if 'video' in table.columns else 'person'
        raise row.error(column, 'the name of a video file' if column == 'video' else 'the number of a person')
    return Appearance(
        row.text('participant'),
        row,
        row.text('video'),
        row.whole_number('person') if row.text('person') else None,
        row.text('condition'),
        {name: row.text(name) for name in table.columns if name and name not in OWN_COLUMNS},
    )
