"""Photographs: each from its file to an annotated copy and its table of faces."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from emotion_recognition.faces.detection import open_hiding_detectors
from emotion_recognition.faces.hiding import find_all, pixelate
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import FaceEmotion, InputError, describe_error
from emotion_recognition.media.photographs import has_several_pictures, read_photograph, write_photograph
from emotion_recognition.pipeline import EmotionPipeline, Models
from emotion_recognition.results.drawing import draw_faces
from emotion_recognition.results.face_table import FaceColumns, FaceTable
from emotion_recognition.results.output_paths import Outputs, name_table_of_folder, to_text
from emotion_recognition.runs.annotation import Recogniser
from emotion_recognition.runs.run_folder import RunFolder
from emotion_recognition.settings import Settings
from emotion_recognition.window import Window

MAX_NAMES = 10  # of photographs that a message lists
WHAT_HELPS = 'faces in very small pictures are found once the pictures are enlarged, for example to four times the size'


def analyse_photographs(
    folder: Path | None,
    outputs: dict[Path, Outputs],
    models: Models,
    settings: Settings,
    window: Window | None,
    interruption: Interruption,
) -> dict[Path, str]:
    """Find the emotions of the photographs of one folder, or of those that the user named one by one.

    Args:
        folder: Folder that the user named, which gets one more table with the faces of all; None for named files.
        outputs: Where each photograph's results go.
        models: Detector and classifier.
        settings: Settings of the video script.
        window: Shows the photographs, or None.
        interruption: Ends it.

    Returns:
        Why some photographs failed.
    """
    if interruption.reason:
        return not_begun(outputs, interruption)
    pipeline = open_pipeline(models, settings)
    columns = FaceColumns(pipeline.class_names, pipeline.references.compares)
    return process_photographs(folder, outputs, pipeline, columns, settings, window, interruption)


def open_pipeline(models: Models, settings: Settings) -> EmotionPipeline:
    """Make the pipeline for photographs, each of which gets six views of its faces: it is not in a hurry."""
    return EmotionPipeline(models, replace(settings, test_time_augmentation=True), stills=True)


def process_photographs(
    folder: Path | None,
    outputs: dict[Path, Outputs],
    recogniser: Recogniser,
    columns: FaceColumns,
    settings: Settings,
    window: Window | None,
    interruption: Interruption,
) -> dict[Path, str]:
    """Find the emotions of photographs; write an annotated copy and a table of faces of each when it is done.

    Args:
        folder: Folder that gets one more table, with the faces of all and their files' names, or None.
        outputs: Where each photograph's results go.
        recogniser: Gives their faces.
        columns: Columns of the tables.
        settings: Settings of the video script: whether to write the annotated copies, and to hide the faces in them.
        window: Shows the photographs, or None.
        interruption: Ends it.

    Returns:
        Why some photographs failed.
    """
    paths, problems, face_counts = list(outputs), {}, {}
    requests_before = len(interruption.reasons)
    table_path = folder and name_table_of_folder(folder)
    detectors = open_hiding_detectors(settings) if settings.blur_faces else []
    with ExitStack() as stack:
        if table_path:
            own = stack.enter_context(RunFolder(Outputs(table_path)))
            table = stack.enter_context(FaceTable(own.annotated, columns, ['file']))
        pictures = stack.enter_context(closing(recogniser.run(read_photographs(paths, problems, interruption))))
        for index, _, picture_bgr, faces in tqdm(pictures, 'photographs', len(paths), unit='photo'):
            path = paths[index]
            if table_path:
                table.add(1, 0.0, faces, [to_text(path.name)])
            _draw(picture_bgr, faces, detectors)
            try:
                _write(outputs[path], picture_bgr if settings.write_video else None, faces, columns)
                face_counts[path] = len(faces)
            except (InputError, OSError) as error:
                problems[path] = describe_error(error, path)
            interruption.request(window.show(picture_bgr) if window else None)
            if len(interruption.reasons) > requests_before:
                problems |= not_begun(paths[index + 1 :], interruption)
                break
    if face_counts:
        _report(face_counts, table_path)
    return problems


def _draw(picture_bgr, faces, hiding_detectors):
    if hiding_detectors:
        pixelate(picture_bgr, [face.box for face in (*find_all(picture_bgr, hiding_detectors), *faces)])
    draw_faces(picture_bgr, faces)


def _report(face_counts, table_path):
    table_too = f', and a table of all faces to {table_path}' if table_path else ''
    done, face_count = len(face_counts), sum(face_counts.values())
    print(f'Photographs done: {done}, faces: {face_count}. Wrote copies and tables next to them{table_too}')
    if faceless := [path.name for path, count in face_counts.items() if not count]:
        hint = f'Smaller faces than --min-face-size are left out; {WHAT_HELPS}'
        print(f'No face was found in {_first_of(faceless)}. {hint}', file=sys.stderr)
    if several := [path.name for path in face_counts if has_several_pictures(path)]:
        hint = 'Save pages one by one, and an animated WebP as GIF or mp4'
        print(f'Only the first picture was taken of {_first_of(several)}. {hint}', file=sys.stderr)


def _first_of(names):
    more = len(names) - MAX_NAMES
    return ', '.join(names[:MAX_NAMES]) + (f' and {more} more' if more > 0 else '')


def not_begun(paths: Iterable[Path], interruption: Interruption) -> dict[Path, str]:
    """Say of photographs that an interruption came before them."""
    return {path: f'{path}: not begun, {interruption.reason}' for path in paths}


def _write(outputs: Outputs, picture_bgr: np.ndarray | None, faces: Sequence[FaceEmotion], columns: FaceColumns):
    with RunFolder(outputs) as own:
        if picture_bgr is not None:
            write_photograph(own.annotated, picture_bgr)
        with FaceTable(own.faces, columns) as table:
            table.add(1, 0.0, faces)


def read_photographs(
    paths: Iterable[Path], problems: dict[Path, str], interruption: Interruption
) -> Iterator[tuple[int, float, np.ndarray]]:
    """Read photographs one after the other as `EmotionPipeline.run` takes them: index from 0, time 0, picture.

    Those that cannot be read are left out, and `problems` gets the reason. An interruption ends it.
    """
    requests_before = len(interruption.reasons)
    for index, path in enumerate(paths):
        if len(interruption.reasons) > requests_before:
            problems |= not_begun([path], interruption)
            continue
        try:
            yield index, 0.0, read_photograph(path, interruption)
        except InputError as error:
            problems[path] = str(error)
