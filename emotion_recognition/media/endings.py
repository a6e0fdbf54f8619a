"""Why the frames of a video end before the video does."""

from emotion_recognition.labels import InputError


class FrameError(InputError):
    """The rest of a video cannot be decoded, or is missing.

    Attributes:
        try_again: Whether another try may give more of the video.
    """

    try_again = False


class ReadError(FrameError):
    """The rest of a video could not be read, for want of its disk, of memory or of threads."""

    try_again = True


class RequestedEnd(FrameError):
    """Somebody ended the run."""

    try_again = True
