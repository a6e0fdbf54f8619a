"""Show the camera with a box, the emotion and its confidence on every face, and write a table of them.

Run it; q ends. Another camera, a stream or a video file: python emotions_from_webcam.py --camera 1
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

import cv2

from emotion_recognition.baseline import FaceBaselines
from emotion_recognition.camera import REOPEN_SECONDS, Camera, CameraFrame, parse_source
from emotion_recognition.classification import open_classifier
from emotion_recognition.detection import open_detector
from emotion_recognition.drawing import draw_faces, draw_lines, mirror_faces
from emotion_recognition.face_table import LiveFaceTable
from emotion_recognition.interaction import Interruption, Window, allow_any_name, has_screen, signals_as_ctrl_c
from emotion_recognition.lab_streams import LabStreams, import_pylsl
from emotion_recognition.labels import InputError
from emotion_recognition.pace import Pace
from emotion_recognition.pipeline import EmotionPipeline
from emotion_recognition.recording import LiveRecording
from emotion_recognition.settings import Parser, Settings, option, read_command_line, to_path

HERE = Path(__file__).resolve().parent

CAMERA = 0  # number, device path, address of a stream, or video file, which plays at its own pace
CSV_PATH = HERE / 'webcam_%Y-%m-%d_%H-%M-%S.csv'  # with the time of the start
WINDOW_SIZE = 1280  # pixels: larger side of the window as it opens
MIRROR = True  # show it as a mirror does; the table keeps the camera's own left and right
LSL = False  # send faces and marks to LabStreamingLayer too
# Those that the video script has too are edited in emotion_recognition/settings.py.

WINDOW_TITLE = 'emotions_from_webcam'
KEY_HELP = ('q: end   s: picture   space: pause', 'b: baseline   1 to 9: mark')  # lines that fit 320 pixels
KEY_HELP_SECONDS = 5
BASELINE_SECONDS = 3  # in which faces should be at rest
WAIT_SECONDS = 0.05  # for a frame, before keys are looked after again


@dataclass(frozen=True)
class WebcamSettings(Settings):
    """The options of both scripts, and this one's own."""

    camera: int | str = option(CAMERA, 'number, device, stream or video file', parse=parse_source)
    csv_path: str | Path = option(CSV_PATH, '%%Y and so on stand for the start', parse=to_path)
    mirror: bool = option(MIRROR, 'show it as a mirror does')
    window_size: int = option(WINDOW_SIZE, 'pixels, of the larger side as it opens', least=1)
    reopen_seconds: float = option(REOPEN_SECONDS, 'for how long a camera that was lost is tried again', least=0)
    lsl: bool = option(LSL, 'send faces and marks to LabStreamingLayer too')


def watch(
    camera: Camera,
    pipeline: EmotionPipeline,
    recording: LiveRecording,
    window: Window,
    interruption: Interruption,
    mirror: bool = MIRROR,
    table_path: Path = CSV_PATH,
) -> Pace:
    """Show the camera's newest frame with its faces until the user or the camera ends it.

    Args:
        camera: of the frames.
        pipeline: for their faces.
        recording: gets the faces and marks; times count from the first frame.
        window: gets the frames.
        interruption: ends it.
        mirror: show mirror images.
        table_path: of the table beside which the user saves pictures.

    Returns:
        How fast the frames were shown.

    Raises:
        InputError: the camera was lost.
    """
    pace, start, ms, shown_bgr, lines, is_paused = Pace(), None, 0.0, None, [], False
    while not (interruption.reason or (camera.ended and not is_paused)):
        frame = camera.read_newest(WAIT_SECONDS)
        if frame is None or is_paused:
            reason = window.show(shown_bgr) if is_paused else window.poll()
            if recording.mark(window.key) and is_paused:
                draw_lines(shown_bgr, [*lines, *recording.describe()])  # stays until the pause ends
        else:
            start = frame.time if start is None else start
            ms = (frame.time - start) * 1000
            faces = pipeline.process(frame.picture_bgr, ms)
            lines = describe(pace, pipeline.baselines, ms)
            shown_bgr = draw(frame, faces, mirror, [*lines, *recording.describe()])
            reason = window.show(shown_bgr)
            recording.mark(window.key)  # pressed while the frame before was shown, for all but a moment
            recording.add(frame, ms, faces)
            pace.add(frame.time)
        if reason:
            interruption.request(reason)
        if window.key == ' ':
            is_paused = not is_paused
        if window.key == 'b' and not is_paused:
            begin_baselines(pipeline, ms)
        if window.key == 's' and shown_bgr is not None:
            save_picture(table_path, shown_bgr)
    return pace


def begin_baselines(pipeline: EmotionPipeline, ms: float) -> None:
    """Measure the baselines of the faces that are seen from now on, or say why not."""
    try:
        pipeline.baselines = FaceBaselines(pipeline.class_names, ms, ms + BASELINE_SECONDS * 1000)
    except InputError as error:
        print(error, file=sys.stderr)


def describe(pace: Pace, baselines: FaceBaselines | None, ms: float) -> list[str]:
    """What stands in the corner of the window at a time in milliseconds."""
    lines = [f'{pace.frame_rate:.0f} frames/s']
    if baselines and not baselines.is_measured:
        lines.append(f'baseline: look as at rest, {(baselines.end_ms - ms) / 1000:.1f} s')
    if ms < KEY_HELP_SECONDS * 1000:
        lines += KEY_HELP
    return lines


def draw(frame: CameraFrame, faces, mirror: bool, lines: Sequence[str]):
    """The picture that is shown, with lines in its corner, (height, width, 3) uint8, BGR."""
    picture_bgr = frame.picture_bgr
    if mirror:
        picture_bgr = cv2.flip(picture_bgr, 1)
        faces = mirror_faces(faces, picture_bgr.shape[1])
    draw_faces(picture_bgr, faces)
    draw_lines(picture_bgr, lines)
    return picture_bgr


def save_picture(table_path: Path, picture_bgr) -> None:
    """Save a picture as PNG beside the table, under the next number that is free, and say so, or why not."""
    names = (table_path.with_name(f'{table_path.stem}_{number}.png') for number in count(1))
    path = next(name for name in names if not name.exists())
    try:
        path.write_bytes(cv2.imencode('.png', picture_bgr)[1])
        print(f'Saved {path}')
    except OSError as error:
        print(f'{path}: cannot be written ({error.strerror})', file=sys.stderr)


def name_table(csv_path: str | Path) -> Path:
    """Where the table goes: codes in the file's name become the time of now.

    Raises:
        InputError: it cannot be there, or a table is there already. What a camera saw cannot be recorded again.
    """
    path = Path(csv_path)
    if path.is_dir():
        raise InputError(f'{path}: is a folder; expected a name for the table')
    try:
        path = path.with_name(datetime.now().strftime(path.name))
    except ValueError:
        raise InputError(f'{path}: its codes give no name for a file, such as %D, which has slashes') from None
    if not path.parent.is_dir():
        raise InputError(f'{path.parent}: no such folder for the table')
    if path.exists():
        raise InputError(f'{path}: is there already; expected another name, for a recording is not overwritten')
    return path


def run(settings: WebcamSettings) -> None:
    """Open everything, watch, and say what was written.

    Raises:
        InputError: the camera, the model, the detector or the table's name is wrong, or there is no screen.
    """
    if not has_screen():
        raise InputError('no screen here for a window; emotions_from_video.py needs none, for recorded videos')
    pylsl = import_pylsl() if settings.lsl else None
    detector = open_detector(settings)
    csv_path = name_table(settings.csv_path)
    with ExitStack() as stack:
        interruption = stack.enter_context(Interruption())
        camera = stack.enter_context(Camera(settings.camera, settings.reopen_seconds))
        classifier = open_classifier(settings)
        pipeline = EmotionPipeline(detector, classifier, settings)
        table = stack.enter_context(LiveFaceTable(csv_path, classifier.class_names))
        streams = LabStreams(pylsl, settings.camera, classifier.class_names) if pylsl else None
        recording = LiveRecording(table, streams)
        window = stack.enter_context(Window(WINDOW_TITLE, settings.window_size))
        print(*KEY_HELP, sep='   ')
        try:
            pace = watch(camera, pipeline, recording, window, interruption, settings.mirror, csv_path)
        finally:
            print(f'Wrote {csv_path}, {table.row_count} rows')
        print(pace)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(prog='emotions_from_webcam.py', description=f'{__doc__.splitlines()[0]} {"   ".join(KEY_HELP)}')
    allow_any_name()
    try:
        with signals_as_ctrl_c():
            settings, _ = read_command_line(parser, WebcamSettings, arguments)
            run(settings)
    except (InputError, OSError) as error:
        sys.exit(f'{parser.prog}: {error}')
    except KeyboardInterrupt:
        sys.exit(f'{parser.prog}: broken off')


if __name__ == '__main__':
    main()
