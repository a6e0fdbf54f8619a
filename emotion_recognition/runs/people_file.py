"""The people of many runs: a file with what is needed to know them again, and a table in which the user names them.

The file holds biometric data: vectors, from which a face can be recognised but not drawn. It exists only where the user
asked for it, and can be deleted.
"""

import codecs
import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from emotion_recognition.faces.people import KnownPerson
from emotion_recognition.labels import InputError, Person
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.run_folder import RunFolder, remove_dead_runs

PEOPLE_OF_RUN = 'run'  # in place of a file: the same numbers in all files of this run, and nothing is kept
SUFFIX = '.npz'
FIRST_COLUMNS = ['person', 'name']  # of the table; the user may add others


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
    named = _read_names(known.table_path) if known.table_path.exists() else {}
    first: dict[str | int, int] = {}  # by the name; by the number, if there is none
    joined = {number: first.setdefault(person.name or number, number) for number, person in sorted(named.items())}
    known.named = {number: person for number, person in named.items() if joined[number] == number}
    known.people = _join(known.people, joined)
    return known


def _read_faces(path):
    try:
        with np.load(path) as arrays:
            numbers, counts = arrays['numbers'].tolist(), arrays['moment_counts'].tolist()
            people = [KnownPerson(*person) for person in zip(numbers, arrays['vectors'], counts, strict=True)]
            return people, int(arrays['next_number'])
    except (OSError, EOFError, TypeError, ValueError, KeyError, BadZipFile):
        raise InputError(f'{path}: cannot be read as a file of people that --people wrote') from None


def _join(people, joined):
    sums: dict[int, list] = {}
    for person in people:
        total = sums.setdefault(joined.get(person.number, person.number), [0, 0])
        total[0], total[1] = total[0] + person.vector * person.moment_count, total[1] + person.moment_count
    return [KnownPerson(number, vector / moments, moments) for number, (vector, moments) in sums.items()]


def _read_names(path):
    try:
        with path.open(newline='', encoding='utf-8-sig') as file:
            separator = ';' if ';' in file.readline() else ','  # spreadsheets write either
            file.seek(0)
            table = csv.DictReader(file, delimiter=separator)
            if missing := [name for name in FIRST_COLUMNS if name not in (table.fieldnames or [])]:
                raise InputError(f'{path}: has no column {", ".join(missing)}; expected {", ".join(FIRST_COLUMNS)} ...')
            named: dict[int, Person] = {}
            for row in table:
                text = (row['person'] or '').strip()
                if not text.isdecimal() or int(text) < 1 or int(text) in named:
                    reason = f'line {table.line_num} has {text!r} under person; expected a number from 1, each once'
                    raise InputError(f'{path}: {reason}')
                others = [(name, (row[name] or '').strip()) for name in table.fieldnames if name not in FIRST_COLUMNS]
                named[int(text)] = Person(int(text), (row['name'] or '').strip(), details=tuple(others))
            return named
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, 'strerror', None) or error
        raise InputError(f'{path}: cannot be read as a table of people ({reason})') from None


def write_people(known: KnownPeople, people: Sequence[KnownPerson], next_number: int) -> None:
    """Keep people for later runs, and add those who are new to the table of names, for the user to fill in.

    Args:
        known: People of earlier runs. Nothing is written if it has no path.
        people: All people now.
        next_number: Number of the next new person.

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
        _add_rows(known.table_path, added, own.annotated.with_suffix('.csv'))


def _add_rows(path, numbers, new_path):
    """Write the table with the people who are not in it to a new path, if there are any. What the user wrote stays."""
    content = path.read_bytes() if path.exists() else b''
    text = content.decode('utf-8-sig')
    listed = set(_read_names(path)) if text else set()
    header = text.splitlines()[0] if text else ','.join(FIRST_COLUMNS)
    separator = ';' if ';' in header else ','
    columns = next(csv.reader([header], delimiter=separator))
    rows = [
        separator.join(str(number) if name == 'person' else '' for name in columns)
        for number in numbers
        if number not in listed
    ]
    if rows or not text:
        lines = [*([text.rstrip('\r\n')] if text else [header]), *rows]
        encoding = 'utf-8-sig' if content.startswith(codecs.BOM_UTF8) else 'utf-8'  # spreadsheets need their mark
        ending = '\r\n' if '\r\n' in text else '\n'
        new_path.write_text(ending.join(lines) + ending, encoding=encoding, newline='')
