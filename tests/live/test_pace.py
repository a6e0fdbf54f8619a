import pytest

from emotion_recognition.live import pace as pace_module
from emotion_recognition.live.pace import Pace


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(pace_module.time, 'perf_counter', lambda: now[0])
    return now


def test_frame_rate_and_age(clock):
    pace = Pace()
    for _ in range(101):
        pace.add(clock[0] - 0.05)
        clock[0] += 0.04
    assert pace.frame_rate == pytest.approx(25)
    assert str(pace) == '101 frames shown, 25.0 a second, 50 ms old (95 %: 50 ms)'


def test_frame_rate_is_that_of_the_last_frames(clock):
    pace = Pace()
    for step in [1.0] * 50 + [0.1] * 50:
        pace.add(clock[0])
        clock[0] += step
    assert pace.frame_rate == pytest.approx(10)


def test_a_pause_does_not_count_for_the_current_frame_rate(clock):
    pace = Pace()
    for step in [0.1] * 10 + [20.0]:
        pace.add(clock[0])
        clock[0] += step
    pace.end_pause()
    assert (pace.frame_rate, str(pace)) == (0, '11 frames shown, 10.0 a second, 0 ms old (95 %: 0 ms)')
    for _ in range(3):
        pace.add(clock[0])
        clock[0] += 0.1
    assert pace.frame_rate == pytest.approx(10)


def test_no_frames():
    assert (Pace().frame_rate, str(Pace())) == (0, '0 frames shown')
