import numpy as np

from emotion_recognition.labels import EMOTIONS, FaceEmotion, FaceQuality, Person
from emotion_recognition.results.face_table import FaceColumns, FaceTable


def faces(*emotions):
    return [face(number, emotion) for number, emotion in enumerate(emotions, start=1)]


def face(track_id, emotion):
    return FaceEmotion(track_id, (0, 0, 9, 9), np.eye(9)[EMOTIONS.index(emotion)])


def test_row_per_face_and_frame(tmp_path):
    probabilities = np.array([0.01, 0, 0, 0.04, 0.9, 0.05, 0, 0, 0], np.float32)
    with FaceTable(tmp_path / 'faces.csv', FaceColumns(EMOTIONS)) as table:
        table.add(1, 0.0, [FaceEmotion(1, (10, 20, 30, 40), probabilities), face(3, 'sad')])
        table.add(2, 33.367, [])
        table.add(3, 66.733, [face(3, 'sad')])
    assert (tmp_path / 'faces.csv').read_text() == (
        'frame,ms,face,x,y,width,height,emotion,confidence,'
        'anger,contempt,disgust,fear,happy,neutral,sad,surprise,uncertain,valence\n'
        '1,0.0,1,10,20,30,40,happy,0.9000,0.0100,0.0000,0.0000,0.0400,0.9000,0.0500,0.0000,0.0000,0.0000,0.8600\n'
        '1,0.0,3,0,0,9,9,sad,1.0000,0.0000,0.0000,0.0000,0.0000,0.0000,0.0000,1.0000,0.0000,0.0000,-1.0000\n'
        '3,66.733,3,0,0,9,9,sad,1.0000,0.0000,0.0000,0.0000,0.0000,0.0000,0.0000,1.0000,0.0000,0.0000,-1.0000\n'
    )


def test_what_is_shown_is_next_to_what_the_network_said(tmp_path):
    names = ('happy', 'neutral')
    seen, from_rest = np.float32([0.3, 0.7]), np.float32([0.6, 0.4])
    with FaceTable(tmp_path / 'faces.csv', FaceColumns(names, with_rest=True, with_detected=True)) as table:
        known = FaceEmotion(1, (0, 0, 9, 9), seen, names, probabilities_from_rest=from_rest)
        table.add(1, 0.0, [known, FaceEmotion(2, (9, 0, 9, 9), seen, names, detected=False)])
    assert (tmp_path / 'faces.csv').read_text() == (
        'frame,ms,face,x,y,width,height,emotion,confidence,happy,neutral,'
        'happy_from_rest,neutral_from_rest,detected\n'
        '1,0.0,1,0,0,9,9,happy,0.6000,0.3000,0.7000,0.6000,0.4000,1\n'
        '1,0.0,2,9,0,9,9,neutral,0.7000,0.3000,0.7000,,,0\n'
    )


def test_whose_face_it_is_stands_beside_its_number(tmp_path):
    names, probabilities = ('happy', 'neutral'), np.float32([0.3, 0.7])
    with FaceTable(tmp_path / 'faces.csv', FaceColumns(names, with_people=True)) as table:
        anna, nobody = Person(2, 'Anna'), Person(3, is_identified=False)
        for track_id, person in ((1, anna), (4, nobody), (5, None)):
            table.add(1, 0.0, [FaceEmotion(track_id, (0, 0, 9, 9), probabilities, names, person=person)])
    assert (tmp_path / 'faces.csv').read_text() == (
        'frame,ms,face,person,name,identified,x,y,width,height,emotion,confidence,happy,neutral\n'
        '1,0.0,1,2,Anna,1,0,0,9,9,neutral,0.7000,0.3000,0.7000\n'
        '1,0.0,4,3,,0,0,0,9,9,neutral,0.7000,0.3000,0.7000\n'
        '1,0.0,5,,,,0,0,9,9,neutral,0.7000,0.3000,0.7000\n'
    )


def test_how_well_a_face_can_be_seen(tmp_path):
    names, probabilities = ('happy', 'neutral'), np.float32([0.3, 0.7])
    with FaceTable(tmp_path / 'faces.csv', FaceColumns(names, with_detected=True, with_quality=True)) as table:
        seen = FaceQuality(41.23456, 0.0123, 12.0, 0.93, 0.5)
        table.add(1, 0.0, [FaceEmotion(1, (0, 0, 9, 9), probabilities, names, seen=seen)])
        table.add(2, 40.0, [FaceEmotion(1, (0, 0, 9, 9), probabilities, names, detected=False)])
    assert (tmp_path / 'faces.csv').read_text() == (
        'frame,ms,face,x,y,width,height,emotion,confidence,happy,neutral,'
        'eye_distance,sharpness,turn,score,quality,detected\n'
        '1,0.0,1,0,0,9,9,neutral,0.7000,0.3000,0.7000,41.2346,0.0123,12.0000,0.9300,0.5000,1\n'
        '2,40.0,1,0,0,9,9,neutral,0.7000,0.3000,0.7000,,,,,,0\n'
    )


def test_no_text_from_outside_begins_like_a_formula(tmp_path):
    names, probabilities = ('happy', 'neutral'), np.float32([0.3, 0.7])
    with FaceTable(tmp_path / 'faces.csv', FaceColumns(names, with_people=True), ['file']) as table:
        person = Person(2, '@Anna')
        table.add(1, -40.0, [FaceEmotion(1, (-3, 0, 9, 9), probabilities, names, person=person)], ['=1.jpg'])
    assert (tmp_path / 'faces.csv').read_text().splitlines()[1] == (
        "'=1.jpg,1,-40.0,1,2,'@Anna,1,-3,0,9,9,neutral,0.7000,0.3000,0.7000"
    )
