"""Clips of people who come and go, and who is found in them by the real detector, tracker and face recognition."""

from contextlib import closing
from fractions import Fraction

import av
import cv2
import numpy as np

from emotion_recognition.emotions.model_file import ModelFile
from emotion_recognition.faces.embedding import FaceEmbedder
from emotion_recognition.faces.moments import VideoMoments
from emotion_recognition.faces.yunet import YuNetFaceDetector
from emotion_recognition.media.video import VideoReader
from emotion_recognition.pipeline import EmotionPipeline, Models
from emotion_recognition.settings import Settings

WIDTH, HEIGHT = 640, 360  # pixels


class Unmoved:
    """Stands in for the classifier, since who people are does not depend on what they show."""

    class_names = ('neutral', 'sad')
    model_file = ModelFile(class_names)

    def predict(self, faces_bgr, test_time_augmentation):
        return np.full((len(faces_bgr), 2), 0.5, np.float32)


def write_frames(path, frames, frame_rate):
    """Encode pictures, each (height, width, 3) uint8 BGR."""
    with av.open(str(path), 'w') as container:
        stream = None
        for picture in frames:
            if stream is None:
                stream = container.add_stream(
                    'libx264', rate=Fraction(frame_rate), options={'preset': 'veryfast', 'crf': '20'}
                )
                stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], 'yuv420p'
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format='bgr24')))
        container.mux(stream.encode(None))
    return path


def read_frames(path):
    """The pictures of a clip, one after the other."""
    with VideoReader(path) as reader:
        for *_, picture in reader.read_frames():
            yield picture


def with_gap_and_mirrored(path, target, frame_rate, cut, gap_seconds=3):
    """Copy a clip: without some of its frames, black for some seconds in the middle, mirrored after that."""
    frames = list(read_frames(path))
    middle = len(frames) // 2
    del frames[cut]
    halves = frames[:middle], [frame[:, ::-1] for frame in frames[middle:]]
    gap = [np.zeros_like(frames[0])] * round(gap_seconds * frame_rate)
    return write_frames(target, [*halves[0], *gap, *halves[1]], frame_rate)


def compose(portraits, seconds, frame_rate, wall=90):
    """Frames in which up to two portraits, on the left and on the right, move, turn and grow a little.

    Args:
        portraits: Two pictures, square and of one size, BGR; or None where nobody is.
        seconds: How long they are shown.
        frame_rate: Frames a second.
        wall: Brightness of what is behind them, 0..255.
    """
    for number in range(round(seconds * frame_rate)):
        frame, ms = np.full((HEIGHT, WIDTH, 3), wall, np.uint8), 1000 * number / frame_rate
        for side, portrait in enumerate(portraits):
            if portrait is not None:
                size, half = portrait.shape[0], frame[:, side * WIDTH // 2 : (side + 1) * WIDTH // 2]
                matrix = cv2.getRotationMatrix2D(
                    (size / 2, size / 2), 8 * np.sin(ms / 1000 + 2 * side), (270 + 30 * np.sin(ms / 1600 + side)) / size
                )
                matrix[:, 2] += [160 - size / 2 + 10 * np.sin(ms / 520), 180 - size / 2 + 6 * np.cos(ms / 680)]
                cv2.warpAffine(portrait, matrix, half.shape[1::-1], half, borderMode=cv2.BORDER_TRANSPARENT)
        yield frame


class Finder:
    """Finds the faces of clips, and by what their people are told apart. The models are opened once."""

    def __init__(self):
        self._models = Models(YuNetFaceDetector(min_face_size=48), Unmoved())
        self._embedder = FaceEmbedder()

    def see(self, path):
        """Returns the moments, and of each frame its time in milliseconds and the tracks and boxes of its faces."""
        moments, shown = VideoMoments(self._embedder), []
        pipeline = EmotionPipeline(self._models, Settings(rest='none'))
        with VideoReader(path) as reader, closing(pipeline.run(reader.read_pictures())) as frames:
            for _, ms, picture, faces in frames:
                moments.add(ms, picture, faces)
                shown.append((ms, [(face.track_id, face.box) for face in faces]))
        moments.end()
        return moments, shown


def who_is_seen_as(people, shown, who_is_at):
    """Compare who is found with who is there.

    Args:
        people: The `VideoPeople` of a clip.
        shown: Its frames, see `Finder.see`.
        who_is_at: Gives who is there at a time in seconds, on the left if the second argument is 0, on the right if it
            is 1; None where that is not to be compared.

    Returns:
        Pairs of who is there, and the number of the person who is found.
    """
    pairs = set()
    for ms, faces in shown:
        persons = people.find_in_frame([track_id for track_id, _ in faces], ms)
        for (_, (x, _, width, _)), person in zip(faces, persons, strict=True):
            who = who_is_at(ms / 1000, int(x + width / 2 > WIDTH / 2))
            if who is not None and person is not None:
                pairs.add((who, person.number))
    return pairs
