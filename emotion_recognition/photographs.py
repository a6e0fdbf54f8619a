"""Photographs: each by itself from its file to an annotated copy and its table of faces."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from emotion_recognition.classification import EmotionClassifier
from emotion_recognition.detection import open_detector
from emotion_recognition.drawing import draw_faces
from emotion_recognition.face_table import FaceColumns, FaceTable
from emotion_recognition.files import Outputs, RunFolder, name_table_of_folder, remove_dead_runs, to_text
from emotion_recognition.interaction import Interruption, Window
from emotion_recognition.labels import FaceEmotion, InputError
from emotion_recognition.pipeline import EmotionPipeline
from emotion_recognition.settings import Settings


def analyse_photographs(
    folder: Path | None,
    outputs: dict[Path, Outputs],
    classifier: EmotionClassifier,
    settings: Settings,
    window: Window | None,
    interruption: Interruption,
) -> dict[Path, str]:
    """Find the emotions of photographs that belong together.

    Args:
        folder: that was named, for one more table, with the faces of all; None where they were named themselves.
        outputs: where each photograph's results go.
        classifier: of the faces.
        settings: of the video script.
        window: to show them in, None for none.
        interruption: ends it.

    Returns:
        Why some of them failed.

    Raises:
        InputError: the detector is wrong for all of them.
    """
    if interruption.reason:
        return _not_begun(outputs, interruption)
    settings = replace(settings, whole_frame_every=1)
    pipeline = EmotionPipeline(open_detector(settings), classifier, settings, stills=True)
    table_path = folder and name_table_of_folder(folder)
    return process_photographs(outputs, table_path, pipeline, settings.write_video, window, interruption)


def process_photographs(
    outputs: dict[Path, Outputs],
    table_path: Path | None,
    pipeline: EmotionPipeline,
    write_pictures: bool,
    window: Window | None,
    interruption: Interruption,
) -> dict[Path, str]:
    """Find the emotions of photographs; write an annotated copy and a table of faces of each as it is done.

    Args:
        outputs: where each photograph's results go.
        table_path: of one more table, with the faces of all of them and their files' names; None for none.
        pipeline: for stills.
        write_pictures: write the annotated copies, otherwise the tables alone.
        window: to show them in, None for none.
        interruption: ends it.

    Returns:
        Why some of them failed.
    """
    paths, problems, done, face_count = list(outputs), {}, 0, 0
    columns = FaceColumns(pipeline.class_names)
    for folder in {named.annotated.parent for named in outputs.values()}:
        remove_dead_runs(folder)
    with ExitStack() as stack:
        if table_path:
            own = stack.enter_context(RunFolder(Outputs(table_path)))
            table = stack.enter_context(FaceTable(own.annotated, columns, ['file']))
        pictures = stack.enter_context(closing(pipeline.run(read_photographs(paths, problems))))
        for index, _, picture_bgr, faces in tqdm(pictures, 'photographs', len(paths), unit='photo'):
            path = paths[index]
            if table_path:
                table.add(1, 0.0, faces, [to_text(path.name)])
            draw_faces(picture_bgr, faces)
            try:
                _write(outputs[path], picture_bgr if write_pictures else None, faces, columns)
                done, face_count = done + 1, face_count + len(faces)
            except (InputError, OSError) as error:
                problems[path] = str(error)
            if window and (reason := window.show(picture_bgr)):
                interruption.request(reason)
            if interruption.reason:
                problems |= _not_begun(paths[index + 1 :], interruption)
                break
    if done:
        table_too = f', and of all faces to {table_path}' if table_path else ''
        print(f'Photographs done: {done}, faces: {face_count}. Wrote copies and tables beside them{table_too}')
    return problems


def _not_begun(paths, interruption):
    return {path: f'{path}: not begun, {interruption.reason}' for path in paths}


def _write(outputs: Outputs, picture_bgr: np.ndarray | None, faces: Sequence[FaceEmotion], columns: FaceColumns):
    with RunFolder(outputs) as own:
        if picture_bgr is not None:
            write_photograph(own.annotated, picture_bgr)
        with FaceTable(own.faces, columns) as table:
            table.add(1, 0.0, faces)


def read_photograph(path: Path) -> np.ndarray:
    """Read a photograph, upright as its EXIF orientation says: (height, width, 3) uint8, BGR.

    Of a file with several pictures, the first; transparency is left out, and depth above 8 bits reduced.

    Raises:
        InputError: the file is missing or not a picture.
    """
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread cannot open every name on Windows
    except FileNotFoundError:
        raise InputError(f'{path}: no such photograph') from None
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from None
    try:
        picture_bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except cv2.error:  # such as one above OpenCV's limit of 2^30 pixels
        picture_bgr = None
    if picture_bgr is None:
        raise InputError(f'{path}: cannot be read as a photograph')
    return picture_bgr


def read_photographs(paths: Iterable[Path], problems: dict[Path, str]) -> Iterator[tuple[int, float, np.ndarray]]:
    """Read photographs one after the other as `EmotionPipeline.run` takes them: index from 0, time 0, picture.

    Those that cannot be read are left out, and `problems` gets the reason.
    """
    for index, path in enumerate(paths):
        try:
            yield index, 0.0, read_photograph(path)
        except InputError as error:
            problems[path] = str(error)


def write_photograph(path: Path, picture_bgr: np.ndarray) -> None:
    """Write a (height, width, 3) uint8 BGR picture as the kind of file that its name says.

    Raises:
        InputError: a picture of this size does not fit into this kind.
        OSError: the file cannot be written.
    """
    try:
        written, data = cv2.imencode(path.suffix, picture_bgr)
    except cv2.error:
        written = False
    if not written:
        height, width = picture_bgr.shape[:2]
        raise InputError(
            f'{path.name}: {width}x{height} pixels do not fit into {path.suffix}; expected a smaller picture'
        )
    path.write_bytes(data)
