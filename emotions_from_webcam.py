"""Show the camera with a box, the emotion and its confidence on every face, and write a table of them.

Run it; q ends. Another camera, a stream or a video file: python emotions_from_webcam.py --camera 1
"""

import argparse
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import cv2

from emotion_recognition.camera import REOPEN_SECONDS, Camera, CameraFrame, parse_source
from emotion_recognition.classification import EmotionClassifier
from emotion_recognition.detection import open_detector
from emotion_recognition.drawing import draw_faces, draw_lines, mirror_faces
from emotion_recognition.interaction import Interruption, Window, has_screen
from emotion_recognition.labels import InputError
from emotion_recognition.pace import Pace
from emotion_recognition.pipeline import EmotionPipeline
from emotion_recognition.runtimes import PRECISIONS, RUNTIMES
from emotion_recognition.tables import LiveFaceTable

HERE = Path(__file__).resolve().parent

CAMERA = 0  # number, device path, address of a stream, or video file, which plays at its own pace
MODEL_WEIGHTS_PATH = HERE / 'model_weights' / 'model.h5'
DETECTOR_PATH = HERE / 'face_detector' / 'haarcascade_frontalface_default.xml'  # or YuNet's .onnx file
CSV_PATH = HERE / 'webcam_%Y-%m-%d_%H-%M-%S.csv'  # with the time of the start
TEST_TIME_AUGMENTATION = False  # average six views of each face: more often right, and slower
SMOOTHING_SECONDS = 0.3  # over which each face's probabilities are averaged; 0: each frame by itself
WINDOW_SIZE = 1280  # pixels: larger side of the window as it opens
MIRROR = True  # show it as a mirror does; the table keeps the camera's own left and right
MIN_FACE_SIZE = 48  # pixels; smaller faces are left out
WHOLE_FRAME_EVERY = 10  # frames: how often the whole frame is searched, not only near known faces; 1: always
RUNTIME = 'auto'  # of the network: 'openvino', 'keras', or 'auto' for Keras where it has a GPU
PRECISION = 'auto'  # of OpenVINO: 'f32', or 'auto' for bfloat16 where the processor computes in it

WINDOW_TITLE = 'emotions_from_webcam'
KEY_HELP = 'q or Esc: end   s: save picture   space: pause'
KEY_HELP_SECONDS = 5
WAIT_SECONDS = 0.05  # for a frame, before keys are looked after again


def watch(
    camera: Camera,
    pipeline: EmotionPipeline,
    table: LiveFaceTable,
    window: Window,
    interruption: Interruption,
    mirror: bool = MIRROR,
    picture_path: Path = CSV_PATH,
) -> Pace:
    """Show the camera's newest frame with its faces until the user or the camera ends it.

    Args:
        camera: of the frames.
        pipeline: for their faces.
        table: gets the faces; times count from the first frame.
        window: gets the frames.
        interruption: ends it.
        mirror: show mirror images.
        picture_path: of the pictures that the user saves, which get a number.

    Returns:
        How fast the frames were shown.

    Raises:
        InputError: the camera was lost.
    """
    pace, start, shown_bgr, is_paused, saved = Pace(), None, None, False, 0
    while not (interruption.reason or camera.ended):
        frame = camera.read_newest(WAIT_SECONDS)
        if frame is None or is_paused:
            reason = window.poll()
        else:
            start = frame.time if start is None else start
            ms = (frame.time - start) * 1000
            faces = pipeline.process(frame.picture_bgr, ms)
            table.add(frame.number, round(ms, 3), faces)
            shown_bgr = draw(frame, faces, mirror, pace.frame_rate, ms < KEY_HELP_SECONDS * 1000)
            reason = window.show(shown_bgr)
            pace.add(frame.time)
        if reason:
            interruption.request(reason)
        if window.key == ' ':
            is_paused = not is_paused
        if window.key == 's' and shown_bgr is not None:
            saved += 1
            save_picture(picture_path.with_name(f'{picture_path.stem}_{saved}.png'), shown_bgr)
    return pace


def draw(frame: CameraFrame, faces, mirror: bool, frame_rate: float, with_help: bool):
    """The picture that is shown, (height, width, 3) uint8, BGR."""
    picture_bgr = frame.picture_bgr
    if mirror:
        picture_bgr = cv2.flip(picture_bgr, 1)
        faces = mirror_faces(faces, picture_bgr.shape[1])
    draw_faces(picture_bgr, faces)
    draw_lines(picture_bgr, [f'{frame_rate:.0f} frames/s', KEY_HELP][: 1 + with_help])
    return picture_bgr


def save_picture(path: Path, picture_bgr) -> None:
    """Save a picture as PNG and say so, or why not."""
    try:
        path.write_bytes(cv2.imencode('.png', picture_bgr)[1])
        print(f'Saved {path}')
    except OSError as error:
        print(f'{path}: cannot be written ({error.strerror})', file=sys.stderr)


def parse_options(arguments=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Show the camera with the emotion of every face. ' + KEY_HELP)
    parser.add_argument(
        '--camera', type=parse_source, default=CAMERA, help='number, device, stream or video file; default: %(default)s'
    )
    parser.add_argument('--model-weights-path', type=Path, default=MODEL_WEIGHTS_PATH, help='default: %(default)s')
    parser.add_argument('--detector-path', type=Path, default=DETECTOR_PATH, help='default: %(default)s')
    parser.add_argument(
        '--csv-path', type=Path, default=CSV_PATH, help='%%Y and so on stand for the start; default: %(default)s'
    )
    switch = {'action': argparse.BooleanOptionalAction, 'help': 'default: %(default)s'}
    parser.add_argument('--test-time-augmentation', default=TEST_TIME_AUGMENTATION, **switch)
    parser.add_argument('--mirror', default=MIRROR, **switch)
    parser.add_argument(
        '--smoothing-seconds', type=float, default=SMOOTHING_SECONDS, help='0 turns it off; default: %(default)s'
    )
    parser.add_argument('--window-size', type=int, default=WINDOW_SIZE, help='pixels; default: %(default)s')
    parser.add_argument('--min-face-size', type=int, default=MIN_FACE_SIZE, help='pixels; default: %(default)s')
    parser.add_argument(
        '--whole-frame-every', type=int, default=WHOLE_FRAME_EVERY, help='frames, for Haar; default: %(default)s'
    )
    parser.add_argument('--runtime', choices=RUNTIMES, default=RUNTIME, help='of the network; default: %(default)s')
    parser.add_argument('--precision', choices=PRECISIONS, default=PRECISION, help='of OpenVINO; default: %(default)s')
    parser.add_argument(
        '--reopen-seconds', type=float, default=REOPEN_SECONDS, help='to look for a lost camera; default: %(default)s'
    )
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    """Open everything, watch, and say what was written.

    Raises:
        InputError: the camera, the model, the detector or an option is wrong, or there is no screen.
    """
    if not has_screen():
        raise InputError('no screen here for a window; emotions_from_video.py needs none, for recorded videos')
    detector = open_detector(options.detector_path, options.min_face_size, options.whole_frame_every)
    csv_path = Path(datetime.now().strftime(str(options.csv_path)))
    with ExitStack() as stack:
        interruption = stack.enter_context(Interruption())
        camera = stack.enter_context(Camera(options.camera, options.reopen_seconds))
        classifier = EmotionClassifier(options.model_weights_path, options.runtime, options.precision)
        pipeline = EmotionPipeline(detector, classifier, options.test_time_augmentation, options.smoothing_seconds)
        table = stack.enter_context(LiveFaceTable(csv_path, classifier.class_names))
        window = stack.enter_context(Window(WINDOW_TITLE, options.window_size))
        print(KEY_HELP)
        try:
            pace = watch(camera, pipeline, table, window, interruption, options.mirror, csv_path)
        finally:
            print(f'Wrote {csv_path}, {table.row_count} rows')
        print(pace)


def main(arguments=None) -> None:
    try:
        run(parse_options(arguments))
    except (InputError, OSError) as error:
        sys.exit(f'emotions_from_webcam.py: {error}')
    except KeyboardInterrupt:
        sys.exit('emotions_from_webcam.py: broken off')


if __name__ == '__main__':
    main()
