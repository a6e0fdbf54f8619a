"""From tracks to people: which faces, in one video or in many, belong to one person."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from emotion_recognition.faces.moments import VideoMoments
from emotion_recognition.faces.tracklets import NOISE, seen_together, split_tracks
from emotion_recognition.labels import Person

# Two faces are one person's if their vectors are closer than this, after chance is taken off: the squared distance
# between means of n and m pictures grows by about NOISE / n + NOISE / m. Two single pictures are one person's below
# 0.52. model_weights/face_recognition/README.md has the errors, and how both numbers were found.
SAME_PERSON_DISTANCE = 0.42
# A face of which no picture is good, and which is joined to nobody, is given to a person of the same video who is
# closer to its best picture than this.
POOR_DISTANCE = 0.55
NEVER = 1e9  # distance of faces that cannot be one person's, far above any sum of others
MAX_COMPARED = 4000  # faces; comparing more would take gigabytes. Those seen longest are compared.


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

    def find_in_frame(self, track_ids: Sequence[int], ms: float) -> list[Person | None]:
        """Find the people to whom the tracks in one frame belong, each person once.

        Where a track goes over from one face to another is not known exactly. If that would show a person twice, the
        track still, or already, belongs to its other face, or, if that is seen too, to nobody.
        """
        found: list[Person | None] = [None] * len(track_ids)
        for place in sorted(range(len(track_ids)), key=lambda place: len(self._people[track_ids[place]])):
            track_id, taken = track_ids[place], {person.number for person in found if person}
            nearest = sorted(self._people[track_id], key=lambda start: abs(start[0] - ms))
            choices = [self.find(track_id, ms), *(person for _, person in nearest)]
            found[place] = next((person for person in choices if person.number not in taken), None)
        return found


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
    tracklets = [tracklet for index, video in enumerate(videos) for tracklet in split_tracks(index, video)]
    tracklets.sort(key=lambda tracklet: (tracklet.video, tracklet.start_ms, tracklet.track_id))
    together = seen_together(tracklets, videos)
    cluster_of, clusters_of_known = _cluster(tracklets, together, known)
    _attach_poor(tracklets, together, cluster_of, clusters_of_known)
    numbers = {cluster: person.number for cluster, person in zip(clusters_of_known, known, strict=True)}
    new_numbers = count(next_number)
    starts: list[dict[int, list]] = [{} for _ in videos]
    for place, tracklet in enumerate(tracklets):
        cluster = cluster_of.get(place)
        number = numbers.get(cluster) or next(new_numbers)
        if cluster is not None:
            numbers[cluster] = number
        person = replace((named or {}).get(number, Person(number)), is_identified=cluster is not None)
        starts[tracklet.video].setdefault(tracklet.track_id, []).append((tracklet.start_ms, person))
    seen = [
        KnownPerson(numbers[cluster], tracklets[place].vector, len(tracklets[place].moments))
        for place, cluster in cluster_of.items()
        if not tracklets[place].is_poor
    ]
    return [VideoPeople(people) for people in starts], join_people([*known, *seen])


def _cluster(tracklets, together, known):
    """Returns the cluster, a number, of each tracklet that has moments, by its place, and of each known person."""
    longest = sorted(range(len(tracklets)), key=lambda place: tracklets[place].start_ms - tracklets[place].end_ms)
    compared = [place for place in longest if tracklets[place].moments][:MAX_COMPARED]
    vectors = [tracklets[place].vector for place in compared] + [person.vector for person in known]
    counts = [len(tracklets[place].moments) for place in compared] + [person.moment_count for person in known]
    clusters = list(range(len(vectors)))
    if len(vectors) > 1:
        distances = _distances(vectors, counts)
        row_of = {place: row for row, place in enumerate(compared)}
        for place, row in row_of.items():
            distances[row, [row_of[other] for other in together.get(place, ()) if other in row_of]] = NEVER
        distances[len(compared) :, len(compared) :] = NEVER  # two known people stay two
        clusters = _link(distances)
    return dict(zip(compared, clusters, strict=False)), clusters[len(compared) :]


def _distances(vectors, counts):
    vectors = np.array(vectors, float)
    lengths = (vectors**2).sum(axis=1) - NOISE / np.array(counts)  # squared, less what chance adds
    return np.sqrt(np.maximum(0, lengths[:, None] + lengths[None] - 2 * vectors @ vectors.T))


def _link(distances):
    np.fill_diagonal(distances, NEVER)
    if distances.min() > SAME_PERSON_DISTANCE:
        return list(range(len(distances)))
    # Not at the top, since they take half a second to import, which `VideoMoments` does beside the frames
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), 'average')
    return fcluster(tree, SAME_PERSON_DISTANCE, 'distance').tolist()


def _attach_poor(tracklets, together, cluster_of, clusters_of_known):
    """Give poor tracklets that were joined to poor ones at most to the nearest person of the video who is near enough.

    Otherwise those that are alone have no cluster: it cannot be told whose they are.
    """
    good = {cluster for place, cluster in cluster_of.items() if not tracklets[place].is_poor} | set(clusters_of_known)
    sizes = Counter(cluster_of.values())
    for place in [place for place, cluster in cluster_of.items() if cluster not in good]:
        cluster = cluster_of.pop(place)
        taken = {cluster_of.get(other) for other in together.get(place, ())}
        candidates: dict[int, list[np.ndarray]] = {}
        for other, of_other in cluster_of.items():
            is_here = tracklets[other].video == tracklets[place].video
            if is_here and not tracklets[other].is_poor and of_other not in taken:
                candidates.setdefault(of_other, []).append(tracklets[other].vector)
        distances = {
            of_others: float(np.linalg.norm(tracklets[place].vector - np.mean(vectors, axis=0)))
            for of_others, vectors in candidates.items()
        }
        nearest = min(distances, key=distances.get, default=None)
        if nearest is not None and distances[nearest] < POOR_DISTANCE:
            cluster_of[place] = nearest
        elif sizes[cluster] > 1:
            cluster_of[place] = cluster


def join_people(parts: Iterable[KnownPerson]) -> list[KnownPerson]:
    """Join what is known of each number, whose vectors count by the number of their pictures."""
    sums: dict[int, tuple] = {}
    for part in parts:
        total, count_before = sums.get(part.number, (0, 0))
        sums[part.number] = total + part.vector * part.moment_count, count_before + part.moment_count
    return [KnownPerson(number, total / moment_count, moment_count) for number, (total, moment_count) in sums.items()]
