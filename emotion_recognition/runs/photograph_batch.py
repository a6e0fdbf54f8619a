"""Photographs: each from its file to an annotated copy, and their faces to tables."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from emotion_recognition.faces.detection import describe_what_finds_more, open_hiding_detectors
from emotion_recognition.faces.hiding import find_all, pixelate
from emotion_recognition.faces.whole_picture import WholePicture
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import FaceEmotion, InputError, describe_error
from emotion_recognition.media.photographs import has_several_pictures, read_photograph, write_photograph
from emotion_recognition.media.picture import Picture
from emotion_recognition.pipeline import EmotionPipeline, Models
from emotion_recognition.results.drawing import draw_faces
from emotion_recognition.results.face_table import FaceColumns, FaceTable
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.annotation import Recogniser
from emotion_recognition.runs.photograph_group import PhotographGroup
from emotion_recognition.runs.provenance import describe_provenance
from emotion_recognition.runs.run_folder import RunFolder
from emotion_recognition.settings import Settings
from emotion_recognition.window import Window

MAX_NAMES = 10  # of photographs that a message lists


def analyse_photographs(
    group: PhotographGroup, models: Models, settings: Settings, window: Window | None, interruption: Interruption
) -> dict[Path, str]:
    """Find the emotions of photographs.

    Args:
        group: The photographs.
        models: Detector and classifier.
        settings: Settings of the video script.
        window: Shows the photographs, or None.
        interruption: Ends it.

    Returns:
        Why some photographs failed.
    """
    if interruption.reason:
        return not_begun(group.outputs, interruption)
    pipeline = open_pipeline(models, settings)
    columns = FaceColumns(
        pipeline.class_names,
        pipeline.references.compares,
        with_quality=models.detector.finds_points and not settings.whole_picture,
        decimal_comma=settings.decimal_comma,
    )
    made_with = describe_provenance(settings, models.classifier.model_sha256)
    return process_photographs(group, pipeline, columns, settings, made_with, window, interruption)


def open_pipeline(models: Models, settings: Settings) -> EmotionPipeline:
    """Make the pipeline for photographs, each of which gets six views of its faces: it is not in a hurry."""
    if settings.whole_picture:
        models = replace(models, detector=WholePicture())
    return EmotionPipeline(models, replace(settings, test_time_augmentation=True), stills=True)


def process_photographs(
    group: PhotographGroup,
    recogniser: Recogniser,
    columns: FaceColumns,
    settings: Settings,
    made_with: dict[str, Any],
    window: Window | None,
    interruption: Interruption,
) -> dict[Path, str]:
    """Find the emotions of photographs; write an annotated copy of each when it is done, and the tables.

    Args:
        group: The photographs.
        recogniser: Gives their faces.
        columns: Columns of the tables.
        settings: Settings of the video script.
        made_with: What the results are made with, see `describe_provenance`.
        window: Shows the photographs, or None.
        interruption: Ends it.

    Returns:
        Why some photographs failed.
    """
    paths, problems, face_counts = list(group.outputs), {}, {}
    detectors = open_hiding_detectors(settings) if settings.blur_faces else []
    with (
        group.open_table(columns, made_with) as table,
        closing(recogniser.run(read_photographs(paths, problems, interruption))) as pictures,
    ):
        for index, _, picture, faces in tqdm(pictures, 'photographs', len(paths), unit='photo'):
            path, picture_bgr = paths[index], picture.bgr
            if table:
                _add_row(table, faces, group.name(path))
            _draw(picture_bgr, faces, detectors)
            try:
                copied_bgr = picture_bgr if settings.write_video else None
                _write(group.outputs[path], copied_bgr, faces, columns if group.with_own_tables else None)
                face_counts[path] = len(faces)
            except (InputError, OSError) as error:
                problems[path] = describe_error(error, path)
            interruption.request(window.show(picture_bgr) if window else None)
            if interruption.is_pending:
                problems |= not_begun(paths[index + 1 :], interruption)
                break
    if face_counts:
        _report(face_counts, group, settings)
    return problems


def _draw(picture_bgr, faces, hiding_detectors):
    if hiding_detectors:
        pixelate(picture_bgr, [face.box for face in (*find_all(picture_bgr, hiding_detectors), *faces)])
    draw_faces(picture_bgr, faces)


def _add_row(table, faces, name):
    if faces:
        table.add(1, 0.0, faces, [name])
    else:
        table.add_faceless(1, 0.0, [name])


def _report(face_counts, group, settings):
    done, face_count = len(face_counts), sum(face_counts.values())
    written = _describe_written(group, group.outputs[next(iter(face_counts))], settings)
    print(f'Photographs done: {done}, faces: {face_count}. {written}')
    if faceless := [path.name for path, count in face_counts.items() if not count]:
        hint = f'{describe_what_finds_more(settings)}, or --whole-picture for pictures of nothing but a face'
        print(f'No face was found in {_first_of(faceless)}. {hint}', file=sys.stderr)
    if several := [path.name for path in face_counts if has_several_pictures(path)]:
        hint = 'Save pages one by one, and an animated WebP as GIF or mp4'
        print(f'Only the first picture was taken of {_first_of(several)}. {hint}', file=sys.stderr)


def _describe_written(group, first, settings):
    """Say where the results of photographs are, given where those of the first one are."""
    if group.table_path:
        kinds = ['an annotated copy'] * settings.write_video + ['a table'] * group.with_own_tables
        of_each = f', and of each {" and ".join(kinds)}' if kinds else ''
        return f'Wrote {group.table_path} with the faces of all{of_each}'
    example = f'{first.annotated} and, next to it, {first.faces.name}' if settings.write_video else first.faces
    return f'Wrote {example}' + (', and so on' if len(group.outputs) > 1 else '')


def _first_of(names):
    more = len(names) - MAX_NAMES
    return ', '.join(names[:MAX_NAMES]) + (f' and {more} more' if more > 0 else '')


def not_begun(paths: Iterable[Path], interruption: Interruption) -> dict[Path, str]:
    """Say of photographs that an interruption came before them."""
    return {path: interruption.not_begun(path) for path in paths}


def _write(outputs: Outputs, picture_bgr: np.ndarray | None, faces: Sequence[FaceEmotion], columns: FaceColumns | None):
    """Write the copy and the table of a photograph, each of which is left out for None."""
    if picture_bgr is None and columns is None:
        return
    with RunFolder(outputs) as own:
        if picture_bgr is not None:
            write_photograph(own.annotated, picture_bgr)
        if columns:
            with FaceTable(own.faces, columns) as table:
                table.add(1, 0.0, faces)


def read_photographs(
    paths: Iterable[Path], problems: dict[Path, str], interruption: Interruption
) -> Iterator[tuple[int, float, Picture]]:
    """Read photographs one after the other as `EmotionPipeline.run` takes them: index from 0, time 0, picture.

    Those that cannot be read are left out, and `problems` gets the reason. An interruption ends it.
    """
    for index, path in enumerate(paths):
        if interruption.is_pending:
            problems |= not_begun([path], interruption)
            continue
        try:
            yield index, 0.0, Picture(read_photograph(path, interruption))
        except InputError as error:
            problems[path] = str(error)
