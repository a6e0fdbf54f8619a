import csv
import io

import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.results.csv_tables import from_cell, open_table, to_cell


def read(path, columns=('a', 'b')):
    return [row.cells for _, row in open_table(path, columns, 'a table of tests').rows()]


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
@pytest.mark.parametrize('separator', [',', ';', '\t'])
def test_tables_as_spreadsheets_save_them(tmp_path, encoding, separator):
    lines = [separator.join(cells) for cells in (['b', ' a ', 'c'], ['2', '"x\r\ny"', 'é 前'], ['', '', ''], ['3'])]
    (tmp_path / 't.csv').write_bytes('\r\n'.join(lines).encode(encoding))
    table = open_table(tmp_path / 't.csv', ('a', 'b'), 'a table of tests')
    assert (table.columns, table.separator, table.encoding) == (('b', 'a', 'c'), separator, encoding)
    rows = [(line, row.cells) for line, row in table.rows()]
    assert rows == [(3, {'b': '2', 'a': 'x\r\ny', 'c': 'é 前'}), (5, {'b': '3', 'a': '', 'c': ''})]


def test_ansi_is_read_and_said_once(tmp_path, capsys):
    (tmp_path / 't.csv').write_bytes('a;b\r\nZo\xeb;5\u202f\u20ac\r\n'.replace('\u202f', '').encode('cp1252'))
    for _ in range(2):
        assert read(tmp_path / 't.csv') == [{'a': 'Zo\xeb', 'b': '5\u20ac'}]
    said = 'is not in UTF-8 and is read as ANSI; if letters are wrong, save it as "CSV UTF-8"'
    assert capsys.readouterr().err == f'{tmp_path / "t.csv"}: {said}\n'


def test_empty_lines_and_columns_and_names_in_any_case(tmp_path):
    (tmp_path / 't.csv').write_bytes(b'\n;;;;\r\nB;;A;Use;a;C;;\r\n;;;;;;;\r\n1;;2;no;3;4;;\r\n')
    table = open_table(tmp_path / 't.csv', ('a', 'b'), 'a table of tests', ['use', 'c', 'note'])
    assert table.columns == ('b', '', 'A', 'use', 'a', 'c')  # the exact name counts first
    ((line, row),) = table.rows()
    assert (line, row.text('a'), row.text('b'), row.text('use'), row.text('c')) == (5, '3', '1', 'no', '4')
    (tmp_path / 't.csv').write_bytes(b'\n\na;b\n1;2;3\n')
    with pytest.raises(InputError, match='line 4 has 3 cells'):
        read(tmp_path / 't.csv')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'a,b\n\x81,1\n', 'is damaged, or no text; expected a table of tests, saved as "CSV UTF-8"'),
        (
            b'PK\x03\x04...',
            'is a workbook of a spreadsheet; save it there as "CSV UTF-8" (File, Save As), and name that',
        ),
        ('a,b\n1,2\n'.encode('utf-16-le'), 'has no column a, b; expected a table of tests with the columns a, b'),
        (b'', 'has no column a, b; expected a table of tests with the columns a, b'),
        (b'\xff\xfea', 'is damaged, or no text; expected a table of tests, saved as "CSV UTF-8"'),
        (b'a;c\n1;2\n', 'has no column b; expected a table of tests with the columns a, b'),
        (b'a,b\n0,5,1,5\n', 'line 2 has 4 cells; expected 2, as in the first line'),
        (b'a,b\n"1,2\n', 'cannot be read as a table of tests (unexpected end of data)'),
        (b'a,b\n' + b'9' * 200_000, 'cannot be read as a table of tests (field larger than field limit (131072))'),
    ],
)
def test_what_is_no_such_table_is_told_in_one_line(tmp_path, content, message):
    (tmp_path / 't.csv').write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(tmp_path / 't.csv')
    assert str(caught.value) == f'{tmp_path / "t.csv"}: {message}'


def first_row(folder, cell, separator=','):
    (folder / 't.csv').write_text(f'a{separator}b\n{cell}{separator}-\n', encoding='utf-8')
    return next(row for _, row in open_table(folder / 't.csv', ('a', 'b'), 'a table of tests').rows())


def test_numbers(tmp_path):
    assert first_row(tmp_path, ' 12.5 ').number('a') == 12.5
    assert first_row(tmp_path, '12,5', ';').number('a') == 12.5
    assert first_row(tmp_path, '-12,5', '\t').number('a') == -12.5
    assert first_row(tmp_path, '"12,5"').number('a') == 12.5  # as Google Sheets writes it
    assert first_row(tmp_path, '0,125', ';').number('a') == 0.125
    assert first_row(tmp_path, '0012').whole_number('a') == 12
    assert first_row(tmp_path, '1000000000').whole_number('a') == 10**9


@pytest.mark.parametrize('cell', ['', 'x', 'nan', 'inf', '1e305', '9' * 5000, '-1000000001', '"1,000"', '2024-01-05'])
def test_what_is_no_number_within_bounds(tmp_path, cell):
    row = first_row(tmp_path, cell)
    for read_number in (row.number, row.whole_number):
        with pytest.raises(InputError, match=r't\.csv: line 2 has .{,40} under a; expected a number') as caught:
            read_number('a')
        assert len(str(caught.value)) < len(str(tmp_path)) + 120
    with pytest.raises(InputError):
        first_row(tmp_path, '1.0').whole_number('a')


@pytest.mark.parametrize(
    ('cell', 'seconds'),
    [
        ('12', 12),
        ('12,5', 12.5),
        ('-0.5', -0.5),
        ('0:12', 12),
        ('00:12', 12),
        ('1:02:03.5', 3723.5),
        ('75:30,25', 4530.25),
    ],
)
def test_times_as_people_write_them(tmp_path, cell, seconds):
    assert first_row(tmp_path, cell, ';').seconds('a') == seconds
    assert first_row(tmp_path, f'"{cell}"').seconds('a') == seconds


@pytest.mark.parametrize('cell', ['', '1:60', '1:60:00', '1:2:3:4', '1:', ':12', '-0:12', '12 s', '1e305'])
def test_what_is_no_time(tmp_path, cell):
    with pytest.raises(InputError, match=r'under a; expected a time, such as 12\.5 or 1:02:03$'):
        first_row(tmp_path, cell, ';').seconds('a')


@pytest.mark.parametrize(
    'text', ['=1+1', '+1', '-1.mp4', '@x', '\tx', '\rx', '\nx', "'=1", "''@", "'", "'a", '', 'a=1', 'é']
)
def test_no_cell_begins_like_a_formula_and_each_comes_back_as_it_was(tmp_path, text):
    written = io.StringIO()
    csv.writer(written).writerow([to_cell(text), ''])
    assert to_cell(text)[:1] not in tuple('=+-@\t\r\n')
    assert from_cell(to_cell(text)) == text
    (tmp_path / 't.csv').write_bytes(b'a,b\n' + written.getvalue().encode())
    assert text == '' or read(tmp_path / 't.csv') == [{'a': text, 'b': ''}]
