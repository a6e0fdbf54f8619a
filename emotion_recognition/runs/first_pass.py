"""The first pass over a video: it sees all faces before the first is drawn.

Only then is known whose face each one is, and how it looks at rest. In the second pass, see `SeenFaces`, nothing is
detected or classified again.
"""

import pickle
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tqdm import tqdm

from emotion_recognition.faces.moments import VideoMoments
from emotion_recognition.faces.people import tell_apart
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.media.endings import FrameError, RequestedEnd
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import check_size
from emotion_recognition.pipeline import EmotionPipeline, Models
from emotion_recognition.results.face_pictures import PictureChoice
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.seen_faces import SeenFaces, SeenVideo
from emotion_recognition.settings import Settings

RECORDS_NAME = '.faces'  # of the temporary file, in the run folder


@contextmanager
def see_before_drawing(
    video_path: Path,
    models: Models,
    pipeline: EmotionPipeline,
    settings: Settings,
    own: Outputs,
    interruption: Interruption,
    seen: SeenFaces | None = None,
) -> Iterator[SeenFaces | EmotionPipeline]:
    """See a whole video, if people are to be told apart or references at rest to be learnt from it.

    So it is if faces are to be hidden: the second pass then sees no face at all.

    Args:
        video_path: Path of the video.
        models: Detector, classifier and what tells people apart.
        pipeline: Finds the faces, and learns how they look at rest.
        settings: Settings of the video script.
        own: Where the run writes; the faces are kept in a temporary file there.
        interruption: Ends it. The frames until then are still written.
        seen: Its faces, if it has been seen already.

    Yields:
        What gives the faces in the second pass; the pipeline itself if there is nothing to learn, and so no first pass.

    Raises:
        InputError: There is no frame, or the span at rest reaches beyond the video or has no face in it.
    """
    if seen or not (pipeline.references.learns or models.embedder or settings.blur_faces):
        yield seen or pipeline
        return
    records_path = own.annotated.with_name(RECORDS_NAME)
    try:
        video = see_video(video_path, models, pipeline, settings, records_path, interruption)
        people = tell_apart([video.moments])[0][0] if video.moments else None
        interruption.heed()
        yield SeenFaces(video, people)
    finally:
        records_path.unlink(missing_ok=True)  # not one of the results


def see_video(
    video_path: Path,
    models: Models,
    pipeline: EmotionPipeline,
    settings: Settings,
    records_path: Path,
    interruption: Interruption,
) -> SeenVideo:
    """Take a video through the first pass, see `see_before_drawing`. The faces go to a file at `records_path`."""
    moments = VideoMoments(models.embedder) if models.embedder else None
    with VideoReader(video_path, settings.threads, interruption, settings.part) as reader:
        frame_count, ends_ms, ended = _see(reader, pipeline, moments, settings, records_path, interruption)
    if interruption.reason and not frame_count:
        raise InputError(interruption.nothing_written(video_path))
    if interruption.reason:
        so_far = f'writing the first {ends_ms / 1000:.2f} s, which another Ctrl-C discards'
        print(f'{video_path}: {interruption.reason}; {so_far}', file=sys.stderr)
    if moments:
        moments.end()
    if pipeline.references.span_ms:
        _end_span(video_path, pipeline.references, ends_ms, is_complete=not (ended and ended.try_again))
    skipped = reader.skipped_packets, reader.first_skipped_ms
    return SeenVideo(video_path, records_path, frame_count, ended, pipeline.references, moments, reader.opened, skipped)


def _see(reader, pipeline, moments, settings, records_path, interruption):
    """Returns the number of frames, when the last one ends in milliseconds, and why the pass ended early, or None."""
    frame_count, ends_ms = 0, 0.0
    if settings.write_video:
        check_size(reader.path, *reader.stated_size, settings.encoder)  # now, and not after the work
    choice = PictureChoice() if settings.review and not settings.blur_faces else None
    read = reader.read_pictures(lazily=settings.every > 1)
    with records_path.open('wb') as records, closing(pipeline.run(read)) as frames:
        try:
            for number, timestamp_ms, picture, faces in tqdm(
                frames, f'{reader.path.name}, finding faces', reader.frame_count or None, unit='frame'
            ):
                pipeline.references.add(timestamp_ms, faces)
                if moments:
                    moments.add(timestamp_ms, picture, faces)
                if choice:
                    faces = choice.add(timestamp_ms, picture, faces)
                pickle.dump((number, timestamp_ms, faces), records)
                frame_count, ends_ms = frame_count + 1, timestamp_ms + float(1000 / reader.frame_rate)
                if interruption.reason:
                    return frame_count, ends_ms, RequestedEnd(interruption.reason)
        except FrameError as error:  # the frames before the damage count
            return frame_count, ends_ms, error
    return frame_count, ends_ms, None


def _end_span(video_path, references, ends_ms, is_complete):
    start, end = (ms / 1000 for ms in references.span_ms)
    given = f'{video_path}: --rest is {start:g} {end:g}'
    reaches_beyond = not references.span_is_over and round(ends_ms / 1000, 2) < end  # rounded as in the message
    if reaches_beyond and is_complete:
        raise InputError(f'{given}, but the video ends at {ends_ms / 1000:.2f} s; expected times within it')
    references.end_span()
    if not references.span_face_count:
        if is_complete:
            raise InputError(f'{given}, but no face is seen there; expected times at which faces are at rest')
        print(f'{given}, but no face is seen there', file=sys.stderr)
