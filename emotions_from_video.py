"""Turn a video into an annotated mp4 with its sound and a CSV of its emotions over time.

Edit VIDEO_PATH and run it, or name the video: python emotions_from_video.py other.mp4
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from emotion_recognition.classification import EmotionClassifier
from emotion_recognition.detection import HaarFaceDetector
from emotion_recognition.drawing import draw_faces
from emotion_recognition.labels import InputError
from emotion_recognition.pipeline import EmotionPipeline
from emotion_recognition.tables import EmotionTable, write_csv
from emotion_recognition.video import VideoReader, VideoWriter

HERE = Path(__file__).resolve().parent

VIDEO_PATH = HERE / 'examples' / 'demo.mp4'
MODEL_WEIGHTS_PATH = HERE / 'model_weights' / 'model.h5'
DETECTOR_PATH = HERE / 'face_detector' / 'haarcascade_frontalface_default.xml'
COMPACT = True  # CSV: one row per period in which the emotions stay the same; False: one row per frame
SHOW_PROCESS = False  # show the frames in a window while working; q ends it
WRITE_VIDEO = True  # False: the CSV only
TEST_TIME_AUGMENTATION = False  # average each face with its mirror image: steadier, and slower

WINDOW_TITLE = 'emotions_from_video (q ends)'


def analyse_video(
    video_path: str | Path,
    classifier: EmotionClassifier,
    detector_path: str | Path,
    compact: bool = True,
    show_process: bool = False,
    write_video: bool = True,
    output_filename: str | Path | None = None,
    test_time_augmentation: bool = False,
) -> pd.DataFrame:
    """Find the emotions of a video; write the annotated video and the table.

    Ctrl-C, `q` in the window or a frame that cannot be decoded end it early; what was done until then is written.

    Args:
        video_path: any video file that FFmpeg reads.
        classifier: of the faces.
        detector_path: of the Haar cascade.
        compact: one row per period in which the emotions stay the same, otherwise one per frame.
        show_process: show the frames in a window while working.
        write_video: write the annotated mp4 too.
        output_filename: of the mp4, also where it is not written; by default <stem>_with_emotions.mp4 beside the
            video. The CSV is named after it: <stem>_emotions_data.csv.

    Returns:
        What the CSV holds: `ms_start, ms_end, frame_start, frame_end, emotions`, or if not compact
        `ms, frame, emotions`. Times are the file's own, in milliseconds; frames count from 1; `emotions` is a word
        where the frame has exactly one face, otherwise a list of words, faces from left to right.

    Raises:
        InputError: the video or the cascade cannot be read, or the output not written.
    """
    video_path = Path(video_path)
    output_path, csv_path = name_outputs(video_path, output_filename)
    pipeline = EmotionPipeline(HaarFaceDetector(detector_path), classifier, test_time_augmentation)
    table = EmotionTable(compact)
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(video_path))
        check_outputs(video_path, output_path, csv_path)
        writer = stack.enter_context(VideoWriter(output_path, reader)) if write_video else None
        window = stack.enter_context(Window()) if show_process and has_screen() else None
        frame_count, stopped = annotate(reader, pipeline, table, writer, window)
        if not frame_count:
            raise InputError(stopped or f'{video_path}: has no frames')
    emotions = table.to_frame()
    write_csv(emotions, csv_path)
    if stopped:
        print(f'Stopped after frame {frame_count}: {stopped}', file=sys.stderr)
    print(f'Wrote {f"{output_path} and " if write_video else ""}{csv_path}: {frame_count} frames.')
    return emotions


def annotate(
    reader: VideoReader,
    pipeline: EmotionPipeline,
    table: EmotionTable,
    writer: VideoWriter | None,
    window: 'Window | None',
) -> tuple[int, str | None]:
    """Take each frame from the reader to the table, the writer and the window.

    Returns:
        How many frames were done, and why the rest was not, None if all were.
    """
    frame_number, stopped = 0, None
    with Interruption() as interruption:
        try:
            frames = tqdm(reader.read_frames(), reader.path.name, reader.frame_count or None, unit='frame')
            for frame_number, timestamp_ms, frame_bgr in frames:
                faces = pipeline.process(frame_bgr)
                table.add(frame_number, round(timestamp_ms, 3), faces)
                draw_faces(frame_bgr, faces)
                if writer:
                    writer.write(timestamp_ms, frame_bgr)
                if window and window.show(frame_bgr):
                    stopped = 'q was pressed'
                elif interruption.requested:
                    stopped = 'Ctrl-C was pressed'
                if stopped:
                    break
        except InputError as error:  # a frame cannot be decoded; those before it count
            stopped = str(error)
    if stopped and writer:
        writer.end_here()
    return frame_number, stopped


class Interruption:
    """Turns the first Ctrl-C into a wish that is looked at between frames; the second one breaks off as usual."""

    requested = False

    def __enter__(self):
        self._in_main_thread = threading.current_thread() is threading.main_thread()  # signals reach no other
        if self._in_main_thread:
            self._previous = signal.signal(signal.SIGINT, self._request)
        return self

    def _request(self, *_):
        self.requested = True
        signal.signal(signal.SIGINT, self._previous)

    def __exit__(self, *exception):
        if self._in_main_thread:
            signal.signal(signal.SIGINT, self._previous)


class Window:
    """A window for frames; closed at the end of its `with` block."""

    def show(self, frame_bgr: np.ndarray) -> bool:
        """Show a frame. Returns whether q was pressed."""
        cv2.imshow(WINDOW_TITLE, frame_bgr)
        return cv2.waitKey(1) & 0xFF == ord('q')

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        cv2.destroyAllWindows()


def has_screen() -> bool:
    """Whether a window can be opened; says so if not. OpenCV would end the whole process."""
    if sys.platform == 'linux' and not (os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')):
        print('No screen here: going on without a window.', file=sys.stderr)
        return False
    return True


def name_outputs(video_path: Path, output_filename: str | Path | None) -> tuple[Path, Path]:
    """Paths of the annotated mp4 and of the CSV that is named after it."""
    output_path = Path(output_filename or video_path.with_name(f'{video_path.stem}_with_emotions.mp4'))
    return output_path, output_path.with_name(f'{output_path.stem}_emotions_data.csv')


def check_outputs(video_path: Path, output_path: Path, csv_path: Path) -> None:
    """Find out before the work whether its results can be written.

    Raises:
        InputError: they cannot, or would overwrite the video.
    """
    if output_path.resolve() == video_path.resolve():
        raise InputError(f'{output_path}: would overwrite the video itself; give another output name')
    if not output_path.parent.is_dir():
        raise InputError(f'{output_path.parent}: no such folder for the output')
    for path in (output_path, csv_path):
        try:
            with tempfile.TemporaryFile(dir=path.parent):
                pass
            if path.exists():
                with path.open('r+b'):  # on Windows a program that has it open forbids this
                    pass
        except OSError as error:
            raise InputError(f'{path}: cannot be written ({error.strerror})') from None


def parse_options(arguments=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Turn a video into an annotated mp4 with its sound and a CSV.')
    parser.add_argument('video', nargs='?', type=Path, help='same as --video-path')
    parser.add_argument('--video-path', type=Path, default=VIDEO_PATH, help='default: %(default)s')
    parser.add_argument('--model-weights-path', type=Path, default=MODEL_WEIGHTS_PATH, help='default: %(default)s')
    parser.add_argument('--detector-path', type=Path, default=DETECTOR_PATH, help='default: %(default)s')
    parser.add_argument('--output-filename', type=Path, help='mp4; default: <stem>_with_emotions.mp4 beside the video')
    switch = {'action': argparse.BooleanOptionalAction, 'help': 'default: %(default)s'}
    parser.add_argument('--compact', default=COMPACT, **switch)
    parser.add_argument('--show-process', default=SHOW_PROCESS, **switch)
    parser.add_argument('--write-video', default=WRITE_VIDEO, **switch)
    parser.add_argument('--test-time-augmentation', default=TEST_TIME_AUGMENTATION, **switch)
    return parser.parse_args(arguments)


def main(arguments=None) -> None:
    options = parse_options(arguments)
    video_path = options.video or options.video_path
    try:
        # A wrong path is told before the model takes its seconds to load.
        VideoReader(video_path).close()
        check_outputs(video_path, *name_outputs(video_path, options.output_filename))
        HaarFaceDetector(options.detector_path)
        analyse_video(
            video_path,
            EmotionClassifier(options.model_weights_path),
            options.detector_path,
            options.compact,
            options.show_process,
            options.write_video,
            options.output_filename,
            options.test_time_augmentation,
        )
    except (InputError, OSError) as error:
        sys.exit(f'emotions_from_video.py: {error}')


if __name__ == '__main__':
    main()
