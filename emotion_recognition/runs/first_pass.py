"""The first pass over a video: it sees all faces before the first is drawn, so that each has its reference at rest.

The second pass decodes the video again to draw and write it; nothing is detected or classified twice.
"""

import pickle
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from tqdm import tqdm

from emotion_recognition.emotions.references import References
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import FaceEmotion, InputError
from emotion_recognition.media.video import FrameError, VideoReader
from emotion_recognition.pipeline import EmotionPipeline
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.annotation import Recogniser
from emotion_recognition.settings import Settings
from emotion_recognition.threads import prefetch


class SeenFaces:
    """Takes the place of the pipeline in the second pass: gives each frame the faces that the first pass saw in it.

    Args:
        video_path: Path of the video, for messages.
        records: File to which the first pass pickled the number, the timestamp and the faces of each frame, at its
            start. Memory does not grow with it.
        frame_count: Number of frames in it.
        references: What the faces are compared with.
        ended: Why the first pass ended early, or None.
    """

    def __init__(
        self,
        video_path: Path,
        records: IO[bytes],
        frame_count: int,
        references: References,
        ended: str | None = None,
    ):
        self._video_path = video_path
        self._records = records
        self._frame_count = frame_count
        self._references = references
        self._ended = ended

    def run(
        self, frames: Iterable[tuple[int, float, np.ndarray]]
    ) -> Iterator[tuple[int, float, np.ndarray, list[FaceEmotion]]]:
        """Give the faces of frames, see `EmotionPipeline.run`.

        Raises:
            FrameError: The first pass ended early, and this frame is the first that it did not see.
            InputError: The video is not the same as in the first pass.
        """
        with closing(prefetch(frames)) as read:
            for _ in range(self._frame_count):
                seen_number, seen_ms, faces = pickle.load(self._records)
                number, timestamp_ms, frame_bgr = next(read, (None, None, None))
                if (number, timestamp_ms) != (seen_number, seen_ms):
                    raise InputError(f'{self._video_path}: changed at frame {seen_number} while it was analysed')
                yield number, timestamp_ms, frame_bgr, self._references.apply(faces)
        if self._ended:
            raise FrameError(self._ended)


@contextmanager
def see_before_drawing(
    video_path: Path, pipeline: EmotionPipeline, settings: Settings, own: Outputs, interruption: Interruption
) -> Iterator[Recogniser]:
    """See a whole video, if its faces' references at rest are to be learnt from it.

    Whoever ends this pass early gets the results of the frames until then.

    Args:
        video_path: Path of the video.
        pipeline: Finds the faces, and learns how they look at rest.
        settings: Settings of the video script.
        own: Where the run writes; the faces are kept in a temporary file there.
        interruption: Ends it.

    Yields:
        What gives the faces in the second pass; the pipeline itself if there is nothing to learn, and so no first pass.

    Raises:
        InputError: There is no frame, or the span at rest reaches beyond the video.
    """
    if not pipeline.references.learns:
        yield pipeline
        return
    with tempfile.TemporaryFile(dir=own.annotated.parent) as records:
        frame_count, ends_ms, ended = _see(video_path, pipeline, settings, records, interruption)
        if interruption.reason and not frame_count:
            raise InputError(f'{video_path}: nothing was written, {interruption.reason} before the first frame')
        if interruption.reason:
            so_far = f'writing the {frame_count} frames so far, which another Ctrl-C discards'
            print(f'{video_path}: {interruption.reason}; {so_far}', file=sys.stderr)
        if pipeline.references.span_ms:
            _end_span(video_path, pipeline.references, ends_ms, is_complete=not interruption.reason)
        records.seek(0)
        yield SeenFaces(video_path, records, frame_count, pipeline.references, ended)


def _see(video_path, pipeline, settings, records, interruption):
    """Returns the number of frames, when the last one ends in milliseconds, and why the pass ended early, or None."""
    frame_count, ends_ms = 0, 0.0
    with VideoReader(video_path, settings.threads) as reader, closing(pipeline.run(reader.read_frames())) as frames:
        try:
            for number, timestamp_ms, _, faces in tqdm(
                frames, f'{video_path.name}, finding faces', reader.frame_count or None, unit='frame'
            ):
                pipeline.references.add(timestamp_ms, faces)
                pickle.dump((number, timestamp_ms, faces), records)
                frame_count, ends_ms = number, timestamp_ms + float(1000 / reader.frame_rate)
                if interruption.reason:
                    return frame_count, ends_ms, interruption.reason
        except FrameError as error:  # the frames before the damage count
            return frame_count, ends_ms, str(error)
    return frame_count, ends_ms, None


def _end_span(video_path, references, ends_ms, is_complete):
    start, end = (ms / 1000 for ms in references.span_ms)
    reaches_beyond = not references.span_is_over and round(ends_ms / 1000, 2) < end  # rounded as in the message
    if reaches_beyond and is_complete:
        raise InputError(
            f'{video_path}: --rest is {start:g} {end:g}, but it ends at {ends_ms / 1000:.2f} s; expected a span of it'
        )
    references.end_span()
    if not references.span_face_count:
        print(f'{video_path}: no face from {start:g} to {end:g} s, so none is at rest there', file=sys.stderr)
