"""Show the camera with a box, the emotion and its confidence on every face, and write a table of them.

Run it; q ends. Another camera, a stream or a video file: python emotions_from_webcam.py --camera 1
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from emotion_recognition.command_line import Parser, one_line_errors, read_command_line
from emotion_recognition.emotions.classifier import open_classifier
from emotion_recognition.emotions.look import MAX_OWN_SHARE
from emotion_recognition.emotions.references import References
from emotion_recognition.faces.detection import open_detector
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import FaceEmotion, InputError
from emotion_recognition.live.lab_streams import LabStreams, import_pylsl
from emotion_recognition.live.live_files import name_table, save_picture
from emotion_recognition.live.live_table import LiveFaceTable
from emotion_recognition.live.pace import Pace
from emotion_recognition.live.session import LiveSession
from emotion_recognition.media.camera import REOPEN_SECONDS, Camera, parse_source
from emotion_recognition.pipeline import EmotionPipeline, Models, open_embedder
from emotion_recognition.results.drawing import draw_faces, draw_lines, mirror_faces
from emotion_recognition.settings import Settings, option, to_path
from emotion_recognition.threads import limit_opencv_threads
from emotion_recognition.window import Window

CAMERA = 0  # number, device path, address of a stream, or video file, which plays at its own pace
CSV_PATH = Path(__file__).resolve().parent / 'webcam_%Y-%m-%d_%H-%M-%S.csv'  # with the time of the start
WINDOW_SIZE = 1280  # pixels: larger side of the window when it opens
MIRROR = True  # show the camera as a mirror does; the table keeps the camera's own left and right
LSL = False  # also send faces and marks to LabStreamingLayer
# The options that the video script has too are in emotion_recognition/settings.py.

WINDOW_TITLE = 'emotions_from_webcam'
KEY_HELP = ('q: end   s: picture   space: pause', 'b: at rest   1 to 9: mark')  # lines that fit 320 pixels
KEY_HELP_SECONDS = 5
REST_SECONDS = 3  # after b, in which faces should be at rest
WAIT_SECONDS = 0.05  # for a frame, before the keys are checked again


@dataclass(frozen=True)
class WebcamSettings(Settings):
    """The options of both scripts, and those of this one."""

    camera: int | str = option(CAMERA, 'number, device, stream or video file', parse=parse_source)
    csv_path: str | Path = option(CSV_PATH, 'table; %%Y and so on become the time of the start', parse=to_path)
    mirror: bool = option(MIRROR, 'show the camera as a mirror does')
    window_size: int = option(WINDOW_SIZE, 'pixels, of the larger side when the window opens', minimum=1)
    reopen_seconds: float = option(REOPEN_SECONDS, 'for how long a lost camera is tried again', minimum=0)
    lsl: bool = option(LSL, 'also send faces and marks to LabStreamingLayer')

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.rest, str):
            raise InputError('--rest START END is for videos; press b while the camera runs')


def watch(
    camera: Camera,
    pipeline: EmotionPipeline,
    session: LiveSession,
    window: Window,
    interruption: Interruption,
    mirror: bool = MIRROR,
    table_path: Path = CSV_PATH,
) -> Pace:
    """Show the camera's newest frame with its faces until the user or the camera ends it.

    Args:
        camera: Gives the frames.
        pipeline: Gives their faces.
        session: Takes the faces and marks; times count from the first frame.
        window: Shows the frames.
        interruption: Ends it.
        mirror: Whether to show mirror images.
        table_path: Path of the table, next to which the user saves pictures.

    Returns:
        How fast the frames were shown.

    Raises:
        InputError: The camera was lost.
    """
    pace, start, ms, shown_bgr, lines, is_paused = Pace(), None, 0.0, None, [], False
    while not (interruption.reason or (camera.ended and not is_paused)):
        frame = camera.read_newest(WAIT_SECONDS)
        if frame is None or is_paused:
            interruption.request(window.show(shown_bgr) if is_paused else window.poll())  # None: go on
            if session.mark(window.key) and is_paused:
                draw_lines(shown_bgr, [*lines, *session.describe()])  # stays until the pause ends
        else:
            start = frame.time if start is None else start
            ms = (frame.time - start) * 1000
            faces = pipeline.process(frame.picture_bgr, ms)
            lines = describe(pace, pipeline.references, faces, ms)
            shown_bgr = draw(frame.picture_bgr, faces, mirror, [*lines, *session.describe()])
            interruption.request(window.show(shown_bgr))
            session.mark(window.key)  # before the frame is added: the key was pressed while the previous one was shown
            session.add(frame, ms, faces)
            pace.add(frame.time)
        if window.key == ' ':
            is_paused = not is_paused
        if window.key == 'b' and not is_paused:
            begin_rest(pipeline.references, ms)
        if window.key == 's' and shown_bgr is not None:
            save_picture(table_path, shown_bgr)
    return pace


def begin_rest(references: References, ms: float) -> None:
    """Let the faces that are seen from a time in milliseconds on be at rest for a while, or print why not."""
    try:
        references.begin_span(ms, ms + REST_SECONDS * 1000)
    except InputError as error:
        print(error, file=sys.stderr)


def describe(pace: Pace, references: References, faces: Sequence[FaceEmotion], ms: float) -> list[str]:
    """The lines in the corner of the window at a time in milliseconds."""
    lines = [f'{pace.frame_rate:.0f} frames/s']
    if references.span_ms and not references.span_is_over:
        lines.append(f'look as at rest, {(references.span_ms[1] - ms) / 1000:.1f} s')
    elif references.learns:
        found = [references.find(face.number) for face in faces if face.number]
        shares = [reference.own_share for reference in found if reference.kind != 'span']
        if shares and min(shares) < MAX_OWN_SHARE:
            lines.append(f'learning how faces rest, {min(shares) / MAX_OWN_SHARE:.0%}')
    if ms < KEY_HELP_SECONDS * 1000:
        lines += KEY_HELP
    return lines


def draw(picture_bgr: np.ndarray, faces: Sequence[FaceEmotion], mirror: bool, lines: Sequence[str]) -> np.ndarray:
    """Draw a frame as it is shown, with its faces and lines in its corner: (height, width, 3) uint8, BGR."""
    if mirror:
        picture_bgr = cv2.flip(picture_bgr, 1)
        faces = mirror_faces(faces, picture_bgr.shape[1])
    draw_faces(picture_bgr, faces)
    draw_lines(picture_bgr, lines)
    return picture_bgr


def run(settings: WebcamSettings) -> None:
    """Open everything, watch, and report what was written.

    Raises:
        InputError: The camera, the model, the detector or the table's name is wrong, there is no screen, or one of
            these was lost meanwhile.
    """
    pylsl = import_pylsl() if settings.lsl else None
    limit_opencv_threads(settings.threads)
    detector = open_detector(settings)
    csv_path = name_table(settings.csv_path)
    with ExitStack() as stack:
        window = stack.enter_context(Window(WINDOW_TITLE, settings.window_size))
        camera = stack.enter_context(Camera(settings.camera, settings.reopen_seconds))
        models = Models(detector, open_classifier(settings), open_embedder(settings, detector))
        pipeline = EmotionPipeline(models, settings)
        interruption = stack.enter_context(Interruption())  # until here, signals end the program at once
        table = stack.enter_context(
            LiveFaceTable(csv_path, pipeline.class_names, bool(models.embedder), detector.finds_points)
        )
        streams = LabStreams(pylsl, settings.camera, pipeline.class_names) if pylsl else None
        session = LiveSession(table, streams)
        print(*KEY_HELP, sep='   ')
        pace = watch(camera, pipeline, session, window, interruption, settings.mirror, csv_path)
    print(pace)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(prog='emotions_from_webcam.py', description=f'{__doc__.splitlines()[0]} {"   ".join(KEY_HELP)}')
    with one_line_errors(parser.prog):
        settings, _ = read_command_line(parser, WebcamSettings, arguments)
        run(settings)


if __name__ == '__main__':
    main()
