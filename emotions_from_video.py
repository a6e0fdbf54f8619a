"""Turn a video into an annotated mp4 with its sound, and tables and a picture of its emotions over time.

Edit VIDEO_PATH and run it, or name videos, photographs or folders: python emotions_from_video.py other.mp4 photos/
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_recognition.api import reuse_models
from emotion_recognition.command_line import Parser, one_line_errors, read_command_line
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.media.photographs import is_photograph
from emotion_recognition.media.video import VideoReader
from emotion_recognition.pipeline import EmotionPipeline, Models
from emotion_recognition.results.face_table import FaceColumns
from emotion_recognition.results.output_paths import name_outputs
from emotion_recognition.results.video_results import VideoResults
from emotion_recognition.runs.annotation import annotate
from emotion_recognition.runs.batch import analyse_files, describe_problems
from emotion_recognition.runs.first_pass import see_before_drawing
from emotion_recognition.runs.inputs import place_single
from emotion_recognition.runs.output_check import prepare_outputs
from emotion_recognition.runs.provenance import describe_run, write_record
from emotion_recognition.runs.seen_faces import SeenFaces
from emotion_recognition.runs.video_settings import VideoSettings
from emotion_recognition.settings import to_path
from emotion_recognition.study.apply_corrections import apply_all, apply_corrections
from emotion_recognition.threads import limit_opencv_threads

if TYPE_CHECKING:
    import pandas as pd

VIDEO_PATH = Path(__file__).resolve().parent / 'examples' / 'demo.mp4'  # or a photograph, or a folder of either
# All options and their defaults are in emotion_recognition/runs/video_settings.py and emotion_recognition/settings.py.
MODEL_WEIGHTS_PATH, DETECTOR_PATH = VideoSettings.model_weights_path, VideoSettings.detector_path


def process_video(
    video_path: Path,
    models: Models,
    settings: VideoSettings,
    interruption: Interruption,
    seen: SeenFaces | None = None,
) -> VideoResults:
    """Take a video from its file to its results, all of which are moved into place at the end.

    Args:
        video_path: Any video file that FFmpeg reads.
        models: Detector, classifier, and what tells people apart.
        settings: All options.
        interruption: Ends it early; the results of the frames until then are written.
        seen: Its faces, if the first pass over it has been made already, together with other videos.

    Returns:
        What was seen.

    Raises:
        InputError: There is no frame that can be read, or a result cannot be written.
    """
    outputs = name_outputs(video_path, settings.output_filename)
    pipeline = EmotionPipeline(models, settings, fill_gaps=settings.fill_gaps, every=settings.every)
    with_people, with_quality = bool(models.embedder), models.detector.finds_points
    columns = FaceColumns(
        pipeline.class_names,
        pipeline.references.compares,
        settings.fill_gaps or settings.every > 1,
        with_people=with_people,
        with_quality=with_quality,
        decimal_comma=settings.decimal_comma,
    )
    results = VideoResults(video_path, pipeline.class_names, settings, with_people, with_quality=with_quality)
    facts = describe_run(settings, models.classifier)  # now: the files may change
    with VideoReader(video_path, settings.threads, interruption, settings.part) as reader:
        run_folder = prepare_outputs(video_path, outputs, settings)
        with (
            run_folder as own,
            see_before_drawing(video_path, models, pipeline, settings, own, interruption, seen) as recogniser,
        ):
            stopped = annotate(reader, recogniser, columns, results, own, settings, interruption)
            results.write(reader, own, outputs)
            facts['references_at_rest'] = recogniser.references.describe(results.numbers, results.words[0])
            facts |= results.describe()
            write_record(own, reader, (seen or reader).opened, stopped, facts, outputs.record.parent)
    results.report(reader, stopped, run_folder.written, run_folder.leftover)
    return results


def analyse_video(
    video_path: str | Path,
    classifier: EmotionClassifier | None = None,
    detector_path: str | Path = DETECTOR_PATH,
    compact: bool = VideoSettings.compact,
    show_process: bool = VideoSettings.show_process,
    write_video: bool = VideoSettings.write_video,
    output_filename: str | Path | None = None,
    **others,
) -> 'pd.DataFrame':
    """Find the emotions of a video from Python; write what the command line writes.

    Ctrl-C, SIGTERM, `q` in the window or a file that breaks off end it early; everything done until then is written.

    Args:
        video_path: Any video file that FFmpeg reads.
        classifier: An open one, with its own options of the model; None: the options name it, and calls share it.
        detector_path: 'auto', 'yunet', 'haar', or the path of either kind of file, see `open_detector`.
        compact: Whether the table has one row per period, otherwise one per frame.
        show_process: Whether to show the frames in a window.
        write_video: Whether to write the annotated mp4 too.
        output_filename: Path of the annotated mp4, after which the other results are named.
        others: Any other option of `VideoSettings` by its name, such as `smoothing_seconds=0`.

    Returns:
        The table of emotions: `ms_start, ms_end, frame_start, frame_end, emotions`, or with `compact=False`
        `ms, frame, emotions`. Times are those that players show, in milliseconds; frames count from 1; `emotions` is
        a word for a frame with exactly one face, otherwise a list of words, in the order of the faces' numbers.

    Raises:
        InputError: The video or the detector cannot be read, a result cannot be written, or an option does not fit.
    """
    video_path = Path(video_path)
    if is_photograph(video_path):
        raise InputError(f'{video_path}: is a photograph, but analyse_video takes a video; the command line takes both')
    others = classifier.complete_settings(others) if classifier else others
    own = {'compact': compact, 'show_process': show_process, 'write_video': write_video}
    settings = VideoSettings(detector_path=detector_path, output_filename=output_filename, **own, **others)
    if settings.people is not None:
        raise InputError('people compares the faces of many files, but analyse_video takes one; use the command line')
    settings = place_single(video_path, settings)
    limit_opencv_threads(settings.threads)
    models = None if settings.apply else reuse_models(settings, classifier)
    process = apply_corrections if settings.apply else process_video
    with Interruption() as interruption:
        results = process(video_path, models, settings, interruption)
    if results.problem:
        raise results.problem
    return results.emotions.to_table().to_frame()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(prog='emotions_from_video.py', description=__doc__.splitlines()[0])
    parser.add_argument('paths', nargs='*', type=to_path, help='videos, photographs or folders, like --video-path')
    parser.add_argument('--video-path', type=to_path, help=f'one more path (default, if none is named: {VIDEO_PATH})')
    with one_line_errors(parser.prog, 'interrupted; unfinished files were not written'):
        settings, given = read_command_line(parser, VideoSettings, arguments)
        paths = [*filter(None, [given.video_path]), *given.paths]
        if not (paths or settings.apply or Path(VIDEO_PATH).exists()):  # as where the program is installed
            parser.error(f'name a video, a photograph or a folder; the default, {VIDEO_PATH}, does not exist')
        if settings.apply:
            file_count, problems = apply_all(paths, settings, given.options)
        else:
            file_count, problems = analyse_files(paths or [Path(VIDEO_PATH)], settings, process_video)
    if problems:
        sys.exit(f'{parser.prog}: {describe_problems(problems, file_count)}')


if __name__ == '__main__':
    main()
