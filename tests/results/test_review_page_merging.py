"""Many faces that are one person, what Undo says, and what follows the chosen face, in a real browser."""

import pytest

from tests.review_pages import ANNA, SECOND, STEADY, THIRD, face, read_download, save_page, table_rows

PEOPLE = (ANNA, SECOND, THIRD)


def fragments(frame):
    """One person, found as six faces one after the other, and in frames 1 to 15 another one as face 7."""
    faces = [face(1 + (frame - 1) // 10, 'happy')]
    return [*faces, face(7, 'sad')] if frame <= 15 else faces


@pytest.fixture
def page(tmp_path, open_page):
    return open_page(save_page(tmp_path, STEADY, fragments))


def names(page):
    return page.locator('.row .name').all_inner_texts()


def message(page):
    return page.locator('#message').inner_text()


def facts(page):
    return page.locator('#facts').inner_text()


def with_curves(page):
    """The rows whose curves are shown."""
    return page.locator('.row:has(.curves[aria-expanded="true"]) .name').all_inner_texts()


def test_ticked_faces_are_merged_at_once(page):
    assert facts(page) == '0:02.400 · 60 frames · 7 faces'
    page.locator('#face').select_option('2')
    assert page.locator('#merge-all').inner_text() == 'Merge all into this one'
    page.locator('#merge-all').click()
    assert message(page).startswith('Face 1 and face 7 are both seen at 0:00.000. Tick only those who are one person')
    assert page.locator('#undo').is_disabled()
    for number in (1, 3, 4, 5, 6):
        page.locator(f'.row[data-face="{number}"] .tick').check()
    assert page.locator('.row[data-face="2"] .tick').is_disabled()
    assert page.locator('#merge-all').inner_text() == 'Merge 5 into this one'
    page.locator('#merge-all').click()
    assert message(page) == '5 faces are now face 2.'
    assert names(page) == ['face 2', 'face 7']
    assert facts(page).endswith('2 faces')
    assert [(row['face'], row['found_as']) for row in read_download(page)] == [
        *[('2', '1'), ('7', '7')],
        *[('2', str(number)) for number in (2, 3, 4, 5, 6)],
    ]
    page.keyboard.press('z')
    assert message(page) == 'Undone: 5 faces are now face 2.'
    assert facts(page).endswith('7 faces')


def test_all_faces_are_merged_into_one_and_a_name_stays(tmp_path, open_page):
    page = open_page(
        save_page(tmp_path, STEADY, lambda frame: [face(1 + frame // 21, 'happy', person=PEOPLE[frame // 21])])
    )
    page.locator('#face').select_option('3')
    page.locator('#merge-all').click()
    assert message(page) == 'Person 2 and person 3 are now Anna.'
    assert names(page) == ['Anna'] and facts(page).endswith('1 person')
    assert page.locator('#merge-all').is_disabled()


def test_the_page_says_which_face_is_meant(page):
    for number in (1, 5):
        page.locator('#face').select_option(str(number))
        assert page.locator('#is-really').inner_text() == f'Face {number} is really'
        assert page.locator('label:has(#only-face)').inner_text().strip() == f'face {number} only'
    page.locator('#merge-into').select_option('face 3')
    page.locator('#merge').click()
    assert message(page) == 'Face 5 is now face 3.'


def test_undo_says_what_was_undone(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY))
    page.keyboard.press('z')
    assert message(page) == 'There is nothing to undo.'
    page.keyboard.press(']')
    page.locator('#emotion').select_option('fear')
    page.keyboard.press('u')
    page.keyboard.press('ArrowRight')
    page.keyboard.press('s')
    page.keyboard.press('m')
    page.keyboard.press('x')
    page.locator('#discard').click()
    said = []
    for _ in range(5):
        page.keyboard.press('z')
        said.append(message(page))
    assert said == [
        'Undone: all corrections were discarded.',
        'Undone: part of face 2 became face 3.',
        'Undone: face 2 was split at 0:00.440.',
        'Undone: face 2, 0:00.400 to 0:00.960: not used.',
        'Undone: face 2, 0:00.400 to 0:00.960: fear.',
    ]


def test_a_period_has_one_end_everywhere(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY))
    assert table_rows(page)[0][2:4] == ['0:00.000', '0:00.760']
    assert page.locator('#current').inner_text() == 'Face 1, happy, 0:00.000 to 0:00.760'
    page.keyboard.press('u')
    assert message(page) == 'Face 1, 0:00.000 to 0:00.760: not used.'
    assert [row['ms_end'] for row in read_download(page)] == ['760.0', '960.0', '1160.0', '2360.0']


def test_curves_follow_the_chosen_face(page):
    assert with_curves(page) == ['face 1']
    page.keyboard.press('f')
    assert with_curves(page) == ['face 2']
    page.locator('#face').select_option('6')
    assert with_curves(page) == ['face 6']
    page.locator('.row[data-face="4"] .curves').click()  # these are shown as well, until that face was chosen
    page.locator('#face').select_option('5')
    assert with_curves(page) == ['face 4', 'face 5']
    page.locator('#merge').click()  # into face 1
    assert with_curves(page) == ['face 1', 'face 4']
    page.keyboard.press('c')
    page.keyboard.press('f')
    assert with_curves(page) == ['face 4']  # none of the chosen one, as before
    page.locator('#all-curves').check()
    page.keyboard.press('f')
    assert with_curves(page) == names(page)
