from dataclasses import replace

import numpy as np

from emotion_recognition.labels import EMOTIONS, FaceEmotion, FaceQuality, Person
from emotion_recognition.results.spans import Span
from emotion_recognition.results.summary import VideoSummary, read_summary

NAMES = ('happy', 'neutral')


def face(track_id, happy, from_rest=None, person=None):
    probabilities = np.float32([happy, 1 - happy])
    compared = None if from_rest is None else np.float32([from_rest, 1 - from_rest])
    return FaceEmotion(track_id, (0, 0, 9, 9), probabilities, NAMES, probabilities_from_rest=compared, person=person)


def summarise(frames, spans=(), last_frame_ms=100.0):
    """Returns rows of (span, face, frames, seconds, share of happy, mean of happy, changes a minute)."""
    summary = VideoSummary('a.mp4', NAMES, spans)
    for number, (ms, faces) in enumerate(frames, start=1):
        summary.add(number, ms, faces)
    table = summary.to_table(last_frame_ms).to_frame()
    assert set(table.video) <= {'a.mp4'}
    np.testing.assert_allclose(table.happy_share + table.neutral_share, 1)
    np.testing.assert_allclose(table.happy_mean + table.neutral_mean, 1)
    columns = ['span', 'face', 'frames', 'seconds', 'happy_share', 'happy_mean', 'changes_per_minute']
    return table[columns].to_numpy().tolist()


def test_shares_are_of_time_and_not_of_frames():
    frames = [(0.0, [face(1, 0.9)]), (100.0, [face(1, 0.2)]), (900.0, [face(1, 0.2)])]
    assert summarise(frames) == [['', 1, 3, 1.0, 0.1, 0.27, 60.0]]


def test_time_without_the_face_does_not_count():
    frames = [(0.0, [face(1, 0.9), face(3, 0.1)]), (100.0, []), (600.0, [face(1, 0.4)]), (700.0, [face(1, 0.9)])]
    assert summarise(frames) == [['', 1, 3, 0.3, 0.6667, 0.7333, 400.0], ['', 3, 1, 0.1, 0.0, 0.1, 0.0]]


def test_a_frame_that_reaches_over_the_end_of_a_span_is_parted():
    frames = [(0.0, [face(1, 1.0)]), (400.0, [face(1, 0.0)]), (1000.0, [face(1, 0.0)])]
    spans = [Span('early', 100.0, 500.0), Span('late', 500.0, 900.0), Span('never', 5000.0, 6000.0)]
    assert summarise(frames, spans) == [
        ['', 1, 3, 1.1, 0.3636, 0.3636, 54.55],
        ['early', 1, 1, 0.4, 0.75, 0.75, 150.0],
        ['late', 1, 0, 0.4, 0.0, 0.0, 0.0],
    ]


def test_one_long_frame_over_several_spans_and_spans_of_one_name():
    spans = [Span('b', 100.0, 200.0), Span('a', 200.0, 400.0), Span('b', 700.0, 2000.0)]
    assert summarise([(0.0, [face(2, 1.0)]), (1000.0, [])], spans) == [
        ['', 2, 1, 1.0, 1.0, 1.0, 0.0],
        ['b', 2, 0, 0.4, 1.0, 1.0, 0.0],
        ['a', 2, 0, 0.2, 1.0, 1.0, 0.0],
    ]


def test_shares_and_means_are_of_what_is_shown():
    frames = [(0.0, [face(1, 0.9, from_rest=0.2)]), (100.0, [face(1, 0.9, from_rest=0.7)])]
    assert summarise(frames) == [['', 1, 2, 0.2, 0.5, 0.45, 300.0]]


def test_memory_does_not_grow_with_the_frames():
    summary = VideoSummary('a.mp4', NAMES, [Span('all', 0.0, 1e9)])
    for number in range(1, 2001):
        summary.add(number, number * 40.0, [face(1, 0.9)])
    assert len(summary._seen) == 2
    assert summary.to_table(40.0).to_frame().frames.tolist() == [2000, 2000]
    assert summary.to_table(40.0).to_frame().frames.tolist() == [2000, 2000]  # a second call counts nothing twice


def test_columns_with_valence_and_without_faces():
    table = VideoSummary('a.mp4', EMOTIONS).to_table(40.0).to_frame()
    assert len(table) == 0
    assert list(table.columns) == [
        *('video', 'span', 'face', 'frames', 'seconds'),
        *(f'{name}_share' for name in EMOTIONS),
        *(f'{name}_mean' for name in EMOTIONS),
        *('valence_mean', 'changes_per_minute'),
    ]


def test_means_leave_out_the_time_in_which_a_person_gave_the_emotion():
    summary = VideoSummary('a.mp4', NAMES, [Span('film', 0.0, 100.0)], is_corrected=True)
    for number, (ms, happy, corrected) in enumerate([(0.0, 0.9, 'neutral'), (100.1, 0.7, None), (400.0, 0.3, None)]):
        summary.add(number, ms, [replace(face(1, happy), corrected=corrected)])
    table = summary.to_table(100.0).to_frame()
    columns = ['span', 'seconds', 'happy_share', 'neutral_share', 'happy_mean', 'changes_per_minute', 'share_by_person']
    whole, film = table[columns].to_numpy().tolist()
    assert whole == ['', 0.5, 0.5998, 0.4002, 0.6, 240.0, 0.2002]
    assert film[:4] == ['film', 0.1, 0.0, 1.0] and np.isnan(film[4]) and film[5:] == [0.0, 1.0]
    assert list(table.columns)[-2:] == ['changes_per_minute', 'share_by_person']


def test_tracks_of_one_person_share_a_row():
    anna, second = Person(2, 'Anna'), Person(1, is_identified=False)
    summary = VideoSummary('a.mp4', NAMES, [Span('film', 100.0, 300.0)], with_people=True)
    frames = [
        [face(1, 1.0, person=anna)],
        [face(2, 0.0, person=second), face(5, 0.0, person=anna)],
        [face(7, 0.0, person=anna)],
    ]
    for number, faces in enumerate(frames, start=1):
        summary.add(number, number * 100.0 - 100, faces)
    table = summary.to_table(100.0).to_frame()
    columns = ['span', 'person', 'name', 'identified', 'frames', 'seconds', 'happy_share', 'changes_per_minute']
    assert table[columns].to_numpy().tolist() == [
        ['', 1, '', 0, 1, 0.1, 0.0, 0.0],
        ['', 2, 'Anna', 1, 3, 0.3, 0.3333, 200.0],  # a change from one track to the next is one too
        ['film', 1, '', 0, 1, 0.1, 0.0, 0.0],
        ['film', 2, 'Anna', 1, 2, 0.2, 0.0, 300.0],
    ]
    assert 'face' not in table.columns


def test_further_columns_of_the_users_table_follow_the_name():
    anna = Person(1, 'Anna', details=(('condition', 'control'), ('age', '25')))
    summary = VideoSummary('a.mp4', NAMES, with_people=True)
    summary.add(1, 0.0, [face(1, 1.0, person=anna), face(2, 1.0, person=Person(2))])
    table = summary.to_table(40.0).to_frame()
    assert list(table.columns[:8]) == ['video', 'span', 'person', 'name', 'identified', 'condition', 'age', 'frames']
    assert table[['name', 'condition', 'age']].to_numpy().tolist() == [['Anna', 'control', '25'], ['', '', '']]


def test_columns_with_people_and_nobody():
    table = VideoSummary('a.mp4', NAMES, with_people=True).to_table(40.0).to_frame()
    assert list(table.columns[:6]) == ['video', 'span', 'person', 'name', 'identified', 'frames'] and table.empty


def test_usable_is_the_share_of_the_time_with_enough_quality(tmp_path):
    def seen(quality):
        measured = None if quality is None else FaceQuality(40.0, 0.1, 0.0, 0.9, quality)
        return [replace(face(1, 0.9), seen=measured)]

    spans = [Span('film', 0, 300), Span('rest', 300, 1000)]
    summary = VideoSummary('a.mp4', NAMES, spans, min_quality=0.5)
    frames = [(0.0, seen(0.5)), (300.0, seen(0.49)), (400.0, seen(0.8)), (900.0, seen(None))]
    for number, (ms, faces) in enumerate(frames, start=1):
        summary.add(number, ms, faces)
    table = summary.to_table(100.0).to_frame()
    assert table[['span', 'seconds', 'usable']].to_numpy().tolist() == [
        ['', 1.0, 0.8],
        ['film', 0.3, 1.0],
        ['rest', 0.7, 0.7143],
    ]
    table.to_csv(tmp_path / 'summary.csv', index=False)
    assert read_summary(tmp_path / 'summary.csv').to_frame().usable.tolist() == [0.8, 1.0, 0.7143]
