"""People on the review page, in a real browser: their rows, their pictures, and who is who."""

import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.labels import Person
from tests.review_pages import (
    ANNA,
    SECOND,
    STEADY,
    analyse,
    download,
    face,
    faces_of,
    paint_people,
    people_of,
    read_download,
    save_page,
    table_rows,
    wait_for_frame,
)


@pytest.fixture
def page(tmp_path, open_page):
    return open_page(save_page(tmp_path, STEADY, people_of, paint=paint_people))


def names(page):
    return page.locator('.row .name').all_inner_texts()


def message(page):
    return page.locator('#message').inner_text()


def current(page):
    return page.locator('#current').inner_text()


def told(page):
    return [(row['person'], row['found_as'], row['frame_start'], row['frame_end']) for row in read_download(page)]


def pictures(page, number):
    """The title of each picture in a row, and the colour of its centre: red, green, blue."""
    return page.evaluate(
        """(number) => Promise.all([...document.querySelectorAll(`.row[data-face="${number}"] .picture`)].map(
            async ({title, firstChild}) => {
                await firstChild.decode();
                const context = document.createElement('canvas').getContext('2d');
                context.drawImage(firstChild, 0, 0);
                return [title, [...context.getImageData(32, 32, 1, 1).data].slice(0, 3)];
            }))""",
        number,
    )


FOUND = [('1', '1', '1', '20'), ('3', '2', '11', '40'), ('2', '1', '21', '30'), ('1', '3', '31', '60')]


def test_people_are_the_rows_and_are_called_by_their_names(page):
    assert names(page) == ['Anna', 'person 2', 'person 3']
    assert page.locator('#face option').all_inner_texts() == ['Anna', 'person 2', 'person 3']
    assert page.locator('#merge-into option').all_inner_texts() == ['person 2', 'person 3']
    assert page.locator('label:has(#face)').inner_text().startswith('Person\n')
    assert page.get_by_label('curves of person 3').count() == 1
    assert page.locator('th').first.inner_text() == 'person'
    assert [row[:2] for row in table_rows(page)] == [
        ['Anna', 'happy'],
        ['3', 'neutral'],
        ['2', 'sad'],
        ['Anna', 'happy'],
    ]
    assert page.locator('#facts').inner_text().endswith('3 people')
    assert current(page).startswith('Anna, happy')
    page.keyboard.press('f')
    assert current(page) == 'Person 2 is not seen at 0:00.000.'
    assert told(page) == FOUND
    assert list(read_download(page)[0])[5] == 'person'
    assert page.locator('#legend').inner_text().startswith('anger')


def test_faces_are_the_rows_if_people_are_not_told_apart(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY, faces_of))
    assert names(page) == ['face 1', 'face 2']
    assert page.locator('label:has(#face)').inner_text().startswith('Face\n')
    assert page.locator('th').first.inner_text() == 'face'
    assert page.locator('.picture').count() == 0
    assert 'person' not in read_download(page)[0]
    page.keyboard.press(']')
    page.keyboard.press('m')
    page.keyboard.press('x')  # frame 11 alone
    assert message(page).startswith('This is now face 3, no longer face 2.')
    rows = [(row['face'], row['found_as'], row['frame_start'], row['frame_end']) for row in read_download(page)]
    assert rows[1:3] == [('3', '2', '11', '11'), ('2', '2', '12', '25')]


def test_each_face_of_a_person_has_its_picture(page):
    red, pink = pictures(page, 1)
    assert red == ['face 1, from 0:00.000', pytest.approx([250, 0, 0], abs=8)]
    assert pink == ['face 3, from 0:01.200', pytest.approx([250, 0, 250], abs=8)]
    assert pictures(page, 2) == [['face 1, from 0:00.800', pytest.approx([0, 250, 0], abs=8)]]
    assert pictures(page, 3) == [['face 2, from 0:00.400', pytest.approx([0, 0, 250], abs=8)]]
    page.locator('.row[data-face="2"] .picture').click()
    assert current(page).startswith('Person 2, sad')
    assert 21 <= page.evaluate('player.frame + 1') <= 30


def test_of_many_pictures_a_row_shows_those_seen_longest(tmp_path, open_page):
    lengths = [1, 9, 2, 20, 3, 15, 10]  # frames of faces 1 to 7
    of_frame = [number for number, length in enumerate(lengths, start=1) for _ in range(length)]
    path = save_page(
        tmp_path, STEADY, lambda frame: [face(of_frame[frame - 1], 'happy', person=ANNA)], paint=paint_people
    )
    page = open_page(path)
    assert [title.split(',')[0] for title, _ in pictures(page, 1)] == ['face 2', 'face 4', 'face 6', 'face 7']
    assert page.locator('.pictures').inner_text() == '+3'


def test_a_face_that_is_somebody_else_becomes_a_new_person(page):
    page.locator('.row[data-face="1"] .picture').nth(1).click()  # Anna as face 3
    page.keyboard.press('x')
    assert names(page) == ['Anna', 'person 2', 'person 3', 'person 4']
    assert message(page).startswith('This is now person 4, no longer Anna.')
    assert current(page).startswith('Person 4, happy')
    assert told(page) == [*FOUND[:3], ('4', '3', '31', '60')]
    assert [title for title, _ in pictures(page, 1)] == ['face 1, from 0:00.000']
    assert [title for title, _ in pictures(page, 4)] == ['face 3, from 0:01.200']
    page.locator('#merge-into').select_option('person 3')  # who is seen next to it
    page.locator('#merge').click()
    assert message(page).startswith('Person 3 and person 4 are both seen at 0:01.200')
    page.locator('#merge-into').select_option('person 2')
    page.locator('#merge').click()
    assert message(page) == 'Person 4 is now person 2.'
    assert told(page) == [*FOUND[:3], ('2', '3', '31', '60')]
    page.keyboard.press('z')
    page.keyboard.press('z')
    assert told(page) == FOUND
    assert page.locator('#undo').is_disabled()


def test_undo_goes_back_to_the_person_from_whom_a_face_was_taken(page):
    page.keyboard.press('f')
    page.keyboard.press('f')
    page.keyboard.press('End')
    for _ in range(20):
        page.keyboard.press('ArrowLeft')
    page.keyboard.press('m')
    for _ in range(5):
        page.keyboard.press('ArrowLeft')
    page.keyboard.press('x')  # of person 3, frames 35 to 40
    assert ('4', '2', '35', '40') in told(page) and ('3', '2', '11', '34') in told(page)
    assert page.locator('#select').inner_text() == 'Start a selection here'
    page.keyboard.press('z')
    assert told(page) == FOUND
    assert page.locator('#face').input_value() == '3'


def test_who_is_seen_once_cannot_be_separated_from_anybody(page):
    page.locator('#table-body tr', has_text='sad').click()
    page.keyboard.press('x')
    assert message(page).startswith('Person 2 is not seen anywhere else.')
    assert page.locator('#undo').is_disabled()


def test_who_is_seen_once_may_have_the_wrong_name(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY, lambda frame: [face(7, 'happy', person=ANNA)]))
    page.locator('#separate').click()
    assert names(page) == ['person 2']
    page.locator('#separate').click()
    assert message(page).startswith('Person 2 is not seen anywhere else.')


@pytest.mark.parametrize(('one', 'other'), [('Anna', 'person 2'), ('person 2', 'Anna')])
def test_who_has_a_name_keeps_it(page, one, other):
    page.locator('#face').select_option(one)
    page.locator('#merge-into').select_option(other)
    page.locator('#merge').click()
    assert names(page) == ['Anna', 'person 3']
    assert message(page) == 'Person 2 is now Anna.'
    assert {row[0] for row in told(page)} == {'1', '3'}
    assert page.locator('#face').input_value() == '1'
    page.locator('.row[data-face="1"] .picture').nth(0).click()
    page.keyboard.press('x')  # all that was found as face 1, also what was person 2, whose number is not used again
    assert told(page) == [('4', '1', '1', '20'), ('3', '2', '11', '40'), ('4', '1', '21', '30'), ('1', '3', '31', '60')]


@pytest.mark.parametrize('people', [(ANNA, SECOND), (None, None)], ids=['people', 'faces'])
def test_the_number_of_somebody_who_was_merged_is_not_used_again(tmp_path, open_page, people):
    path = save_page(tmp_path, STEADY, lambda frame: [face(1 + frame // 31, 'happy', person=people[frame // 31])])
    page = open_page(path)
    page.locator('#face').select_option('2')
    page.locator('#merge').click()
    assert page.locator('.row .name').count() == 1
    page.keyboard.press('End')
    page.keyboard.press('x')
    assert message(page).startswith(('This is now person 3, no longer Anna.', 'This is now face 3, no longer face 1.'))


def test_corrections_of_people_outlast_a_reload(tmp_path, open_page, page):
    page.locator('.row[data-face="1"] .picture').nth(1).click()
    page.keyboard.press('x')
    again = open_page(tmp_path / 'clip_with_emotions_review.html')
    assert told(again) == [*FOUND[:3], ('4', '3', '31', '60')]
    wait_for_frame(again, 1, STEADY)


def test_names_are_text(tmp_path, open_page):
    hostile = Person(1, '<img src=x onerror=alert(1)> & "a very long name"')
    page = open_page(save_page(tmp_path, STEADY, lambda frame: [face(1, 'happy', person=hostile)]))
    assert names(page) == [hostile.name]
    assert table_rows(page)[0][0] == hostile.name
    assert page.evaluate('document.documentElement.scrollWidth') == 1280


@pytest.fixture
def analysed(tmp_path):
    """The results of a run that told people apart."""
    return analyse(tmp_path, people_of, paint_people, with_people=True, write_video=False)


def test_who_is_who_lasts_from_the_page_to_the_corrected_results(analysed, tmp_path, open_page):
    page = open_page(analysed.review)
    assert pictures(page, 2)[0][1] == pytest.approx([0, 250, 0], abs=8)  # of the frame before anything is drawn on it
    page.locator('.row[data-face="1"] .picture').nth(1).click()
    page.keyboard.press('x')  # face 3 is not Anna
    page.locator('#face').select_option('person 2')
    page.locator('#merge-into').select_option('Anna')
    page.locator('#merge').click()  # but in frames 21 to 30 face 1 is still she
    corrected_csv = tmp_path / 'corrected.csv'
    download(page).save_as(corrected_csv)
    expected = [('1', '1', '1', '20'), ('3', '2', '11', '40'), ('1', '1', '21', '30'), ('4', '3', '31', '60')]
    assert told(page) == expected
    tables = []
    for _ in range(2):
        emotions_from_video.main(['--apply', str(corrected_csv), '--no-write-video', str(tmp_path / 'clip.mp4')])
        tables.append(analysed.corrected().faces.read_bytes())
    assert tables[0] == tables[1]
    faces = pd.read_csv(analysed.corrected().faces, keep_default_na=False)
    assert faces.groupby(['face', 'person', 'name']).frame.agg(['min', 'max']).reset_index().values.tolist() == [
        [1, 1, 'Anna', 1, 30],
        [2, 3, '', 11, 40],
        [3, 4, '', 31, 60],
    ]
    page = open_page(analysed.corrected().review)
    assert names(page) == ['Anna', 'person 3', 'person 4']
    assert told(page) == expected
    assert [title for title, _ in pictures(page, 4)] == ['face 3, from 0:01.200']
    page.keyboard.press('x')
    assert told(page) == [('5', '1', '1', '20'), ('3', '2', '11', '40'), ('5', '1', '21', '30'), ('4', '3', '31', '60')]
