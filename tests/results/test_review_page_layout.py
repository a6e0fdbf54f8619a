"""How the review page looks on a desk and on a phone, in a real browser: what is in view, and what stays."""

import cv2
import numpy as np
import pytest

from emotion_recognition.labels import emotion_colour_bgr
from tests.review_pages import STEADY, analyse, face, paint_people, people_of, save_page, wait_for_frame

DESK, PHONE = (1280, 800), (390, 844)
BUTTONS = (
    'previous-frame',
    'play',
    'next-period',
    'split',
    'select',
    'separate',
    'merge',
    'merge-all',
    'undo',
    'download',
)


def open_at(open_page, path, size):
    page = open_page(path)
    page.set_viewport_size({'width': size[0], 'height': size[1]})
    page.wait_for_timeout(100)  # until what depends on the size has been drawn again
    return page


def box(page, selector):
    """Left, top, right and bottom of an element in the window."""
    left, top, width, height = page.locator(selector).bounding_box().values()
    return left, top, left + width, top + height


@pytest.mark.parametrize('size', [DESK, PHONE], ids=['desk', 'phone'])
def test_nothing_scrolls_sideways_and_no_button_jumps(tmp_path, open_page, size):
    page = open_at(open_page, save_page(tmp_path, STEADY, people_of, paint=paint_people), size)

    def places():
        assert page.evaluate('document.documentElement.scrollWidth') == size[0]
        return {name: box(page, f'#{name}') for name in BUTTONS}

    before = places()
    long_text = 'A message that is very much longer than all those that the page has. ' * 9
    for action in (
        'KEYS.End()',
        'KEYS.m()',
        'KEYS.f()',
        'KEYS.u()',
        f'say({long_text!r}, true)',
        'player.toggle()',
        f'data.people[face] = {long_text!r}, update()',
    ):
        page.evaluate(f'void ({action})')
        assert places() == before, action


def test_on_a_desk_nothing_is_empty_below_the_video(tmp_path, open_page):
    page = open_at(open_page, save_page(tmp_path, STEADY, people_of), DESK)
    player, periods, timeline = (box(page, selector) for selector in ('#player', '#periods', '#timeline'))
    assert player[3] == pytest.approx(periods[3]) == pytest.approx(timeline[1] - 10)  # pixels between all parts
    assert 0 <= player[3] - box(page, '#play')[3] < 14
    rows = page.locator('#table-body tr')
    assert rows.count() == 4 and box(page, '#table-body tr:nth-child(3)')[3] < periods[3] < DESK[1]


def test_on_a_phone_the_video_stays_in_view_while_periods_are_tapped(tmp_path, open_page):
    page = open_at(open_page, save_page(tmp_path, STEADY), PHONE)
    page.locator('#table-body tr').last.scroll_into_view_if_needed()
    assert page.evaluate('scrollY') > 300
    for place, emotion in ((3, 'fear'), (0, 'happy')):
        page.locator('#table-body tr').nth(place).click()
        assert page.locator('#current').inner_text().split(', ')[1] == emotion
        video, scroller = box(page, '#video'), box(page, '#scroller')
        assert video[1] >= 0 and video[3] < scroller[1] and scroller[3] <= PHONE[1]


def moving(frame):
    """A face that goes to the right and is happy, then sad from frame 21 on."""
    return [face(1, 'happy' if frame <= 20 else 'sad', box=(40 + 2 * frame, 100, 60, 60))]


def count_sad(page, left, top, right, bottom):
    """How many pixels of a part of the window nearly have the colour of sad."""
    picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR).astype(int)
    part = picture[round(top) : round(bottom), round(left) : round(right)]
    return int((abs(part - emotion_colour_bgr('sad')).max(axis=2) < 40).sum())


@pytest.mark.parametrize('size', [DESK, PHONE], ids=['desk', 'phone'])
def test_a_corrected_label_lies_over_the_one_in_the_video(tmp_path, open_page, size):
    page = open_at(open_page, analyse(tmp_path, moving, size=(320, 240)).review, size)
    page.locator('#table-body tr', has_text='sad').click()
    page.evaluate('player.step(20)')
    wait_for_frame(page, 41, STEADY)
    page.evaluate('scrollTo(0, 0)')
    assert page.locator('.label').count() == 0
    page.locator('#emotion').select_option('anger')
    page.evaluate('scrollTo(0, 0)')
    assert page.locator('.label').all_inner_texts() == ['1: anger (corrected)']
    left, top, right, bottom = box(page, '.label')
    around = left - 20, top - 20, right + 20, bottom - 1  # the box, which stays sad, is below
    assert count_sad(page, *around) == 0
    page.keyboard.press('z')
    assert page.locator('.label').count() == 0
    assert count_sad(page, *around) > 0.15 * (right - left) * (bottom - top)
    page.keyboard.press('u')
    assert page.locator('.label').all_inner_texts() == ['not used']
    page.keyboard.press('Home')
    assert page.locator('.label').count() == 0


def test_the_label_of_a_thinned_curve_moves_evenly(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY))
    places = page.evaluate("""() => {
        const places = new Map([[0, 0], [1, 1], [2, 2]]);
        const curve = {places, labels: [[10, 18, 0], [5, 5, 0], [30, 32, 0], [9, 9, 0]]};
        return [0, 2, 4, 7, 8].map((frame) => placeOfLabel(curve, frame, 4));
    }""")
    assert places == [[10, 5, 30, 9], [14, 5, 31, 9], [18, 5, 32, 9], [18, 5, 32, 9], None]
