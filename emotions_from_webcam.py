"""Show the camera with a box, the emotion and its confidence on every face, and write a table of them.

Run it; q ends. Another camera, a stream or a video file: python emotions_from_webcam.py --camera 1
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from emotion_recognition.command_line import Parser, one_line_errors, read_command_line
from emotion_recognition.emotions.classifier import open_classifier
from emotion_recognition.faces.detection import open_detector
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.live.lab_streams import LabStreams, import_pylsl
from emotion_recognition.live.live_files import name_table
from emotion_recognition.live.live_table import LiveFaceTable
from emotion_recognition.live.live_view import KEY_HELP, LiveView
from emotion_recognition.live.recording import Recorder
from emotion_recognition.live.session import LiveSession
from emotion_recognition.live.watching import Watch
from emotion_recognition.media.camera import REOPEN_SECONDS, Camera, parse_source
from emotion_recognition.media.camera_sources import TRIED_NUMBERS, list_cameras
from emotion_recognition.pipeline import EmotionPipeline, Models, open_embedder
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
        session = LiveSession(table, streams, stack.enter_context(Recorder(csv_path)))
        print(*KEY_HELP, sep='   ')
        pace = Watch(pipeline, session, window, LiveView(settings.mirror), csv_path).run(camera, interruption)
    print(pace)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(prog='emotions_from_webcam.py', description=f'{__doc__.splitlines()[0]} {"   ".join(KEY_HELP)}')
    parser.add_argument('--list-cameras', action='store_true', help='name the cameras that are there, and end')
    with one_line_errors(parser.prog):
        settings, others = read_command_line(parser, WebcamSettings, arguments)
        if others.list_cameras:
            print_cameras()
        else:
            run(settings)


def print_cameras() -> None:
    """Print a line for each camera.

    Raises:
        InputError: There is none.
    """
    if not (cameras := list_cameras()):
        tried = f'{TRIED_NUMBERS[0]} to {TRIED_NUMBERS[-1]}'
        raise InputError(f'no camera was found at {tried}; a stream or a video file can take its place')
    print(*cameras, sep='\n')


if __name__ == '__main__':
    main()
