"""Turn a video into an annotated mp4 with its sound, and tables and a picture of its emotions over time.

Edit VIDEO_PATH and run it, or name videos, photographs or folders: python emotions_from_video.py other.mp4 photos/
"""

import math
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from emotion_recognition.classification import EmotionClassifier, open_classifier
from emotion_recognition.cluster import process_on_ray, separate_address
from emotion_recognition.detection import open_detector
from emotion_recognition.drawing import draw_faces
from emotion_recognition.face_table import FaceColumns, FaceTable
from emotion_recognition.files import RunFolder, check_outputs, is_photograph, name_outputs, remove_dead_runs
from emotion_recognition.first_pass import measure_baselines
from emotion_recognition.inputs import check_files, find_files, name_all_outputs
from emotion_recognition.interaction import Interruption, Window, allow_any_name, open_window, signals_as_ctrl_c
from emotion_recognition.labels import InputError
from emotion_recognition.photographs import analyse_photographs
from emotion_recognition.pipeline import EmotionPipeline
from emotion_recognition.recorded_faces import RecordedFaces
from emotion_recognition.results import Results, summarise_folders
from emotion_recognition.run_record import describe_makers, find_left, write_record
from emotion_recognition.settings import Parser, Settings, option, read_command_line, to_path
from emotion_recognition.spans import check_spans
from emotion_recognition.video import FrameError, VideoReader
from emotion_recognition.video_writer import VideoWriter

VIDEO_PATH = Path(__file__).resolve().parent / 'examples' / 'demo.mp4'  # or a photograph, or a folder of either
COMPACT = True  # CSV: one row per period in which the emotions stay the same; False: one row per frame
SHOW_PROCESS = False  # show the frames in a window while working; q ends it
WRITE_VIDEO = True  # False: tables and picture only
SUBTITLES = False  # write the periods as subtitles too
REVIEW = True  # write a page on which the result can be looked at and corrected; it takes some milliseconds
ELAN = False  # write the periods for ELAN too, with the video linked
SKIP_DONE = False  # leave out videos whose results are there and would be the same
SPANS = None  # CSV of stimuli or conditions in the videos, to be summarised apart
# Those that the webcam script has too are edited in emotion_recognition/settings.py.
MODEL_WEIGHTS_PATH, DETECTOR_PATH = Settings.model_weights_path, Settings.detector_path

SPAN = ('START', 'END')
WINDOW_TITLE = 'emotions_from_video (q ends)'
MOST_PROBLEMS_TOLD = 100


@dataclass(frozen=True)
class VideoSettings(Settings):
    """The options of both scripts, and this one's own."""

    output_filename: str | Path | None = option(
        None, 'annotated file, for one input; default: <stem>_with_emotions.mp4 beside it', parse=to_path
    )
    compact: bool = option(COMPACT, 'table of emotions by periods, otherwise by frames')
    show_process: bool = option(SHOW_PROCESS, 'show the frames in a window; q ends')
    write_video: bool = option(WRITE_VIDEO, 'write the annotated video or photograph, otherwise the rest alone')
    subtitles: bool = option(SUBTITLES, 'write the periods as SRT too')
    review: bool = option(REVIEW, 'write a page on which the result can be looked at and corrected')
    apply: str | Path | None = option(
        None, 'corrected table of periods from that page: draw the results of a video anew with it', parse=to_path
    )
    elan: bool = option(ELAN, 'write the periods for ELAN too')
    spans: str | Path | None = option(SPANS, 'CSV: video, start, end (seconds), name; summarised apart', parse=to_path)
    skip_done: bool = option(SKIP_DONE, 'leave out videos whose results are there and would be the same')
    ray: str | None = option(
        None, 'many videos at once: on this machine, or on the Ray cluster at an address', parse=str, bare='local'
    )
    baseline: Sequence[float] | None = option(
        None, 'seconds of a video in which faces are at rest: their change from it is shown', parse=float, parts=SPAN
    )

    def __post_init__(self):
        super().__post_init__()
        if self.baseline is not None:
            start, end = self.baseline
            if not -math.inf < start < end < math.inf:
                raise InputError(f'--baseline is {start} {end}; expected two times in seconds, START before END')


def analyse_video(
    video_path: str | Path,
    classifier: EmotionClassifier,
    detector_path: str | Path = DETECTOR_PATH,
    compact: bool = COMPACT,
    show_process: bool = SHOW_PROCESS,
    write_video: bool = WRITE_VIDEO,
    output_filename: str | Path | None = None,
    test_time_augmentation: bool = VideoSettings.test_time_augmentation,
    **others,
) -> pd.DataFrame:
    """Find the emotions of a video; write the annotated video, the tables and the timeline.

    Ctrl-C, SIGTERM, `q` in the window or a file that breaks off end it early; what was done until then is written.

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
        others: any other of `VideoSettings` by its name, such as `smoothing_seconds=0`. What concerns the model, such
            as its balance, is said to the classifier, and counts from there.

    Returns:
        What the CSV holds: `ms_start, ms_end, frame_start, frame_end, emotions`, or if not compact
        `ms, frame, emotions`. Times are the file's own, in milliseconds; frames count from 1; `emotions` is a word
        where the frame has exactly one face, otherwise a list of words, faces in the order of their numbers.

    Raises:
        InputError: the video or the cascade cannot be read, or the output not written.
    """
    settings = VideoSettings(
        detector_path=detector_path,
        compact=compact,
        show_process=show_process,
        write_video=write_video,
        output_filename=output_filename,
        test_time_augmentation=test_time_augmentation,
        **(others | (classifier.settings if classifier else {})),
    )
    with Interruption() as interruption:
        return process_video(Path(video_path), classifier, settings, interruption).emotions.to_frame()


def process_video(
    video_path: Path, classifier: EmotionClassifier | None, settings: VideoSettings, interruption: Interruption
) -> Results:
    """What `analyse_video` does, with all options as one value, and ended from elsewhere too. With corrections to
    apply, no classifier is needed."""
    outputs = name_outputs(video_path, settings.output_filename)
    if settings.apply:
        recogniser = recorded = RecordedFaces(outputs, Path(settings.apply))
        outputs, columns = outputs.corrected(), recorded.columns
        results = Results(video_path, recorded.class_names, settings, recorded.review)
    else:
        recogniser = EmotionPipeline(open_detector(settings), classifier, settings)
        columns = FaceColumns(classifier.class_names, bool(settings.baseline), settings.fill_gaps)
        results = Results(video_path, classifier.class_names, settings)
        makers = describe_makers(settings) | {'model_sha256': classifier.model_sha256}  # as the files are now
    run_folder = RunFolder(outputs)
    with VideoReader(video_path, settings.threads) as reader:
        check_outputs(video_path, outputs)
        remove_dead_runs(outputs.annotated.parent)
        if settings.baseline and not settings.apply:
            first = EmotionPipeline(open_detector(settings), classifier, settings)
            span, threads = settings.baseline, settings.threads
            recogniser.baselines = measure_baselines(video_path, first, span, interruption, threads)
        with run_folder as own:
            with ExitStack() as stack:
                face_table = stack.enter_context(FaceTable(own.faces, columns))
                writing = (
                    VideoWriter(own.annotated, reader, settings.threads) if settings.write_video else nullcontext()
                )
                writer = stack.enter_context(writing)
                window = stack.enter_context(open_window(WINDOW_TITLE, settings.show_process))
                stopped = annotate(reader, recogniser, [face_table, results], writer, window, interruption)
                if not results.frame_count:
                    raise InputError(stopped or f'{video_path}: has no frames')
            results.write(reader, own, outputs)
            if not settings.apply:
                write_record(own, video_path, makers, interruption.reason)
    results.tell(reader, stopped, run_folder.written, run_folder.left)
    return results


def annotate(
    reader: VideoReader,
    recogniser: EmotionPipeline | RecordedFaces,
    tables: Iterable[FaceTable | Results],
    writer: VideoWriter | None,
    window: Window | None,
    interruption: Interruption,
) -> str | None:
    """Take each frame from the reader to the tables, the writer and the window.

    Returns:
        Why not all of them were done, None if they were.
    """
    stopped = None
    try:
        with closing(recogniser.run(reader.read_frames())) as frames:
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
    return stopped


def check_combinations(settings: VideoSettings, videos: Sequence[Path], file_count: int) -> None:
    """Find out which options do not go together, or not with the inputs.

    Raises:
        InputError: some do not.
    """
    if settings.output_filename and file_count > 1:
        raise InputError(f'--output-filename names one output, but there are {file_count} files')
    if settings.baseline and not videos:
        raise InputError('--baseline is a span of a video; expected one among the inputs, or no --baseline')
    if settings.spans:
        check_spans(settings.spans, videos)
    if settings.apply and (len(videos) != 1 or file_count > 1 or settings.skip_done):
        raise InputError('--apply draws the results of one video anew; expected that one alone, and no --skip-done')
    if settings.ray and (settings.apply or settings.show_process):
        raise InputError('--ray is for many videos, out of sight; expected neither --apply nor --show-process with it')


def analyse_files(paths: Sequence[Path], settings: VideoSettings) -> tuple[int, dict[Path, str]]:
    """Analyse all videos and photographs among paths and in folders. Returns how many, and why some of them failed.

    Raises:
        InputError: the model, the detector or an option is wrong for all of them.
    """
    videos, photographs, empty = find_files(paths)
    files = [*videos, *(path for group in photographs.values() for path in group)]
    check_combinations(settings, videos, len(files))
    outputs, problems = name_all_outputs(files, settings.output_filename)
    problems |= empty
    here = {path: named for path, named in outputs.items() if is_photograph(path) or not settings.ray}
    problems |= check_files(here)  # Ray's workers may see other files
    outputs = {path: outputs[path] for path in files if path not in problems}
    videos = [video for video in videos if video in outputs]
    left = find_left(videos, outputs, settings) if settings.skip_done else videos
    classifier = None
    if not settings.apply and outputs and (photographs or (left and not settings.ray)):
        open_detector(settings)  # tells at once what the model would be waited for
        classifier = open_classifier(settings)
    with Interruption() as interruption:
        if left and settings.ray:
            problems |= process_on_ray(left, process_video, settings, interruption)
        else:
            problems |= process_in_turn(left, classifier, settings, interruption)
        if not settings.apply:
            done = {video: outputs[video] for video in videos if video not in problems}
            problems |= summarise_folders([path for path in paths if path.is_dir()], done)
        for folder, group in photographs.items():
            if stills := {path: outputs[path] for path in group if path in outputs}:
                with open_window(WINDOW_TITLE, settings.show_process) as window:
                    problems |= analyse_photographs(folder, stills, classifier, settings, window, interruption)
    return len(files) + len(empty), problems


def process_in_turn(
    videos: Sequence[Path], classifier: EmotionClassifier | None, settings: VideoSettings, interruption: Interruption
) -> dict[Path, str]:
    """Process videos one after the other, as `process_on_ray` does at once. Returns why some of them failed."""
    problems = {}
    for video in videos:
        try:
            if interruption.reason:
                raise InputError(f'{video}: not begun, {interruption.reason}')
            process_video(video, classifier, settings, interruption)
        except (InputError, OSError) as error:
            problems[video] = str(error)
    return problems


def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(prog='emotions_from_video.py', description=__doc__.splitlines()[0])
    parser.add_argument('paths', nargs='*', type=to_path, help='videos, photographs or folders; as --video-path')
    parser.add_argument('--video-path', type=to_path, help=f'one more (default, if none is named: {VIDEO_PATH})')
    allow_any_name()
    try:
        with signals_as_ctrl_c():
            arguments = separate_address(sys.argv[1:] if arguments is None else arguments)
            settings, given = read_command_line(parser, VideoSettings, arguments)
            named = [*filter(None, [given.video_path]), *given.paths]
            file_count, problems = analyse_files(named or [Path(VIDEO_PATH)], settings)
    except (InputError, OSError) as error:
        sys.exit(f'{parser.prog}: {error}')
    except KeyboardInterrupt:
        sys.exit(f'{parser.prog}: broken off; what was not finished is not written')
    if problems and file_count == 1:
        sys.exit(f'{parser.prog}: {next(iter(problems.values()))}')
    if problems:
        told = list(problems.values())[:MOST_PROBLEMS_TOLD]
        told += [f'and {len(problems) - len(told)} more'] if len(problems) > len(told) else []
        sys.exit('\n  '.join([f'{parser.prog}: {len(problems)} of {file_count} files failed:', *told]))


if __name__ == '__main__':
    main()
