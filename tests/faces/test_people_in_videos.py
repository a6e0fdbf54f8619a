"""People who are told apart in videos, by the real detector, tracker and face recognition."""

from itertools import accumulate

import cv2
import pytest

from emotion_recognition.faces.people import tell_apart
from tests.paths import DEMO_PATH, SHARED
from tests.people_clips import Finder, compose, who_is_seen_as, with_gap_and_mirrored, write_frames

NEEDS_CLIPS = pytest.mark.skipif(not (SHARED / 'videos').is_dir(), reason='the real clips are not here')
NEEDS_PORTRAITS = pytest.mark.skipif(not (SHARED / 'london').is_dir(), reason='the portraits are not here')

FRAME_RATE = 12.5
# Who is on the left and on the right of each scene, neutral or smiling, and for how long it lasts, in seconds
SCENES = [('An', 'Bn', 1.6), ('Cn', 'Dn', 1.6), (None, 'As', 1.4), (None, None, 0.5), ('Ds', 'En', 1.6)]
SCENES += [('Fn', 'Bs', 1.6), ('Cs', 'An', 1.6), ('Es', 'Fs', 1.6)]
NEAR_CUT = 0.15  # seconds; so near to a cut, a face may be taken for the one before or after it


@pytest.fixture(scope='module')
def finder():
    return Finder()


def people_of_demo(seconds, is_right):
    """The first is alone for 3 s, the second alone for 3 s, then both are seen; they fade into each other."""
    if 2.9 < seconds < 3.6 or 5.9 < seconds < 6.6:
        return None
    return 'first' if seconds < 3 else 'second' if seconds < 6 else ('first', 'second')[is_right]


def test_the_two_people_of_the_demo(finder):
    moments, shown = finder.see(DEMO_PATH)
    (people,), everyone = tell_apart([moments])
    assert who_is_seen_as(people, shown, people_of_demo) == {('first', 1), ('second', 2)}
    assert {person.number for person in people.everyone()} == {1, 2} and len(everyone) == 2


def test_the_same_after_three_black_seconds_a_cut_and_mirrored(finder, tmp_path):
    """A cut in place of the second fade, from 6 to 6.56 s, in which the second person is seen twice in one frame."""
    clip = with_gap_and_mirrored(DEMO_PATH, tmp_path / 'clip.mp4', frame_rate=25, cut=slice(150, 164))
    moments, shown = finder.see(clip)
    (people,), everyone = tell_apart([moments])

    def who_is_at(seconds, is_right):
        if seconds < 4.46:
            return people_of_demo(seconds, is_right)
        if abs(seconds - 9) < NEAR_CUT:
            return None
        return people_of_demo(seconds - 3 if seconds < 9 else seconds - 3 + 0.56, not is_right)

    assert who_is_seen_as(people, shown, who_is_at) == {('first', 1), ('second', 2)}
    assert {person.number for person in people.everyone()} == {1, 2} and len(everyone) == 2


@NEEDS_CLIPS
def test_three_people_of_a_real_film(finder):
    moments, _ = finder.see(SHARED / 'videos' / 'openmpf_new_face_video-90.mp4')
    (people,), _ = tell_apart([moments])
    assert len(moments.tracks) > 3  # the tracker alone cannot tell
    assert {person.number for person in people.everyone()} == {1, 2, 3}
    assert all(person.is_identified for person in people.everyone())


@NEEDS_CLIPS
def test_an_actress_is_one_person_whatever_she_shows_after_a_gap_a_cut_and_mirrored(finder, tmp_path):
    acted = SHARED / 'videos' / 'crema_1001_six_emotions_joined.mp4'
    copy = with_gap_and_mirrored(acted, tmp_path / 'clip.mp4', frame_rate=25, cut=slice(60, 90))
    seen = [finder.see(path)[0] for path in (acted, copy)]
    assert len(seen[1].tracks) > 1
    for moments in seen:
        (people,), _ = tell_apart([moments])
        assert {person.number for person in people.everyone()} == {1}
    found, everyone = tell_apart(seen)
    assert {person.number for people in found for person in people.everyone()} == {1} and len(everyone) == 1


@pytest.fixture(scope='module')
def portraits():
    """Six people, neutral and smiling: the first six of the set."""
    folder = SHARED / 'london'
    numbers = sorted({path.name.split('_')[0] for path in folder.glob('*.jpg')})[:6]
    names = {'n': 'neutral', 's': 'smiling'}
    return {
        who + look: cv2.imread(str(folder / f'{number}_{name}.jpg'))
        for who, number in zip('ABCDEF', numbers, strict=True)
        for look, name in names.items()
    } | {None: None}


def write_scenes(path, portraits, scenes):
    def frames():
        for index, (left, right, seconds) in enumerate(scenes):
            yield from compose([portraits[left], portraits[right]], seconds, FRAME_RATE, wall=60 + 120 * (index % 2))

    return write_frames(path, frames(), FRAME_RATE)


def who_is_in(scenes):
    ends = list(accumulate(seconds for *_, seconds in scenes))

    def who_is_at(seconds, is_right):
        if min(abs(end - seconds) for end in ends) < NEAR_CUT:
            return None
        who = scenes[next(index for index, end in enumerate(ends) if seconds < end)][is_right]
        return who and who[0]

    return who_is_at


def is_one_to_one(pairs):
    """Whether each of the six has one number, and each number one of the six."""
    return len(pairs) == len({who for who, _ in pairs}) == len({number for _, number in pairs}) == 6


@NEEDS_PORTRAITS
def test_six_people_who_come_and_go_two_at_a_time(finder, portraits, tmp_path):
    moments, shown = finder.see(write_scenes(tmp_path / 'clip.mp4', portraits, SCENES))
    (people,), everyone = tell_apart([moments])
    assert is_one_to_one(who_is_seen_as(people, shown, who_is_in(SCENES)))
    assert {person.number for person in people.everyone()} == set(range(1, 7)) and len(everyone) == 6


@NEEDS_PORTRAITS
def test_the_same_six_in_three_files(finder, portraits, tmp_path):
    parts = [SCENES[:3], SCENES[3:6], SCENES[6:]]
    paths = [write_scenes(tmp_path / f'{index}.mp4', portraits, part) for index, part in enumerate(parts)]
    seen = [finder.see(path) for path in paths]
    found, everyone = tell_apart([moments for moments, _ in seen])
    pairs = [
        who_is_seen_as(people, shown, who_is_in(part))
        for people, (_, shown), part in zip(found, seen, parts, strict=True)
    ]
    assert [len(one) for one in pairs] == [4, 4, 4] and is_one_to_one(set.union(*pairs)) and len(everyone) == 6


@NEEDS_PORTRAITS
def test_two_who_change_sides_at_a_cut(finder, portraits, tmp_path):
    scenes = [('An', 'Bn', 1.2), ('Bs', 'As', 1.2)]
    moments, shown = finder.see(write_scenes(tmp_path / 'clip.mp4', portraits, scenes))
    (people,), _ = tell_apart([moments])
    pairs = who_is_seen_as(people, shown, who_is_in(scenes))
    assert {who for who, _ in pairs} == {'A', 'B'} and len(pairs) == 2 and len({number for _, number in pairs}) == 2
