"""For use from Python: from a picture, a video or a camera to faces, and from faces to a table.

The classifier is opened at the first call, which takes a second, and used again by all others of the process. `options`
are those of the scripts by their names, such as `min_face_size=24` for `--min-face-size 24`.
"""

import dataclasses
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from io import StringIO
from itertools import starmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import EMOTIONS, FaceEmotion, InputError
from emotion_recognition.media.camera import Camera
from emotion_recognition.media.photographs import check_picture, is_photograph, read_photograph
from emotion_recognition.media.video import VideoReader
from emotion_recognition.pipeline import EmotionPipeline, Models, open_models
from emotion_recognition.results.face_table import TEXTS, FaceColumns
from emotion_recognition.results.output_paths import name_outputs
from emotion_recognition.results.table_writing import RowWriter
from emotion_recognition.runs.first_pass import see_before_drawing
from emotion_recognition.runs.photograph_batch import open_pipeline
from emotion_recognition.runs.video_settings import VideoSettings
from emotion_recognition.settings import Settings
from emotion_recognition.threads import limit_opencv_threads

if TYPE_CHECKING:
    import pandas as pd

LIVE_OPTIONS = tuple(field.name for field in dataclasses.fields(Settings))
IMAGE_OPTIONS = (*LIVE_OPTIONS, 'whole_picture')
VIDEO_OPTIONS = (*LIVE_OPTIONS, 'start', 'end', 'every', 'fill_gaps')
WAIT_SECONDS = 0.1  # for a frame of a camera, before Ctrl-C is looked for again


@dataclass(frozen=True)
class Frame:
    """One frame with its faces.

    Attributes:
        number: Frame number, from 1. A camera's frames that came too fast are left out, but counted.
        ms: When players show it, in milliseconds; of a camera, the time since the first frame.
        picture_bgr: (height, width, 3) uint8, BGR, on which you may draw.
        faces: Its faces, in the order of their numbers.
    """

    number: int
    ms: float
    picture_bgr: np.ndarray
    faces: list[FaceEmotion]


def analyse_image(image: str | os.PathLike | np.ndarray, **options: Any) -> list[FaceEmotion]:
    """Find the faces of a photograph, as the command line does.

    Args:
        image: Path of a file, or (height, width, 3) uint8, BGR, as OpenCV has it. It is not changed.
        options: See `IMAGE_OPTIONS`, such as `whole_picture=True` for a picture of nothing but a face.

    Returns:
        The faces from left to right; an empty list if there are none.

    Raises:
        InputError: The picture, an option, the model or the detector is wrong.
    """
    settings = _read_options(options, IMAGE_OPTIONS)
    if isinstance(image, np.ndarray):
        check_picture(image)
        picture_bgr = np.ascontiguousarray(image)  # OpenCV takes no mirrored view
    elif image is None:
        raise InputError('the image is None, which cv2.imread gives for a file that it cannot read; expected a path')
    else:
        picture_bgr = read_photograph(Path(image))
    return open_pipeline(reuse_models(settings), settings).process(picture_bgr, 0.0)


def analyse_frames(source: str | os.PathLike | Camera, **options: Any) -> Iterator[Frame]:
    """Find the faces of a video or a camera, frame by frame.

    A video gives what the command line writes: it is seen twice, first to tell people apart and to learn how they look
    at rest. `identity=False, rest='model'` does without, and the first frame comes at once. A camera gives the newest
    frame, however long you take for each, until you end the loop; it is closed then.

    Args:
        source: Path of a video, or a `Camera`.
        options: See `VIDEO_OPTIONS`, such as `start=60, end=90` (seconds), and for a camera `LIVE_OPTIONS`.

    Returns:
        An iterator over the frames, those without faces too. In a camera's, a face whose `number` is 0 is not known
        yet.

    Raises:
        InputError: The video, an option, the model or the detector is wrong, or the camera was lost. If a video is
            damaged, all frames before the damage come first.
    """
    if isinstance(source, Camera):
        return _watch(source, _read_options(options, LIVE_OPTIONS))
    if not isinstance(source, str | os.PathLike):
        raise InputError(f'the source is {source!r}; expected the path of a video, or a Camera, such as Camera(0)')
    if is_photograph(Path(source)):
        raise InputError(f'{source}: is a photograph; expected a video, or use analyse_image')
    return _read(Path(source), _read_options(options, VIDEO_OPTIONS))


def table_of_faces(frames: Iterable[Frame]) -> 'pd.DataFrame':
    """Make the table of faces: a row for each face and frame, with the columns of `..._faces_data.csv`.

    Args:
        frames: What `analyse_frames` gives. The pictures are not kept.

    Returns:
        The table; examples/README.md explains the columns. It is empty if there are no faces.
    """
    import pandas as pd  # not at the top, since it takes time, and the scripts do not need it

    rows = [(frame.number, round(frame.ms, 3), face) for frame in frames for face in frame.faces]
    faces = [face for _, _, face in rows]
    columns = FaceColumns(
        faces[0].class_names if faces else EMOTIONS,
        with_rest=any(face.probabilities_from_rest is not None for face in faces),
        with_detected=not all(face.detected for face in faces),
        with_people=any(face.person for face in faces),
        with_quality=any(face.seen for face in faces),
    )
    text = StringIO()
    RowWriter(text, columns.names, TEXTS).writerows(starmap(columns.cells, rows))
    text.seek(0)
    return pd.read_csv(text)


def reuse_models(settings: Settings, classifier: EmotionClassifier | None = None) -> Models:
    """Open what the settings name, but a classifier that was opened before in this process is used again.

    It can serve several videos at a time. A detector cannot, so each call opens its own, which takes milliseconds.

    Args:
        settings: Options of the stages.
        classifier: Classifier to use; None for that of the settings.

    Raises:
        InputError: One of them cannot be opened.
    """
    network = (str(settings.model_weights_path), settings.runtime, settings.precision, settings.threads)
    return open_models(settings, classifier or _open_once(*network))


_open_once = cache(EmotionClassifier)


def _read_options(options, allowed):
    if unknown := [name for name in options if name not in allowed]:
        raise InputError(f'{", ".join(unknown)}: no option here; expected some of {", ".join(allowed)}')
    settings = VideoSettings(write_video=False, review=False, **options)
    limit_opencv_threads(settings.threads)
    return settings


def _read(path, settings):
    models = reuse_models(settings)
    pipeline = EmotionPipeline(models, settings, fill_gaps=settings.fill_gaps, every=settings.every)
    with (
        VideoReader(path, settings.threads, part=settings.part) as reader,
        TemporaryDirectory(prefix='emotions_') as folder,
    ):
        own = name_outputs(Path(folder) / path.name, None)  # for the faces of the first pass; no results are written
        interruption = Interruption()  # that nobody asks for: Ctrl-C raises KeyboardInterrupt, as in other programs
        with (
            see_before_drawing(path, models, pipeline, settings, own, interruption) as recogniser,
            closing(recogniser.run(reader.read_pictures())) as frames,
        ):
            for number, ms, picture, faces in frames:
                yield Frame(number, ms, picture.bgr, faces)


def _watch(camera, settings):
    pipeline, start = EmotionPipeline(reuse_models(settings), settings), None
    with camera:
        while not camera.ended:
            frame = camera.read_newest(WAIT_SECONDS)
            if frame is not None:
                start = frame.time if start is None else start
                ms = (frame.time - start) * 1000
                yield Frame(frame.number, ms, frame.picture_bgr, pipeline.process(frame.picture_bgr, ms))
