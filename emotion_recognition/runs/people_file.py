"""The people of many runs: a file with what is needed to know them again, and a table in which the user names them.

The file holds biometric data: vectors, from which a face can be recognised but not drawn. It exists only where the user
asked for it, and can be deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from emotion_recognition.faces.people import KnownPerson, join_people
from emotion_recognition.labels import InputError, Person
from emotion_recognition.media.input_file import check_regular_file
from emotion_recognition.results.csv_tables import open_table
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.results.summary import BY_PERSON, MEAN, SHARE, USABLE
from emotion_recognition.results.table_writing import SEPARATORS
from emotion_recognition.runs.run_folder import RunFolder, remove_dead_runs

PEOPLE_OF_RUN = 'run'  # in place of a file: the same numbers in all files of this run, and nothing is kept
SUFFIX = '.npz'
FIRST_COLUMNS = ['person', 'name']  # of the table; the user may add others, but not those of the tables of results
TAKEN_COLUMNS = {'video', 'span', 'file', 'identified', 'frames', 'seconds', 'from', 'to', 'changes_per_minute'}
TAKEN_COLUMNS |= {USABLE, BY_PERSON}
TAKEN_ENDINGS = SHARE, MEAN
EXPECTED_NUMBER = 'a number from 1, each once'


def is_people_file(text: str) -> bool:
    """Whether a text names a file of people, rather than a video or folder."""
    return text.lower().endswith(SUFFIX)


@dataclass
class KnownPeople:
    """The people of earlier runs.

    Attributes:
        path: Path of the file, or None if nothing is kept.
        people: Those whose faces are known.
        next_number: Number of the next new person.
        named: What the user calls people, by their numbers.
    """

    path: Path | None = None
    people: list[KnownPerson] = field(default_factory=list)
    next_number: int = 1
    named: dict[int, Person] = field(default_factory=dict)

    @property
    def table_path(self) -> Path | None:
        """Path of the table of names, next to the file; None if nothing is kept."""
        return self.path.with_suffix('.csv') if self.path else None


def read_people(people: str | Path) -> KnownPeople:
    """Read the file and the table of names. Either may be missing: then nobody is known, or nobody has a name.

    People with the same name are one person, who gets the lowest of their numbers: this is how the user joins two.

    Args:
        people: Path of the file, or PEOPLE_OF_RUN.

    Raises:
        InputError: One of the two cannot be read.
    """
    if str(people) == PEOPLE_OF_RUN:
        return KnownPeople()
    path = Path(people)
    if not is_people_file(path.name):
        raise InputError(f'--people is {path}; expected the name of a file that ends in {SUFFIX}')
    if not path.absolute().parent.is_dir():
        raise InputError(f'{path.parent}: no such folder for the file of people')
    known = KnownPeople(path)
    if path.exists():
        known.people, known.next_number = _read_faces(path)
    named = _read_names(_open_names(known.table_path)) if known.table_path.exists() else {}
    first: dict[str | int, int] = {}  # by the name; by the number, if there is none
    joined = {number: first.setdefault(person.name or number, number) for number, person in sorted(named.items())}
    known.named = {number: person for number, person in named.items() if joined[number] == number}
    known.people = join_people(
        replace(person, number=joined.get(person.number, person.number)) for person in known.people
    )
    return known


def _read_faces(path):
    check_regular_file(path, 'a file of people')
    try:
        with np.load(path) as arrays:
            numbers, counts = arrays['numbers'].tolist(), arrays['moment_counts'].tolist()
            people = [KnownPerson(*person) for person in zip(numbers, arrays['vectors'], counts, strict=True)]
            return people, int(arrays['next_number'])
    except (OSError, EOFError, TypeError, ValueError, KeyError, BadZipFile):
        raise InputError(f'{path}: cannot be read as a file of people that --people wrote') from None


def _open_names(path):
    return open_table(path, FIRST_COLUMNS, 'a table of people')


def _read_names(table):
    if taken := [name for name in table.columns if name in TAKEN_COLUMNS or name.endswith(TAKEN_ENDINGS)]:
        raise InputError(f'{table.path}: has a column {taken[0]}, as the tables of results have; expected another name')
    named: dict[int, Person] = {}
    for _, row in table.rows():
        number = row.whole_number('person', EXPECTED_NUMBER)
        if number in named:
            raise row.error('person', EXPECTED_NUMBER)
        details = tuple((name, row.text(name)) for name in table.columns if name and name not in FIRST_COLUMNS)
        named[number] = Person(number, row.text('name'), details=details)
    return named


def write_people(
    known: KnownPeople, people: Sequence[KnownPerson], next_number: int, decimal_comma: bool = False
) -> None:
    """Keep people for later runs, and add those who are new to the table of names, for the user to fill in.

    Args:
        known: People of earlier runs. Nothing is written if it has no path.
        people: All people now.
        next_number: Number of the next new person.
        decimal_comma: Whether a new table is written in the European way, see `write_table`.

    Raises:
        InputError: The file or the table cannot be written.
    """
    if known.path is None:
        return
    arrays = {
        'numbers': np.array([person.number for person in people], int),
        'vectors': np.array([person.vector for person in people], np.float32),
        'moment_counts': np.array([person.moment_count for person in people], int),
        'next_number': np.array(next_number),
    }
    remove_dead_runs(known.path.parent)
    with RunFolder(Outputs(known.path)) as own:
        np.savez(own.annotated, **arrays)
        added = sorted(person.number for person in people)
        _add_rows(known.table_path, added, own.annotated.with_suffix('.csv'), SEPARATORS[decimal_comma])


def _add_rows(path, numbers, new_path, separator):
    """Write the table with the people who are not in it to a new path, if there are any. What the user wrote stays."""
    if not path.exists() or not path.stat().st_size:
        lines = [separator.join(FIRST_COLUMNS), *(f'{number}{separator}' for number in numbers), '']
        new_path.write_text('\n'.join(lines), encoding='utf-8', newline='')
        return
    table = _open_names(path)
    listed = _read_names(table)
    rows = [
        table.separator.join(str(number) if name == 'person' else '' for name in table.columns)
        for number in numbers
        if number not in listed
    ]
    if rows:
        text = path.read_bytes().decode(table.encoding)
        ending = '\r\n' if '\r\n' in text else '\n'
        new_path.write_bytes(ending.join([text.rstrip('\r\n'), *rows, '']).encode(table.encoding))
