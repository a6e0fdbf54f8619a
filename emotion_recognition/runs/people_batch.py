"""People across files: the first pass over all of them, then who is who, then the results of each."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from emotion_recognition.faces.people import tell_apart
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError, describe_error
from emotion_recognition.pipeline import EmotionPipeline, Models
from emotion_recognition.results.output_paths import Outputs, name_in_folder, name_people_of_folder
from emotion_recognition.results.people_table import (
    PersonInFile,
    read_people_table,
    save_people_picture,
    write_people_table,
)
from emotion_recognition.runs.annotation import Process, place_results
from emotion_recognition.runs.first_pass import see_video
from emotion_recognition.runs.people_file import read_people, write_people
from emotion_recognition.runs.photograph_group import PhotographGroup
from emotion_recognition.runs.run_folder import RunFolder
from emotion_recognition.runs.seen_faces import SeenFaces, SeenVideo
from emotion_recognition.runs.seen_photographs import SeenPhotographs, best_pictures
from emotion_recognition.settings import Settings


def analyse_with_people(
    videos: Mapping[Path, Outputs],
    photographs: Sequence[PhotographGroup],
    folder: Path,
    process: Process,
    models: Models,
    settings: Settings,
    interruption: Interruption,
) -> dict[Path, str]:
    """Analyse videos and photographs so that a person has the same number in all of them.

    Args:
        videos: Paths of the videos, and where their results go.
        photographs: The photographs.
        folder: Folder whose table of all people and their picture this is.
        process: What is done with each video once its faces are known.
        models: Detector, classifier, and what tells people apart.
        settings: Settings of the video script.
        interruption: Ends the first pass; results are written of what was seen until then.

    Returns:
        Why some files failed.

    Raises:
        InputError: The people or the table of people of earlier runs cannot be read, or the table cannot be written.
    """
    known = read_people(settings.people)
    path = name_people_of_folder(folder, settings.output_folder and Path(settings.output_folder))
    listed = read_people_table(path, known.named) if known.path else []  # now: if it cannot be read, nothing is lost
    run_folder = RunFolder(Outputs(path))
    with run_folder as own, tempfile.TemporaryDirectory(dir=own.annotated.parent) as records:
        seen, problems = _see_videos(videos, models, settings, Path(records), interruption)
        stills = [SeenPhotographs(group, models, settings) for group in photographs]
        for group in stills:
            problems |= group.see(interruption)
        if not seen and not any(group.moments for group in stills):
            return problems
        moments = [video.moments for video in seen] + [one for group in stills for one in group.moments]
        people, everyone = tell_apart(moments, known.people, known.next_number, known.named)
        appearances, failed = _write_videos(seen, people, folder, videos, process, models, settings, interruption)
        of_photographs, failed_too = _write_photographs(stills, people[len(seen) :], interruption)
        appearances, problems = appearances + of_photographs, problems | failed | failed_too
        rows = [*appearances, *_of_other_files(listed, appearances, folder)]
        write_people_table(rows, own.annotated, settings.decimal_comma)
        save_people_picture(appearances, own.annotated.with_suffix('.png'))
    numbers = {person.number for video in people for person in video.everyone()}
    next_number = max([known.next_number, *(number + 1 for number in numbers)])
    write_people(known, everyone, next_number, settings.decimal_comma)
    _report(len(numbers), run_folder.written, known)
    return problems


def _of_other_files(listed, appearances, folder):
    """What an earlier run with the same people says of files in the folder that are not in this run."""
    files = {one.file_name for one in appearances}
    return [one for one in listed if one.file_name not in files and (folder / one.file_name).exists()]


def _report(count, written, known):
    print(f'{count} {"person" if count == 1 else "people"}. Wrote {written[0]} and, next to it, {written[1].name}')
    if known.table_path:
        print(f'Name them in {known.table_path} for the next run. {known.path} is needed to know their faces again')


def _see_videos(videos, models, settings, records, interruption):
    seen: list[SeenVideo] = []
    problems = {}
    for index, video in enumerate(videos):
        try:
            if interruption.reason:
                raise InputError(interruption.not_begun(video))
            pipeline = EmotionPipeline(models, settings, fill_gaps=settings.fill_gaps, every=settings.every)
            seen.append(see_video(video, models, pipeline, settings, records / f'{index}.faces', interruption))
        except (InputError, OSError) as error:
            problems[video] = describe_error(error, video)
    return seen, problems


def _write_videos(seen, people, folder, outputs, process, models, settings, interruption):
    interruption.heed()
    appearances, problems = [], {}
    faces = [SeenFaces(video, whose) for video, whose in zip(seen, people, strict=False)]
    if faces:
        faces[0].references.share([one.references for one in faces[1:]])
    for video, whose, of_video in zip(seen, people, faces, strict=False):
        try:
            if interruption.is_pending:
                raise InputError(interruption.not_begun(video.video_path))
            placed = place_results(settings, outputs[video.video_path])
            results = process(video.video_path, models, placed, interruption, of_video)
            name = name_in_folder(video.video_path, folder)
            appearances += _appearances_in_video(video, name, whose, results.seen_seconds, not settings.blur_faces)
            if results.problem:
                problems[video.video_path] = str(results.problem)
        except (InputError, OSError) as error:
            problems[video.video_path] = describe_error(error, video.video_path)
    return appearances, problems


def _write_photographs(stills, people, interruption):
    appearances, problems, people = [], {}, iter(people)
    for group in stills:
        appearances += group.name(people)
        problems |= group.write(interruption)
    return appearances, problems


def _appearances_in_video(video, name, whose, seen_seconds, with_pictures):
    pictures = best_pictures(video.moments, whose) if with_pictures else {}
    people = {person.number: person for person in whose.everyone()}
    return [
        PersonInFile(people[number], name, pictures.get(number, b''), *seconds)
        for number, seconds in sorted(seen_seconds.items())
    ]
