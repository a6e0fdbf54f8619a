"""From a video's frames to everything that is written or shown frame by frame."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Protocol

from tqdm import tqdm

from emotion_recognition.faces.detection import open_hiding_detectors
from emotion_recognition.faces.hiding import hide_faces, pixelate
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import FaceEmotion, InputError
from emotion_recognition.media.endings import FrameError, RequestedEnd
from emotion_recognition.media.picture import Picture
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from emotion_recognition.results.drawing import draw_faces
from emotion_recognition.results.face_table import FaceColumns, FaceTable
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.results.video_results import VideoResults
from emotion_recognition.settings import Settings
from emotion_recognition.window import open_window

WINDOW_TITLE = 'emotions_from_video (q ends)'

# What is done with each video, given its path, the models (None if there are corrections to apply), the settings, see
# `place_results`, and the interruption; and then its faces, if they are known from a first pass over many videos.
Process = Callable[..., VideoResults]


def place_results(settings: Settings, outputs: Outputs) -> Settings:
    """Let the settings of the video script name where the results of one video go."""
    return replace(settings, output_filename=outputs.annotated, output_folder=None)


class Recogniser(Protocol):
    """Gives the faces of frames: the pipeline, or the recorded faces of an earlier run.

    Attributes:
        needs_frames: Whether it looks at the frames, or checks them; otherwise `run` can do without them.
    """

    needs_frames: bool

    def run(
        self, frames: Iterable[tuple[int, float, Picture]] | None
    ) -> Iterator[tuple[int, float, Picture | None, list[FaceEmotion]]]:
        """Yield each frame with its faces, see `EmotionPipeline.run`."""


def annotate(
    reader: VideoReader,
    recogniser: Recogniser,
    columns: FaceColumns,
    results: VideoResults,
    own: Outputs,
    settings: Settings,
    interruption: Interruption,
) -> FrameError | None:
    """Take each frame from the reader to the tables, the annotated video and the window.

    Args:
        reader: Video that is read.
        recogniser: Gives the faces.
        columns: Columns of the table of faces.
        results: Collects the faces.
        own: Where the annotated video and the table of faces are written, until they are moved into place.
        settings: Settings of the video script.
        interruption: Lets the user end it early.

    Returns:
        Why it ended early, or what of it is missing; None if nothing is.

    Raises:
        InputError: There is no frame at all, or the user ended it before the first one.
    """
    stopped: FrameError | None = None
    if interruption.is_pending:
        raise InputError(interruption.nothing_written(reader.path))
    with ExitStack() as stack:
        face_table = stack.enter_context(FaceTable(own.faces, columns))
        writer = stack.enter_context(_open_writer(own, reader, settings)) if settings.write_video else None
        window = stack.enter_context(open_window(WINDOW_TITLE, settings.show_process))
        frames = stack.enter_context(closing(_recognise(reader, recogniser, settings)))
        try:
            for frame_number, timestamp_ms, picture, faces in _with_progress(frames, reader):
                face_table.add(frame_number, round(timestamp_ms, 3), faces)
                results.add(frame_number, round(timestamp_ms, 3), faces, picture)
                if writer:
                    writer.write(timestamp_ms, _annotated(writer.to_planes(picture), faces))
                interruption.request(window.show(_annotated(picture.bgr.copy(), faces)) if window else None)
                if interruption.is_pending:
                    raise RequestedEnd(interruption.reason)
        except FrameError as error:  # the frames before it count
            stopped = error
        if stopped and writer:
            writer.end_here()
        if not results.frame_count:
            raise stopped or InputError(f'{reader.path}: has no frames')
    return stopped or (_check_sound(writer.sound_problem) if writer else None)


def _recognise(reader, recogniser, settings):
    """Yield the frames with their faces. If these are to be hidden, nothing else sees a picture before they are."""
    if settings.blur_faces:
        hidden = hide_faces(reader.read_pictures(), open_hiding_detectors(settings))
        with closing(recogniser.run(hidden)) as frames:
            for number, timestamp_ms, picture, faces in frames:
                pixelate(picture.bgr, [face.box for face in faces])  # once more, as the run itself found them
                yield number, timestamp_ms, picture, faces
    elif recogniser.needs_frames or settings.write_video or settings.show_process:
        yield from recogniser.run(reader.read_pictures(lazily=True))
    else:
        reader.skipped_packets, reader.first_skipped_ms = recogniser.skipped
        yield from recogniser.run(None)


def _annotated(picture, faces):
    draw_faces(picture, faces)
    return picture


def _check_sound(problem):
    """Say that sound is missing. Returns why if another try may give it."""
    if problem and not problem.try_again:
        print(problem, file=sys.stderr)
        return None
    return problem


def _open_writer(own, reader, settings):
    writer = VideoWriter(own.annotated, reader, settings.threads, settings.keep_all_sound, settings.encoder)
    if writer.left_out_sounds:
        count = writer.left_out_sounds + 1
        print(
            f'{reader.path}: has {count} sound streams, of which only the one that players choose is kept; '
            '--keep-all-sound keeps them all',
            file=sys.stderr,
        )
    return writer


def _with_progress(frames, reader):
    return tqdm(frames, reader.path.name, reader.frame_count or None, unit='frame')
