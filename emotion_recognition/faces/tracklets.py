"""Tracklets: the parts of tracks that show one face each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from emotion_recognition.faces.moments import Moment, VideoMoments

NOISE = 0.045  # by which one picture adds to a squared distance, see model_weights/face_recognition/README.md
# If a stretch of a track differs from the rest by more than this, the track went over to another face.
OTHER_FACE_DISTANCE = 0.5
MIN_MOMENTS_OF_FACE = 2  # of such a stretch, and of the rest


@dataclass(frozen=True)
class Tracklet:
    """A part of a track that shows one face, nearly always the whole track.

    Attributes:
        video: Index of its video.
        track_id: The tracker's number.
        start_ms, end_ms: From when to when it is seen, in milliseconds.
        sure_ms: From when to when it is surely this face: where a track went over to another face is not known exactly.
        moments: Its moments. If no picture is good, the best one; none if even that tells nothing.
        is_poor: Whether no picture is good.
    """

    video: int
    track_id: int
    start_ms: float
    end_ms: float
    sure_ms: tuple[float, float]
    moments: Sequence[Moment]
    is_poor: bool = False

    @property
    def vector(self) -> np.ndarray:
        """(128,) float32: mean of the moments' vectors."""
        return np.mean([moment.vector for moment in self.moments], axis=0)


def split_tracks(video: int, moments: VideoMoments) -> Iterator[Tracklet]:
    """Yield the tracklets of a video, given its index and its moments."""
    for track_id, track in moments.tracks.items():
        start_ms = sure_start_ms = track.start_ms
        part, *others = _split(track.moments or ([track.poor] if track.poor else []))
        for following in others:
            end_ms = _change_ms(part[-1], following[0])
            yield Tracklet(video, track_id, start_ms, end_ms, (sure_start_ms, part[-1].ms), part)
            part, start_ms, sure_start_ms = following, end_ms, following[0].ms
        yield Tracklet(video, track_id, start_ms, track.end_ms, (sure_start_ms, track.end_ms), part, not track.moments)


def _change_ms(last, first):
    """When a track went over from the face of one moment to that of the next."""
    change, ms = first.change_before
    return ms if change else (last.ms + first.ms) / 2


def _split(moments):
    """Split the moments of a track where it went over to another face, or there and back: at an odd stretch."""
    vectors, count = np.array([moment.vector for moment in moments]), len(moments)
    stretches = [
        (start, end)
        for start in range(count)
        for end in range(start + MIN_MOMENTS_OF_FACE, count + 1)
        if count - (end - start) >= MIN_MOMENTS_OF_FACE
    ]
    distances = []
    for start, end in stretches:
        rest = np.concatenate([vectors[:start], vectors[end:]])
        inside = vectors[start:end].mean(axis=0)
        distances.append(distance_without_chance(inside, rest.mean(axis=0), end - start, len(rest)))
    if not distances or max(distances) <= OTHER_FACE_DISTANCE:
        return [moments]
    start, end = stretches[int(np.argmax(distances))]
    parts = moments[:start], moments[start:end], moments[end:]
    return [split for part in parts if part for split in _split(part)]


def distance_without_chance(one: np.ndarray, other: np.ndarray, one_count: int, other_count: int) -> float:
    """Distance between two means of vectors, less what chance adds to it.

    Args:
        one, other: (128,) means of vectors.
        one_count, other_count: Number of pictures that they are means of.
    """
    squared = float(((one - other) ** 2).sum())
    return float(np.sqrt(max(0.0, squared - NOISE * (1 / one_count + 1 / other_count))))


def seen_together(tracklets: Sequence[Tracklet], videos: Sequence[VideoMoments]) -> dict[int, set[int]]:
    """Find with which others each tracklet is seen in one frame, by their places in the list."""
    places: dict[tuple[int, int], list[int]] = {}
    for place, tracklet in enumerate(tracklets):
        places.setdefault((tracklet.video, tracklet.track_id), []).append(place)
    together: dict[int, set[int]] = {}
    for index, video in enumerate(videos):
        for (one_id, other_id), seen_ms in video.together.items():
            for one in places[index, one_id]:
                for other in places[index, other_id]:
                    ranges = seen_ms, tracklets[one].sure_ms, tracklets[other].sure_ms
                    if max(start for start, _ in ranges) <= min(end for _, end in ranges):
                        together.setdefault(one, set()).add(other)
                        together.setdefault(other, set()).add(one)
    return together
