from dataclasses import replace

import numpy as np
import pytest

from emotion_recognition.labels import FaceEmotion, InputError, Person
from emotion_recognition.results.corrections import read_corrections

NAMES = ('happy', 'neutral', 'sad')
HEAD = 'ms_start,ms_end,frame_start,frame_end,emotions,face,by,note,use,found_as\n'


def face(number, emotion='happy'):
    return FaceEmotion(number, (0, 0, 9, 9), np.eye(3, dtype=np.float32)[NAMES.index(emotion)], NAMES)


def write(folder, *rows, head=HEAD, encoding='utf-8'):
    path = folder / 'corrected.csv'
    path.write_text(head + ''.join(f'{row}\n' for row in rows), encoding=encoding)
    return path


def told(faces):
    return [(face.track_id, face.emotion, face.corrected) for face in faces]


def test_emotion_number_and_use_of_a_face_are_corrected(tmp_path):
    corrections = read_corrections(
        write(
            tmp_path,
            '0.0,40.0,1,2,sad,1,person,,yes,1',
            '80.0,80.0,3,3,happy,1,machine,"wrong, I think",no,1',
            '120.0,160.0,4,5,happy,1,person,,yes,1',
            '0.0,160.0,1,5,happy,9,machine,,yes,2',
        ),
        NAMES,
    )
    assert told(corrections.apply(1, [face(1), face(2)])) == [(1, 'sad', 'sad'), (9, 'happy', None)]
    assert told(corrections.apply(3, [face(1), face(2)])) == [(9, 'happy', None)]
    assert told(corrections.apply(5, [face(1)])) == [(1, 'happy', 'happy')]
    assert told(corrections.apply(6, [face(1, 'sad'), face(2)])) == [(1, 'sad', None), (2, 'happy', None)]
    assert corrections.find(1, 3).note == 'wrong, I think'


def test_numbers_stay_in_order_after_a_merge(tmp_path):
    corrections = read_corrections(write(tmp_path, '0,0,1,1,happy,3,machine,,yes,1'), NAMES)
    assert told(corrections.apply(1, [face(1), face(2)])) == [(2, 'happy', None), (3, 'happy', None)]


def test_an_emotion_other_than_the_networks_is_a_persons(tmp_path):
    corrections = read_corrections(write(tmp_path, '0,0,1,1,neutral,1,machine,,yes,1'), NAMES)
    assert told(corrections.apply(1, [face(1)])) == [(1, 'neutral', 'neutral')]


def test_a_table_as_spreadsheets_write_it_and_with_the_needed_columns_alone(tmp_path):
    path = write(tmp_path, '1;2;sad;1', head='frame_start;frame_end;emotions;face\n', encoding='utf-8-sig')
    assert told(read_corrections(path, NAMES).apply(2, [face(1)])) == [(1, 'sad', 'sad')]


def test_notes_that_begin_like_a_formula_come_back_as_they_were(tmp_path):
    path = write(tmp_path, "0,0,1,1,sad,1,person,'=1+1,yes,1", "0,0,2,2,sad,1,person,'why,yes,1")
    assert [row.note for row in read_corrections(path, NAMES)] == ['=1+1', "'why"]


def test_lines_whose_times_are_not_those_of_their_frames(tmp_path):
    rows = [
        '0,40,1,2,sad,1,person,,yes,1',
        '0,79.4,1,3,sad,2,person,,yes,2',  # rounded
        '0,900,1,2,sad,3,person,,yes,3',
        '5,40,1,2,sad,4,person,,yes,4',
        'soon,,1,2,sad,5,person,,yes,5',
        '0,40,1,9,sad,6,person,,yes,6',  # nobody knows the time of frame 9
    ]
    corrections = read_corrections(write(tmp_path, *rows), NAMES)
    assert corrections.lines_with_other_times({1: 0.0, 2: 40.0, 3: 80.0}) == [4, 5]


def test_two_faces_that_become_one_in_one_frame(tmp_path):
    corrections = read_corrections(write(tmp_path, '0,0,5,5,happy,1,machine,,yes,2'), NAMES)
    with pytest.raises(InputError, match=r'corrected.csv: frame 5 has face 1 twice, one of them found as face 2'):
        corrections.apply(5, [face(1), face(2)])


ANNA, OTHER = Person(1, 'Anna'), Person(2, is_identified=False)
PEOPLE_HEAD = HEAD.replace('face', 'person')


def whose(faces):
    return [(face.track_id, face.person) for face in faces]


@pytest.mark.parametrize('head', [PEOPLE_HEAD, HEAD], ids=['person', 'face'])
def test_a_face_becomes_another_persons_and_keeps_the_trackers_number(tmp_path, head):
    rows = [
        '0,0,1,9,happy,2,machine,,yes,5',  # found as 5, which was Anna
        '0,0,10,10,happy,7,machine,,yes,5',
        '0,0,1,9,happy,1,machine,,yes,3',
    ]
    corrections = read_corrections(write(tmp_path, *rows, head=head), NAMES, {1: ANNA, 2: OTHER})
    found = [replace(face(5), person=ANNA), replace(face(3), person=OTHER), replace(face(9), person=Person(8))]
    assert whose(corrections.apply(1, found)) == [(3, ANNA), (5, OTHER), (9, Person(8))]
    assert whose(corrections.apply(10, found)) == [(3, OTHER), (5, Person(7)), (9, Person(8))]


def test_one_face_of_two_people_is_corrected_frame_by_frame(tmp_path):
    rows = ['0,0,1,4,happy,1,machine,,yes,5', '0,0,5,9,happy,3,machine,,yes,5']
    corrections = read_corrections(write(tmp_path, *rows, head=PEOPLE_HEAD), NAMES, {1: ANNA, 2: OTHER})
    faces = [replace(face(5), person=ANNA)], [replace(face(5), person=OTHER)]
    assert whose(corrections.apply(4, faces[0])) == [(5, ANNA)]
    assert whose(corrections.apply(5, faces[1])) == [(5, Person(3))]


def test_a_person_who_would_be_seen_twice_in_a_frame(tmp_path):
    path = write(tmp_path, '0,0,5,5,happy,1,machine,,yes,4', head=PEOPLE_HEAD)
    corrections = read_corrections(path, NAMES, {1: ANNA, 2: OTHER})
    with pytest.raises(InputError, match=r'frame 5 has Anna twice, one of them found as face 4'):
        corrections.apply(5, [replace(face(8), person=ANNA), replace(face(4), person=OTHER)])


def test_a_table_of_people_says_which_face_each_row_is_about(tmp_path):
    head = 'frame_start,frame_end,emotions,person\n'
    with pytest.raises(InputError, match='has no column found_as; expected a table of periods'):
        read_corrections(write(tmp_path, '1,2,sad,1', head=head), NAMES)
    with pytest.raises(InputError, match=r"line 2 has '' under found_as; expected a number from 1"):
        read_corrections(write(tmp_path, '0,0,1,1,sad,1,person,,yes,', head=PEOPLE_HEAD), NAMES)
    with pytest.raises(InputError, match=r"line 2 has 'Anna' under person; expected a number from 1"):
        read_corrections(write(tmp_path, '0,0,1,1,sad,Anna,person,,yes,1', head=PEOPLE_HEAD), NAMES)


@pytest.mark.parametrize(
    ('rows', 'message'),
    [
        (['0,0,1,1,joy,1,person,,yes,1'], "line 2 has 'joy' under emotions; expected one of happy, neutral, sad"),
        (['0,0,1,1,,1,person,,yes,1'], "line 2 has '' under emotions"),
        (['0,0,1,1,sad,1,person,,yes,1', '0,0,2.5,3,sad,1,person,,yes,1'], "line 3 has '2.5' under frame_start"),
        (['0,0,0,3,sad,1,person,,yes,1'], "line 2 has '0' under frame_start; expected a number from 1"),
        (['0,0,3,2,sad,1,person,,yes,1'], "line 2 has '2' under frame_end; expected a frame that is not before 3"),
        (['0,0,1,' + '9' * 5000 + ',sad,1,person,,yes,1'], "line 2 has '999999999999...9999999999999' under frame_end"),
        (['0,0,1,1,sad,one,person,,yes,1'], "line 2 has 'one' under face"),
        (['0,0,1,1,sad,1,person,,perhaps,1'], "line 2 has 'perhaps' under use; expected yes or no"),
        (['0,0,1,5,sad,1,,,,', '0,0,5,9,happy,1,,,,'], 'lines 2 and 3 are both about frame 5 of face 1'),
        (['0,0,1'], "line 2 has '' under frame_end"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(tmp_path, rows, message):
    with pytest.raises(InputError) as caught:
        read_corrections(write(tmp_path, *rows), NAMES)
    assert message in str(caught.value) and '\n' not in str(caught.value)


def test_files_that_are_no_table_of_periods(tmp_path):
    with pytest.raises(InputError, match='has no column face; expected a table of periods from the review page'):
        read_corrections(write(tmp_path, head='ms_start,ms_end,frame_start,frame_end,emotions\n'), NAMES)
    with pytest.raises(InputError, match=r'none.csv: no such file; expected a table of periods from'):
        read_corrections(tmp_path / 'none.csv', NAMES)
    (tmp_path / 'picture.csv').write_bytes(b'\x89PNG\xff\xfe')
    with pytest.raises(InputError, match=r'picture.csv: has no column frame_start'):
        read_corrections(tmp_path / 'picture.csv', NAMES)
    (tmp_path / 'empty.csv').touch()
    with pytest.raises(InputError, match='has no column frame_start'):
        read_corrections(tmp_path / 'empty.csv', NAMES)
