import numpy as np
import pytest

from emotion_recognition.groups import in_groups
from emotion_recognition.labels import InputError
from emotion_recognition.media.picture import Picture


def frames(face_counts, shape=(36, 64)):
    picture = Picture(np.broadcast_to(np.uint8(0), (*shape, 3)))
    for number, count in enumerate(face_counts, start=1):
        yield number, number * 40.0, picture, False, None if count is None else [None] * count


def sizes(face_counts, **options):
    return [len(group) for group in in_groups(frames(face_counts, **options))]


@pytest.mark.parametrize(
    ('face_counts', 'expected'),
    [
        ([1] * 40, [16, 16, 8]),
        ([4] * 9, [4, 4, 1]),
        ([5] * 5, [4, 1]),
        ([30, 1, 30], [1, 2]),
        ([0] * 20, [16, 4]),
        ([None, 8] * 4, [4, 4]),
        ([], []),
    ],
    ids=['one face', 'four', 'more than wanted', 'many', 'none', 'left out', 'no frames'],
)
def test_a_group_is_complete_when_the_network_has_enough_to_do(face_counts, expected):
    assert sizes(face_counts) == expected


@pytest.mark.parametrize(('shape', 'expected'), [((1080, 1920), [4, 4, 2]), ((2160, 3840), [1] * 10)])
def test_few_large_pictures_wait(shape, expected):
    assert sizes([1] * 10, shape=shape) == expected


def test_frames_before_an_error_come_first():
    def break_off():
        yield from frames([1] * 3)
        raise InputError('the file breaks off')

    groups = in_groups(break_off())
    assert [number for number, *_ in next(groups)] == [1, 2, 3]
    with pytest.raises(InputError, match='breaks off'):
        next(groups)
