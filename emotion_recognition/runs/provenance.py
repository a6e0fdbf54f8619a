"""The record of what the results of a video were made with, and whether they must be made again."""

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.faces.detection import path_of_detector
from emotion_recognition.hashing import hash_file
from emotion_recognition.media.endings import FrameError
from emotion_recognition.media.input_file import FileStatus
from emotion_recognition.media.video import VideoReader
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.results.spans import read_spans
from emotion_recognition.runs.output_check import FILE_SETTINGS
from emotion_recognition.runs.people_file import PEOPLE_OF_RUN
from emotion_recognition.runs.record_file import find_folder_of_video, read_record, save_record
from emotion_recognition.settings import Settings

# To be raised with every change after which a video's tables would differ, so that --skip-done makes them again.
RESULTS_VERSION = 6
# Those that change no result; and of files, the contents count and not the names.
IGNORED_SETTINGS = {
    'show_process',
    'output_filename',
    'output_folder',
    'single_tables',
    'recursive',
    'ray',
    'skip_done',
}
IGNORED_SETTINGS |= {'threads', *FILE_SETTINGS}
CHANGED_BY_PEOPLE = ('.eaf', '.srt')
THREADS = 16


def describe_run(settings: Settings, classifier: EmotionClassifier) -> dict[str, Any]:
    """Describe for the record what a video is analysed with, in JSON's types.

    The hash of the model's conversion is no part of the provenance, which `is_done` compares: conversions may differ
    from machine to machine, but not in their answers.

    Raises:
        OSError: See `describe_provenance`.
    """
    made_with = describe_provenance(settings, classifier.model_sha256)
    return {'made_with': made_with, 'conversion_sha256': classifier.conversion_sha256}


def describe_provenance(settings: Settings, model_sha256: str | None = None) -> dict[str, Any]:
    """Describe everything that the results of a video depend on, except the video itself, in JSON's types.

    Args:
        settings: Settings of the video script.
        model_sha256: Hash of the model as it was opened, in hexadecimal digits; by default that of the file now.

    Raises:
        OSError: The model, the detector or the spans cannot be read.
    """
    values = dataclasses.asdict(settings)
    provenance = {
        'results_version': RESULTS_VERSION,
        'model_sha256': model_sha256 or hash_file(settings.model_weights_path),
        'detector_sha256': hash_file(path_of_detector(str(settings.detector_path))),
        'spans_sha256': settings.spans and hash_file(settings.spans),
        'people_sha256': _hash_names(settings.people),
        'across_files': settings.people is not None,
        'settings': {name: values[name] for name in sorted(values) if name not in IGNORED_SETTINGS},
    }
    return json.loads(json.dumps(provenance))


def _hash_names(people):
    """Hash of the table that names people: their numbers do not change from run to run, but their names may."""
    path = None if people in (None, PEOPLE_OF_RUN) else Path(people).with_suffix('.csv')
    return hash_file(path) if path and path.exists() else None


def write_record(
    own: Outputs,
    reader: VideoReader,
    opened: FileStatus,
    stopped: FrameError | None,
    facts: dict[str, Any],
    folder: Path | None = None,
) -> None:
    """Write the record of a run, after everything else has been written. Prints if the video has changed meanwhile.

    Args:
        own: Where the results are.
        reader: Video that was read.
        opened: The video's file as it was when the faces in it were sought.
        stopped: Why the run ended early, or None.
        facts: What else is recorded, in JSON's types: see `describe_run`, and the references at rest.
        folder: Folder that the results will be moved to; the record says where the video is, if it is not in there.
    """
    video: dict[str, Any] = {'name': reader.path.name, 'bytes': opened.size}
    if folder and (elsewhere := find_folder_of_video(reader.path, folder)):
        video['folder'] = elsewhere
    if reader.start:
        video['clock_at_start'] = float(reader.start)
    if opened.has_changed(reader.path):
        print(f'{reader.path}: changed while it was analysed; analyse it again', file=sys.stderr)
        video['changed_meanwhile'] = True
    results = {name: own.record.with_name(name).stat().st_size for name in own.written()}
    ended_early = stopped and {'reason': str(stopped), 'try_again': stopped.try_again}
    save_record({'video': video} | facts | {'results': results, 'ended_early': ended_early}, own.record)


def find_pending(videos: Sequence[Path], outputs: dict[Path, Outputs], settings: Settings) -> list[Path]:
    """Find the videos whose results are missing, not whole, or would differ now. Prints how many are done.

    Args:
        videos: Paths of the videos.
        outputs: Where each video's results are, if it has any.
        settings: Settings of the video script.

    Raises:
        InputError, OSError: See `describe_provenance`.
    """
    provenance = describe_provenance(settings)
    defaults = {field.name: field.default for field in dataclasses.fields(settings)}

    def describe_spans(video):
        return [[span.name, span.start_ms / 1000, span.end_ms / 1000] for span in read_spans(settings.spans, video)]

    with ThreadPoolExecutor(THREADS) as pool:  # shared folders answer slowly, but many requests at once
        done = list(
            pool.map(lambda video: is_done(video, outputs[video], provenance, defaults, describe_spans), videos)
        )
    if videos:
        print(f'Done before: {sum(done)} of {len(videos)} videos')
    return [video for video, is_it in zip(videos, done, strict=True) if not is_it]


def is_done(
    video_path: Path,
    outputs: Outputs,
    provenance: dict[str, Any],
    defaults: dict[str, Any] | None = None,
    describe_spans: Callable[[Path], list] | None = None,
) -> bool:
    """Whether a video has whole results with this provenance that are newer than the video.

    Args:
        video_path: Path of the video.
        outputs: Where its results are.
        provenance: See `describe_provenance`.
        defaults: Of settings that were not there yet when an older record was written.
        describe_spans: Gives the spans of a video as the record has them: in a changed file, those of other videos make
            no difference.
    """
    record = read_record(outputs.record)
    try:
        ended_early, made_with = record['ended_early'], dict(record['made_with'])
        missing = provenance.get('settings', {}).keys() - made_with.get('settings', {}).keys()
        made_with |= {'settings': made_with['settings'] | {name: defaults[name] for name in missing}} if missing else {}
        has_other_spans = made_with.get('spans_sha256') != provenance.get('spans_sha256')
        if has_other_spans and describe_spans and record.get('spans') == describe_spans(video_path):
            made_with['spans_sha256'] = provenance['spans_sha256']
        if made_with != provenance or (ended_early and ended_early['try_again']):
            return False
        results = [(outputs.record.with_name(name).stat(), least) for name, least in _least_sizes(record['results'])]
        if any(result.st_size < least for result, least in results):  # emptied or cut off
            return False
        video = video_path.stat()
        is_newer = min(result.st_mtime_ns for result, _ in results) > video.st_mtime_ns
        is_same = record['video']['bytes'] == video.st_size and not record['video'].get('changed_meanwhile')
        return is_newer and is_same
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # there is no record, or it is damaged
        return False


def _least_sizes(results):
    """Name and least size in bytes of each whole result. Older records have no sizes; some files are made for people to
    change them."""
    sizes = results if isinstance(results, dict) else dict.fromkeys(results, 1)
    return [(name, 1 if name.endswith(CHANGED_BY_PEOPLE) else size) for name, size in sizes.items()]
