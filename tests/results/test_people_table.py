import cv2
import numpy as np
import pandas as pd
import pytest

from emotion_recognition.labels import InputError, Person
from emotion_recognition.results import people_table
from emotion_recognition.results.people_table import (
    PersonInFile,
    read_people_table,
    save_people_picture,
    write_people_table,
)

RED, GREEN, BLUE, GREY = (0, 0, 250), (0, 250, 0), (250, 0, 0), (128, 128, 128)  # BGR
ANNA = Person(1, 'Anna', details=(('age', '25'), ('condition', 'a, "b"')))
SECOND, UNKNOWN = Person(2, details=(('condition', 'c'),)), Person(3, is_identified=False)


def picture(colour, size=72):
    return cv2.imencode('.jpg', np.full((size, size, 3), colour, np.uint8))[1].tobytes()


def read_sheet(path):
    return cv2.imread(str(path)).astype(int)


def find(sheet, colour):
    """Where the pictures of a colour are: the left, top, width and height of each in pixels, by lines."""
    mask = (np.abs(sheet - colour).max(axis=2) < 12).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    return sorted((tuple(map(int, one[:4])) for one in stats[1:] if one[4] > 3000), key=lambda one: (one[1], one[0]))


def ink_in(sheet, left, top, width, height):
    return int((sheet[top : top + height, left : left + width].max(axis=2) < 128).sum())


def test_a_row_for_each_person_and_file(tmp_path):
    appearances = [
        PersonInFile(SECOND, 'b.mp4', b'', 3.25, 0.5, 9.0004),
        PersonInFile(ANNA, 'b.mp4', b'', 1.0, 0.0, 1.0),
        PersonInFile(UNKNOWN, 'a.mp4', b'', 0.12, 4.0, 4.12),
        PersonInFile(ANNA, 'a.jpg'),
    ]
    write_people_table(appearances, tmp_path / 'people.csv')
    assert (tmp_path / 'people.csv').read_text() == (
        'person,name,identified,condition,age,file,seconds,from,to\n'
        '1,Anna,1,"a, ""b""",25,b.mp4,1.0,0.0,1.0\n'
        '1,Anna,1,"a, ""b""",25,a.jpg,,,\n'
        '2,,1,c,,b.mp4,3.25,0.5,9.0\n'
        '3,,0,,,a.mp4,0.12,4.0,4.12\n'
    )


def test_no_text_from_outside_begins_like_a_formula(tmp_path):
    path = tmp_path / 'people.csv'
    person = Person(1, '=1+1', details=(('@age', '-25'),))
    write_people_table([PersonInFile(person, '+b.mp4', b'', 1.0, -0.5, 1.0)], path)
    assert path.read_text() == (
        "person,name,identified,'@age,file,seconds,from,to\n1,'=1+1,1,'-25,'+b.mp4,1.0,-0.5,1.0\n"
    )
    assert read_people_table(path, {1: person}) == [PersonInFile(person, '+b.mp4', b'', 1.0, -0.5, 1.0)]


def test_a_table_and_a_picture_of_nobody(tmp_path):
    write_people_table([], tmp_path / 'people.csv')
    save_people_picture([], tmp_path / 'people.png')
    table = pd.read_csv(tmp_path / 'people.csv')
    assert list(table.columns) == ['person', 'name', 'identified', 'file', 'seconds', 'from', 'to'] and table.empty
    assert (read_sheet(tmp_path / 'people.png') == 255).all()


def test_faces_stand_in_the_order_of_the_people_and_then_of_the_files(tmp_path):
    appearances = [
        PersonInFile(SECOND, 'a.mp4', picture(GREEN)),
        PersonInFile(ANNA, 'a.mp4', picture(RED)),
        PersonInFile(UNKNOWN, 'b.mp4', b''),  # of whom too little could be seen
        PersonInFile(ANNA, 'b.mp4', picture(BLUE)),
    ]
    save_people_picture(appearances, tmp_path / 'people.png')
    sheet = read_sheet(tmp_path / 'people.png')
    (red,), (blue,), (green,) = (find(sheet, colour) for colour in (RED, BLUE, GREEN))
    assert red[1] == blue[1] == green[1] and red[0] < blue[0] < green[0]
    assert {one[2:] for one in (red, blue, green)} == {(72, 72)}
    top, below = red[1], red[1] + 72
    line = sheet[top - 4, :, 0] < 128  # above Anna's two faces, and above the other one
    assert line[red[0] : blue[0] + 60].all() and not line[blue[0] + 73 : green[0]].any() and line[green[0] + 30]
    for left, *_ in (red, blue, green):
        assert ink_in(sheet, left, below + 1, 72, 16) > 20  # the file's name
    assert ink_in(sheet, red[0], 0, 100, top - 6) > 20 and ink_in(sheet, green[0], 0, 72, top - 6) > 20  # who it is
    assert ink_in(sheet, blue[0] + 20, 0, 52, top - 6) == 0
    assert not ink_in(sheet, green[0] + 80, 0, 900, len(sheet))


def test_names_stand_where_there_are_any(tmp_path):
    """Otherwise the number does."""
    for who in ('Anna', 'person 2', ''):
        person = Person(2, who)
        save_people_picture([PersonInFile(person, 'a.mp4', picture(RED))], tmp_path / f'people{who}.png')
    with_name, with_number, without = (read_sheet(tmp_path / f'people{who}.png') for who in ('Anna', 'person 2', ''))
    assert (with_number == without).all() and (with_name != without).any()


@pytest.mark.parametrize('name', ['Zoë 前後', '$x^2$', 'a' * 300, 'שלום', 'a\nb\tc', '\n', '\ufffd'])
def test_any_name_is_drawn_within_its_place(tmp_path, name):
    appearances = [
        PersonInFile(Person(1, name), f'{name}.mp4', picture(RED)),
        PersonInFile(Person(2), 'b.mp4', picture(GREEN)),
    ]
    save_people_picture(appearances, tmp_path / 'people.png')
    sheet = read_sheet(tmp_path / 'people.png')
    ((red, top, *_),), ((green, *_),) = find(sheet, RED), find(sheet, GREEN)
    assert ink_in(sheet, red + 73, 0, green - red - 74, len(sheet)) == 0
    assert ink_in(sheet, red, top + 72, 72, 40) > 0


def test_of_a_long_name_its_end_is_shown(tmp_path):
    """Names of one study's files begin alike."""
    sheets = []
    for name in ('session_of_tuesday_room_4_camera_1.mp4', 'session_of_tuesday_room_4_camera_2.mp4'):
        save_people_picture([PersonInFile(Person(1), name, picture(RED))], tmp_path / 'people.png')
        sheets.append(read_sheet(tmp_path / 'people.png'))
    assert (sheets[0] != sheets[1]).any()


def test_a_line_has_sixteen_faces_and_people_are_not_broken_if_they_fit_into_one(tmp_path):
    colours = {1: RED, 2: GREEN, 3: BLUE}
    counts = {1: 18, 2: 13, 3: 3}
    appearances = [
        PersonInFile(Person(number), f'{index}.mp4', picture(colours[number]))
        for number, count in counts.items()
        for index in range(count)
    ]
    save_people_picture(appearances, tmp_path / 'people.png')
    sheet = read_sheet(tmp_path / 'people.png')
    lines = {}
    for number, colour in colours.items():
        for left, top, *_ in find(sheet, colour):
            lines.setdefault(top, []).append((left, number))
    shown = [[number for _, number in sorted(lines[top])] for top in sorted(lines)]
    assert shown == [[1] * 16, [1] * 2 + [2] * 13, [3] * 3]
    lefts = sorted({left for line in lines.values() for left, _ in line})
    assert len(lefts) == 16 and lefts[-1] + 72 < sheet.shape[1]


def test_a_picture_has_only_so_many_faces(tmp_path, monkeypatch):
    monkeypatch.setattr(people_table, 'MAX_FACES', 3)
    appearances = [PersonInFile(Person(number), 'a.mp4', picture(RED)) for number in range(1, 9)]
    save_people_picture(appearances, tmp_path / 'people.png')
    assert len(find(read_sheet(tmp_path / 'people.png'), RED)) == 3


def test_pictures_of_another_size_are_scaled(tmp_path):
    save_people_picture([PersonInFile(ANNA, 'a.mp4', picture(GREY, 40))], tmp_path / 'people.png')
    ((*_, width, height),) = find(read_sheet(tmp_path / 'people.png'), GREY)
    assert (width, height) == (72, 72)


def test_a_table_can_be_read_back_with_the_names_of_today(tmp_path):
    path = tmp_path / 'people.csv'
    anna = Person(1, 'Anna', details=(('age', '30'),))
    film = PersonInFile(anna, 'film.mp4', b'', 2.5, 0.0, 9.25)
    photograph = PersonInFile(Person(2, is_identified=False), 'photo.jpg')
    write_people_table([film, photograph], path)
    named = {1: anna, 2: Person(2, 'Bert')}
    assert read_people_table(path, named) == [
        film,
        PersonInFile(Person(2, 'Bert', is_identified=False), 'photo.jpg'),
    ]
    assert read_people_table(tmp_path / 'none.csv', named) == []


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('', 'has no column person'),
        ('person,file\n1,film.mp4\n', 'has no column identified'),
        ('person,identified,file,seconds,from,to\nAnna,1,film.mp4,1,2,3\n', "line 2 has 'Anna' under person; "),
        ('person,identified,file,seconds,from,to\n1,1\n', "line 2 has '' under file; expected the name of a file"),
    ],
)
def test_what_is_no_table_of_people_is_told_in_one_line(tmp_path, content, message):
    (tmp_path / 'people.csv').write_text(content)
    with pytest.raises(InputError) as caught:
        read_people_table(tmp_path / 'people.csv', {})
    assert str(caught.value).startswith(f'{tmp_path / "people.csv"}: {message}')
