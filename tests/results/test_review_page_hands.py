"""Mouse and keys on the review page, in a real browser: nothing chosen, typed or begun may get lost."""

import pytest

from tests.review_pages import (
    STEADY,
    click_at,
    describe,
    face,
    faces_of,
    read_download,
    save_page,
    table_rows,
    wait_until,
)


@pytest.fixture
def page(tmp_path, open_page):
    return open_page(save_page(tmp_path, STEADY))


def emotions(page):
    return [(row['emotions'], row['by']) for row in read_download(page)]


def current(page):
    return page.locator('#current').inner_text()


def test_keys_are_the_pages_again_once_an_emotion_was_chosen_by_mouse(page):
    page.locator('#emotion').click()
    page.locator('#emotion').select_option('neutral')
    for key in ('ArrowRight', 'f', 'f'):
        page.keyboard.press(key)
    assert 'frame 2 of 60' in page.locator('#position').inner_text()
    assert emotions(page)[0] == ('neutral', 'person')


@pytest.mark.parametrize('leave', ['Escape', 'Enter', 'ArrowRight'])
def test_an_emotion_that_is_typed_is_one_step(page, leave):
    page.keyboard.press('e')
    page.keyboard.type('sur')
    page.keyboard.press(leave)
    assert emotions(page)[0] == ('surprise', 'person')
    assert ('frame 2 of 60' in page.locator('#position').inner_text()) == (leave == 'ArrowRight')
    page.keyboard.press('z')
    assert emotions(page)[0] == ('happy', 'machine')
    assert page.locator('#undo').is_disabled()


def test_the_face_to_merge_with_stays_chosen(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY, lambda frame: [*faces_of(frame), face(3, 'anger')]))
    page.locator('.row[data-face="3"] .name').click()
    page.locator('#merge-into').select_option('face 2')
    page.locator('#merge').click()
    assert 'both seen' in page.locator('#message').inner_text()
    click_at(page, 3, 1000, STEADY)
    page.keyboard.press('u')
    page.locator('#merge').click()
    assert 'Face 3 is now face 2' in page.locator('#message').inner_text()


def test_of_two_periods_in_a_frame_the_chosen_row_is_the_current_one(page):
    page.locator('#table-body tr', has_text='neutral').click()
    page.keyboard.press('u')  # not used
    page.locator('#merge').click()  # into face 1, which is happy there
    page.locator('#table-body tr', has_text='neutral').click()
    assert 'neutral' in current(page)
    for note in ('hidden', 'hidden by a hand'):
        page.keyboard.press('n')
        page.locator('#note').fill(note)
        page.keyboard.press('Enter')
        page.keyboard.press('Escape')
    assert [row['note'] for row in read_download(page)] == ['', 'hidden by a hand', '', '']
    page.keyboard.press('Home')
    seen = []
    for _ in range(3):
        page.keyboard.press(']')
        seen.append(current(page).split(', ')[1])
    assert seen == ['neutral', 'sad', 'fear']
    click_at(page, 1, 600, STEADY)
    assert 'happy' in current(page)


@pytest.mark.parametrize('place', ['table', 'band'])
def test_a_click_that_ends_a_note_is_none_the_less_one(page, place):
    page.keyboard.press('n')
    page.keyboard.type('of the first')
    if place == 'table':
        box = page.locator('#table-body tr', has_text='fear').bounding_box()
        page.mouse.move(box['x'] + 9, box['y'] + 9)
    else:
        box = page.locator('.row[data-face="2"] .u-over').bounding_box()
        page.mouse.move(box['x'] + box['width'] * 0.75, box['y'] + 8)
    page.mouse.down()
    page.wait_for_timeout(80)
    page.mouse.up()
    assert 'Face 2, fear' in current(page)
    assert [row['note'] for row in read_download(page)] == ['of the first', '', '', '']


def uses(page):
    """Which periods a tab has as used, with 1 for yes and 0 for no."""
    return page.evaluate('store.periods.map((period) => period.use)')


def wait_for_uses(page, expected):
    """Wait until a tab knows of a correction in another one. The browser tells it when it has kept that correction."""
    wait_until(page, f'String(store.periods.map((period) => period.use)) === "{expected}"')


def test_two_tabs_of_one_page_know_of_each_other(tmp_path, open_page):
    path = save_page(tmp_path, STEADY)
    first, second = open_page(path), open_page(path)
    second.keyboard.press('u')
    wait_for_uses(first, '0,1,1,1')
    for key in ('f', 'End', 'u'):
        first.keyboard.press(key)
    assert uses(first) == [0, 1, 1, 0], describe(first)
    wait_for_uses(second, '0,1,1,0')
    third = open_page(path)
    assert uses(third) == [0, 1, 1, 0], [describe(page) for page in (first, second, third)]
    first.keyboard.press('z')
    first.keyboard.press('z')
    for other in (second, third):
        wait_for_uses(other, '1,1,1,1')
    assert uses(open_page(path)) == [1, 1, 1, 1]


def test_a_selection_takes_the_emotion_that_its_last_period_has_already(page):
    for key in ('End', 'm', 'Home'):
        page.keyboard.press(key)
    page.locator('#emotion').select_option('happy')
    assert [row[:2] for row in table_rows(page)] == [['1', 'happy'], ['2', 'neutral'], ['1', 'happy'], ['2', 'fear']]
    assert [by for _, by in emotions(page)] == ['person', 'machine', 'person', 'machine']


def test_a_selection_without_the_face_is_told_and_no_step(page):
    for key in ('End', 'm', 'ArrowLeft', 'u'):
        page.keyboard.press(key)
    assert 'Face 1 is not seen from' in page.locator('#message').inner_text()
    assert page.locator('#undo').is_disabled()
