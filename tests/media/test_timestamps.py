import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.media.timestamps import repair_timestamps


def repair(times, end=None, min_step=1):
    """Returns the repaired times of frames 40 ms apart, each moved by its recording's shift."""
    frames = repair_timestamps([(pts, 40, number) for number, pts in enumerate(times)], 0.001, end, min_step)
    return [frame.pts + frame.shift for frame in frames]


@pytest.mark.parametrize('times', [[0, 40, 80], [5_000, 5_017, 5_300], [-80, -40, 0], [0, 40, 600_000, 600_040], [7]])
def test_times_that_increase_stay(times):
    assert repair(times) == times


@pytest.mark.parametrize(
    ('times', 'repaired'),
    [
        ([None, None, None], [0, 40, 80]),
        ([0, None, 80], [0, 40, 80]),
        ([0, None, 1_000], [0, 40, 1_000]),
        ([None, 80, 120], [40, 80, 120]),
        ([0, 40, 40, 42], [0, 40, 41, 42]),
        ([0, 40, 40], [0, 40, 41]),
    ],
)
def test_missing_and_equal_times_are_filled_in(times, repaired):
    assert repair(times) == repaired


@pytest.mark.parametrize(
    ('times', 'repaired'),
    [
        ([0, 40, 9_000_000, 120, 160], [0, 40, 80, 120, 160]),
        ([9_000_000, 40, 80], [0, 40, 80]),
        ([0, 5_000, 5_040, 3, 5_120], [0, 5_000, 5_040, 5_080, 5_120]),
    ],
)
def test_one_damaged_time_lies_between_its_neighbours(times, repaired):
    assert repair(times) == repaired


@pytest.mark.parametrize(
    ('times', 'repaired'),
    [
        ([0, 0, 1, 2, 2, 2], [0, 0, 1, 2, 2, 2]),
        ([0, 0, 9_000_000, 0, 0, 1], [0, 0, 0, 0, 0, 1]),
        ([5, 5, 3, 5, 6], [5, 5, 5, 5, 6]),
    ],
)
def test_equal_times_stay_where_they_may_be_equal(times, repaired):
    assert repair(times, min_step=0) == repaired


def test_several_times_far_beyond_the_end_do_not_push_back_what_follows():
    assert repair([0, 40, 9_000_000, 9_000_040, 9_000_080, 200, 240], end=1_000) == [0, 40, 80, 120, 160, 200, 240]


def test_one_time_days_ahead_in_a_file_that_does_not_tell_its_end():
    assert repair([0, 40, 10**12, 10**12 + 40, 160]) == [0, 40, 80, 120, 160]


def test_joined_recordings_follow_each_other():
    frames = list(
        repair_timestamps([(pts, 40, None) for pts in (1_400, 1_440, 2_000, 0, 40, 0, 40, 900, 40, 80)], 0.001)
    )
    assert [frame.recording for frame in frames] == [0, 0, 0, 1, 1, 1, 1, 1, 2, 2]
    assert [frame.pts + frame.shift for frame in frames] == [
        *[1_400, 1_440, 2_000],
        *[2_040, 2_080, 2_081, 2_121, 2_940],  # the second 0 and 40 are small steps back: damage
        *[2_980, 3_020],
    ]


def test_own_time_counts_again_after_damage_that_looked_like_another_recording():
    assert repair([0, 5_000, 5_040, 3, 43, 5_160, 5_200]) == [0, 5_000, 5_040, 5_080, 5_120, 5_160, 5_200]


def test_error_comes_after_the_last_item():
    def items():
        yield 0, 40, 'first'
        raise InputError('broken')

    frames = repair_timestamps(items(), 0.001)
    assert next(frames).item == 'first'
    with pytest.raises(InputError, match='broken'):
        next(frames)
