"""People across files: the first pass over all of them, then who is who, then the results of each."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import numpy as np
from tqdm import tqdm

from emotion_recognition.faces.moments import VideoMoments
from emotion_recognition.faces.people import VideoPeople, tell_apart
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import FaceEmotion, InputError
from emotion_recognition.pipeline import EmotionPipeline, Models
from emotion_recognition.results.face_table import FaceColumns
from emotion_recognition.results.output_paths import Outputs, name_people_of_folder, to_text
from emotion_recognition.results.people_table import PersonInFile, save_people_picture, write_people_table
from emotion_recognition.runs.annotation import WINDOW_TITLE, Process
from emotion_recognition.runs.first_pass import SeenFaces, SeenVideo, see_video
from emotion_recognition.runs.people_file import read_people, write_people
from emotion_recognition.runs.photograph_batch import open_pipeline, process_photographs, read_photographs
from emotion_recognition.runs.run_folder import RunFolder, remove_dead_runs
from emotion_recognition.settings import Settings
from emotion_recognition.window import open_window

# The photographs of each folder, or None for those that were named one by one, and where their results go
PhotographGroups = Mapping[Path | None, dict[Path, Outputs]]


def analyse_with_people(
    videos: Sequence[Path],
    photographs: PhotographGroups,
    folder: Path,
    process: Process,
    models: Models,
    settings: Settings,
    interruption: Interruption,
) -> dict[Path, str]:
    """Analyse videos and photographs so that a person has the same number in all of them.

    Args:
        videos: Paths of the videos.
        photographs: The photographs.
        folder: Folder that gets the table of all people and their picture.
        process: What is done with each video once its faces are known.
        models: Detector, classifier, and what tells people apart.
        settings: Settings of the video script.
        interruption: Ends the first pass; results are written of what was seen until then.

    Returns:
        Why some files failed.

    Raises:
        InputError: The people of earlier runs cannot be read, or a table of people cannot be written.
    """
    known = read_people(settings.people)
    remove_dead_runs(folder)
    run_folder = RunFolder(Outputs(name_people_of_folder(folder)))
    with run_folder as own, tempfile.TemporaryDirectory(dir=own.annotated.parent) as records:
        seen, problems = _see_videos(videos, models, settings, Path(records), interruption)
        stills = [SeenPhotographs(group, outputs, models, settings) for group, outputs in photographs.items()]
        for group in stills:
            problems |= group.see(interruption)
        moments = [video.moments for video in seen] + [one for group in stills for one in group.moments]
        people, everyone = tell_apart(moments, known.people, known.next_number, known.named)
        appearances, problems_of_videos = _write_videos(seen, people, process, models, settings, interruption)
        problems |= problems_of_videos
        people_of_photographs = iter(people[len(seen) :])
        for group in stills:
            appearances += group.name(people_of_photographs)
            problems |= group.write(interruption)
        write_people_table(appearances, own.annotated)
        save_people_picture(appearances, own.annotated.with_suffix('.png'))
    numbers = {person.number for video in people for person in video.everyone()}
    write_people(known, everyone, max([known.next_number, *(number + 1 for number in numbers)]))
    _report(len(numbers), run_folder.written, known)
    return problems


def _report(count, written, known):
    print(f'{count} people. Wrote {written[0]} and, next to it, {written[1].name}')
    if known.table_path:
        print(f'Name them in {known.table_path} for the next run. {known.path} is needed to know their faces again')


def _see_videos(videos, models, settings, records, interruption):
    seen: list[SeenVideo] = []
    problems = {}
    for index, video in enumerate(videos):
        try:
            if interruption.reason:
                raise InputError(f'{video}: not begun, {interruption.reason}')
            pipeline = EmotionPipeline(models, settings, fill_gaps=settings.fill_gaps)
            seen.append(see_video(video, models, pipeline, settings, records / f'{index}.faces', interruption))
        except (InputError, OSError) as error:
            problems[video] = str(error)
    return seen, problems


def _write_videos(seen, people, process, models, settings, interruption):
    appearances, problems = [], {}
    faces = [SeenFaces(video, whose) for video, whose in zip(seen, people, strict=False)]
    if faces:
        faces[0].references.share([one.references for one in faces[1:]])
    for video, whose, of_video in zip(seen, people, faces, strict=False):
        try:
            results = process(video.video_path, models, settings, interruption, of_video)
            appearances += _appearances_in_video(video, whose, results.seen_seconds)
        except (InputError, OSError) as error:
            problems[video.video_path] = str(error)
    return appearances, problems


def _appearances_in_video(video, whose, seen_seconds):
    pictures, name = _best_pictures(video.moments, whose), to_text(video.video_path.name)
    people = {person.number: person for person in whose.everyone()}
    return [
        PersonInFile(people[number], name, pictures.get(number, b''), *seconds)
        for number, seconds in sorted(seen_seconds.items())
    ]


def _best_pictures(moments: VideoMoments, whose: VideoPeople) -> dict[int, bytes]:
    """The best picture of each person in a video or photograph, by the person's number."""
    best: dict[int, tuple[float, bytes]] = {}
    for track_id, track in moments.tracks.items():
        for moment in track.moments:
            number = whose.find(track_id, moment.ms).number
            best[number] = min(best.get(number, (np.inf, b'')), (moment.expected_distance, moment.picture_jpeg))
    return {number: picture_jpeg for number, (_, picture_jpeg) in best.items()}


class SeenPhotographs:
    """The photographs of one folder, taken through a first pass and then through a second, as videos are.

    Args:
        folder: The folder, or None if they were named one by one.
        outputs: Where each photograph's results go.
        models: Detector, classifier, and what tells people apart.
        settings: Settings of the video script.

    Attributes:
        moments: The faces of each photograph that was seen, as those of a video of one frame.
    """

    def __init__(self, folder: Path | None, outputs: dict[Path, Outputs], models: Models, settings: Settings):
        self._folder, self._outputs, self._models, self._settings = folder, outputs, models, settings
        self._faces: dict[Path, list[FaceEmotion]] = {}
        self._columns: FaceColumns | None = None
        self.moments: list[VideoMoments] = []

    def see(self, interruption: Interruption) -> dict[Path, str]:
        """Find the faces of all photographs. Returns why some failed."""
        paths, problems = list(self._outputs), {}
        pipeline = open_pipeline(self._models, self._settings)
        self._columns = FaceColumns(pipeline.class_names, pipeline.references.compares, with_people=True)
        with closing(pipeline.run(read_photographs(paths, problems))) as pictures:
            for index, ms, picture_bgr, faces in tqdm(pictures, 'photographs, finding faces', len(paths), unit='photo'):
                moments = VideoMoments(self._models.embedder)
                moments.add(ms, picture_bgr, faces)
                moments.end()
                self.moments.append(moments)
                self._faces[paths[index]] = faces
                if interruption.reason:
                    problems |= {path: f'{path}: not begun, {interruption.reason}' for path in paths[index + 1 :]}
                    break
        return problems

    def name(self, people: Iterator[VideoPeople]) -> list[PersonInFile]:
        """Take whose faces they are, from an iterator over all photographs. Returns who is in which photograph."""
        appearances = []
        for (path, faces), moments in zip(self._faces.items(), self.moments, strict=True):
            whose = next(people)
            pictures = _best_pictures(moments, whose)
            named = [replace(face, person=whose.find(face.track_id, 0.0)) for face in faces]
            self._faces[path] = sorted(named, key=attrgetter('number'))
            appearances += [
                PersonInFile(face.person, to_text(path.name), pictures.get(face.number, b''))
                for face in self._faces[path]
            ]
        return appearances

    def write(self, interruption: Interruption) -> dict[Path, str]:
        """Write the results of those that were seen. Returns why some failed."""
        outputs = {path: self._outputs[path] for path in self._faces}
        with open_window(WINDOW_TITLE, self._settings.show_process) as window:
            return process_photographs(
                self._folder, outputs, self, self._columns, self._settings.write_video, window, interruption
            )

    def run(
        self, frames: Iterable[tuple[int, float, np.ndarray]]
    ) -> Iterator[tuple[int, float, np.ndarray, list[FaceEmotion]]]:
        """Give the faces of photographs, see `EmotionPipeline.run`."""
        paths = list(self._faces)
        for index, ms, picture_bgr in frames:
            yield index, ms, picture_bgr, self._faces[paths[index]]
