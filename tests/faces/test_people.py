import numpy as np
import pytest

from emotion_recognition.faces import people
from emotion_recognition.faces.moments import NO_CHANGE, Moment, TrackMoments, VideoMoments
from emotion_recognition.faces.people import KnownPerson, VideoPeople, tell_apart
from emotion_recognition.faces.tracklets import NOISE, distance_without_chance
from emotion_recognition.labels import Person


def at(place):
    """A vector that lies this far along the first of the 128 axes."""
    return np.eye(1, 128, dtype=np.float32)[0] * place


def track(start_ms, *vectors, change=NO_CHANGE, change_index=0, end_ms=None):
    """A track with a moment every 500 ms, at each of these places or vectors, and a change before one of them."""
    moments = [
        Moment(
            start_ms + 500 * index,
            0.2,
            at(vector) if np.isscalar(vector) else vector,
            change_before=change if index == change_index else NO_CHANGE,
        )
        for index, vector in enumerate(vectors)
    ]
    last_ms = start_ms + 500 * max(0, len(vectors) - 1) if end_ms is None else end_ms
    return TrackMoments(start_ms, last_ms, moments)


def video(*tracks, together=None):
    """A video with tracks, numbered from 1; from when to when two of them are seen together, by their numbers."""
    seen = VideoMoments(None)
    seen.tracks = dict(enumerate(tracks, start=1))
    seen.together = together or {}
    return seen


def numbers(people, *track_ids, ms=0):
    return [people.find(track_id, ms).number for track_id in track_ids]


def numbers_of(seen, **options):
    """The number of the person of each track of a video, as it begins."""
    (found,), _ = tell_apart([seen], **options)
    return [found.find(track_id, one.start_ms).number for track_id, one in seen.tracks.items()]


def test_who_leaves_and_comes_back_or_is_seen_after_a_cut_is_one_person():
    assert numbers_of(video(track(0, 0, 0), track(1000, 0.1, 0.1), track(60_000, 0.05, 0.05))) == [1, 1, 1]
    assert numbers_of(video(track(0, 0, 0), track(1000, 1, 1), track(60_000, 0.05, 0.05))) == [1, 2, 1]


def test_two_that_are_seen_together_are_never_one_person_even_if_they_are_equal():
    twins = track(0, 0, 0), track(500, 0, 0)
    assert numbers_of(video(*twins)) == [1, 1]
    assert numbers_of(video(*twins, together={(1, 2): (500, 500)})) == [1, 2]
    many = [track(1000 * number, 0, 0) for number in range(1, 40)]
    found = numbers_of(video(*twins, *many, together={(1, 2): (500, 500)}))
    assert found[0] != found[1] and set(found) == {1, 2}


def test_two_faces_of_one_photograph_are_two_people():
    assert numbers_of(video(track(0, 0), track(0, 0), together={(1, 2): (0, 0)})) == [1, 2]


def test_two_people_who_change_sides_at_a_cut_keep_their_numbers():
    tracks = [track(0, 0, 0), track(0, 1, 1), track(1000, 1.1, 1.1), track(1000, 0.1, 0.1)]
    together = {(1, 2): (0, 960), (3, 4): (1000, 2000)}
    assert numbers_of(video(*tracks, together=together)) == [1, 2, 2, 1]


def test_numbers_are_given_in_the_order_in_which_people_appear():
    tracks = [track(3000, 0), track(1000, 2), track(2000, 1), track(500, 1)]
    assert numbers_of(video(*tracks)) == [3, 2, 1, 1]
    assert numbers_of(video(*tracks), next_number=5) == [7, 6, 5, 5]


@pytest.mark.parametrize(('change', 'changes_ms'), [((0.5, 1200.0), 1200), ((1.1, 1040.0), 1040), (NO_CHANGE, 1250)])
def test_a_track_that_went_over_to_another_face_is_two_people_from_where_it_changed_most(change, changes_ms):
    """Moments at 0 to 1000 ms are of one face, those at 1500 to 2500 ms of another."""
    both = track(0, 0, 0, 0, 1, 1, 1, change=change, change_index=3)
    (found,), everyone = tell_apart([video(both, track(9000, 1, 1), track(9500, 0, 0))])
    assert [found.find(1, ms).number for ms in (0, changes_ms - 1, changes_ms, 2500)] == [1, 1, 2, 2]
    assert numbers(found, 2, 3, ms=9500) == [2, 1]
    assert {one.number: one.moment_count for one in everyone} == {1: 5, 2: 5}


def test_a_track_may_go_over_and_back():
    (found,), _ = tell_apart([video(track(0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0))])
    assert [found.find(1, ms).number for ms in (0, 1000, 1500, 4000, 4500, 5000)] == [1, 1, 2, 2, 1, 1]
    assert [person.number for person in found.everyone()] == [1, 2, 1]


@pytest.mark.parametrize('places', [[0, 0, 0, 1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 0, 0, 1, 1], [0, 0, 1, 1, 2, 2, 0, 0]])
def test_each_face_that_a_track_shows_in_turn_is_found(places):
    (found,), _ = tell_apart([video(track(0, *places))])
    assert [found.find(1, 500 * index + 1).number - 1 for index in range(len(places))] == places


@pytest.mark.parametrize(
    'places', [[0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0.45, 0.45, 0.45]], ids=['odd', 'last', 'light']
)
def test_one_odd_moment_or_another_light_divides_no_track(places):
    (found,), _ = tell_apart([video(track(0, *places))])
    assert len(list(found.everyone())) == 1


def test_a_part_of_a_track_may_be_who_is_seen_together_with_another_part():
    """Track 1 goes over from Anna to Bert at 1200 ms. Track 2 is Anna, who comes back at 2000 ms."""
    first = track(0, 0, 0, 0, 1, 1, 1, change=(0.5, 1200.0), change_index=3)
    (found,), _ = tell_apart([video(first, track(2000, 0, 0), together={(1, 2): (2000, 2500)})])
    assert numbers(found, 1, 2) == [1, 1]
    assert numbers(found, 1, 2, ms=2000) == [2, 1]


def test_a_part_of_a_track_is_not_who_is_seen_together_with_it():
    first = track(0, 0, 0, 0, 1, 1, 1, change=(0.5, 1200.0), change_index=3)
    (found,), _ = tell_apart([video(first, track(2000, 1, 1), together={(1, 2): (2000, 2500)})])
    assert numbers(found, 1, 2, ms=2000) == [2, 3]


def test_where_a_track_goes_over_is_not_known_so_exactly_that_others_there_are_excluded():
    """In a cross-fade, the next track of Anna begins while the old one is already taken for Bert, or still is hers."""
    first = track(0, 0, 0, 0, 1, 1, 1, change=(0.5, 1400.0), change_index=3)
    (found,), _ = tell_apart([video(first, track(1100, 0, 0), together={(1, 2): (1100, 1300)})])
    assert numbers(found, 1, 2, ms=1100) == [1, 1]


def test_a_track_may_end_where_another_goes_over_to_its_face():
    """Track 1 goes over from Bert to Anna at about 1100 ms; she is also still seen as track 2."""
    first = track(0, 0, 0, 0, 1, 1, 1, change=(0.5, 1100.0), change_index=3)
    (found,), _ = tell_apart([video(first, track(100, 1, 1, 1, end_ms=1400), together={(1, 2): (100, 1400)})])
    assert (numbers(found, 1, 2), numbers(found, 1, ms=1100)) == ([1, 2], [2])


def test_nobody_is_seen_twice_where_a_track_goes_over_to_another_face():
    """Track 1 goes over from Anna to Bert at about 1200 ms; he is also seen as track 2, from 1000 to 1400 ms."""
    first = track(0, 0, 0, 0, 1, 1, 1, change=(0.5, 1200.0), change_index=3)
    (found,), _ = tell_apart([video(first, track(1000, 1, end_ms=1400), together={(1, 2): (1000, 1400)})])
    seen = {ms: [person.number for person in found.find_in_frame([1, 2], ms)] for ms in (1000, 1199, 1300)}
    assert seen == {1000: [1, 2], 1199: [1, 2], 1300: [1, 2]}  # at 1300 ms it would be Bert twice
    assert [person.number for person in found.find_in_frame([1], 1300)] == [2]
    both = VideoPeople({1: [(0, Person(1)), (1200, Person(2))], 2: [(1000, Person(2))], 3: [(0, Person(1))]})
    assert both.find_in_frame([1, 2, 3], 1300) == [None, Person(2), Person(1)]


def test_faces_of_which_too_little_was_seen_are_people_of_their_own():
    (found,), everyone = tell_apart([video(track(0, end_ms=900), track(100, 0, 0), track(2000), track(3000, 0))])
    people = [found.find(track_id, 0) for track_id in (1, 2, 3, 4)]
    assert people == [Person(1, is_identified=False), Person(2), Person(3, is_identified=False), Person(2)]
    assert [person.number for person in everyone] == [2]


def poor(start_ms, place):
    """A track of which no picture is good; the best one is at this place."""
    one = track(start_ms, end_ms=start_ms + 100)
    one.poor = Moment(start_ms, 0.5, at(place))
    return one


def test_a_face_without_a_good_picture_goes_to_the_nearest_person_of_its_video():
    seen = video(track(0, 0, 0), track(1000, 1.2, 1.2), poor(2000, 0.5), poor(3000, 0.7), poor(4000, 2.0))
    (found,), everyone = tell_apart([seen])
    assert numbers(found, 3, 4, 5) == [1, 2, 3]
    assert [found.find(track_id, 0).is_identified for track_id in (3, 4, 5)] == [True, True, False]
    assert [(one.number, one.moment_count) for one in everyone] == [(1, 2), (2, 2)]  # nothing is learnt from it
    for distance, number in ((0.53, 2), (0.4, 1)):  # in another video it must be as close as others
        (first, second), _ = tell_apart([video(track(0, 0, 0)), video(poor(0, distance))])
        assert numbers(first, 1) + numbers(second, 1) == [1, number]


def test_a_face_without_a_good_picture_is_nobody_who_is_seen_with_it():
    together = {(1, 3): (2000, 2100), (3, 4): (2000, 2100)}
    seen = video(
        track(0, 0, 0, end_ms=2100), track(1000, 0.6, 0.6), poor(2000, 0.2), poor(2000, 0.2), together=together
    )
    assert numbers_of(seen) == [1, 2, 2, 1]


def test_people_of_earlier_files_keep_their_numbers_and_others_get_new_ones():
    known = [KnownPerson(7, at(0), 4), KnownPerson(9, at(1), 4)]
    seen = video(track(0, 3, 3), track(1000, 1.05), track(2000, 0.3, 0.3))
    (found,), everyone = tell_apart([seen], known, next_number=12)
    assert numbers(found, 1, 2, 3) == [12, 9, 7]
    assert {one.number: (pytest.approx(one.vector[0], abs=1e-6), one.moment_count) for one in everyone} == {
        7: (0.1, 6),  # the mean of four pictures at 0 and two at 0.3
        9: (1.01, 5),
        12: (3, 2),
    }


def test_two_people_of_earlier_files_are_never_joined():
    """Though they are closer than two faces of one person may be. Each track is the one that is closer."""
    known = [KnownPerson(7, at(0), 12), KnownPerson(9, at(0.3), 12)]
    seen = video(track(0, *[0.28] * 12), track(10_000, *[0.02] * 12))
    (found,), everyone = tell_apart([seen], known, next_number=10)
    assert numbers(found, 1, 2) == [9, 7]
    assert [(person.number, person.moment_count) for person in everyone] == [(7, 24), (9, 24)]


def test_who_is_not_seen_again_stays_known():
    known = [KnownPerson(2, at(5), 4)]
    assert [person.number for person in tell_apart([video()], known, 3)[1]] == [2]
    assert [person.number for person in tell_apart([], known, 3)[1]] == [2]


def test_people_have_the_names_that_the_user_gave():
    named = {7: Person(7, 'Anna', details=(('age', '25'),)), 8: Person(8, 'Bert')}
    (found,), _ = tell_apart([video(track(0, 0), track(100, 1))], [KnownPerson(7, at(0), 1)], 9, named)
    assert [found.find(track_id, 0) for track_id in (1, 2)] == [named[7], Person(9)]
    (found,), _ = tell_apart([video(track(0))], next_number=8, named=named)  # whose face cannot be compared
    assert found.find(1, 0) == Person(8, 'Bert', is_identified=False)


def test_only_so_many_faces_are_compared_those_seen_longest(monkeypatch):
    monkeypatch.setattr(people, 'MAX_COMPARED', 2)
    seen = video(track(0, 0, end_ms=300), track(1000, 0, end_ms=1200), track(2000, 0, end_ms=9000))
    (found,), _ = tell_apart([seen])
    persons = [found.find(track_id, 0) for track_id in (1, 2, 3)]
    assert persons == [Person(1), Person(2, is_identified=False), Person(1)]


def test_the_same_people_in_several_videos_have_the_same_numbers():
    """Track numbers and times of different videos have nothing to do with each other."""
    first = video(track(5000, 0, 0), track(5000, 1, 1), together={(1, 2): (5000, 5500)})
    second = video(track(0, 1, 1), track(0, 2, 2), together={(1, 2): (0, 500)})
    third = video(track(0, 0, 0), track(5000, 2, 2))
    found, everyone = tell_apart([first, second, video(), third])
    assert [numbers(one, 1, 2, ms=5000) for one in (found[0], found[1], found[3])] == [[1, 2], [2, 3], [1, 3]]
    assert list(found[2].everyone()) == []
    assert [(one.number, one.moment_count) for one in everyone] == [(1, 4), (2, 4), (3, 4)]


def test_a_face_between_two_others_does_not_join_them():
    """As single linkage would: each is close to the next, but the third is not close to the first two on average."""
    tracks = [track(number * 10_000, *[place] * 12) for number, place in enumerate((0, 0.34, 0.7))]
    assert numbers_of(video(*tracks)) == [1, 1, 2]


def test_a_face_that_is_close_on_average_joins_though_it_is_not_close_to_each():
    """As it does not with complete linkage."""
    tracks = [track(number * 10_000, *[place] * 12) for number, place in enumerate((0, 0.25, 0.55))]
    assert numbers_of(video(*tracks)) == [1, 1, 1]


@pytest.mark.parametrize(
    ('count', 'distance', 'result'), [(1, 0.51, [1, 1]), (1, 0.53, [1, 2]), (12, 0.42, [1, 1]), (12, 0.45, [1, 2])]
)
def test_how_close_two_faces_of_one_person_must_be_depends_on_the_number_of_pictures(count, distance, result):
    assert numbers_of(video(track(0, *[0] * count), track(60_000, *[distance] * count))) == result


@pytest.mark.parametrize(
    ('distance', 'counts', 'expected'),
    [(0.5, (1, 1), 0.4), (0.5, (3, 9), 0.23**0.5), (0.35, (1, 3), 0.0625**0.5), (0.2, (1, 1), 0.0)],
)
def test_distance_without_what_chance_adds(distance, counts, expected):
    assert distance_without_chance(at(0), at(distance), *counts) == pytest.approx(expected, abs=1e-6)


def test_before_its_first_frame_a_track_belongs_to_whom_it_belongs_in_it():
    anna, bert = Person(1, 'Anna'), Person(2, 'Bert')
    found = VideoPeople({4: [(1000.0, anna), (2000.0, bert)]})
    assert [found.find(4, ms) for ms in (0, 1000, 1999, 2000, 9000)] == [anna, anna, anna, bert, bert]
    assert list(found.everyone()) == [anna, bert]


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_twenty_made_people_are_found_in_three_videos(seed):
    """Each is 0.7 to 0.9 from the others, and has 3 to 8 tracks of 1 to 12 pictures, which vary as those of real faces
    do. In each video, some are seen together."""
    random = np.random.default_rng(seed)
    centres = random.normal(0, 0.57 / np.sqrt(128), (20, 128))
    videos, truth = [video() for _ in range(3)], {}
    for who, centre in enumerate(centres):
        for _ in range(random.integers(3, 9)):
            vectors = random.normal(centre, np.sqrt(NOISE / 128), (random.integers(1, 13), 128)).astype(np.float32)
            index = int(random.integers(3))
            track_id = len(videos[index].tracks) + 1
            videos[index].tracks[track_id] = track(1000 * int(random.integers(3600)), *vectors)
            truth[index, track_id] = who
            for other in range(1, track_id):
                if truth[index, other] != who and random.random() < 0.1:
                    videos[index].together[other, track_id] = -1e9, 1e9
    found, everyone = tell_apart(videos)
    pairs = {(who, found[index].find(track_id, 0).number) for (index, track_id), who in truth.items()}
    assert len(pairs) == 20 and {number for _, number in pairs} == set(range(1, 21))
    assert sum(one.moment_count for one in everyone) == sum(
        len(one.moments) for seen in videos for one in seen.tracks.values()
    )
    assert len(list(everyone)) == 20
