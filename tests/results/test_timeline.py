import itertools
import warnings

import cv2
import numpy as np
import pytest

from emotion_recognition.labels import EMOTION_COLOURS_BGR, EMOTIONS, FaceEmotion, Person
from emotion_recognition.results import fonts, timeline
from emotion_recognition.results.fonts import drawable
from emotion_recognition.results.periods import FacePeriods
from emotion_recognition.results.spans import Span
from emotion_recognition.results.timeline import minutes, save_timeline


def seen(frames):
    """Collect frames 40 ms apart, each a dictionary of face numbers, or people, and emotions."""
    face_periods = FacePeriods()
    for number, faces in enumerate(frames, start=1):
        face_periods.add(
            number,
            number * 40.0 - 40,
            [
                FaceEmotion(9, (0, 0, 9, 9), np.eye(9)[EMOTIONS.index(emotion)], person=who)
                if isinstance(who, Person)
                else FaceEmotion(who, (0, 0, 9, 9), np.eye(9)[EMOTIONS.index(emotion)])
                for who, emotion in faces.items()
            ],
        )
    return face_periods


def save(frames, path, *spans, title='clip.mp4'):
    save_timeline(seen(frames), title, path, EMOTIONS, spans, last_frame_ms=40.0)


def pixels_of(picture, emotion):
    return (np.abs(picture.astype(int) - EMOTION_COLOURS_BGR[emotion]).max(axis=2) <= 3).sum()


def test_bands_have_the_emotions_colours_and_lengths(tmp_path):
    save_timeline(seen([{1: 'happy'}] * 75 + [{1: 'uncertain'}] * 25), 'clip.mp4', tmp_path / 'timeline.png')
    picture = cv2.imread(str(tmp_path / 'timeline.png'))
    assert 2.5 < pixels_of(picture, 'happy') / pixels_of(picture, 'uncertain') < 3.5
    assert pixels_of(picture, 'anger') == 0


def test_all_nine_emotions_have_a_hatch_of_their_own(tmp_path):
    pictures = []
    for emotion in EMOTIONS:
        save([{1: emotion}] * 50, tmp_path / 'timeline.png')
        band = cv2.imread(str(tmp_path / 'timeline.png'), cv2.IMREAD_GRAYSCALE)[38:72, 150:600]
        pictures.append(band < np.median(band) * 0.8)  # where the hatch is, whatever the colour
    shares = [picture.mean() for picture in pictures]
    assert shares[EMOTIONS.index('happy')] == 0 and sorted(shares)[1] > 0.01
    assert all((one != other).any() for one, other in itertools.combinations(pictures, 2))


@pytest.mark.parametrize('kind', ['png', 'pdf', 'svg'])
def test_two_runs_write_the_same_bytes(tmp_path, kind):
    written = []
    for _ in range(2):
        save([{1: 'happy', 2: 'sad'}] * 9, tmp_path / f'timeline.{kind}', Span('film', 0, 200))
        written.append((tmp_path / f'timeline.{kind}').read_bytes())
    assert written[0] == written[1]
    assert b'Date' not in written[0]


def test_a_pdf_has_its_fonts_in_it(tmp_path):
    save([{1: 'happy'}] * 9, tmp_path / 'timeline.pdf')
    content = (tmp_path / 'timeline.pdf').read_bytes()
    assert content.startswith(b'%PDF') and b'/FontFile2' in content and b'/Type3' not in content


def test_an_svg_needs_no_fonts(tmp_path):
    save([{1: 'happy'}] * 9, tmp_path / 'timeline.svg')
    content = (tmp_path / 'timeline.svg').read_text()
    assert content.startswith('<?xml') and '<text' not in content


def texts(figures):
    """What is written in the bands of the last picture."""
    return [text.get_text() for text in figures[-1].axes[0].texts]


def test_spans_stand_above_the_faces(tmp_path, figures):
    spans = Span('neutral film', 0, 400), Span('sad $film$', 400, 9000), Span('later', 9000, 9500)
    save([{1: 'happy', 2: 'sad'}] * 25, tmp_path / 'timeline.png', *spans)
    assert labels(figures) == ['spans', 'face 1', 'face 2']
    assert texts(figures) == ['neutral film', 'sad $film$']  # none beyond the end of the video
    assert figures[-1].axes[0].get_ylim() == (1.5, -1.5)
    assert figures[-1].axes[0].get_legend() is None


def test_names_of_short_spans_are_in_a_legend(tmp_path, figures):
    spans = [Span(('condition A', 'condition B')[index % 2], index * 20, index * 20 + 20) for index in range(48)]
    save([{1: 'happy'}] * 25, tmp_path / 'timeline.png', *spans)
    assert set(texts(figures)) == {''}
    assert [text.get_text() for text in figures[-1].axes[0].get_legend().get_texts()] == ['condition A', 'condition B']


def test_a_long_name_of_a_span_is_shortened_to_its_width(tmp_path, figures):
    save([{1: 'happy'}] * 25, tmp_path / 'timeline.png', Span('a' * 400, 0, 500), Span('b', 500, 1000))
    assert 20 < len(texts(figures)[0]) < 120 and texts(figures)[0].endswith('a…')


def test_shares_are_of_time(tmp_path, figures):
    periods = FacePeriods()
    for number, (ms, emotion) in enumerate([(0, 'happy'), (300, 'sad'), (400, 'sad'), (500, 'sad')], start=1):
        periods.add(number, ms, [FaceEmotion(1, (0, 0, 9, 9), np.eye(9)[EMOTIONS.index(emotion)])])
    save_timeline(periods, 'clip', tmp_path / 'timeline.png', last_frame_ms=100.0)
    assert [text.get_text() for text in figures[-1].axes[1].texts] == ['50%', '50%']


def test_times_of_long_videos_are_round(tmp_path, figures):
    periods = FacePeriods()
    for number, ms in enumerate((0, 3_600_000), start=1):
        periods.add(number, ms, [])
    save_timeline(periods, 'clip', tmp_path / 'timeline.png')
    ticks = [label.get_text() for label in figures[-1].axes[0].get_xticklabels()]
    assert ticks[1:4] == ['0:00.0', '10:00.0', '20:00.0']


def test_picture_grows_with_the_faces_up_to_a_limit(tmp_path):
    heights = []
    for faces in (1, 10, 20, 40):
        save_timeline(seen([{face: 'fear' for face in range(1, faces + 1)}] * 3), 'clip', tmp_path / 'timeline.png')
        heights.append(cv2.imread(str(tmp_path / 'timeline.png')).shape[0])
    assert heights[0] < heights[1] < heights[2] == heights[3]


def test_no_faces_and_one_frame_are_no_error(tmp_path):
    for frames in ([{}] * 5, [{1: 'happy'}]):
        save_timeline(seen(frames), 'clip', tmp_path / 'timeline.png')
        assert cv2.imread(str(tmp_path / 'timeline.png')) is not None


@pytest.mark.parametrize(
    'name',
    [
        '前.mp4',
        'smile 😀👩\u200d🦰.mp4',
        'שלום مرحبا.mp4',
        '$a_b^$ \\frac{.mp4',
        'x\udcff\n\t.mp4',
        'नमस्ते.mp4',
        'a' * 200,
    ],
)
def test_any_name_of_a_video_is_drawn_without_a_warning(tmp_path, name):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        save_timeline(seen([{1: 'happy'}] * 5), name, tmp_path / 'timeline.png')
    assert cv2.imread(str(tmp_path / 'timeline.png')) is not None


def test_characters_without_a_glyph_are_replaced(monkeypatch):
    monkeypatch.setattr(fonts, 'MORE_FONTS', ('No Such Font',))
    assert drawable('Zoë 前後.mp4') == ('Zoë \ufffd\ufffd.mp4', ['DejaVu Sans'])


def test_another_font_that_is_installed_is_used(monkeypatch):
    monkeypatch.setattr(fonts, 'MORE_FONTS', ('STIXGeneral',))  # comes with matplotlib
    assert drawable('\u210a 前') == ('\u210a \ufffd', ['DejaVu Sans', 'STIXGeneral'])


def title_width(name, path):
    """Returns the pixels from the first to the last dark column of the title."""
    save_timeline(seen([{1: 'happy'}] * 5), name, path)
    return np.ptp(np.flatnonzero((cv2.imread(str(path))[:22] < 128).any(axis=(0, 2))))


def test_dollar_signs_are_no_formula(tmp_path):
    formula, plain = (title_width(name, tmp_path / 'timeline.png') for name in ('$iiiii$', 'iiiii'))
    assert formula > plain + 10


def test_replaced_characters_take_up_room(tmp_path):
    assert title_width('前前前前前', tmp_path / 'timeline.png') > 40


def labels(figures):
    """What stands before the rows of the last picture."""
    return [label.get_text() for label in figures[-1].axes[0].get_yticklabels()]


@pytest.fixture
def figures(monkeypatch):
    """The pictures that were drawn."""
    figures = []

    class Noted(timeline.Figure):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            figures.append(self)

    monkeypatch.setattr(timeline, 'Figure', Noted)
    return figures


def test_each_row_has_the_name_of_its_person(tmp_path, figures):
    people = [Person(2, 'Zoë'), Person(1), Person(3, '$a_b^$ \\frac{'), Person(4, 'Ωμέγα')]
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        save_timeline(seen([dict.fromkeys(people, 'happy')] * 5), 'clip', tmp_path / 'timeline.png')
    assert labels(figures) == ['person 1', 'Zoë', '$a_b^$ \\frac{', 'Ωμέγα']


def test_names_that_no_font_can_draw_are_replaced(tmp_path, figures, monkeypatch):
    monkeypatch.setattr(fonts, 'MORE_FONTS', ())
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        save_timeline(seen([{Person(1, '前後 A'): 'happy'}] * 5), 'clip', tmp_path / 'timeline.png')
    assert labels(figures) == ['\ufffd\ufffd A']


def test_dollar_signs_of_a_name_are_no_formula(tmp_path):
    starts = []  # of the band, which makes room for the name
    for name in ('$iiiii$', 'iiiii'):
        save_timeline(seen([{Person(1, name): 'happy'}] * 5), 'clip', tmp_path / 'timeline.png')
        picture = cv2.imread(str(tmp_path / 'timeline.png'))
        starts.append(np.flatnonzero((picture == EMOTION_COLOURS_BGR['happy']).all(axis=2).any(axis=0))[0])
    assert starts[0] > starts[1] + 10


def test_times_of_the_axis():
    assert [minutes(ms) for ms in (0, 61_500, 59_990, -500, -59_990, -20)] == [
        *['0:00.0', '1:01.5', '1:00.0', '-0:00.5', '-1:00.0', '0:00.0'],
    ]
