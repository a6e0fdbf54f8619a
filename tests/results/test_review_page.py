"""The review page in a real browser: what it shows, and when."""

import numpy as np
import pytest

from emotion_recognition.labels import FaceEmotion
from emotion_recognition.results.review import Review
from emotion_recognition.results.review_file import write_review
from tests.clips import write_clip
from tests.conftest import CLASS_NAMES
from tests.review_pages import (
    LATE,
    STEADY,
    VARIABLE,
    click_at,
    faces_of,
    read_download,
    save_page,
    table_rows,
    wait_for_frame,
    wait_until,
)


@pytest.mark.parametrize('times', [STEADY, VARIABLE, LATE], ids=['steady', 'variable', 'late'])
def test_a_click_shows_the_frame_that_the_table_has_at_this_time(tmp_path, open_page, times):
    page = open_page(save_page(tmp_path, times))
    for number in (21, 6, 48):
        start, end = times[number - 1], times[number]
        click_at(page, 1, (start + end) / 2, times)
        wait_for_frame(page, number, times)
        seconds = page.evaluate('document.querySelector("video").currentTime')
        assert abs(seconds * 1000 - (start + end) / 2) <= (end - start) / 2
    page.locator('#table-body tr', has_text='sad').click()
    wait_for_frame(page, 21, times)
    seconds = page.evaluate('document.querySelector("video").currentTime')
    assert 0 <= seconds * 1000 - times[20] < (times[21] - times[20]) / 2


@pytest.mark.parametrize('times', [STEADY, VARIABLE], ids=['steady', 'variable'])
def test_ten_frames_on_and_back_and_from_period_to_period(tmp_path, open_page, times):
    page = open_page(save_page(tmp_path, times))
    for _ in range(10):
        page.keyboard.press('ArrowRight')
    wait_for_frame(page, 11, times)
    for _ in range(10):
        page.keyboard.press('ArrowLeft')
    wait_for_frame(page, 1, times)
    for number in (11, 21, 31):
        page.keyboard.press(']')
        wait_for_frame(page, number, times)
    page.keyboard.press('[')
    wait_for_frame(page, 21, times)
    page.keyboard.press('End')
    wait_for_frame(page, 60, times)
    page.keyboard.press('Home')
    wait_for_frame(page, 1, times)


def test_the_cursor_follows_the_playing_video_by_its_own_times(tmp_path, open_page):
    page = open_page(save_page(tmp_path, VARIABLE))
    wait_until(page, 'player.isReady && !player.video.seeking')  # the first frame is reached by a jump into it
    page.evaluate('played.length = 0')
    page.keyboard.press(' ')
    wait_until(page, 'played.length > 8 && document.querySelector("video").ended')
    played = page.evaluate('played')
    assert [VARIABLE[frame] for _, frame in played] == pytest.approx([1000 * time for time, _ in played], abs=0.5)
    assert page.locator('#position').inner_text().endswith('frame 60 of 60')
    assert page.locator('#current').inner_text() == 'Face 1 is not seen at 0:02.623.'
    page.locator('#face').select_option('face 2')
    assert page.locator('#table-body tr[aria-current]').inner_text().startswith('2\tfear')


def test_a_video_that_begins_before_zero_and_was_moved_there(tmp_path, open_page):
    clip = write_clip(tmp_path / 'clip_with_emotions.mp4', STEADY)  # as VideoWriter moves it
    review = Review(CLASS_NAMES)
    for number, ms in enumerate(STEADY, start=1):
        review.add(number, ms - 500.0, faces_of(number))
    path = tmp_path / 'clip_with_emotions_review.html'
    write_review(review, tmp_path / 'clip.mov', clip, tmp_path, path)
    page = open_page(path)
    page.locator('#table-body tr', has_text='sad').click()
    wait_for_frame(page, 21, STEADY)
    assert page.locator('#position').inner_text().startswith('0:00.300')
    assert table_rows(page)[0][2] == '-0:00.500'


def test_a_browser_that_lets_a_late_video_begin_at_zero(tmp_path, open_page):
    page = open_page(save_page(tmp_path, LATE))
    assert page.evaluate('player.shift') == 0  # Chromium does not
    assert page.evaluate('player.calibrate(0), player.shift') == -1_500_000  # Firefox does
    asked = page.evaluate('player.video = {}, player.showFrame(20), player.video.currentTime')  # Chromium would refuse
    assert asked * 1000 == pytest.approx(LATE[20] - 1500 + 0.4 * (LATE[21] - LATE[20]))


def test_least_confidence_greys_what_lies_below(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY))

    def colour_of_row_two():
        page.wait_for_timeout(100)
        return page.evaluate("""() => {
            const canvas = document.querySelector('.row[data-face="2"] canvas');
            const at = [canvas.width - 60 * devicePixelRatio, 7 * devicePixelRatio];
            return [...canvas.getContext('2d').getImageData(...at, 1, 1).data].slice(0, 3);
        }""")

    def is_grey(colour):
        return max(colour) - min(colour) < 20

    assert not is_grey(colour_of_row_two())
    page.locator('#min-confidence').fill('50')
    assert is_grey(colour_of_row_two())
    assert page.locator('tr.below').all_inner_texts() == [page.locator('#table-body tr', has_text='fear').inner_text()]
    page.locator('tr.below').click()
    page.locator('#emotion').select_option('surprise')  # what a person says is never below
    assert not is_grey(colour_of_row_two())
    assert page.locator('tr.below').count() == 0


class Stimulus:
    name, start_ms, end_ms = '<b>film</b> & "quiet"', 480.0, 1000.0


def test_spans_are_shown_and_lead_to_their_start(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY, spans=[Stimulus()]))
    button = page.locator('#spans button')
    assert button.inner_text() == '<b>film</b> & "quiet": 0:00.480 to 0:01.000'
    button.click()
    wait_for_frame(page, 13, STEADY)


def test_a_video_without_faces(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY, lambda frame: []))
    assert page.locator('#current').inner_text() == 'No face was found in this video.'
    for key in ['ArrowRight', ']', '[', 'f', 'c', 's', 'u', 'm', 'ArrowRight', 'm', '+', '0']:
        page.keyboard.press(key)
    assert read_download(page) == []


def test_a_video_that_the_browser_cannot_find_can_still_be_searched(tmp_path, browser):
    path = save_page(tmp_path, STEADY)
    (tmp_path / 'clip.mp4').rename(tmp_path / 'elsewhere.mp4')
    page = browser.new_page()
    page.goto(path.as_uri())
    page.locator('#video-problem').wait_for()
    assert 'cannot play clip.mp4' in page.locator('#video-problem').inner_text()
    page.keyboard.press(']')
    assert 'frame 11 of 60' in page.locator('#position').inner_text()
    page.close()


def test_an_hour_with_three_faces_is_small_and_opens_at_once(tmp_path, browser):
    random = np.random.default_rng(17)
    frames, names = 90_000, list(CLASS_NAMES)
    review = Review(CLASS_NAMES)
    choices = np.repeat(random.integers(0, 9, (frames // 50, 3)), 50, axis=0)  # a new emotion every two seconds
    probabilities = random.random((frames, 3, 9), np.float32) / 3
    np.put_along_axis(probabilities, choices[..., None], 1, axis=2)
    probabilities /= probabilities.sum(axis=2, keepdims=True)
    for number, of_frame in enumerate(probabilities):
        faces = [FaceEmotion(face, (0, 0, 9, 9), own) for face, own in enumerate(of_frame, start=1)]
        review.add(number + 1, number * 40.0, faces)
    clip, path = write_clip(tmp_path / 'clip.mp4', [0, 3_599_960]), tmp_path / 'clip_review.html'
    write_review(review, clip, clip, tmp_path, path)
    assert path.stat().st_size < 10e6
    page = browser.new_page()
    page.goto(path.as_uri())
    page.locator('.row[data-face="3"] canvas').wait_for()
    opened_ms = page.evaluate('performance.getEntriesByType("navigation")[0].loadEventEnd')
    assert opened_ms < 8000  # about 500 on a quiet machine, 4300 were seen on a slow and busy one
    page.keyboard.press('End')
    assert f'frame {frames} of {frames}' in page.locator('#position').inner_text()
    last = page.locator('#table-body tr').last.inner_text().split('\t')
    assert last[1] in names and last[3] == '59:59.960'
    page.close()
