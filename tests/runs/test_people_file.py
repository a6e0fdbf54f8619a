import codecs
import io
from pathlib import Path

import numpy as np
import pytest

from emotion_recognition.faces.people import KnownPerson
from emotion_recognition.labels import InputError, Person
from emotion_recognition.runs.people_file import KnownPeople, is_people_file, read_people, write_people


def person(number, place=0.0, moment_count=1):
    return KnownPerson(number, np.full(128, place, np.float32), moment_count)


def arrays_of(path):
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'study.npz'


@pytest.fixture
def table(path):
    """The table of names, next to the file."""
    return path.with_suffix('.csv')


def describe(known):
    return [(one.number, float(one.vector[0]), one.moment_count) for one in known.people]


def test_nobody_is_known_before_the_first_run(path):
    known = read_people(path)
    assert (known.people, known.next_number, known.named) == ([], 1, {})
    assert (known.path, known.table_path) == (path, path.with_name('study.csv'))
    assert not path.exists() and not known.table_path.exists()


def test_without_a_file_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = read_people('run')
    assert (known.path, known.table_path) == (None, None)
    write_people(known, [person(1)], 2)
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_known_again(path, table):
    write_people(read_people(path), [person(3, 0.5, 12), person(1, -2.0, 4)], 5)
    known = read_people(str(path))
    assert (describe(known), known.next_number) == ([(3, 0.5, 12), (1, -2.0, 4)], 5)
    assert known.people[0].vector.shape == (128,) and known.people[0].vector.dtype == np.float32
    assert table.read_bytes() == b'person,name\n1,\n3,\n'
    assert sorted(one.name for one in path.parent.iterdir()) == ['study.csv', 'study.npz']
    write_people(known, known.people, 9)
    assert read_people(path).next_number == 9


def test_nobody_at_all_is_no_error(path, table):
    write_people(read_people(path), [], 1)
    assert (read_people(path).people, table.read_text()) == ([], 'person,name\n')


@pytest.mark.parametrize(
    'content',
    [
        b'person,name,age,note\n2,Anna,25,"a, b"\n4,,,\n',
        b'person;name;age;note\r\n2;Anna;25;a, b\r\n4;;;\r\n',
        codecs.BOM_UTF8 + b'person;name;age;note\r\n2;Anna;25;"a, b"\r\n4;;;\r\n',
        'person\tname\tage\tnote\r\n2\tAnna\t25\ta, b\r\n\t\t\t\r\n4\t\t\t\r\n'.encode('utf-16'),
        b'name,person,age,note\n Anna , 2 , 25 ," a, b"\n\n,4,,\n',
        b'person,name,age,note\n2,Anna,25,"a, b"\n4\n',
    ],
    ids=[
        'commas',
        'semicolons',
        'the mark of spreadsheets',
        'tabs in UTF-16',
        'other order and blanks',
        'a short line',
    ],
)
def test_names_and_further_columns(path, table, content):
    table.write_bytes(content)
    assert read_people(path).named == {
        2: Person(2, 'Anna', details=(('age', '25'), ('note', 'a, b'))),
        4: Person(4, '', details=(('age', ''), ('note', ''))),
    }


def test_two_numbers_with_one_name_are_one_person(path, table):
    write_people(KnownPeople(path), [person(1, 3.0, 1), person(2, 9.0, 2), person(4, 0.0, 2)], 5)
    table.write_text('person,name,age\n4,Anna,30\n1,Anna,25\n2,Bert,\n')
    known = read_people(path)
    assert describe(known) == [(1, 1.0, 3), (2, 9.0, 2)]
    assert {number: one.details for number, one in known.named.items()} == {1: (('age', '25'),), 2: (('age', ''),)}
    assert known.next_number == 5
    write_people(known, known.people, 5)  # the table still says that 4 is Anna
    assert table.read_text() == 'person,name,age\n4,Anna,30\n1,Anna,25\n2,Bert,\n'
    assert describe(read_people(path)) == [(1, 1.0, 3), (2, 9.0, 2)]


def test_a_person_may_take_the_number_of_another_who_is_not_in_the_file(path, table):
    """Number 2 was written into the table by hand."""
    write_people(KnownPeople(path), [person(3, 5.0, 2)], 4)
    table.write_text('person,name\n2,Anna\n3,Anna\n')
    assert describe(read_people(path)) == [(2, 5.0, 2)]


def test_people_without_a_name_are_not_joined_nor_with_one_who_is_named_by_a_number(path, table):
    write_people(KnownPeople(path), [person(1), person(2), person(3)], 4)
    table.write_text('person,name\n1,3\n2,\n3,\n')
    known = read_people(path)
    assert [one.number for one in known.people] == [1, 2, 3]
    assert {number: one.name for number, one in known.named.items()} == {1: '3', 2: '', 3: ''}


@pytest.mark.parametrize(
    ('before', 'after'),
    [
        (b'person,name,age\n2,Anna,25\n', b'person,name,age\n2,Anna,25\n1,,\n3,,\n'),
        (b'person,name\n2,"Anna, the first"', b'person,name\n2,"Anna, the first"\n1,\n3,\n'),
        (
            codecs.BOM_UTF8 + 'name;person;age\r\nZo\xeb;2;25\r\n'.encode(),
            codecs.BOM_UTF8 + 'name;person;age\r\nZo\xeb;2;25\r\n;1;\r\n;3;\r\n'.encode(),
        ),
        ('person\tname\r\n2\t前\r\n'.encode('utf-16'), 'person\tname\r\n2\t前\r\n1\t\r\n3\t\r\n'.encode('utf-16')),
        (b'', b'person,name\n1,\n2,\n3,\n'),
        (b'person,name,age\n', b'person,name,age\n1,,\n2,,\n3,,\n'),
    ],
    ids=['commas', 'no last line end', 'as spreadsheets write', 'UTF-16', 'empty', 'no rows'],
)
def test_new_people_are_added_and_what_the_user_wrote_stays(path, table, before, after):
    table.write_bytes(before)
    write_people(KnownPeople(path), [person(3), person(1), person(2)], 4)
    assert table.read_bytes() == after
    if before:
        assert sorted(read_people(path).named) == [1, 2, 3]


def test_a_table_to_which_nobody_is_added_is_not_written(path, table):
    content = b'\xef\xbb\xbfperson;name\r\n"1";Anna\r\n\r\n7;Later\n'
    table.write_bytes(content)
    table.chmod(0o400)
    write_people(KnownPeople(path), [person(1)], 2)
    assert table.read_bytes() == content


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        (b'person\n1\n', 'has no column name; expected a table of people with the columns person, name'),
        (b'number\tname\n1\tAnna\n', 'has no column person; expected a table of people with the columns person, name'),
        (b'', 'has no column person, name; expected a table of people with the columns person, name'),
        (b'person,name\nAnna,1\n', "line 2 has 'Anna' under person; expected a number from 1, each once"),
        (b'person,name\n1,Anna\n0,Bert\n', "line 3 has '0' under person; expected a number from 1, each once"),
        (b'person,name\n1,Anna\n1,Bert\n', "line 3 has '1' under person; expected a number from 1, each once"),
        (b'person,name\n,Anna\n', "line 2 has '' under person; expected a number from 1, each once"),
        (b'person,name\n-1,Anna\n', "line 2 has '-1' under person; expected a number from 1, each once"),
        (
            b'person,name,seconds\n1,Anna,3\n',
            'has a column seconds, as the tables of results have; expected another name',
        ),
        *(
            (
                f'person,name,{column}\n1,Anna,3\n'.encode(),
                f'has a column {column}, as the tables of results have; expected another name',
            )
            for column in ('usable', 'share_by_person', 'happy_share', 'valence_mean')
        ),
        (
            b'person,name\n' + b'9' * 5000 + b',Anna\n',
            "line 2 has '999999999999...9999999999999' under person; expected a number from 1, each once",
        ),
        (b'person,name\n1.0,Anna\n', "line 2 has '1.0' under person; expected a number from 1, each once"),
    ],
)
def test_wrong_tables_are_reported_in_one_line(path, table, content, reason):
    table.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_people(path)
    assert str(caught.value) == f'{table}: {reason}'


def test_a_table_that_is_no_text_or_a_folder(path, table):
    table.write_bytes(b'person,name\n1,\x81\n')
    with pytest.raises(InputError, match=r'study.csv: is damaged, or no text; expected a table of people'):
        read_people(path)
    table.write_bytes('Person;Name\r\n1;Zo\xeb\r\n'.encode('cp1252'))
    assert read_people(path).named == {1: Person(1, 'Zo\xeb')}
    write_people(read_people(path), [person(1), person(2)], 3)
    assert table.read_bytes().decode('cp1252') == 'Person;Name\r\n1;Zo\xeb\r\n2;\r\n'
    table.unlink()
    table.mkdir()
    with pytest.raises(InputError, match=r'study.csv: is not a regular file; expected a table of people$'):
        read_people(path)


def save(function, *arrays, **named):
    file = io.BytesIO()
    function(file, *arrays, **named)
    return file.getvalue()


WHOLE = {'numbers': np.array([1, 2]), 'vectors': np.zeros((2, 128)), 'moment_counts': np.array([1, 1])}
WHOLE |= {'next_number': np.array(3)}
DAMAGED = {
    'empty': b'',
    'text': b'person,name\n',
    'one array': save(np.save, np.zeros(3)),
    'other arrays': save(np.savez, numbers=np.array([1])),
    'unequal': save(np.savez, **WHOLE | {'moment_counts': np.array([1])}),
    'cut off': save(np.savez, **WHOLE)[:1200],
    'pickled': save(np.savez, **WHOLE | {'vectors': np.array([None, None])}),
}


@pytest.mark.parametrize('kind', DAMAGED)
def test_a_file_that_people_did_not_write_is_reported_in_one_line(path, kind):
    path.write_bytes(DAMAGED[kind])
    with pytest.raises(InputError) as caught:
        read_people(path)
    assert str(caught.value) == f'{path}: cannot be read as a file of people that --people wrote'
    assert path.read_bytes() == DAMAGED[kind]


def test_the_whole_of_these_can_be_read(path):
    path.write_bytes(save(np.savez, **WHOLE))
    assert describe(read_people(path)) == [(1, 0.0, 1), (2, 0.0, 1)]


@pytest.mark.parametrize(
    ('name', 'is_one'), [('a.npz', True), ('A.NPZ', True), ('a.csv', False), ('npz', False), ('', False)]
)
def test_files_of_people_end_in_npz(tmp_path, name, is_one):
    assert is_people_file(name) == is_one
    if not is_one and name:
        with pytest.raises(InputError) as caught:
            read_people(tmp_path / name)
        expected = 'expected the name of a file that ends in .npz'
        assert str(caught.value) == f'--people is {tmp_path / name}; {expected}'


def test_a_folder_that_is_not_there_is_reported_at_once(tmp_path, monkeypatch):
    with pytest.raises(InputError) as caught:
        read_people(tmp_path / 'none' / 'a.npz')
    assert str(caught.value) == f'{tmp_path / "none"}: no such folder for the file of people'
    monkeypatch.chdir(tmp_path)
    assert read_people('a.npz').people == []


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(path, monkeypatch):
    write_people(KnownPeople(path), [person(1, 7.0)], 2)

    def full(file, **arrays):
        file.write_bytes(b'a part')
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(np, 'savez', full)
    with pytest.raises(InputError, match=r'study\.npz: No space left on device$'):
        write_people(read_people(path), [person(1, 8.0), person(2)], 3)
    assert describe(read_people(path)) == [(1, 7.0, 1)]
    assert sorted(one.name for one in path.parent.iterdir()) == ['study.csv', 'study.npz']


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='needs a device that is always full')
def test_a_table_that_cannot_be_written_stays_as_the_user_wrote_it(path, table, monkeypatch):
    table.write_text('person,name\n7,Anna\n')
    savez = np.savez

    def fill_the_disk(file, **arrays):
        savez(file, **arrays)
        file.with_suffix('.csv').symlink_to('/dev/full')

    monkeypatch.setattr(np, 'savez', fill_the_disk)
    with pytest.raises(InputError, match=r'study\.npz: No space left on device$'):
        write_people(KnownPeople(path), [person(1)], 2)
    assert table.read_text() == 'person,name\n7,Anna\n'
    assert [one.name for one in path.parent.iterdir()] == ['study.csv']


def test_the_file_holds_nothing_but_what_is_needed(path):
    write_people(KnownPeople(path), [person(1, 0.5, 3)], 2)
    shapes = {name: array.shape for name, array in arrays_of(path).items()}
    assert shapes == {'numbers': (1,), 'vectors': (1, 128), 'moment_counts': (1,), 'next_number': ()}
