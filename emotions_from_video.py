"""Turn a video into an annotated mp4 with its sound, and tables and a picture of its emotions over time.

Edit VIDEO_PATH and run it, or name videos or folders: python emotions_from_video.py other.mp4 clips/
"""

import argparse
import sys
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from emotion_recognition.classification import EmotionClassifier
from emotion_recognition.detection import open_detector
from emotion_recognition.drawing import draw_faces
from emotion_recognition.files import check_outputs, find_videos, name_outputs
from emotion_recognition.interaction import Interruption, Window, has_screen
from emotion_recognition.labels import InputError
from emotion_recognition.pipeline import EmotionPipeline
from emotion_recognition.runtimes import PRECISIONS, RUNTIMES
from emotion_recognition.tables import EmotionTable, FacePeriods, FaceTable, write_csv, write_subtitles, write_whole
from emotion_recognition.video import FrameError, VideoReader, VideoWriter

HERE = Path(__file__).resolve().parent

VIDEO_PATH = HERE / 'examples' / 'demo.mp4'
MODEL_WEIGHTS_PATH = HERE / 'model_weights' / 'model.h5'
DETECTOR_PATH = HERE / 'face_detector' / 'haarcascade_frontalface_default.xml'  # or YuNet's .onnx file
COMPACT = True  # CSV: one row per period in which the emotions stay the same; False: one row per frame
SHOW_PROCESS = False  # show the frames in a window while working; q ends it
WRITE_VIDEO = True  # False: tables and picture only
SUBTITLES = False  # write the periods as subtitles too
TEST_TIME_AUGMENTATION = False  # average six views of each face: more often right, and slower
SMOOTHING_SECONDS = 0.3  # over which each face's probabilities are averaged; 0: each frame by itself
MIN_FACE_SIZE = 48  # pixels; smaller faces are left out
WHOLE_FRAME_EVERY = 10  # frames: how often the whole frame is searched, not only near known faces; 1: always
RUNTIME = 'auto'  # of the network: 'openvino', 'keras', or 'auto' for Keras where it has a GPU
PRECISION = 'auto'  # of OpenVINO: 'f32', or 'auto' for bfloat16 where the processor computes in it

WINDOW_TITLE = 'emotions_from_video (q ends)'
MOST_FACES_IN_SUMMARY = 10


def analyse_video(
    video_path: str | Path,
    classifier: EmotionClassifier,
    detector_path: str | Path,
    compact: bool = COMPACT,
    show_process: bool = SHOW_PROCESS,
    write_video: bool = WRITE_VIDEO,
    output_filename: str | Path | None = None,
    test_time_augmentation: bool = TEST_TIME_AUGMENTATION,
    smoothing_seconds: float = SMOOTHING_SECONDS,
    subtitles: bool = SUBTITLES,
    min_face_size: int = MIN_FACE_SIZE,
    whole_frame_every: int = WHOLE_FRAME_EVERY,
    interruption: Interruption | None = None,
) -> pd.DataFrame:
    """Find the emotions of a video; write the annotated video, the tables and the timeline.

    Ctrl-C, `q` in the window or a frame that cannot be decoded end it early; what was done until then is written.

    Args:
        video_path: any video file that FFmpeg reads.
        classifier: of the faces.
        detector_path: of a Haar cascade or a YuNet network, see `open_detector`.
        compact: one row per period in which the emotions stay the same, otherwise one per frame.
        show_process: show the frames in a window while working.
        write_video: write the annotated mp4 too.
        output_filename: of the mp4, also where it is not written; by default <stem>_with_emotions.mp4 beside the
            video. The other files are named after it, see `Outputs`.
        test_time_augmentation: average six views of each face.
        smoothing_seconds: time constant over which each face's probabilities are averaged; 0 for each frame alone.
        subtitles: write the periods as SRT subtitles too.
        min_face_size: in pixels; smaller faces are left out.
        whole_frame_every: how often, in frames, a Haar cascade searches the whole frame; in the others it looks near
            the faces already found.
        interruption: to end it from elsewhere; by default Ctrl-C does.

    Returns:
        What the CSV holds: `ms_start, ms_end, frame_start, frame_end, emotions`, or if not compact
        `ms, frame, emotions`. Times are the file's own, in milliseconds; frames count from 1; `emotions` is a word
        where the frame has exactly one face, otherwise a list of words, faces in the order of their numbers.

    Raises:
        InputError: the video or the cascade cannot be read, or the output not written.
    """
    video_path = Path(video_path)
    outputs = name_outputs(video_path, output_filename)
    detector = open_detector(detector_path, min_face_size, whole_frame_every)
    pipeline = EmotionPipeline(detector, classifier, test_time_augmentation, smoothing_seconds)
    emotions, face_periods = EmotionTable(compact), FacePeriods()
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(video_path))
        check_outputs(video_path, outputs)
        face_table = stack.enter_context(FaceTable(outputs.faces, classifier.class_names))
        writer = stack.enter_context(VideoWriter(outputs.video, reader)) if write_video else None
        if show_process and not has_screen():
            print('No screen here: going on without a window.', file=sys.stderr)
        window = stack.enter_context(Window(WINDOW_TITLE)) if show_process and has_screen() else None
        interruption = interruption or stack.enter_context(Interruption())
        tables = (emotions, face_table, face_periods)
        frame_count, stopped = annotate(reader, pipeline, tables, writer, window, interruption)
        if not frame_count:
            raise InputError(stopped or f'{video_path}: has no frames')
    write_csv(emotions.to_frame(), outputs.emotions)
    write_timeline(face_periods, video_path.name, outputs.timeline)
    if subtitles:
        write_subtitles(emotions.periods(), float(1000 / reader.frame_rate), outputs.subtitles)
    if stopped:
        print(f'Stopped after frame {frame_count}: {stopped}', file=sys.stderr)
    print_summary(frame_count, face_periods)
    first, *others = outputs.written(write_video, subtitles)
    print(f'Wrote {first} and, beside it, {", ".join(path.name for path in others)}')
    return emotions.to_frame()


def annotate(
    reader: VideoReader,
    pipeline: EmotionPipeline,
    tables: Iterable[EmotionTable | FaceTable | FacePeriods],
    writer: VideoWriter | None,
    window: Window | None,
    interruption: Interruption,
) -> tuple[int, str | None]:
    """Take each frame from the reader to the tables, the writer and the window.

    Returns:
        How many frames were done, and why the rest was not, None if all were.
    """
    frame_number, stopped = 0, None
    try:
        with closing(pipeline.run(reader.read_frames())) as frames:
            progress = tqdm(frames, reader.path.name, reader.frame_count or None, unit='frame')
            for frame_number, timestamp_ms, frame_bgr, faces in progress:
                for table in tables:
                    table.add(frame_number, round(timestamp_ms, 3), faces)
                draw_faces(frame_bgr, faces)
                if writer:
                    writer.write(timestamp_ms, frame_bgr)
                if window and (reason := window.show(frame_bgr)):
                    interruption.request(reason)
                if interruption.reason:
                    stopped = interruption.reason
                    break
    except FrameError as error:  # those before it count
        stopped = str(error)
    if stopped and writer:
        writer.end_here()
    return frame_number, stopped


def write_timeline(face_periods: FacePeriods, title: str, path: Path) -> None:
    """Write the timeline picture, whole or not at all."""
    from emotion_recognition.plots import save_timeline  # here and not above: matplotlib takes a second to import

    write_whole(path, lambda temporary_path: save_timeline(face_periods, title, temporary_path))


def print_summary(frame_count: int, face_periods: FacePeriods) -> None:
    """Print how many frames and faces there were, and the share of each emotion of those seen longest."""
    face_count = face_periods.face_count()
    print(f'{frame_count} frames, {face_count} {"face" if face_count == 1 else "faces"}')
    longest = face_periods.longest_seen(MOST_FACES_IN_SUMMARY)
    for track_id, frames in longest.items():
        total = sum(frames.values())
        shares = ', '.join(f'{emotion} {count / total:.0%}' for emotion, count in frames.items())
        print(f'  face {track_id}, {total} frames: {shares}')
    if face_count > len(longest):
        print(f'  and {face_count - len(longest)} more, seen in fewer frames')


def check_videos(videos: Iterable[Path], output_filename: Path | None) -> dict[Path, str]:
    """Find out before the model takes its seconds to load which videos cannot be done. Returns why, for those."""
    problems, claimed = {}, {}
    for video in videos:
        outputs = name_outputs(video, output_filename)
        try:
            VideoReader(video).close()
            check_outputs(video, outputs)
            if outputs.video in claimed:
                raise InputError(f'{video}: its output would be that of {claimed[outputs.video]}; rename one of them')
            claimed[outputs.video] = video
        except InputError as error:
            problems[video] = str(error)
    return problems


def parse_options(arguments=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Turn a video into an annotated mp4 with its sound, tables, a picture.'
    )
    parser.add_argument('videos', nargs='*', type=Path, help='videos, or folders of videos; as --video-path')
    parser.add_argument('--video-path', type=Path, default=VIDEO_PATH, help='default: %(default)s')
    parser.add_argument('--model-weights-path', type=Path, default=MODEL_WEIGHTS_PATH, help='default: %(default)s')
    parser.add_argument('--detector-path', type=Path, default=DETECTOR_PATH, help='default: %(default)s')
    parser.add_argument('--output-filename', type=Path, help='mp4; default: <stem>_with_emotions.mp4 beside the video')
    switch = {'action': argparse.BooleanOptionalAction, 'help': 'default: %(default)s'}
    parser.add_argument('--compact', default=COMPACT, **switch)
    parser.add_argument('--show-process', default=SHOW_PROCESS, **switch)
    parser.add_argument('--write-video', default=WRITE_VIDEO, **switch)
    parser.add_argument('--subtitles', default=SUBTITLES, **switch)
    parser.add_argument('--test-time-augmentation', default=TEST_TIME_AUGMENTATION, **switch)
    parser.add_argument(
        '--smoothing-seconds', type=float, default=SMOOTHING_SECONDS, help='0 turns it off; default: %(default)s'
    )
    parser.add_argument('--min-face-size', type=int, default=MIN_FACE_SIZE, help='pixels; default: %(default)s')
    parser.add_argument(
        '--whole-frame-every', type=int, default=WHOLE_FRAME_EVERY, help='frames, for Haar; default: %(default)s'
    )
    parser.add_argument('--runtime', choices=RUNTIMES, default=RUNTIME, help='of the network; default: %(default)s')
    parser.add_argument('--precision', choices=PRECISIONS, default=PRECISION, help='of OpenVINO; default: %(default)s')
    return parser.parse_args(arguments)


def analyse_videos(options: argparse.Namespace) -> tuple[list[Path], dict[Path, str]]:
    """Analyse all videos that the options name. Returns them, and why some of them failed.

    Raises:
        InputError: the model, the cascade or an option is wrong for all of them.
    """
    videos = find_videos(options.videos or [options.video_path])
    if options.output_filename and len(videos) > 1:
        raise InputError(f'--output-filename names one output, but there are {len(videos)} videos')
    for name, least in (('smoothing_seconds', 0), ('min_face_size', 0), ('whole_frame_every', 1)):
        if getattr(options, name) < least:
            option = '--' + name.replace('_', '-')
            raise InputError(f'{option} is {getattr(options, name)}; expected {least} or more')
    problems = check_videos(videos, options.output_filename)
    if len(problems) == len(videos):
        return videos, problems
    open_detector(options.detector_path)
    classifier = EmotionClassifier(options.model_weights_path, options.runtime, options.precision)
    with Interruption() as interruption:
        for video in videos:
            if video in problems:
                continue
            if interruption.reason:
                problems[video] = f'{video}: not begun, {interruption.reason}'
                continue
            try:
                analyse_video(
                    video,
                    classifier,
                    options.detector_path,
                    options.compact,
                    options.show_process,
                    options.write_video,
                    options.output_filename,
                    options.test_time_augmentation,
                    options.smoothing_seconds,
                    options.subtitles,
                    options.min_face_size,
                    options.whole_frame_every,
                    interruption,
                )
            except (InputError, OSError) as error:
                problems[video] = str(error)
    return videos, problems


def main(arguments=None) -> None:
    try:
        videos, problems = analyse_videos(parse_options(arguments))
    except (InputError, OSError) as error:
        sys.exit(f'emotions_from_video.py: {error}')
    except KeyboardInterrupt:
        sys.exit('emotions_from_video.py: broken off; no file of this video was written')
    if problems and len(videos) == 1:
        sys.exit(f'emotions_from_video.py: {problems[videos[0]]}')
    if problems:
        lines = ''.join(f'\n  {problem}' for problem in problems.values())
        sys.exit(f'emotions_from_video.py: {len(problems)} of {len(videos)} videos failed:{lines}')


if __name__ == '__main__':
    main()
