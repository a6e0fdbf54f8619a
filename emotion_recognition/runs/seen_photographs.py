"""Photographs that are taken through two passes, as videos are, so that people can be told apart in between."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from emotion_recognition.faces.moments import VideoMoments
from emotion_recognition.faces.people import VideoPeople
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import FaceEmotion
from emotion_recognition.media.picture import Picture
from emotion_recognition.pipeline import Models
from emotion_recognition.results.face_table import FaceColumns
from emotion_recognition.results.people_table import PersonInFile
from emotion_recognition.runs.annotation import WINDOW_TITLE
from emotion_recognition.runs.photograph_batch import not_begun, open_pipeline, process_photographs, read_photographs
from emotion_recognition.runs.photograph_group import PhotographGroup
from emotion_recognition.runs.provenance import describe_provenance
from emotion_recognition.settings import Settings
from emotion_recognition.window import open_window


class SeenPhotographs:
    """The photographs of one folder, taken through a first pass and then through a second, as videos are.

    Args:
        group: The photographs.
        models: Detector, classifier, and what tells people apart.
        settings: Settings of the video script.

    Attributes:
        moments: The faces of each photograph that was seen, as those of a video of one frame.
        needs_frames: See `Recogniser`.
    """

    needs_frames = True

    def __init__(self, group: PhotographGroup, models: Models, settings: Settings):
        self._group, self._models, self._settings = group, models, settings
        self._faces: dict[Path, list[FaceEmotion]] = {}
        self._columns: FaceColumns | None = None
        self._made_with: dict[str, Any] = {}
        self.moments: list[VideoMoments] = []

    def see(self, interruption: Interruption) -> dict[Path, str]:
        """Find the faces of all photographs. Returns why some failed."""
        paths, problems = list(self._group.outputs), {}
        if interruption.reason:
            return not_begun(paths, interruption)
        pipeline = open_pipeline(self._models, self._settings)
        self._made_with = describe_provenance(self._settings, self._models.classifier.model_sha256)
        self._columns = FaceColumns(
            pipeline.class_names,
            pipeline.references.compares,
            with_people=True,
            with_quality=True,
            decimal_comma=self._settings.decimal_comma,
        )
        with closing(pipeline.run(read_photographs(paths, problems, interruption))) as pictures:
            for index, ms, picture, faces in tqdm(pictures, 'photographs, finding faces', len(paths), unit='photo'):
                moments = VideoMoments(self._models.embedder)
                moments.add(ms, picture, faces)
                moments.end()
                self.moments.append(moments)
                self._faces[paths[index]] = faces
                if interruption.reason:
                    problems |= not_begun(paths[index + 1 :], interruption)
                    break
        return problems

    def name(self, people: Iterator[VideoPeople]) -> list[PersonInFile]:
        """Take whose faces they are, from an iterator over all photographs. Returns who is in which photograph."""
        appearances = []
        for (path, faces), moments in zip(self._faces.items(), self.moments, strict=True):
            whose = next(people)
            pictures = {} if self._settings.blur_faces else best_pictures(moments, whose)
            named = [replace(face, person=whose.find(face.track_id, 0.0)) for face in faces]
            self._faces[path] = sorted(named, key=attrgetter('number'))
            appearances += [
                PersonInFile(face.person, self._group.name(path), pictures.get(face.number, b''))
                for face in self._faces[path]
            ]
        return appearances

    def write(self, interruption: Interruption) -> dict[Path, str]:
        """Write the results of those that were seen. Returns why some failed."""
        if not self._faces:
            return {}
        if interruption.is_pending:
            return not_begun(self._faces, interruption)
        group = replace(self._group, outputs={path: self._group.outputs[path] for path in self._faces})
        with open_window(WINDOW_TITLE, self._settings.show_process) as window:
            return process_photographs(
                group, self, self._columns, self._settings, self._made_with, window, interruption
            )

    def run(
        self, frames: Iterable[tuple[int, float, Picture]]
    ) -> Iterator[tuple[int, float, Picture, list[FaceEmotion]]]:
        """Give the faces of photographs, see `EmotionPipeline.run`."""
        paths = list(self._faces)
        for index, ms, picture in frames:
            yield index, ms, picture, self._faces[paths[index]]


def best_pictures(moments: VideoMoments, whose: VideoPeople) -> dict[int, bytes]:
    """The best picture of each person in a video or photograph, by the person's number."""
    best: dict[int, tuple[float, bytes]] = {}
    for track_id, track in moments.tracks.items():
        for moment in track.moments or filter(None, [track.poor]):
            number = whose.find(track_id, moment.ms).number
            best[number] = min(best.get(number, (np.inf, b'')), (moment.expected_distance, moment.picture_jpeg))
    return {number: picture_jpeg for number, (_, picture_jpeg) in best.items()}
