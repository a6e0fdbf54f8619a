"""What the review page contains; test_review_page.py is about what it does."""

import html
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emotion_recognition.labels import FaceEmotion, Person
from emotion_recognition.media.picture import Picture
from emotion_recognition.results.corrections import Correction, Corrections
from emotion_recognition.results.drawing import place_labels
from emotion_recognition.results.review import Review
from emotion_recognition.results.review_file import PAGE_FOLDER, link, to_script_json, write_review
from emotion_recognition.results.spans import Span

NAMES = ('happy', 'sad')


def face(number, happy):
    return FaceEmotion(number, (0, 0, 9, 9), np.array([happy, 1 - happy], np.float32), NAMES)


def test_a_number_that_json_does_not_have_is_refused():
    with pytest.raises(ValueError, match='not JSON compliant'):
        to_script_json([float('nan')])


def test_times_and_periods_are_exact():
    review = Review(NAMES)
    frames = [(-20.0, [face(1, 0.9)]), (13.333, [face(1, 0.7), face(2, 0.4)]), (50.0, [face(2, 0.2)]), (90.0, [])]
    for number, (ms, faces) in enumerate([*frames, (130.0, [face(2, 0.2)])], start=1):
        review.add(number, ms, faces)
    content = review.to_json('clip.mp4', 'clip_with_emotions.mp4', True, ())
    assert content['times'] == [-20_000, 33_333, 36_667, 40_000, 40_000]
    assert content['shift'] == 20_000  # VideoWriter moves a video that begins before 0 to 0
    assert review.to_json('clip.mp4', 'clip.mp4', False, ())['shift'] == 0
    assert content['periods'] == [
        [1, 1, 0, 0, 1, 0.8, 0, 1, ''],
        [2, 2, 1, 1, 2, 0.7, 0, 1, ''],
        [2, 2, 1, 4, 4, 0.8, 0, 1, ''],
    ]
    assert content['classes'] == [['happy', '#ffd73c', '//'], ['sad', '#50a5f0', '...']]


def test_a_person_who_takes_over_a_face_begins_a_period():
    review, picture = Review(NAMES), Picture(np.zeros((20, 20, 3), np.uint8))
    for number, person in enumerate((Person(3, 'Anna'), Person(3, 'Anna'), Person(1)), start=1):
        review.add(number, number * 40.0, [replace(face(9, 0.9), person=person)], picture)
    content = review.to_json('clip.mp4', 'clip.mp4', False, ())
    assert content['words'] == ('person', 'people')
    assert content['people'] == {3: 'Anna', 1: ''}
    assert [period[:5] for period in content['periods']] == [[9, 3, 0, 0, 1], [9, 1, 0, 2, 2]]
    assert [picture[:2] for picture in content['pictures']] == [[9, 0], [9, 2]]
    assert [curve['face'] for curve in content['curves']] == [9]


def test_labels_are_where_they_are_drawn():
    frame_bgr = np.zeros((240, 320, 3), np.uint8)
    faces = [replace(face(number, 0.9), box=(20 + 50 * number, 100, 40, 40)) for number in (1, 2, 3)]
    rows = [Correction(2, 1, 1, 1, 9, 'sad'), Correction(3, 2, 1, 1, 2, 'happy', use=False)]
    corrections = Corrections(Path('corrected.csv'), rows)
    for applied, of_found in ((None, (1, 2, 3)), (corrections, (3, 1))):  # face 1 is now 9 and drawn last
        review = Review(NAMES, applied)
        review.add(1, 0.0, faces, Picture(frame_bgr))
        drawn = place_labels(frame_bgr.shape, applied.apply(1, faces) if applied else faces)
        expected = {found: list(label.box) for found, label in zip(of_found, drawn, strict=True)}
        curves = review.to_json('clip.mp4', 'clip_with_emotions.mp4', True, ())['curves']
        labels = {curve['face']: [value for (value,) in curve['labels']] for curve in curves}
        assert labels == {number: expected.get(number, [0, 0, 0, 0]) for number in (1, 2, 3)}
        assert 'labels' not in review.to_json('clip.mp4', 'clip.mp4', False, ())['curves'][0]


def test_the_run_is_known_by_its_result():
    runs = []
    for happy in (0.9, 0.9, 0.8):
        review = Review(NAMES)
        review.add(1, 0.0, [face(1, happy)])
        runs.append(review.to_json('clip.mp4', 'clip.mp4', False, ())['run'])
    assert runs[0] == runs[1] != runs[2]


def test_how_a_result_is_shown_makes_no_other_run_of_it():
    review = Review(NAMES)
    review.add(1, 0.0, [face(1, 0.9)])
    plain, annotated = (review.to_json('clip.mp4', url, url != 'clip.mp4', ()) for url in ('clip.mp4', 'clip_e.mp4'))
    with_span = review.to_json('clip.mp4', 'clip.mp4', False, [Span('film', 0.0, 40.0)])
    assert plain['run'] == annotated['run'] == with_span['run']


def test_data_cannot_end_their_script():
    hostile = '</script><!--<script>&\u2028\u2029\N{GRINNING FACE}'
    text = to_script_json([hostile])
    assert text.isascii() and not set('<>&') & set(text)
    assert json.loads(text) == [hostile]


def test_links_are_relative_and_encoded(tmp_path):
    assert link(tmp_path / 'a b#c?%41.mp4', tmp_path) == 'a%20b%23c%3F%2541.mp4'
    assert link(tmp_path / 'clip.mp4', tmp_path / 'out') == '../clip.mp4'
    assert link(tmp_path / '\u00fc:1.mp4', tmp_path) == '%C3%BC%3A1.mp4'


@pytest.mark.skipif(sys.platform != 'linux', reason='names are text elsewhere')
def test_names_that_are_no_text(tmp_path):
    clip = tmp_path / 'clip\udcff.mp4'
    assert link(clip, tmp_path) == 'clip%FF.mp4'
    path = tmp_path / 'clip\udcff_with_emotions_review.html'
    write_review(Review(NAMES), clip, clip, tmp_path, path)
    assert '<h1>clip\ufffd.mp4</h1>' in path.read_text(encoding='utf-8')


def test_the_page_may_load_a_video_and_nothing_else(tmp_path):
    path = tmp_path / 'clip_with_emotions_review.html'
    write_review(Review(NAMES), tmp_path / 'clip.mp4', tmp_path / 'clip.mp4', tmp_path, path)
    policy = html.unescape(re.search(r'Security-Policy" content="([^"]*)"', path.read_text(encoding='utf-8'))[1])
    hashes = r"( 'sha256-[\w+/=]+')+"
    assert re.fullmatch(
        rf"default-src 'none'; media-src 'self' file:; img-src data:; script-src{hashes}; style-src{hashes}", policy
    )


def test_the_page_holds_all_that_it_needs_and_names_its_library(tmp_path):
    path = tmp_path / 'clip_with_emotions_review.html'
    write_review(Review(NAMES), tmp_path / 'clip.mp4', tmp_path / 'clip_with_emotions.mp4', tmp_path, path)
    page = path.read_text(encoding='utf-8')
    assert not re.search(r'<(script|link|img|iframe)[^>]*(src|href)=', page)
    assert 'https://github.com/leeoniya/uPlot' in page
    assert 'MIT License' in (PAGE_FOLDER / 'uplot.LICENSE').read_text()
    assert path.stat().st_size < 150_000


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Returns the contrast ratio of WCAG 2 for two colours like #1a2b3c."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize('theme', [0, 1], ids=['light', 'dark'])
def test_texts_and_controls_stand_out(theme):
    css = (PAGE_FOLDER / 'review.css').read_text(encoding='utf-8')
    block = re.findall(r':root \{(.*?)\}', css, re.DOTALL)[theme]
    colours = {
        name: value if len(value) == 7 else '#' + ''.join(2 * digit for digit in value[1:])
        for name, value in re.findall(r'--([\w-]+): (#\w+);', block)
    }
    for ink in ('ink', 'quiet', 'problem', 'accent'):
        assert min(contrast(colours[ink], colours[ground]) for ground in ('card', 'page')) >= 4.5
    assert contrast(colours['on-accent'], colours['accent']) >= 4.5
    assert contrast(colours['ink'], colours['current']) >= 4.5
    assert contrast(colours['line'], colours['card']) >= 3


def test_the_colours_of_emotions_stand_out_in_the_timeline():
    from emotion_recognition.labels import EMOTION_COLOURS_BGR, OTHER_COLOURS_BGR

    script = (PAGE_FOLDER / 'timeline.js').read_text(encoding='utf-8')
    ground, dark_ink = (re.search(rf"const {name} = '(#\w+)'", script)[1] for name in ('GROUND', 'DARK_INK'))
    for blue, green, red in (*EMOTION_COLOURS_BGR.values(), *OTHER_COLOURS_BGR):
        colour = f'#{red:02x}{green:02x}{blue:02x}'
        assert contrast(colour, ground) >= 3
        assert contrast(colour, dark_ink) >= 4.5
