from fractions import Fraction
from itertools import islice
from xml.etree import ElementTree

import av
import numpy as np
import pandas as pd
import pytest
from pympi.Elan import Eaf

import emotions_from_video
from emotion_recognition.labels import EMOTIONS, FaceEmotion, Person
from emotion_recognition.results.elan import make_tiers, write_elan
from emotion_recognition.results.periods import FacePeriods
from emotion_recognition.results.spans import Span
from tests.clips import picture_times_ms
from tests.paths import DEMO_PATH


def periods(*frames):
    """Returns the FacePeriods of frames, each a time in ms and the emotions of faces, by their numbers or persons."""
    face_periods = FacePeriods()
    for number, (ms, emotions) in enumerate(frames, start=1):
        face_periods.add(number, ms, [face(who, emotion) for who, emotion in emotions.items()])
    return face_periods


def face(who, emotion):
    track_id, person = (9, who) if isinstance(who, Person) else (who, None)
    return FaceEmotion(track_id, (0, 0, 9, 9), np.eye(9)[EMOTIONS.index(emotion)], person=person)


def address(path):
    return f'file:///{path.as_posix().lstrip("/")}'


def annotations(document, tier):
    return sorted(document.get_annotation_data_for_tier(tier))


def test_tier_for_each_face_and_for_the_spans():
    face_periods = periods((0.0, {2: 'sad'}), (40.0, {2: 'sad', 1: 'fear'}), (90.0, {1: 'happy'}), (100.0, {1: 'sad'}))
    assert make_tiers(face_periods, [Span('film', 50.0, 120.0)], 40.0) == {
        'face 1': [(40.0, 90.0, 'fear'), (90.0, 100.0, 'happy'), (100.0, 140.0, 'sad')],
        'face 2': [(0.0, 90.0, 'sad')],
        'spans': [(50.0, 120.0, 'film')],
    }
    assert make_tiers(face_periods, [], 40.0, 80.0)['face 2'] == [(80.0, 170.0, 'sad')]
    assert make_tiers(periods((0.0, {})), [], 40.0) == {}


@pytest.mark.parametrize(
    ('name', 'kind'),
    [
        ('a.ts', 'video/mp2t'),
        ('00001.MTS', 'video/mp2t'),
        ('a.m2ts', 'video/mp2t'),
        ('a.3gp', 'video/3gpp'),
        ('a.mp4', 'video/mp4'),
        ('a.strange', 'unknown'),
    ],
)
def test_kind_of_the_linked_video(tmp_path, name, kind):
    write_elan({}, tmp_path / name, tmp_path, tmp_path / 'a.eaf')
    media = ElementTree.parse(tmp_path / 'a.eaf').find('HEADER/MEDIA_DESCRIPTOR')
    assert media.get('MIME_TYPE') == kind


def test_face_that_leaves_before_the_last_frame_is_not_prolonged():
    assert make_tiers(periods((0.0, {1: 'sad'}), (40.0, {})), [], 40.0) == {'face 1': [(0.0, 40.0, 'sad')]}


def test_a_person_has_one_tier_whose_name_is_theirs():
    anna, second = Person(1, 'Anna "Ä" <前>'), Person(2)
    assert make_tiers(periods((0.0, {anna: 'sad'}), (40.0, {}), (80.0, {anna: 'sad', second: 'fear'})), [], 40.0) == {
        'Anna "Ä" <前>': [(0.0, 40.0, 'sad'), (80.0, 120.0, 'sad')],
        'person 2': [(80.0, 120.0, 'fear')],
    }


def test_characters_that_xml_forbids_are_replaced(tmp_path):
    people = {Person(1, 'A\x00nna\x1b'): 'sad', Person(2, 'A\x01nna\ufffe'): 'happy', Person(3, 'tab\tand 😀'): 'fear'}
    face_periods = periods((0.0, people), (40.0, people))
    tiers = make_tiers(face_periods, [Span('fi\x08lm', 0.0, 40.0)], 40.0)
    write_elan(tiers, tmp_path / 'a\x07.mp4', tmp_path, tmp_path / 'a.eaf')
    document = Eaf(tmp_path / 'a.eaf')
    assert list(document.get_tier_names()) == ['A�nna� (1)', 'A�nna� (2)', 'tab\tand 😀', 'spans']
    assert annotations(document, 'spans') == [(0, 40, 'fi�lm')]
    assert document.get_linked_files()[0]['RELATIVE_MEDIA_URL'] == './a�.mp4'


def test_neighbours_meet_and_nothing_is_before_zero_or_empty(tmp_path):
    tiers = {'face 1': [(-70.0, -33.4, 'fear'), (-33.4, 33.367, 'sad'), (33.367, 33.4, 'anger'), (33.4, 66.733, 'sad')]}
    write_elan(tiers, tmp_path / 'a.mp4', tmp_path, tmp_path / 'a.eaf')
    assert annotations(Eaf(tmp_path / 'a.eaf'), 'face 1') == [(0, 33, 'sad'), (33, 67, 'sad')]


@pytest.mark.parametrize(
    ('media', 'relative', 'kind'),
    [
        ('clips/a b é & <c>.mp4', './a b é & <c>.mp4', 'video/mp4'),
        ('a.mov', '../a.mov', 'video/quicktime'),
        ('clips/raw/a.unheardof', './raw/a.unheardof', 'unknown'),
    ],
)
def test_link_to_the_media(tmp_path, media, relative, kind):
    (tmp_path / 'clips').mkdir()
    write_elan({}, tmp_path / media, tmp_path / 'clips', tmp_path / 'a.eaf')
    root = ElementTree.parse(tmp_path / 'a.eaf').getroot()
    assert root.find('HEADER').attrib == {'MEDIA_FILE': '', 'TIME_UNITS': 'milliseconds'}
    assert root.find('HEADER/MEDIA_DESCRIPTOR').attrib == {
        'MEDIA_URL': address(tmp_path / media),
        'RELATIVE_MEDIA_URL': relative,
        'MIME_TYPE': kind,
    }
    assert Eaf(tmp_path / 'a.eaf').get_tier_names() == {}.keys()


@pytest.fixture
def early_clip(tmp_path):
    """A second of the demo clip, from 120 ms before time 0, with one frame of half a second. Red faces turn blue."""
    path = tmp_path / 'early.mkv'
    options = {'avoid_negative_ts': 'disabled'}
    with av.open(str(DEMO_PATH)) as source, av.open(str(path), 'w', container_options=options) as target:
        stream = target.add_stream('mpeg4', rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 640, 360, 'yuv420p', 4_000_000
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, frame in enumerate(islice(source.decode(video=0), 25)):
            picture = frame.to_ndarray(format='rgb24' if number < 8 else 'bgr24')
            frame = av.VideoFrame.from_ndarray(picture, format='rgb24')
            frame.pts, frame.time_base = number * 40 - 120 + (460 if number > 12 else 0), Fraction(1, 1000)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


def test_file_read_back_agrees_with_the_tables_and_the_video(tmp_path, early_clip, colour_model_path):
    (tmp_path / 'spans.csv').write_text('video,start,end,name\nearly.mkv,-0.04,0.5,film\n')
    options = ['--elan', '--spans', str(tmp_path / 'spans.csv'), '--smoothing-seconds', '0']
    emotions_from_video.main([str(early_clip), '--model-weights-path', str(colour_model_path), *options])
    document = Eaf(tmp_path / 'early_with_emotions.eaf')
    link = document.get_linked_files()[0]
    assert link['MEDIA_URL'] == address(tmp_path / 'early_with_emotions.mp4')
    assert (link['RELATIVE_MEDIA_URL'], link['MIME_TYPE']) == ('./early_with_emotions.mp4', 'video/mp4')
    assert annotations(document, 'spans') == [(80, 620, 'film')]

    faces = pd.read_csv(tmp_path / 'early_with_emotions_faces_data.csv')
    times = picture_times_ms(early_clip)
    assert times[0] == -120 and set(faces.face) == {1} and len(faces) == len(times)
    shown = picture_times_ms(tmp_path / 'early_with_emotions.mp4')
    assert [round(ms) for ms in shown] == [round(ms + 120) for ms in times]
    read = annotations(document, 'person 1')
    assert [emotion for *_, emotion in read] == ['anger', 'sad']
    assert (read[0][0], read[-1][1]) == (0, round(times[-1] + 120 + 1000 / average_rate(early_clip)))
    assert [start for start, *_ in read[1:]] == [end for _, end, _ in read[:-1]]
    for start, end, emotion in read:  # every frame
        inside = (faces.ms.round() + 120 >= start) & (faces.ms.round() + 120 < end)
        assert inside.any() and set(faces.emotion[inside]) == {emotion}


def average_rate(path):
    with av.open(str(path)) as container:
        return float(container.streams.video[0].average_rate)


def test_without_an_annotated_video_the_original_is_linked(tmp_path, early_clip, colour_model_path):
    options = ['--elan', '--no-write-video', '--model-weights-path', str(colour_model_path)]
    emotions_from_video.main([str(early_clip), *options, '--output-filename', str(tmp_path / 'out.mp4')])
    document = Eaf(tmp_path / 'out.eaf')
    link = document.get_linked_files()[0]
    assert (link['MEDIA_URL'], link['RELATIVE_MEDIA_URL']) == (address(early_clip), './early.mkv')
    read = annotations(document, 'person 1')
    assert read[0][0] == 0  # ELAN has no times before 0
    assert read[-1][1] == round(picture_times_ms(early_clip)[-1] + 1000 / average_rate(early_clip))


def test_people_whose_names_would_be_one_tier_have_two():
    people = {Person(1, 'person 2'): 'sad', Person(2): 'happy', Person(3, 'spans'): 'fear'}
    tiers = make_tiers(periods((0.0, people), (40.0, people)), [Span('film', 0.0, 40.0)], 40.0)
    assert {name: [value for _, _, value in rows] for name, rows in tiers.items()} == {
        'person 2 (1)': ['sad'],
        'person 2 (2)': ['happy'],
        'spans (3)': ['fear'],
        'spans': ['film'],
    }
