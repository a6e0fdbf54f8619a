import numpy as np

from emotion_recognition.labels import EMOTIONS, FaceEmotion, Person
from emotion_recognition.results.periods import FacePeriods
from emotion_recognition.results.subtitles import write_subtitles


def face(track_id, emotion, person=None):
    return FaceEmotion(track_id, (0, 0, 9, 9), np.eye(9)[EMOTIONS.index(emotion)], person=person)


def subtitles(folder, frames, start_ms=0.0, shift_ms=0.0):
    """Write the subtitles of frames, which are shown for 40 ms each. Returns the file's text."""
    face_periods = FacePeriods()
    for number, faces in enumerate(frames):
        face_periods.add(number + 1, start_ms + number * 40.0, faces)
    write_subtitles(face_periods, 40.0, folder / 'periods.srt', shift_ms)
    return (folder / 'periods.srt').read_text(encoding='utf-8')


def test_of_a_single_face_the_emotion_is_all_that_is_said(tmp_path):
    frames = [[face(1, 'happy')], [face(1, 'happy')], [], [face(1, 'anger')]]
    assert subtitles(tmp_path, frames, 3_600_000.0) == (
        '1\n01:00:00,000 --> 01:00:00,080\nhappy\n\n2\n01:00:00,120 --> 01:00:00,160\nanger\n\n'
    )


def test_tracks_of_one_person_are_a_single_face(tmp_path):
    frames = [[face(1, 'happy', Person(1))], [face(2, 'happy', Person(1))]]
    assert subtitles(tmp_path, frames) == '1\n00:00:00,000 --> 00:00:00,080\nhappy\n\n'


def test_several_people_have_a_line_each_even_while_one_is_alone(tmp_path):
    anna, second = Person(1, 'Zo\xeb 前'), Person(2)
    frames = [
        [face(1, 'happy', anna)],
        [face(1, 'happy', anna), face(2, 'sad', second)],
        [face(1, 'fear', anna), face(2, 'sad', second)],
        [],
        [face(3, 'sad', second)],
    ]
    assert subtitles(tmp_path, frames) == (
        '1\n00:00:00,000 --> 00:00:00,040\nZo\xeb 前: happy\n\n'
        '2\n00:00:00,040 --> 00:00:00,080\nZo\xeb 前: happy\nperson 2: sad\n\n'
        '3\n00:00:00,080 --> 00:00:00,120\nZo\xeb 前: fear\nperson 2: sad\n\n'
        '4\n00:00:00,160 --> 00:00:00,200\nperson 2: sad\n\n'
    )


def test_lines_stand_in_the_order_of_the_numbers(tmp_path):
    """Face 2 changes later than face 1."""
    frames = [
        [face(1, 'happy'), face(2, 'sad')],
        [face(1, 'fear'), face(2, 'sad')],
        [face(1, 'fear'), face(2, 'happy')],
    ]
    lines = subtitles(tmp_path, frames).splitlines()
    assert [line for line in lines if line.startswith('face')] == [
        *('face 1: happy', 'face 2: sad', 'face 1: fear', 'face 2: sad', 'face 1: fear', 'face 2: happy'),
    ]


def test_subtitles_follow_a_video_that_is_moved_to_time_0(tmp_path):
    frames = [[face(1, 'happy')], [face(1, 'anger')], [face(1, 'anger')]]
    times = subtitles(tmp_path, frames, start_ms=-80.0, shift_ms=80.0).split('\n')[1::4]
    assert times[:2] == ['00:00:00,000 --> 00:00:00,040', '00:00:00,040 --> 00:00:00,120']


def test_a_video_without_faces_has_no_subtitles(tmp_path):
    assert subtitles(tmp_path, [[], []]) == ''
