"""The people of many files: a table of who is seen where, and a picture by which one sees whether that is right."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emotion_recognition.labels import Person
from emotion_recognition.results.csv_tables import open_table, to_cell
from emotion_recognition.results.face_table import PERSON_COLUMNS, name_details, person_cells
from emotion_recognition.results.table_writing import Table, write_table

COLUMNS = ('file', 'seconds', 'from', 'to')
PICTURE_SIZE = 72  # pixels, of each small face
MARGIN = 8  # pixels between them
HEADING_SIZE, CAPTION_SIZE = 14, 11  # pixels, of the letters above and below them
CELL_WIDTH, CELL_HEIGHT = PICTURE_SIZE + MARGIN, PICTURE_SIZE + HEADING_SIZE + CAPTION_SIZE + 4 * MARGIN
FACES_PER_LINE = 16
MAX_FACES = 2000  # in one picture, which then is some 20,000 pixels high
BACKGROUND, INK, HEADING_INK = (255, 255, 255), (90, 90, 90), (20, 20, 20)


@dataclass(frozen=True)
class PersonInFile:
    """One person in one video or photograph.

    Attributes:
        person: The person.
        file_name: Name of the file.
        picture_jpeg: Its best small face, as a JPEG file; empty if too little could be seen.
        seconds: For how long it is seen; None in a photograph.
        from_seconds, to_seconds: When it is first and last seen; None in a photograph.
    """

    person: Person
    file_name: str
    picture_jpeg: bytes = b''
    seconds: float | None = None
    from_seconds: float | None = None
    to_seconds: float | None = None


def write_people_table(appearances: Sequence[PersonInFile], path: Path, decimal_comma: bool = False) -> None:
    """Write a CSV file of `make_people_table`, see `write_table`."""
    write_table(make_people_table(appearances), path, decimal_comma)


def make_people_table(appearances: Sequence[PersonInFile]) -> Table:
    """Make a table with a row for each person and file, ordered by people."""
    details = name_details(one.person for one in appearances)
    rows = []
    for one in _by_person(appearances):
        times = [one.seconds, one.from_seconds, one.to_seconds]
        times = [math.nan if seconds is None else round(seconds, 3) for seconds in times]
        rows.append([*person_cells(one.person, details), to_cell(one.file_name), *times])
    return Table([*PERSON_COLUMNS, *map(to_cell, details), *COLUMNS], rows)


def read_people_table(path: Path, named: Mapping[int, Person]) -> list[PersonInFile]:
    """Read such a file back, without pictures; nothing if there is none.

    Args:
        path: Path of the CSV file.
        named: What the user calls people now, by their numbers.

    Raises:
        InputError: It is not such a file.
    """
    if not path.exists():
        return []
    table = open_table(path, ['person', 'identified', *COLUMNS], 'a table of people')
    return [_to_person_in_file(row, named) for _, row in table.rows()]


def _to_person_in_file(row, named):
    number = row.whole_number('person')
    if not row.text('file'):
        raise row.error('file', 'the name of a file')
    person = replace(named.get(number, Person(number)), is_identified=row.text('identified') == '1')
    times = (row.number(name, 'seconds') if row.text(name) else None for name in COLUMNS[1:])
    return PersonInFile(person, row.cells['file'], b'', *times)


def save_people_picture(appearances: Sequence[PersonInFile], path: Path) -> None:
    """Save a PNG with one small face for each person and file, the file's name below, and the person above a line."""
    shown = [one for one in _by_person(appearances) if one.picture_jpeg][:MAX_FACES]
    blocks = [list(block) for _, block in groupby(shown, key=lambda one: one.person.number)]
    places = _place(list(map(len, blocks)))
    line_count = 1 + max((line for line, _ in places), default=0)
    size = MARGIN + FACES_PER_LINE * CELL_WIDTH, MARGIN + line_count * CELL_HEIGHT
    sheet = Image.new('RGB', size, BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    cells = iter(places)
    for block in blocks:
        for index, one in enumerate(block):
            line, column = next(cells)
            left, top = MARGIN + column * CELL_WIDTH, MARGIN + line * CELL_HEIGHT
            if index == 0 or column == 0:
                width = min(len(block) - index, FACES_PER_LINE - column) * CELL_WIDTH - MARGIN
                _write(draw, (left, top), one.person.label, width, HEADING_SIZE, HEADING_INK)
                draw.line((left, top + HEADING_SIZE + 4, left + width, top + HEADING_SIZE + 4), INK)
            top += HEADING_SIZE + MARGIN
            sheet.paste(_open_face(one.picture_jpeg), (left, top))
            _write(draw, (left, top + PICTURE_SIZE + 2), one.file_name, PICTURE_SIZE, CAPTION_SIZE, INK)
    sheet.save(path)


def _place(block_sizes):
    """Place blocks of cells in lines, one after the other; a block begins a new line if it would have to be broken.

    Returns:
        Line and column of each cell.
    """
    places, line, column = [], 0, 0
    for size in block_sizes:
        if column and column + size > FACES_PER_LINE:
            line, column = line + 1, 0
        for _ in range(size):
            if column == FACES_PER_LINE:
                line, column = line + 1, 0
            places.append((line, column))
            column += 1
    return places


def _by_person(appearances: Iterable[PersonInFile]) -> list[PersonInFile]:
    return sorted(appearances, key=lambda one: one.person.number)  # the order of the files stays


def _open_face(picture_jpeg):
    picture_bgr = cv2.imdecode(np.frombuffer(picture_jpeg, np.uint8), cv2.IMREAD_COLOR)
    return Image.fromarray(cv2.resize(picture_bgr, (PICTURE_SIZE, PICTURE_SIZE))[..., ::-1].copy())


def _write(draw, place, text, width, size, ink):
    """Write a text, shortened from its front, where the names of one study's files are alike, to fit into a width."""
    # Here and not above, since matplotlib, whose fonts it finds, takes a second to import
    from emotion_recognition.results.fonts import font_path_for

    text = ' '.join(text.split())  # Pillow measures no text of several lines
    font, shortened = _open_font(font_path_for(text), size), text
    while text and draw.textlength(shortened, font) > width:
        text = text[1:]
        shortened = f'…{text}'
    draw.text(place, shortened, ink, font)


@cache
def _open_font(path, size):
    return ImageFont.truetype(path, size)
