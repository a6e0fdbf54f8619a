"""A small picture of each found face, so that one sees on the review page at a glance who it is."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2

from emotion_recognition.faces.crops import cut_square
from emotion_recognition.labels import FaceEmotion
from emotion_recognition.media.picture import Picture

SIDE = 64  # pixels
ENOUGH = 2 * SIDE  # pixels; of larger faces, the one that the detector is most sure of is the best
JPEG_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 80]
SETTLED = 25  # frames; a face that has just come is often blurred, half hidden or not faded in yet
CLEARLY_BETTER = 1.15  # times as good; a picture is then made again, which takes a hundred times as long as comparing
MAX_PICTURES = 400  # in a page: about 1 MB
CHOICE_MS = 500  # of each such stretch of a track there is a picture to choose, whoever it turns out to belong to


@dataclass
class FacePicture:
    """The best picture of a face so far.

    Attributes:
        frame_number: Number of the frame that it was taken from.
        jpeg: The picture, encoded; empty before the first one.
        goodness: How good it is, see `FacePictures`.
        frame_count: Number of frames in which the face was seen.
    """

    frame_number: int = 0
    jpeg: bytes = b''
    goodness: float = 0.0
    frame_count: int = 0


class FacePictures:
    """Keeps a picture of a good moment of each face: large, one that the detector is sure of, and not when it has only
    just come.

    A face that belongs to two people, one after the other, has a picture for each of them. A picture takes 2 kB.
    """

    def __init__(self):
        self._pictures: dict[tuple[int, int], FacePicture] = {}

    def add(self, frame_number: int, frame: Picture | None, faces: Sequence[FaceEmotion]) -> None:
        """Look at the next frame.

        Args:
            frame_number: Its number, from 1.
            frame: Its picture, with nothing drawn on it; None if only faces whose pictures were kept count.
            faces: Its faces.
        """
        for face in faces:
            picture = self._pictures.setdefault((face.track_id, face.number), FacePicture())
            picture.frame_count += 1
            goodness = _judge(face, picture.frame_count)
            if goodness > CLEARLY_BETTER * picture.goodness and (frame or face.picture_jpeg):
                jpeg = face.picture_jpeg or _take(frame.bgr, face)
                picture.frame_number, picture.jpeg, picture.goodness = frame_number, jpeg, goodness

    def to_json(self) -> list[list]:
        """Convert the pictures of the faces seen longest, at most `MAX_PICTURES`, for the review page.

        Returns:
            For each: the number of the face as it was found, the index of the picture's frame, from 0, and the picture
            as JPEG in base64.
        """
        taken = [(found, picture) for (found, _), picture in self._pictures.items() if picture.jpeg]
        longest = sorted(taken, key=lambda item: -item[1].frame_count)[:MAX_PICTURES]
        return [
            [found, picture.frame_number - 1, base64.b64encode(picture.jpeg).decode()] for found, picture in longest
        ]


class PictureChoice:
    """Keeps with the faces of a video the pictures among which `FacePictures` chooses when the video is seen again.

    Whose face it is may not be known yet, so a track has pictures throughout.
    """

    def __init__(self):
        self._tracks: dict[int, _Track] = {}

    def add(self, ms: float, frame: Picture, faces: Sequence[FaceEmotion]) -> list[FaceEmotion]:
        """Look at the next frame, see `FacePictures.add`. Returns its faces, some of them with a picture."""
        chosen = []
        for face in faces:
            track = self._tracks.setdefault(face.track_id, _Track(ms))
            track.frame_count += 1
            if ms - track.start_ms >= CHOICE_MS:
                track.start_ms, track.goodness_of_stretch = ms, 0.0
            goodness = _judge(face, track.frame_count)
            if goodness > CLEARLY_BETTER * min(track.goodness, track.goodness_of_stretch):
                face = replace(face, picture_jpeg=_take(frame.bgr, face))
                track.goodness_of_stretch = max(goodness, track.goodness_of_stretch)
                if goodness > CLEARLY_BETTER * track.goodness:  # as in `FacePictures`
                    track.goodness = goodness
            chosen.append(face)
        return chosen


@dataclass
class _Track:
    start_ms: float  # of the present stretch
    goodness: float = 0.0  # of the best picture of the track
    goodness_of_stretch: float = 0.0  # of the best picture in the stretch
    frame_count: int = 0


def _judge(face, frame_count):
    """How good a picture of a face is that has been seen in so many frames."""
    goodness = min(max(face.box[2:]), ENOUGH) * face.score**2 * face.detected
    return goodness * (1 + min(frame_count / SETTLED, 1))


def _take(frame_bgr, face):
    """Cut the face out as a square, upright."""
    x, y, width, height = face.box
    centre, side = (x + width / 2, y + height / 2), max(width, height)
    square, _ = cut_square(frame_bgr, centre, side, face.angle, SIDE)
    return cv2.imencode('.jpg', square, JPEG_QUALITY)[1].tobytes()
