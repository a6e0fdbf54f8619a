"""Turn a video into an annotated mp4 with its sound, and tables and a picture of its emotions over time.

Edit VIDEO_PATH and run it, or name videos, photographs or folders: python emotions_from_video.py other.mp4 photos/
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from emotion_recognition.command_line import Parser, one_line_errors, read_command_line
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.media.part import Part, check_part
from emotion_recognition.media.photographs import is_photograph
from emotion_recognition.media.video import VideoReader
from emotion_recognition.pipeline import EmotionPipeline, Models, open_models
from emotion_recognition.results.face_table import FaceColumns
from emotion_recognition.results.output_paths import TIMELINE_FORMATS, name_outputs
from emotion_recognition.results.video_results import VideoResults
from emotion_recognition.runs.annotation import annotate
from emotion_recognition.runs.apply_corrections import apply_all, apply_corrections
from emotion_recognition.runs.batch import analyse_files, describe_problems
from emotion_recognition.runs.first_pass import SeenFaces, see_before_drawing
from emotion_recognition.runs.inputs import place_single
from emotion_recognition.runs.output_check import prepare_outputs
from emotion_recognition.runs.people_file import PEOPLE_OF_RUN, is_people_file
from emotion_recognition.runs.provenance import describe_run, write_record
from emotion_recognition.runs.ray_cluster import LOCAL, is_address
from emotion_recognition.settings import Settings, option, to_path, to_time
from emotion_recognition.threads import limit_opencv_threads

VIDEO_PATH = Path(__file__).resolve().parent / 'examples' / 'demo.mp4'  # or a photograph, or a folder of either
COMPACT = True  # table of emotions: one row per period in which the emotions stay the same; False: one row per frame
SHOW_PROCESS = False  # show the frames in a window while working; q ends it
WRITE_VIDEO = True  # False: write only tables, timeline and review page
KEEP_ALL_SOUND = False  # keep all sound streams of a video that has several
FILL_GAPS = False  # fill in faces that the detector misses for a moment
MAX_EVERY = 60  # frames that wait for the next one that is analysed: 360 MB at 1920x1080
SUBTITLES = False  # also write the periods as subtitles
TIMELINE_FORMAT = 'png'  # or pdf, svg
REVIEW = True  # write a page on which the results can be watched and corrected
ELAN = False  # also write the periods for ELAN, linked to the video
SKIP_DONE = False  # leave out inputs whose results exist and would be the same
MIN_QUALITY = 0.5  # from which a face counts as usable, in the summary
DECIMAL_COMMA = False  # write tables as most of Europe's spreadsheets do: semicolons and decimal commas
SPANS = None  # CSV of stimuli or conditions in the videos, which the summary shows separately
# The options that the webcam script has too are in emotion_recognition/settings.py.
MODEL_WEIGHTS_PATH, DETECTOR_PATH = Settings.model_weights_path, Settings.detector_path


@dataclass(frozen=True)
class VideoSettings(Settings):
    """The options of both scripts, and those of this one."""

    output_filename: str | Path | None = option(
        None, 'annotated file, for a single input; default: <stem>_with_emotions.mp4 next to it', parse=to_path
    )
    output_folder: str | Path | None = option(
        None, 'folder for all results, which is made; default: next to each input', parse=to_path, metavar='DIR'
    )
    recursive: bool = option(False, 'search the folders in named folders too')
    compact: bool = option(COMPACT, 'table of emotions by periods, otherwise by frames')
    show_process: bool = option(SHOW_PROCESS, 'show the frames in a window; q ends')
    write_video: bool = option(WRITE_VIDEO, 'write the annotated video or photograph, not only the other results')
    blur_faces: bool = option(
        False, 'pixelate all faces in the annotated video or photograph and on the page, to show them to others'
    )
    keep_all_sound: bool = option(KEEP_ALL_SOUND, 'keep all sound streams, not only the one that players choose')
    start: float | None = option(
        None, 'analyse and write each video from this time on: seconds, m:ss or h:mm:ss', parse=to_time, metavar='TIME'
    )
    end: float | None = option(None, 'likewise, only until this time', parse=to_time, metavar='TIME')
    every: int = option(
        1, 'analyse every Nth frame only, which is faster; the others are filled in between', 1, maximum=MAX_EVERY
    )
    fill_gaps: bool = option(FILL_GAPS, 'fill in faces that the detector misses for up to 0.5 s, 60 frames')
    subtitles: bool = option(SUBTITLES, 'also write the periods as SRT')
    timeline_format: str = option(TIMELINE_FORMAT, 'of the picture of the emotions over time', choices=TIMELINE_FORMATS)
    review: bool = option(REVIEW, 'write a page on which the results can be watched and corrected')
    apply: str | Path | None = option(
        None,
        'corrected table from that page, or a folder of them; more may follow: draw the results again with them',
        parse=to_path,
    )
    elan: bool = option(ELAN, 'also write the periods for ELAN')
    min_quality: float = option(MIN_QUALITY, 'from which a face counts as usable in the summary, 0 to 1', 0, maximum=1)
    decimal_comma: bool = option(DECIMAL_COMMA, 'write tables with decimal commas, and semicolons between cells')
    spans: str | Path | None = option(
        SPANS, 'CSV of spans (conditions, stimuli): video, start, end, name', parse=to_path
    )
    people: str | Path | None = option(
        None,
        'give a person the same number in all files; with a FILE.npz, in later runs too: faces are kept in it, and '
        'FILE.csv gives them names',
        parse=to_path,
        bare=PEOPLE_OF_RUN,
        accepts=is_people_file,
        metavar='FILE.npz',
    )
    single_tables: bool = option(False, 'also a table of faces of each photograph in a folder, not only of all')
    whole_picture: bool = option(False, 'take each photograph as one face, as in data sets of cut-out faces')
    skip_done: bool = option(SKIP_DONE, 'leave out inputs whose results exist and would be the same')
    ray: str | None = option(
        None,
        'many videos at once: on this machine, or on the Ray cluster at an address',
        parse=str,
        bare=LOCAL,
        accepts=is_address,
    )

    def __post_init__(self):
        super().__post_init__()
        check_part(self.part, None if isinstance(self.rest, str) else self.rest)
        if self.blur_faces and not self.write_video:
            raise InputError('--blur-faces is about the annotated copy; expected no --no-write-video')
        if self.output_filename and self.output_folder:
            raise InputError('--output-filename and --output-folder both say where results go; expected one of them')

    @property
    def part(self) -> Part:
        """The part of each video that is analysed and written."""
        return Part(self.start, self.end)


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
    classifier: EmotionClassifier | None,
    detector_path: str | Path = DETECTOR_PATH,
    compact: bool = COMPACT,
    show_process: bool = SHOW_PROCESS,
    write_video: bool = WRITE_VIDEO,
    output_filename: str | Path | None = None,
    **others,
) -> pd.DataFrame:
    """Find the emotions of a video from Python; write what the command line writes.

    Ctrl-C, SIGTERM, `q` in the window or a file that breaks off end it early; everything done until then is written.

    Args:
        video_path: Any video file that FFmpeg reads.
        classifier: Gives the faces' probabilities. It has its own options of the model, such as `runtime`. None if
            there are corrections to `apply`.
        detector_path: 'auto', 'yunet', 'haar', or the path of either kind of file, see `open_detector`.
        compact: Whether the table has one row per period, otherwise one per frame.
        show_process: Whether to show the frames in a window.
        write_video: Whether to write the annotated mp4 too.
        output_filename: Path of the annotated mp4; by default <stem>_with_emotions.mp4 next to the video. The other
            results are named after it.
        others: Any other option of `VideoSettings` by its name, such as `smoothing_seconds=0`.

    Returns:
        The table of emotions: `ms_start, ms_end, frame_start, frame_end, emotions`, or with `compact=False`
        `ms, frame, emotions`. Times are those that players show, in milliseconds; frames count from 1; `emotions` is
        a word for a frame with exactly one face, otherwise a list of words, in the order of the faces' numbers.

    Raises:
        InputError: It is a photograph, the video or the detector cannot be read, a result cannot be written, an option
            contradicts the classifier's, or it is for many files.
    """
    if is_photograph(Path(video_path)):
        raise InputError(f'{video_path}: is a photograph, but analyse_video takes a video; the command line takes both')
    others = classifier.complete_settings(others) if classifier else others
    own = {'compact': compact, 'show_process': show_process, 'write_video': write_video}
    settings = VideoSettings(detector_path=detector_path, output_filename=output_filename, **own, **others)
    if settings.people is not None:
        raise InputError('people compares the faces of many files, but analyse_video takes one; use the command line')
    settings = place_single(Path(video_path), settings)
    limit_opencv_threads(settings.threads)
    models = None if settings.apply else open_models(settings, classifier)
    with Interruption() as interruption:
        process = apply_corrections if settings.apply else process_video
        results = process(Path(video_path), models, settings, interruption)
    if results.problem:
        raise results.problem
    return results.emotions.to_frame()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(prog='emotions_from_video.py', description=__doc__.splitlines()[0])
    parser.add_argument('paths', nargs='*', type=to_path, help='videos, photographs or folders, like --video-path')
    parser.add_argument('--video-path', type=to_path, help=f'one more path (default, if none is named: {VIDEO_PATH})')
    with one_line_errors(parser.prog, 'interrupted; unfinished files were not written'):
        settings, given = read_command_line(parser, VideoSettings, arguments)
        paths = [*filter(None, [given.video_path]), *given.paths]
        if settings.apply:
            file_count, problems = apply_all(paths, settings, given.options)
        else:
            file_count, problems = analyse_files(paths or [Path(VIDEO_PATH)], settings, process_video)
    if problems:
        sys.exit(f'{parser.prog}: {describe_problems(problems, file_count)}')


if __name__ == '__main__':
    main()
