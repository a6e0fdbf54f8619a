"""Drawing the results of a video again with a person's corrections: `--apply`."""

from dataclasses import replace
from pathlib import Path

from emotion_recognition.interruption import Interruption
from emotion_recognition.media.video import VideoReader
from emotion_recognition.pipeline import Models
from emotion_recognition.results.output_paths import name_outputs
from emotion_recognition.results.video_results import VideoResults
from emotion_recognition.runs.annotation import annotate
from emotion_recognition.runs.output_check import prepare_outputs
from emotion_recognition.runs.record_file import recorded_settings
from emotion_recognition.runs.replay import ReplayedFaces
from emotion_recognition.settings import Settings

APPLIED_AGAIN = ('start', 'end', 'blur_faces')  # settings of the earlier run that hold for the corrected results too


def apply_corrections(
    video_path: Path, models: Models | None, settings: Settings, interruption: Interruption
) -> VideoResults:
    """Write video, tables, timeline and page from the table of faces of an earlier run, as a person corrected it.

    Args:
        video_path: Video of the earlier run.
        models: Not used: nothing is detected or classified again.
        settings: Settings of the video script; `apply` is the corrected table of periods.
        interruption: Ends it.

    Returns:
        The corrected results.

    Raises:
        InputError: There is no earlier run, the corrections do not belong to it, or the output cannot be written.
    """
    outputs = name_outputs(video_path, settings.output_filename)
    recorded = recorded_settings(outputs.record, APPLIED_AGAIN)
    hides = settings.blur_faces or bool(recorded.get('blur_faces'))
    settings = replace(settings, **recorded | {'blur_faces': hides})
    replayed = ReplayedFaces(outputs, Path(settings.apply), hides)
    with_people, with_quality = replayed.columns.with_people, replayed.columns.with_quality
    results = VideoResults(video_path, replayed.class_names, settings, with_people, replayed.review, with_quality)
    outputs = outputs.corrected()
    with VideoReader(video_path, settings.threads, interruption, settings.part) as reader:
        run_folder = prepare_outputs(video_path, outputs, settings)
        with run_folder as own:
            stopped = annotate(reader, replayed, replayed.columns, results, own, settings, interruption)
            results.write(reader, own, outputs)
    results.report(reader, stopped, run_folder.written, run_folder.leftover)
    return results
