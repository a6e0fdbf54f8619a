"""Write review pages of made clips, open them in a browser, and use them as a person does."""

import csv
import io
import time
from contextlib import contextmanager
from itertools import accumulate, cycle, islice

import numpy as np

from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import FaceEmotion, Person
from emotion_recognition.media.picture import Picture
from emotion_recognition.media.video import VideoReader
from emotion_recognition.results.face_table import FaceColumns
from emotion_recognition.results.output_paths import name_outputs
from emotion_recognition.results.review import Review
from emotion_recognition.results.review_file import write_review
from emotion_recognition.results.video_results import VideoResults
from emotion_recognition.runs.annotation import annotate
from emotions_from_video import VideoSettings
from tests.clips import write_clip
from tests.conftest import CLASS_NAMES
from tests.paths import ROOT

CHROMIUM_OPTIONS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run']
CHROMIUM_OPTIONS += ['--disable-sync', '--disable-component-update', '--mute-audio']
STEADY = [40 * number for number in range(60)]
VARIABLE = [0, *accumulate(islice(cycle([10, 40, 120, 33, 17]), 59))]  # milliseconds, as phones record

LATE = [1500 + ms for ms in VARIABLE]  # recordings need not begin at 0, and browsers keep their times


def face(number, emotion, confidence=0.8, box=(10, 10, 20, 20), person=None):
    probabilities = np.full(9, (1 - confidence) / 8, np.float32)
    probabilities[CLASS_NAMES.index(emotion)] = confidence
    return FaceEmotion(number, box, probabilities, person=person)


def faces_of(frame):
    """Face 1 is happy in frames 1 to 20, sad in 21 to 30. Face 2 is neutral in 11 to 25, a weak fear in 31 to 60."""
    faces = [face(1, 'happy' if frame <= 20 else 'sad')] if frame <= 30 else []
    if 11 <= frame <= 25 or frame > 30:
        faces.append(face(2, 'neutral') if frame <= 25 else face(2, 'fear', 0.3))
    return faces


ANNA, SECOND, THIRD = Person(1, 'Anna'), Person(2), Person(3)
RED, GREEN, BLUE, PINK = (0, 0, 250), (0, 250, 0), (250, 0, 0), (250, 0, 250)  # BGR


def people_of(frame):
    """Anna is happy in frames 1 to 20 as face 1, which is a sad person 2 in 21 to 30, and in 31 to 60 as face 3.
    Person 3 is neutral in 11 to 40 as face 2."""
    faces = [face(1, 'happy' if frame <= 20 else 'sad', person=ANNA if frame <= 20 else SECOND)] if frame <= 30 else []
    if frame > 30:
        faces.append(face(3, 'happy', person=ANNA))
    if 11 <= frame <= 40:
        faces.append(face(2, 'neutral', box=(40, 10, 20, 20), person=THIRD))
    return sorted(faces, key=lambda one: one.number)


def paint_people(frame):
    """A picture of these: red, then green, then pink, and a blue one on the right."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :35] = RED if frame <= 20 else GREEN if frame <= 30 else PINK
    picture[:, 35:] = BLUE
    return picture


def save_page(
    folder,
    times,
    faces_of=faces_of,
    spans=(),
    paint=lambda frame: None,
    run_name='run-0123456789ab',
    decimal_comma=False,
):
    clip, review = write_clip(folder / 'clip.mp4', times), Review(CLASS_NAMES, run_name=run_name)
    for number, ms in enumerate(times, start=1):
        painted = paint(number)
        review.add(number, float(ms), faces_of(number), None if painted is None else Picture(painted))
    path = folder / 'clip_with_emotions_review.html'
    write_review(review, clip, clip, folder, path, spans, decimal_comma=decimal_comma)
    return path


class Found:
    """Takes the place of the pipeline."""

    needs_frames = True

    def __init__(self, faces_of, paint):
        self.faces_of, self.paint = faces_of, paint

    def run(self, frames):
        for number, timestamp_ms, picture in frames:
            if self.paint:
                picture = Picture(self.paint(number))
            yield number, timestamp_ms, picture, self.faces_of(number)


def analyse(folder, faces_of, paint=None, size=(64, 48), with_people=False, **options):
    """Write the results of a run that finds these faces, as the video script does. Returns where they are."""
    clip, settings = write_clip(folder / 'clip.mp4', STEADY, size=size), VideoSettings(**options)
    outputs, results = name_outputs(clip, None), VideoResults(clip, CLASS_NAMES, settings, with_people)
    columns = FaceColumns(CLASS_NAMES, with_people=with_people)
    with VideoReader(clip) as reader, Interruption() as interruption:
        annotate(reader, Found(faces_of, paint), columns, results, outputs, settings, interruption)
        results.write(reader, outputs, outputs)
    return outputs


WATCH = """addEventListener('DOMContentLoaded', () => {
    const video = document.querySelector('video');
    window.played = [];
    const note = (_, {mediaTime}) => {
        window.shown = mediaTime;
        if (!video.paused) requestAnimationFrame(() => played.push([mediaTime, player.frame]));
        video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
})"""  # which frame the browser shows, and where the cursor of the page is then
DESK = {'width': 1280, 'height': 1000}
READY = 'player.isReady && window.shown !== undefined'


ANY_FILE = (ROOT / 'requirements.txt').as_uri()


@contextmanager
def start_browser(path):
    """Start Chromium, and yield a window of it with a tab. All pages in it share what they keep."""
    from playwright.sync_api import sync_playwright  # here and not above: it may be missing

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)
        window = browser.new_context(viewport=DESK, accept_downloads=True)
        window.add_init_script(WATCH)
        window.new_page()
        yield window
        browser.close()


@contextmanager
def opening(window):
    """Yields a function that opens pages. They may load only files, and nothing in them may fail.

    The first page opens in the window's own tab, since a new tab takes the browser a second.
    """
    asked, problems = [], []
    listeners = {
        'request': lambda request: asked.append(request.url),
        'weberror': lambda error: problems.append(str(error.error)),
        'console': lambda message: problems.append(message.text) if message.type == 'error' else None,
        'dialog': lambda dialog: (problems.append(dialog.message), dialog.dismiss()),
    }
    tab = window.pages[0]
    unused = [tab]

    def open_page(path):
        page = unused.pop() if unused else window.new_page()
        page.goto(path.as_uri())
        wait_until(page, READY)
        return page

    for event, listener in listeners.items():
        window.on(event, listener)
    try:
        yield open_page
    finally:
        for event, listener in listeners.items():
            window.remove_listener(event, listener)
        for page in window.pages[1:]:
            page.close()
        tab.goto(ANY_FILE)
        tab.evaluate('localStorage.clear()')
        tab.set_viewport_size(DESK)
        tab.mouse.move(0, 0)
    assert [url for url in asked if not url.startswith(('file:', 'blob:'))] == []
    assert problems == []


def reload(page):
    page.reload()
    wait_until(page, READY)


def wait_until(page, condition, seconds=60):
    """Wait for a JavaScript condition. Playwright's own way evaluates text in the page, which its policy forbids."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f'{condition}: {describe(page)}'
        page.wait_for_timeout(20)


def describe(page):
    """Where the cursor of a page is, what the page says, and what the browser keeps for it, for the message of a test
    that fails."""
    texts = {name: page.locator(f'#{name}').inner_text() for name in ('position', 'current', 'message')}
    return texts | {'kept': page.evaluate('Object.entries(localStorage)')}


def wait_for_frame(page, number, times):
    """Wait until the cursor is at a frame and the browser shows it."""
    wait_until(page, f'Math.abs(window.shown * 1000 - {times[number - 1]}) < 0.5')
    assert f'frame {number} of {len(times)}' in page.locator('#position').inner_text()


def click_at(page, face_number, ms, times):
    """Click in a face's row at a time in milliseconds."""
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
    return list(csv.DictReader(io.StringIO(download(page).path().read_text(encoding='utf-8-sig'))))
