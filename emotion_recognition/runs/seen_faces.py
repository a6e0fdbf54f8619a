"""The faces that the first pass saw, which take the place of the pipeline in the second.

The second pass decodes the video again to draw and write it, or does without its frames if nobody wants them.
"""

import pickle
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from emotion_recognition.emotions.references import References
from emotion_recognition.faces.moments import VideoMoments
from emotion_recognition.faces.people import VideoPeople
from emotion_recognition.labels import FaceEmotion, InputError
from emotion_recognition.media.endings import FrameError
from emotion_recognition.media.input_file import FileStatus
from emotion_recognition.media.picture import Picture
from emotion_recognition.threads import prefetch


@dataclass(frozen=True)
class SeenVideo:
    """What the first pass saw of a video.

    Attributes:
        video_path: Path of the video.
        records_path: File with the number, the timestamp and the faces of each frame, pickled. Memory does not grow
            with it.
        frame_count: Number of frames in it.
        ended: Why the pass ended early, or None.
        references: What the faces are compared with, by the tracker's numbers.
        moments: By what people are told apart; None if they are not.
        opened: The video's file as it was when it was opened.
        skipped: See `SeenFaces`.
    """

    video_path: Path
    records_path: Path
    frame_count: int
    ended: FrameError | None
    references: References
    moments: VideoMoments | None
    opened: FileStatus
    skipped: tuple[int, float | None] = (0, None)


class SeenFaces:
    """Takes the place of the pipeline in the second pass: gives each frame the faces that the first pass saw in it.

    Args:
        seen: What the first pass saw.
        people: Whose faces they are, or None if people are not told apart.

    Attributes:
        references: What the faces are compared with, by the numbers that are shown.
        opened: The video's file as it was when it was opened.
        skipped: Number of packets of it that could not be decoded, and the time of the first one in milliseconds.
        needs_frames: See `Recogniser`.
    """

    needs_frames = False

    def __init__(self, seen: SeenVideo, people: VideoPeople | None = None):
        self._seen = seen
        self.opened, self.skipped = seen.opened, seen.skipped
        self._people = people
        self.references = seen.references
        if people:
            self.references.regroup(lambda track_id, ms: people.find(track_id, ms).number)

    def run(
        self, frames: Iterable[tuple[int, float, Picture]] | None
    ) -> Iterator[tuple[int, float, Picture | None, list[FaceEmotion]]]:
        """Give the faces of frames, see `EmotionPipeline.run`.

        Args:
            frames: The frames; None if nobody wants their pictures, which are None then.

        Raises:
            FrameError: The first pass ended early, and this frame is the first that it did not see.
            InputError: The video is not the same as in the first pass.
        """
        with closing(prefetch(frames or ())) as read, self._seen.records_path.open('rb') as records:
            for _ in range(self._seen.frame_count):
                number, timestamp_ms, faces = pickle.load(records)
                frame = next(read, (None, None, None)) if frames else (number, timestamp_ms, None)
                if frame[:2] != (number, timestamp_ms):
                    raise InputError(f'{self._seen.video_path}: changed at frame {number} while it was analysed')
                yield *frame, self.references.apply(self._name(timestamp_ms, faces))
        if self._seen.ended:
            raise self._seen.ended

    def _name(self, timestamp_ms, faces):
        if not self._people:
            return faces
        people = self._people.find_in_frame([face.track_id for face in faces], timestamp_ms)
        named = [replace(face, person=person) for face, person in zip(faces, people, strict=True) if person]
        return sorted(named, key=attrgetter('number'))
