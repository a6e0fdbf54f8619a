import warnings

import cv2
import numpy as np
import pytest

from emotion_recognition.labels import EMOTION_COLOURS_BGR, EMOTIONS, FaceEmotion, Person
from emotion_recognition.results import fonts, timeline
from emotion_recognition.results.fonts import drawable
from emotion_recognition.results.periods import FacePeriods
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


def pixels_of(picture, emotion):
    return (np.abs(picture.astype(int) - EMOTION_COLOURS_BGR[emotion]).max(axis=2) <= 3).sum()


def test_bands_have_the_emotions_colours_and_lengths(tmp_path):
    save_timeline(seen([{1: 'happy'}] * 75 + [{1: 'sad'}] * 25), 'clip.mp4', tmp_path / 'timeline.png')
    picture = cv2.imread(str(tmp_path / 'timeline.png'))
    assert 2.5 < pixels_of(picture, 'happy') / pixels_of(picture, 'sad') < 3.5
    assert pixels_of(picture, 'anger') == 0


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
