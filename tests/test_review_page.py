"""The review page in a real browser."""

import csv
import io
import json
import re
import sys
import time
from fractions import Fraction
from itertools import accumulate, cycle, islice

import av
import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.labels import FaceEmotion
from emotion_recognition.review import Review, write_review
from tests.conftest import CLASS_NAMES, DEMO_PATH, write_clip

STEADY = [40 * number for number in range(60)]
VARIABLE = [0, *accumulate(islice(cycle([10, 40, 120, 33, 17]), 59))]  # milliseconds, as phones record

LATE = [1500 + ms for ms in VARIABLE]  # recordings need not begin at 0, and browsers keep to that


def face(number, emotion, confidence=0.8):
    probabilities = np.full(9, (1 - confidence) / 8, np.float32)
    probabilities[CLASS_NAMES.index(emotion)] = confidence
    return FaceEmotion(number, (10, 10, 20, 20), probabilities)


def faces_of(frame):
    """Face 1: happy in frames 1 to 20, sad in 21 to 30. Face 2: neutral in 11 to 25, hardly fear in 31 to 60."""
    faces = [face(1, 'happy' if frame <= 20 else 'sad')] if frame <= 30 else []
    if 11 <= frame <= 25 or frame > 30:
        faces.append(face(2, 'neutral') if frame <= 25 else face(2, 'fear', 0.3))
    return faces


def save_page(folder, times, faces_of=faces_of, spans=()):
    clip, review = write_clip(folder / 'clip.mp4', times), Review(CLASS_NAMES)
    for number, ms in enumerate(times, start=1):
        review.add(number, float(ms), faces_of(number))
    path = folder / 'clip_with_emotions_review.html'
    write_review(review, clip, clip, folder, path, spans)
    return path


@pytest.fixture
def open_page(browser):
    """Opens pages. All that they ask for must come from files, and nothing in them may fail."""
    context = browser.new_context(viewport={'width': 1280, 'height': 1000}, accept_downloads=True)
    asked, problems = [], []

    def open_page(path):
        page = context.new_page()
        page.on('request', lambda request: asked.append(request.url))
        page.on('pageerror', lambda error: problems.append(str(error)))
        page.on('console', lambda message: problems.append(message.text) if message.type == 'error' else None)
        page.on('dialog', lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
        page.add_init_script(WATCH)
        page.goto(path.as_uri())
        wait_until(page, 'player.isReady && window.shown !== undefined')
        return page

    yield open_page
    context.close()
    assert [url for url in asked if not url.startswith(('file:', 'blob:'))] == []
    assert problems == []


WATCH = """addEventListener('DOMContentLoaded', () => {
    const video = document.querySelector('video');
    window.played = [];
    const note = (_, {mediaTime}) => {
        window.shown = mediaTime;
        if (!video.paused) requestAnimationFrame(() => played.push([mediaTime, player.frame]));
        video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
})"""  # which picture the browser presents, and which frame the page's cursor then stands at


def wait_until(page, condition, seconds=10):
    """Playwright's own waiting evaluates text within the page, which the page's policy forbids."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(20)


def wait_for_frame(page, number, times):
    """The cursor stands at a frame, and the browser presents its picture."""
    wait_until(page, f'Math.abs(window.shown * 1000 - {times[number - 1]}) < 0.5')
    assert f'frame {number} of {len(times)}' in page.locator('#position').inner_text()


def click_at(page, face_number, ms, times):
    """Click into a face's row where a time stands."""
    last = times[-1] + times[-1] - times[-2]
    box = page.locator(f'.row[data-face="{face_number}"] .u-over').bounding_box()
    page.mouse.click(box['x'] + box['width'] * (ms - times[0]) / (last - times[0]), box['y'] + 8)


def table_rows(page):
    return [row.split('\t') for row in page.locator('#table-body').inner_text().strip().split('\n')]


def download(page):
    with page.expect_download() as caught:
        page.locator('#download').click()
    return caught.value


def read_download(page):
    return list(csv.DictReader(io.StringIO(download(page).path().read_text(encoding='utf-8'))))


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
    page.keyboard.press(' ')
    wait_until(page, 'played.length > 8 && document.querySelector("video").ended')
    played = page.evaluate('played')
    assert [VARIABLE[frame] for _, frame in played] == pytest.approx([1000 * time for time, _ in played], abs=0.5)
    assert page.locator('#position').inner_text().endswith('frame 60 of 60')
    assert page.locator('#current').inner_text() == 'Face 1 is not seen in this frame.'
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
    page.locator('#least').fill('50')
    assert is_grey(colour_of_row_two())
    assert page.locator('tr.below').all_inner_texts() == [page.locator('#table-body tr', has_text='fear').inner_text()]
    page.locator('tr.below').click()
    page.locator('#emotion').select_option('surprise')  # what a person says is not below
    assert not is_grey(colour_of_row_two())
    assert page.locator('tr.below').count() == 0


def test_corrections_by_keyboard_alone_outlast_a_reload(tmp_path, open_page):
    path = save_page(tmp_path, STEADY)
    page = open_page(path)
    press = page.keyboard.press
    for _ in range(5):
        press('ArrowRight')
    press('s')  # face 1 is split before frame 6
    press('e')
    page.keyboard.type('sur')
    press('Escape')
    press('n')
    page.keyboard.type('says "oh", \u00e9')
    press('Enter')
    press('Escape')
    press('f')  # face 2
    press('End')
    press('m')
    for _ in range(9):
        press('ArrowLeft')
    press('u')  # frames 51 to 60 are not used
    press('m')
    expected = [
        ['0.0', '160.0', '1', '5', 'happy', '1', 'machine', '', 'yes', '1'],
        ['200.0', '760.0', '6', '20', 'surprise', '1', 'person', 'says "oh", \u00e9', 'yes', '1'],
        ['400.0', '960.0', '11', '25', 'neutral', '2', 'machine', '', 'yes', '2'],
        ['800.0', '1160.0', '21', '30', 'sad', '1', 'machine', '', 'yes', '1'],
        ['1200.0', '1960.0', '31', '50', 'fear', '2', 'machine', '', 'yes', '2'],
        ['2000.0', '2360.0', '51', '60', 'fear', '2', 'machine', '', 'no', '2'],
    ]
    rows = read_download(page)
    assert list(rows[0]) == [
        *['ms_start', 'ms_end', 'frame_start', 'frame_end', 'emotions'],
        *['face', 'by', 'note', 'use', 'found_as'],
    ]
    assert [list(row.values()) for row in rows] == expected
    again = open_page(path)
    assert 'still here' in again.locator('#message').inner_text()
    caught = download(again)
    assert caught.suggested_filename == 'clip_with_emotions_corrected.csv'
    assert [list(row.values()) for row in csv.DictReader(caught.path().open(encoding='utf-8'))] == expected
    again.locator('#discard').click()
    assert len(read_download(again)) == 4
    again.keyboard.press('z')
    assert len(read_download(again)) == 6


def test_corrections_belong_to_one_run(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY))
    page.keyboard.press('ArrowRight')
    page.keyboard.press('s')
    assert len(table_rows(page)) == 5
    page = open_page(save_page(tmp_path, STEADY, lambda frame: [face(1, 'happy')]))
    assert [row[:2] for row in table_rows(page)] == [['1', 'happy']]


def test_faces_merge_unless_both_are_seen_at_once(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY))
    page.locator('#merge').click()
    assert 'both seen at 0:00.400' in page.locator('#message').inner_text()
    assert {row['face'] for row in read_download(page)} == {'1', '2'}
    page.locator('#table-body tr', has_text='neutral').click()
    page.keyboard.press('u')  # face 2 is wrong where face 1 is seen
    page.keyboard.press('End')
    page.locator('#merge').click()
    rows = [(row['emotions'], row['face'], row['found_as'], row['use']) for row in read_download(page)]
    assert rows == [
        ('happy', '1', '1', 'yes'),
        ('neutral', '1', '2', 'no'),
        ('sad', '1', '1', 'yes'),
        ('fear', '1', '2', 'yes'),
    ]
    assert page.locator('.row .name').all_inner_texts() == ['face 1']
    click_at(page, 1, 17 * 40 + 10, STEADY)  # within happy, above the end of what is not used
    page.keyboard.press('n')
    page.keyboard.type('above')
    page.keyboard.press('Enter')
    page.keyboard.press('Escape')
    assert [row['note'] for row in read_download(page)] == ['above', '', '', '']
    page.keyboard.press('z')
    page.keyboard.press('z')
    assert page.locator('.row .name').all_inner_texts() == ['face 1', 'face 2']


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
    noise = random.random((frames, 3, 9), np.float32) / 3
    for number in range(frames):
        faces = []
        for index in range(3):
            noise[number, index, choices[number, index]] = 1
            faces.append(FaceEmotion(index + 1, (0, 0, 9, 9), noise[number, index] / noise[number, index].sum()))
        review.add(number + 1, number * 40.0, faces)
    clip, path = write_clip(tmp_path / 'clip.mp4', [0, 3_599_960]), tmp_path / 'clip_review.html'
    write_review(review, clip, clip, tmp_path, path)
    assert path.stat().st_size < 10e6
    page = browser.new_page()
    page.goto(path.as_uri())
    page.locator('.row[data-face="3"] canvas').wait_for()
    opened_ms = page.evaluate('performance.getEntriesByType("navigation")[0].loadEventEnd')
    assert opened_ms < 4000  # some 500 on a quiet machine
    page.keyboard.press('End')
    assert f'frame {frames} of {frames}' in page.locator('#position').inner_text()
    last = page.locator('#table-body tr').last.inner_text().split('\t')
    assert last[1] in names and last[3] == '1:00:00.000'
    page.close()


@pytest.mark.parametrize('width', [400, 1280])
def test_nothing_reaches_over_the_side(tmp_path, browser, width):
    page = browser.new_page(viewport={'width': width, 'height': 900})
    page.goto(save_page(tmp_path, STEADY).as_uri())
    page.locator('.row[data-face="2"] canvas').wait_for()
    assert page.evaluate('document.documentElement.scrollWidth') == width
    page.close()


@pytest.fixture
def face_clip(tmp_path):
    """The first second of the demo, under a name that is hostile where the system allows it."""
    name = 'a "b" & c%20#?.mp4' if sys.platform == 'win32' else '<img src=x onerror=alert(1)>.mp4'
    path = tmp_path / re.sub(r'["?]', '', name)
    with av.open(str(DEMO_PATH)) as source, av.open(str(path), 'w') as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.pts is not None and packet.pts * packet.time_base < Fraction(1):
                packet.stream = stream
                target.mux(packet)
    return path


def test_from_the_video_over_the_page_to_the_corrected_results(face_clip, colour_model_path, open_page, capsys):
    emotions_from_video.main([str(face_clip), '--model-weights-path', str(colour_model_path)])
    beside = {path.name.removeprefix(face_clip.stem): path for path in face_clip.parent.iterdir()}
    page = open_page(beside['_with_emotions_review.html'])
    assert page.locator('h1').inner_text() == face_clip.name == page.title().removesuffix(': emotions')
    assert page.locator('img').count() == 0
    found = pd.read_csv(beside['_with_emotions_faces_data.csv'])
    frames = found.frame.unique()
    for _ in range(9):
        page.keyboard.press('ArrowRight')
    page.keyboard.press('s')
    page.locator('#emotion').select_option('contempt')
    corrected_csv = face_clip.with_name('corrected.csv')
    download(page).save_as(corrected_csv)
    machine = beside['_with_emotions_faces_data.csv'].read_bytes()
    nowhere = face_clip.with_name('none.h5')  # neither network nor detector is needed
    arguments = ['--apply', corrected_csv, '--model-weights-path', nowhere, '--detector-path', nowhere, face_clip]
    emotions_from_video.main([str(argument) for argument in arguments])
    assert f'Wrote {face_clip.with_name(face_clip.stem)}_with_emotions_corrected.mp4' in capsys.readouterr().out
    assert beside['_with_emotions_faces_data.csv'].read_bytes() == machine

    stem = f'{face_clip.stem}_with_emotions_corrected'
    faces = pd.read_csv(face_clip.with_name(f'{stem}_faces_data.csv'))
    assert faces.frame.tolist() == found.frame.tolist()
    changed = (faces.frame >= 10) & (faces.face == found.face.iloc[0])
    changed &= faces.emotion != found.emotion
    assert changed.any() and set(faces[changed].emotion) == {'contempt'} and set(faces[changed].by) == {'person'}
    assert faces[changed].confidence.isna().all() and set(faces[~changed].by) == {'machine'}
    same = [name for name in found.columns if name not in ('emotion', 'confidence')]
    pd.testing.assert_frame_equal(faces[same], found[same])
    periods = pd.read_csv(face_clip.with_name(f'{stem}_emotions_data.csv'))
    assert periods.frame_end.iloc[-1] == frames[-1] and 'contempt' in ''.join(periods.emotions)
    assert face_clip.with_name(f'{stem}_timeline.png').is_file()
    page = open_page(face_clip.with_name(f'{stem}_review.html'))
    assert json.dumps(read_download(page)) == json.dumps(list(csv.DictReader(corrected_csv.open(encoding='utf-8'))))
