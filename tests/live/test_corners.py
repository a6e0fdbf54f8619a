from emotion_recognition.live.corners import BOTTOM_LEFT, TOP_LEFT, Corner

FRAME = (240, 320, 3)
SIZE = (300, 60)


def test_it_stands_where_no_face_is_and_stays_there():
    corner, face = Corner(TOP_LEFT), (110, 20, 90, 100)
    assert corner.place(FRAME, SIZE, [], []) == (0, 0, 300, 60)
    assert corner.place(FRAME, SIZE, [], [face]) == (0, 180, 300, 60)
    assert corner.place(FRAME, SIZE, [], []) == (0, 180, 300, 60)  # it does not jump back


def test_it_would_rather_cover_a_face_than_a_label():
    face, label = (60, 0, 200, 240), (60, 200, 200, 20)
    assert Corner(BOTTOM_LEFT).place(FRAME, SIZE, [label], [face]) == (0, 0, 300, 60)


def test_it_stays_where_it_covers_about_as_much_as_elsewhere():
    corner = Corner(TOP_LEFT)
    assert corner.place(FRAME, SIZE, [], [(60, 0, 200, 240)])[1] == 0
    assert corner.place(FRAME, SIZE, [], [(60, 0, 200, 230)])[1] == 0
    assert corner.place(FRAME, SIZE, [], [(60, 0, 200, 200)])[1] == 180
