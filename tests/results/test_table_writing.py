import io

import numpy as np
import pandas as pd
import pytest

from emotion_recognition.labels import EMOTIONS, FaceEmotion, Person
from emotion_recognition.results.csv_tables import open_table
from emotion_recognition.results.face_table import FaceColumns, FaceTable
from emotion_recognition.results.people_table import PersonInFile, write_people_table
from emotion_recognition.results.table_writing import RowWriter, Table, write_table


def test_the_european_way_has_semicolons_and_decimal_commas_in_numbers_alone(tmp_path):
    rows = [['a.b.mp4', 3, 0.12], ['c;d', np.int64(40), np.float64(1)], ['', None, np.nan], ['', [], np.float32(0.1)]]
    table = Table(['file', 'frames', 'seconds'], rows)
    write_table(table, tmp_path / 't.csv', decimal_comma=True)
    assert (tmp_path / 't.csv').read_bytes() == b'file;frames;seconds\na.b.mp4;3;0,12\n"c;d";40;1,0\n;;\n;[];0,1\n'
    write_table(table, tmp_path / 't.csv')
    assert (tmp_path / 't.csv').read_bytes() == b'file,frames,seconds\na.b.mp4,3,0.12\nc;d,40,1.0\n,,\n,[],0.1\n'


@pytest.mark.parametrize(('name', 'mark'), [('Zoe', b''), ('Zo\xeb', b'\xef\xbb\xbf')])
def test_only_a_table_with_letters_that_need_it_begins_with_the_mark(tmp_path, name, mark):
    write_table(Table(['name'], [[name]]), tmp_path / 't.csv')
    assert (tmp_path / 't.csv').read_bytes() == mark + f'name\n{name}\n'.encode()
    assert pd.read_csv(tmp_path / 't.csv').name.tolist() == [name]
    assert [row.text('name') for _, row in open_table(tmp_path / 't.csv', ['name'], 'a table').rows()] == [name]


def test_rows_one_by_one():
    file = io.StringIO()
    writer = RowWriter(file, ['file', 'ms', 'x'], ['file'], decimal_comma=True)
    writer.writerows([['a.mp4', 40.5, '0.1250'], ['b,c', '', 7]])
    assert file.getvalue() == 'file;ms;x\na.mp4;40,5;0,1250\nb,c;;7\n'


def test_tables_of_faces_and_people_in_the_european_way(tmp_path):
    columns = FaceColumns(EMOTIONS, with_people=True, decimal_comma=True)
    happy = np.eye(9, dtype=np.float32)[4]
    with FaceTable(tmp_path / 'faces.csv', columns, ['file']) as table:
        table.add(1, 40.5, [FaceEmotion(1, (0, 0, 9, 9), happy, person=Person(2, 'Dr. A'))], ['a.jpg'])
    lines = (tmp_path / 'faces.csv').read_text().splitlines()
    assert lines[0].startswith('file;frame;ms;face;person;name;identified;x;y;width;height;emotion;confidence;anger;')
    assert lines[1].startswith('a.jpg;1;40,5;1;2;Dr. A;1;0;0;9;9;happy;1,0000;0,0000;')
    people = [PersonInFile(Person(1), 'a.mp4', b'', 1.5, 0.0, 1.5), PersonInFile(Person(1), 'b.jpg')]
    write_people_table(people, tmp_path / 'people.csv', decimal_comma=True)
    rows = 'person;name;identified;file;seconds;from;to\n1;;1;a.mp4;1,5;0,0;1,5\n1;;1;b.jpg;;;\n'
    assert (tmp_path / 'people.csv').read_text() == rows
