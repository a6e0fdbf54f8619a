"""LabStreamingLayer streams, received as another program on the network receives them."""

import itertools
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import emotions_from_webcam
from emotion_recognition.labels import EMOTIONS, FaceEmotion, Person
from emotion_recognition.live.lab_streams import LabStreams
from tests.paths import DEMO_PATH

pytestmark = pytest.mark.xdist_group('alone')  # streams are found by their names on the whole machine


def receive(pylsl, name):
    inlet = pylsl.StreamInlet(pylsl.resolve_byprop('source_id', name, timeout=120)[0])
    inlet.open_stream(120)
    return inlet


def test_samples_bear_the_time_of_their_frame(pylsl):
    streams = LabStreams(pylsl, 'rtsp://user:secret@camera.local/live', EMOTIONS)
    faces, marks = receive(pylsl, 'FacialEmotions camera.local'), receive(pylsl, 'FacialEmotionsMarks camera.local')
    assert faces.info().get_channel_labels() == [
        *('frame', 'face', 'person', 'x', 'y', 'width', 'height', *EMOTIONS, 'valence'),
        *(f'{emotion}_from_rest' for emotion in EMOTIONS),
    ]
    assert (faces.info().type(), marks.info().type()) == ('Emotions', 'Markers')
    assert 'secret' not in faces.info().as_xml() + marks.info().as_xml()

    seen = np.float32([0.1, 0, 0, 0.2, 0.5, 0.2, 0, 0, 0])
    from_rest = np.float32([0, 0, 0, 0, 0.25, 0.75, 0, 0, 0])
    read, clock = time.perf_counter() - 10, pylsl.local_clock() - 10
    known, unknown = (FaceEmotion(1, (5, 6, 70, 80), seen, person=Person(3)), FaceEmotion(2, (90, 6, 70, 80), seen))
    streams.add(7, read, [known, replace(unknown, person=Person(0))])
    streams.mark('4')
    streams.add(8, read + 0.5, [])
    streams.add(9, read + 1, [FaceEmotion(2, (1, 2, 3, 4), seen, probabilities_from_rest=from_rest)])
    first, second, third = (faces.pull_sample(60) for _ in range(3))
    np.testing.assert_allclose(first[0], [7, 1, 3, 5, 6, 70, 80, *seen, 0.3, *[np.nan] * 9], atol=1e-6)
    np.testing.assert_allclose(second[0][:4], [7, 2, np.nan, 90])  # it is not known yet whose face it is
    np.testing.assert_allclose(third[0], [9, 2, np.nan, 1, 2, 3, 4, *seen, 0.25, *from_rest], atol=1e-6)
    assert [first[1], second[1], third[1]] == pytest.approx([clock, clock, clock + 1], abs=0.02)
    assert first[1] == second[1]  # of one frame
    mark, marked = marks.pull_sample(60)
    assert (mark, marked) == (['4'], pytest.approx(clock, abs=0.02))
    assert faces.pull_sample(0) == (None, None)


def test_times_stay_exact_where_the_process_is_interrupted_between_the_clocks(pylsl, monkeypatch):
    real_clock, moments = pylsl.local_clock, itertools.cycle(['before', 'after', 'never'])

    def interrupted_clock():
        moment = next(moments)
        time.sleep(0.05 if moment == 'before' else 0)
        now = real_clock()
        time.sleep(0.05 if moment == 'after' else 0)
        return now

    streams = LabStreams(pylsl, 0, EMOTIONS)
    expected = real_clock() - time.perf_counter()
    monkeypatch.setattr(pylsl, 'local_clock', interrupted_clock)
    for moment in (0.0, 100.0):
        assert streams._on_lsl_clock(moment) - moment == pytest.approx(expected, abs=0.001)


def run_with_streams():
    with pytest.raises(SystemExit) as caught:
        emotions_from_webcam.main(['--lsl', '--camera', str(DEMO_PATH), '--model-weights-path', 'none.h5'])
    return caught.value.code


def test_without_pylsl(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pylsl', None)  # Python's mark for a module that cannot be imported
    expected = '--lsl needs the package pylsl; install it with: python -m pip install pylsl'
    assert run_with_streams() == f'emotions_from_webcam.py: {expected}'


def test_pylsl_without_its_library(monkeypatch, tmp_path):
    (tmp_path / 'pylsl.py').write_text("raise RuntimeError('LSL binary library file was not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'pylsl', raising=False)
    expected = '--lsl needs liblsl, which pylsl does not find here; see https://labstreaminglayer.org'
    assert run_with_streams() == f'emotions_from_webcam.py: {expected}'
