"""The best moments of each track: the few pictures by which its face is compared with others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from emotion_recognition.faces.crops import grey_thumbnail
from emotion_recognition.faces.embedding import FaceEmbedder
from emotion_recognition.faces.judging import GOOD_DISTANCE, MAX_DISTANCE, take_picture
from emotion_recognition.labels import FaceEmotion
from emotion_recognition.media.picture import Picture
from emotion_recognition.threads import import_ahead

SAMPLE_MS = 100.0  # between two pictures of a face that are looked at, after its first slot: it may be gone soon
SLOT_MS = 500.0  # at first, from each of which the best picture is kept
MAX_MOMENTS = 12  # of a track; when there are more, of every two the better one is kept, and slots are twice as long
PICTURE_SIZE = 72  # pixels, of the pictures that are kept for people to look at
NO_CHANGE = 0.0, 0.0
# What joining tracks needs, which takes half a second to import. First comes what the tracker may need meanwhile, so
# that its thread waits for it and does not begin somewhere else in SciPy.
SLOW_MODULES = ('scipy.optimize', 'scipy.cluster.hierarchy')


@dataclass(frozen=True)
class Moment:
    """One picture of a face.

    Attributes:
        ms: When it is shown, in milliseconds.
        expected_distance: See `judge`; the lower, the better.
        vector: (128,) float32, see `FaceEmbedder`.
        picture_jpeg: The face, as a JPEG file with PICTURE_SIZE pixels in width and height.
        change_before: The largest change of the face's picture since the moment before: 1 less the correlation, and
            when, in milliseconds. If the track went over to another face in between, it did so there.
    """

    ms: float
    expected_distance: float
    vector: np.ndarray
    picture_jpeg: bytes = b''
    change_before: tuple[float, float] = NO_CHANGE


@dataclass
class TrackMoments:
    """The best moments of one track so far. Memory is bounded, and an hour takes a hundred calls of the network.

    Attributes:
        start_ms, end_ms: When its face is first and last seen, in milliseconds.
        moments: Its moments, ordered by time.
        poor: The best of its pictures if none is good, and it tells anything at all; known after `close`.
    """

    start_ms: float
    end_ms: float = 0.0
    moments: list[Moment] = field(default_factory=list)
    poor: Moment | None = None
    _slot_ms: float = SLOT_MS
    _slot_start_ms: float = -np.inf
    _sampled_ms: float = -np.inf
    _thumbnail: np.ndarray | None = None  # of the last picture that was looked at
    _best: tuple[float, np.ndarray, float] | None = None  # of the present slot: judgement, picture, time
    _best_poor: tuple[float, np.ndarray, float] | None = None  # the same of the track, while it has no good one
    _change_before: tuple[float, float] = NO_CHANGE  # from the last moment to the best picture
    _change_since: tuple[float, float] = NO_CHANGE  # from the best picture to now

    def add(self, ms: float, picture: Picture, face: FaceEmotion, embedder: FaceEmbedder) -> None:
        """Look at the face in its next frame."""
        self.end_ms = ms
        if not face.detected:  # where it is, is only known roughly
            return
        if ms - self._sampled_ms < SAMPLE_MS and ms - self.start_ms >= SLOT_MS:
            return
        if ms - self._slot_start_ms >= self._slot_ms:
            self.close_slot(embedder)
            self._slot_start_ms = ms
        judgement, picture_bgr = take_picture(picture.bgr, face)
        self._note_change(ms, picture_bgr)
        self._sampled_ms = ms
        taken = judgement, picture_bgr, ms
        if judgement <= GOOD_DISTANCE and (self._best is None or judgement < self._best[0]):
            self._best, self._best_poor = taken, None
            self._change_before, self._change_since = max(self._change_before, self._change_since), NO_CHANGE
        is_good = self._best or self.moments
        if not is_good and judgement <= MAX_DISTANCE and (not self._best_poor or judgement < self._best_poor[0]):
            self._best_poor = taken

    def _note_change(self, ms, picture_bgr):
        if picture_bgr is None:
            return
        before, self._thumbnail = self._thumbnail, grey_thumbnail(picture_bgr)
        if before is not None:
            change = 1 - float(before @ self._thumbnail), (self._sampled_ms + ms) / 2
            self._change_since = max(self._change_since, change)

    def close_slot(self, embedder: FaceEmbedder) -> None:
        """Keep the best picture of the slot as a moment."""
        if self._best is None:
            return
        self.moments.append(_to_moment(self._best, embedder, self._change_before))
        self._best, self._change_before, self._change_since = None, self._change_since, NO_CHANGE
        if len(self.moments) > MAX_MOMENTS:
            self.moments = list(_better_of_pairs(self.moments))
            self._slot_ms *= 2

    def close(self, embedder: FaceEmbedder) -> None:
        """Close the last slot, when the track has ended. It may still go on."""
        self.close_slot(embedder)
        is_best = self._best_poor and (self.poor is None or self._best_poor[0] < self.poor.expected_distance)
        if is_best and not self.moments:
            self.poor = _to_moment(self._best_poor, embedder, NO_CHANGE)
        self._best_poor = None


def _to_moment(taken, embedder, change_before):
    expected, picture_bgr, ms = taken
    small = cv2.resize(picture_bgr, (PICTURE_SIZE, PICTURE_SIZE), interpolation=cv2.INTER_AREA)
    picture_jpeg = cv2.imencode('.jpg', small)[1].tobytes()
    return Moment(ms, expected, embedder.embed([picture_bgr])[0], picture_jpeg, change_before)


def _better_of_pairs(moments) -> Iterator[Moment]:
    change = NO_CHANGE  # since the last one that is kept
    for index in range(0, len(moments), 2):
        one, other = moments[index], moments[index + 1] if index + 1 < len(moments) else None
        change = max(change, one.change_before)
        if other is None or one.expected_distance <= other.expected_distance:
            yield replace(one, change_before=change)
            change = other.change_before if other else NO_CHANGE
        else:
            yield replace(other, change_before=max(change, other.change_before))
            change = NO_CHANGE


class VideoMoments:
    """Collects the best moments of all tracks of a video, and which tracks are seen together.

    Args:
        embedder: Gives the vectors.

    Attributes:
        tracks: By the tracker's number.
        together: When two tracks are first and last seen in one frame, in milliseconds, by their numbers, the smaller
            one first.
    """

    def __init__(self, embedder: FaceEmbedder):
        self._embedder = embedder
        self._open: set[int] = set()  # numbers of the tracks that may have pictures waiting
        self.tracks: dict[int, TrackMoments] = {}
        self.together: dict[tuple[int, int], tuple[float, float]] = {}

    def add(self, ms: float, picture: Picture, faces: Sequence[FaceEmotion]) -> None:
        """Look at the next frame.

        Args:
            ms: When it is shown, in milliseconds.
            picture: Its picture, with nothing drawn on it.
            faces: Its faces, in the order of the tracker's numbers.
        """
        for index, face in enumerate(faces):
            if face.track_id not in self.tracks and len(self.tracks) == 1:
                import_ahead(*SLOW_MODULES)  # now there may be something to join
            track = self.tracks.setdefault(face.track_id, TrackMoments(ms))
            track.add(ms, picture, face, self._embedder)
            self._open.add(face.track_id)
            for other in faces[:index]:
                pair = other.track_id, face.track_id
                self.together[pair] = self.together.get(pair, (ms, ms))[0], ms
        for track_id in [one for one in self._open if ms - self.tracks[one].end_ms > SLOT_MS]:
            self._close(track_id)

    def end(self) -> None:
        """Close all tracks, after the last frame."""
        for track_id in list(self._open):
            self._close(track_id)

    def _close(self, track_id):
        self.tracks[track_id].close(self._embedder)
        self._open.remove(track_id)
