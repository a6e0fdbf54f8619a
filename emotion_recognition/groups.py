"""Frames in groups: the network answers the faces of several frames in one batch."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from emotion_recognition.labels import InputError

# When a group is complete: in a batch of eight, a face takes three quarters of the time that it takes alone, and two
# batches can be answered at once. Three groups are under way; the pictures of each take 25 MB at most, or one picture.
GROUP_FACES, GROUP_FRAMES, GROUP_PIXELS = 16, 16, 8_000_000

DetectedFrame = tuple[int, float, Any, bool, Any]  # number, timestamp, picture, whether a scene begins, found faces


def in_groups(frames: Iterable[DetectedFrame]) -> Iterator[list[DetectedFrame]]:
    """Collect frames until the network has enough to do.

    Args:
        frames: Frames in which faces were searched; the faces of one that was left out are None.

    Raises:
        InputError: What the frames raise, after all frames before it have been yielded.
    """
    group, face_count, size = [], 0, 0
    errors: list[InputError] = []
    for frame in end_at_error(frames, errors):
        group.append(frame)
        face_count, size = face_count + len(frame[4] or ()), size + math.prod(frame[2].shape)
        if face_count >= GROUP_FACES or len(group) == GROUP_FRAMES or size >= GROUP_PIXELS:
            yield group
            group, face_count, size = [], 0, 0
    if group:
        yield group
    if errors:
        raise errors[0]


def end_at_error(frames: Iterable[tuple], errors: list[InputError]) -> Iterator[tuple]:
    """End at an error and note it, instead of raising it: the frames still waiting in later stages must not be lost."""
    try:
        yield from frames
    except InputError as error:
        errors.append(error)
