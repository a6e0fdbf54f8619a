"""From tracks to people: which faces, in one video or in many, belong to one person."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from emotion_recognition.faces.moments import Moment, VideoMoments
from emotion_recognition.labels import Person

# Two faces are one person's if their vectors are closer than this, after chance is taken off: the squared distance
# between means of n and m pictures grows by about NOISE / n + NOISE / m. Two single pictures are one person's below
# 0.51. model_weights/face_recognition/README.md has the errors, and how both numbers were found.
SAME_PERSON_DISTANCE = 0.41
NOISE = 0.045
# If what comes before and after a moment of one track differs by more than this, the track went over to another face.
OTHER_FACE_DISTANCE = 0.5
MIN_MOMENTS_OF_FACE = 2  # on either side of such a moment
NEVER = 1e9  # distance of faces that cannot be one person's, far above any sum of others
MAX_COMPARED = 4000  # faces; comparing more would take gigabytes. Those seen longest are compared.


@dataclass(frozen=True)
class Tracklet:
    """A part of a track that shows one face, nearly always the whole track.

    Attributes:
        video: Index of its video.
        track_id: The tracker's number.
        start_ms, end_ms: From when to when it is seen, in milliseconds.
        sure_ms: From when to when it is surely this face: where a track went over to another face is not known exactly.
        moments: Its moments; none if too little could be seen.
    """

    video: int
    track_id: int
    start_ms: float
    end_ms: float
    sure_ms: tuple[float, float]
    moments: Sequence[Moment]

    @property
    def vector(self) -> np.ndarray:
        """(128,) float32: mean of the moments' vectors."""
        return np.mean([moment.vector for moment in self.moments], axis=0)


@dataclass(frozen=True)
class KnownPerson:
    """A person of earlier files.

    Attributes:
        number: Number of the person.
        vector: (128,) float32: mean of the vectors.
        moment_count: Number of pictures that it is the mean of.
    """

    number: int
    vector: np.ndarray
    moment_count: int


class VideoPeople:
    """Whose face each track of a video is.

    Args:
        people: From when on a track belongs to which person, in milliseconds, ordered by time, by the tracker's number.
    """

    def __init__(self, people: dict[int, list[tuple[float, Person]]]):
        self._people = people

    def everyone(self) -> Iterator[Person]:
        """Yield the person of each part of a track."""
        for starts in self._people.values():
            for _, person in starts:
                yield person

    def find(self, track_id: int, ms: float) -> Person:
        """Find the person to whom a track belongs at a time in milliseconds."""
        starts = self._people[track_id]
        return next((person for start_ms, person in reversed(starts) if start_ms <= ms), starts[0][1])


def tell_apart(
    videos: Sequence[VideoMoments],
    known: Sequence[KnownPerson] = (),
    next_number: int = 1,
    named: Mapping[int, Person] | None = None,
) -> tuple[list[VideoPeople], list[KnownPerson]]:
    """Find the people of one video, or of many.

    Faces are joined by average linkage. Two that are seen in one frame are never one person's.

    Args:
        videos: The moments of each video. Photographs are videos of one frame.
        known: People of earlier files, who keep their numbers.
        next_number: Number of the first new person. People are numbered in the order in which they appear.
        named: What the user calls people, by their numbers.

    Returns:
        Whose faces are in each video, and all people whose faces could be compared, those of earlier files included.
    """
    tracklets = [tracklet for index, video in enumerate(videos) for tracklet in _split_tracks(index, video)]
    tracklets.sort(key=lambda tracklet: (tracklet.video, tracklet.start_ms, tracklet.track_id))
    compared = [tracklet for tracklet in tracklets if tracklet.moments]
    compared = sorted(compared, key=lambda tracklet: tracklet.start_ms - tracklet.end_ms)[:MAX_COMPARED]
    clusters = _cluster(compared, known, videos)
    cluster_of = dict(zip(map(id, compared), clusters, strict=False))
    numbers = dict(zip(clusters[len(compared) :], (person.number for person in known), strict=True))
    new_numbers = count(next_number)
    starts: list[dict[int, list]] = [{} for _ in videos]
    for tracklet in tracklets:
        cluster = cluster_of.get(id(tracklet))
        number = next(new_numbers) if cluster is None else numbers.get(cluster) or next(new_numbers)
        if cluster is not None:
            numbers[cluster] = number
        person = replace((named or {}).get(number, Person(number)), is_identified=cluster is not None)
        starts[tracklet.video].setdefault(tracklet.track_id, []).append((tracklet.start_ms, person))
    seen = [(numbers[cluster_of[id(tracklet)]], tracklet.vector, len(tracklet.moments)) for tracklet in compared]
    return [VideoPeople(people) for people in starts], _join_known(known, seen)


def _split_tracks(index: int, video: VideoMoments) -> Iterator[Tracklet]:
    for track_id, track in video.tracks.items():
        start_ms = sure_start_ms = track.start_ms
        part, *others = _split(track.moments)
        for following in others:
            end_ms = _change_ms(part[-1], following[0])
            yield Tracklet(index, track_id, start_ms, end_ms, (sure_start_ms, part[-1].ms), part)
            part, start_ms, sure_start_ms = following, end_ms, following[0].ms
        yield Tracklet(index, track_id, start_ms, track.end_ms, (sure_start_ms, track.end_ms), part)


def _change_ms(last, first):
    """When a track went over from the face of one moment to that of the next."""
    return first.worst_before[1] if first.worst_before[0] > -np.inf else (last.ms + first.ms) / 2


def _split(moments):
    """Split the moments of a track where it went over to another face."""
    vectors = np.array([moment.vector for moment in moments])
    places = range(MIN_MOMENTS_OF_FACE, len(moments) - MIN_MOMENTS_OF_FACE + 1)
    distances = [
        distance_without_chance(vectors[:place].mean(axis=0), vectors[place:].mean(axis=0), place, len(moments) - place)
        for place in places
    ]
    if not distances or max(distances) <= OTHER_FACE_DISTANCE:
        return [moments]
    place = places[int(np.argmax(distances))]
    return [*_split(moments[:place]), *_split(moments[place:])]


def distance_without_chance(one: np.ndarray, other: np.ndarray, one_count: int, other_count: int) -> float:
    """Distance between two means of vectors, less what chance adds to it.

    Args:
        one, other: (128,) means of vectors.
        one_count, other_count: Number of pictures that they are means of.
    """
    squared = float(((one - other) ** 2).sum())
    return float(np.sqrt(max(0.0, squared - NOISE * (1 / one_count + 1 / other_count))))


def _cluster(tracklets, known, videos):
    """Returns the cluster of each tracklet and then of each known person, each a number."""
    vectors = [tracklet.vector for tracklet in tracklets] + [person.vector for person in known]
    counts = [len(tracklet.moments) for tracklet in tracklets] + [person.moment_count for person in known]
    if len(vectors) < 2:
        return list(range(len(vectors)))
    # Not at the top, since it takes half a second to import, and a video with one face does not need it
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist, squareform

    squared = squareform(pdist(np.array(vectors, float), 'sqeuclidean'))
    noise = NOISE / np.array(counts)
    distances = np.sqrt(np.maximum(0, squared - noise[:, None] - noise[None]))
    for one, other in _never_joined(tracklets, videos):
        distances[one, other] = distances[other, one] = NEVER
    distances[len(tracklets) :, len(tracklets) :] = NEVER
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), 'average')
    return fcluster(tree, SAME_PERSON_DISTANCE, 'distance').tolist()


def _never_joined(tracklets, videos):
    """Yield the pairs of tracklets that are seen in one frame, by their places in the list."""
    places: dict[tuple[int, int], list[int]] = {}
    for place, tracklet in enumerate(tracklets):
        places.setdefault((tracklet.video, tracklet.track_id), []).append(place)
    for index, video in enumerate(videos):
        for (one_id, other_id), (first_ms, last_ms) in video.together.items():
            for one in places.get((index, one_id), []):
                for other in places.get((index, other_id), []):
                    ranges = (first_ms, last_ms), tracklets[one].sure_ms, tracklets[other].sure_ms
                    if max(start for start, _ in ranges) <= min(end for _, end in ranges):
                        yield one, other


def _join_known(known, seen):
    """Join what is known of people with what was seen of them."""
    sums = {person.number: [person.vector * person.moment_count, person.moment_count] for person in known}
    for number, vector, moment_count in seen:
        total, total_count = sums.get(number, (0, 0))
        sums[number] = [total + vector * moment_count, total_count + moment_count]
    return [KnownPerson(number, total / moment_count, moment_count) for number, (total, moment_count) in sums.items()]
