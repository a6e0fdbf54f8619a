"""Drawing the results of videos again with a person's corrections: `--apply`."""

import dataclasses
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from emotion_recognition.hashing import hash_file
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError, describe_error
from emotion_recognition.media.encoders import find_problem
from emotion_recognition.media.photographs import is_photograph
from emotion_recognition.media.video import VideoReader
from emotion_recognition.pipeline import Models
from emotion_recognition.results.output_paths import name_outputs
from emotion_recognition.results.people_table import PersonInFile
from emotion_recognition.results.spans import Span, check_spans, read_spans
from emotion_recognition.results.video_results import VideoResults
from emotion_recognition.runs.annotation import annotate
from emotion_recognition.runs.output_check import prepare_outputs
from emotion_recognition.runs.provenance import write_record
from emotion_recognition.runs.record_file import read_record
from emotion_recognition.settings import Settings, option_name
from emotion_recognition.study.corrected_folders import follow_corrections
from emotion_recognition.study.corrected_tables import SUFFIX, CorrectedRun, find_run, find_tables
from emotion_recognition.study.replay import ReplayedFaces
from emotion_recognition.threads import limit_opencv_threads

# What the corrected results are drawn with, which may differ from the run that they correct. What found its faces may
# not: nothing is found again.
DRAWN_WITH = {'compact', 'write_video', 'keep_all_sound', 'subtitles', 'review', 'elan', 'decimal_comma'}
DRAWN_WITH |= {'blur_faces', 'encoder', 'min_quality', 'timeline_format'}


def apply_all(paths: Sequence[Path], settings: Settings, given: Collection[str]) -> tuple[int, dict[Path, str]]:
    """Draw the results of all videos again whose corrected tables are named.

    Args:
        paths: What the user named besides `settings.apply`: further tables, and videos and folders to look in.
        settings: Settings of the video script.
        given: Names of those that were given on the command line, which count more than those of the corrected runs.

    Returns:
        How many tables there are, and why some of them failed.

    Raises:
        InputError: There is no table, or an option does not fit.
    """
    if settings.ray or settings.people is not None or settings.skip_done:
        raise InputError('--apply draws results again here and now; expected neither --ray, --people nor --skip-done')
    if settings.write_video and (problem := find_problem(settings.encoder)):
        raise InputError(problem)
    others = [path for path in paths if path.suffix.lower() != SUFFIX]
    if photographs := [path for path in others if not path.is_dir() and is_photograph(path)]:
        raise InputError(f'{photographs[0]}: is a photograph; --apply corrects the results of videos')
    folders = [path for path in (Path(settings.apply), *paths) if path.is_dir()]
    if settings.output_folder:
        folders.append(_check_folder(Path(settings.output_folder)))
    tables = find_tables([Path(settings.apply), *(path for path in paths if path not in others)])
    if settings.output_filename and len(tables) > 1:
        raise InputError(f'--output-filename names one output, but there are {len(tables)} corrected tables')
    limit_opencv_threads(settings.threads)
    problems: dict[Path, str] = {}
    runs = _find_runs(tables, [*others, *(folder for folder in folders if folder not in others)], settings, problems)
    if settings.spans:
        check_spans(settings.spans, [run.video for run in runs])
    with Interruption() as interruption:
        for run in runs:
            try:
                if interruption.reason:
                    raise InputError(interruption.not_begun(run.table))
                results = _apply(run, _complete(settings, given, run), interruption)
                problems |= {run.table: str(results.problem)} if results.problem else {}
                problems |= _follow(run, results)
            except (InputError, OSError) as error:
                problems[run.table] = describe_error(error, run.table)
    return len(tables), problems


def _check_folder(folder):
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder; with --apply, --output-folder is that of the results')
    return folder


def _follow(run, results):
    """Let the tables about folders follow. Returns why some of them could not."""
    appearances = [
        PersonInFile(person, run.video.name, b'', *results.seen_seconds[person.number]) for person in results.people
    ]
    return follow_corrections(run.outputs.corrected(), appearances, run.video.name)


def _find_runs(tables, others, settings, problems):
    """Find the run of each table; `problems` gets why there is none."""
    runs: dict[Path, CorrectedRun] = {}
    for table in tables:
        try:
            run = find_run(table, others, settings.output_filename, settings.output_folder)
            if same := runs.get(run.outputs.annotated):
                raise InputError(f'{table}: is about the same run as {same.table}; name one of them')
            runs[run.outputs.annotated] = run
        except (InputError, OSError) as error:
            problems[table] = describe_error(error, table)
    return list(runs.values())


def _complete(settings, given, run):
    """Take the settings of the corrected run that were not given, and refuse those that nothing would come of."""
    recorded = run.record.get('made_with', {}).get('settings', {})
    for name in recorded.keys() & given - DRAWN_WITH:
        value = getattr(settings, name)
        if recorded[name] != (list(value) if isinstance(value, tuple) else value):
            was = f'is {value}, but the run that is corrected had {recorded[name]}'
            raise InputError(f'{run.table}: {option_name(name)} {was}; leave it out, or analyse the video again')
    known = {field.name for field in dataclasses.fields(settings)}
    taken = {name: value for name, value in recorded.items() if name in known and name not in given}
    return replace(settings, **taken, apply=run.table)


def apply_corrections(
    video_path: Path, models: Models | None, settings: Settings, interruption: Interruption
) -> VideoResults:
    """Write video, tables, timeline and page from the table of faces of an earlier run, as a person corrected it.

    Args:
        video_path: Video of the earlier run.
        models: Not used: nothing is detected or classified again.
        settings: Settings of the video script; `apply` is the corrected table of periods. Those that are not the
            defaults count more than those of the earlier run.
        interruption: Ends it.

    Returns:
        The corrected results.

    Raises:
        InputError: There is no earlier run, the corrections do not belong to it, or the output cannot be written.
    """
    outputs = name_outputs(video_path, settings.output_filename)
    run = CorrectedRun(Path(settings.apply), video_path, outputs, read_record(outputs.record))
    given = {field.name for field in dataclasses.fields(settings) if getattr(settings, field.name) != field.default}
    return _apply(run, _complete(settings, given, run), interruption)


def _apply(run, settings, interruption):
    people = {person['person']: tuple(person['details'].items()) for person in run.record.get('people', [])}
    replayed = ReplayedFaces(run.outputs, run.table, people, settings.blur_faces)
    columns = replace(replayed.columns, decimal_comma=settings.decimal_comma)
    spans = _find_spans(run, settings)
    with_people, with_quality = columns.with_people, columns.with_quality
    results = VideoResults(run.video, replayed.class_names, settings, with_people, replayed.review, with_quality, spans)
    outputs = run.outputs.corrected()
    facts = {name: run.record[name] for name in ('conversion_sha256', 'references_at_rest') if name in run.record}
    facts['corrections'] = {'table': run.table.name, 'sha256': hash_file(run.table), 'run': replayed.review.run_name}
    with VideoReader(run.video, settings.threads, interruption, settings.part) as reader:
        run_folder = prepare_outputs(run.video, outputs, settings)
        with run_folder as own:
            stopped = annotate(reader, replayed, columns, results, own, settings, interruption)
            results.write(reader, own, outputs)
            facts |= {'made_with': _made_with(run.record, settings)} | results.describe()
            write_record(own, reader, reader.opened, stopped, facts, outputs.record.parent)
    results.report(reader, stopped, run_folder.written, run_folder.leftover)
    if run.record.get('made_with', {}).get('across_files') and (new := replayed.new_numbers(results.numbers)):
        numbers = ', '.join(map(str, new))
        print(f'{run.table}: person {numbers} is new here, and may be somebody else in other videos', file=sys.stderr)
    return results


def _find_spans(run, settings):
    recorded = run.record.get('spans')
    if settings.spans:
        return read_spans(settings.spans, run.video)
    if recorded is None and run.record.get('made_with', {}).get('spans_sha256'):
        print(f'{run.table}: the record of its run does not hold the spans; --spans names them', file=sys.stderr)
    return tuple(Span(name, start * 1000, end * 1000) for name, start, end in recorded or [])


def _made_with(record, settings):
    """What the corrected run was made with, and what its results are drawn with now."""
    made_with = record.get('made_with', {})
    drawn_with = {name: getattr(settings, name) for name in sorted(DRAWN_WITH)}
    return made_with | {'settings': made_with.get('settings', {}) | drawn_with}
