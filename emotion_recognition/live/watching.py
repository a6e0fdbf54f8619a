"""Watching a camera: shows its newest frame with the faces, and does what the keys say."""

import sys
from pathlib import Path

from emotion_recognition.emotions.references import References
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import FaceEmotion, InputError
from emotion_recognition.live.live_files import save_pictures
from emotion_recognition.live.live_view import KEY_HELP, KEY_HELP_SECONDS, LiveView, describe_references
from emotion_recognition.live.pace import Pace
from emotion_recognition.live.session import LiveSession
from emotion_recognition.media.camera import Camera, CameraFrame
from emotion_recognition.pipeline import EmotionPipeline
from emotion_recognition.window import Window

REST_SECONDS = 3  # after b, in which faces should be at rest
WAIT_SECONDS = 0.05  # for a frame, before the keys are checked again


class Watch:
    """Shows frames until the user or the camera ends it.

    In a pause the newest frame stays, and time stands still for all that depends on it but the table's `ms`: face
    numbers, smoothing, confirmation, references at rest and recordings go on as if the pause had not been.

    Args:
        pipeline: Gives the faces.
        session: Takes the faces and marks; times count from the first frame.
        window: Shows the frames.
        view: Draws them.
        table_path: Path of the table, next to which the user saves pictures.
    """

    def __init__(
        self, pipeline: EmotionPipeline, session: LiveSession, window: Window, view: LiveView, table_path: Path
    ):
        self._pipeline, self._session, self._window, self._view = pipeline, session, window, view
        self._table_path = table_path
        self._pace = Pace()
        self._is_paused, self._mark_in_pause = False, []
        self._start: float | None = None  # when the first frame was read
        self._newest = 0.0  # when the newest one was, shown or not
        self._paused_ms = 0.0
        self._watched_ms = 0.0  # time of the frame that is shown, less that of all pauses
        self._frame: CameraFrame | None = None  # that is shown
        self._faces: list[FaceEmotion] = []
        self._shown_bgr = None

    def run(self, camera: Camera, interruption: Interruption) -> Pace:
        """Show the camera's frames.

        Args:
            camera: Gives the frames.
            interruption: Ends it.

        Returns:
            How fast the frames were shown.

        Raises:
            InputError: The camera, the window or the table was lost.
        """
        while not (interruption.reason or (camera.ended and not self._is_paused)):
            frame = camera.read_newest(WAIT_SECONDS)
            if frame is not None:
                self._count_time(frame)
            if self._is_paused:
                interruption.request(self._show())
                if self._session.mark(self._window.key):
                    self._mark_in_pause = [f'mark {self._window.key}']  # stays until the pause ends
            elif frame is None:
                interruption.request(self._window.poll())
                self._session.mark(self._window.key)
            else:
                interruption.request(self._show_next(frame))
            self._obey(self._window.key)
        return self._pace

    def _count_time(self, frame):
        self._start = frame.time if self._start is None else self._start
        if self._is_paused:
            self._paused_ms += (frame.time - max(self._newest, self._start)) * 1000
        self._newest = frame.time

    def _show_next(self, frame):
        """Show the next frame. Returns why the user wants to end, or None to go on."""
        ms = (frame.time - self._start) * 1000
        self._frame, self._watched_ms = frame, ms - self._paused_ms
        self._faces = self._pipeline.process(frame.picture_bgr, self._watched_ms)
        self._view.recent.add(self._watched_ms, self._faces)
        reason = self._show()
        self._session.mark(self._window.key)  # before the frame is added: the key was pressed during the previous one
        self._session.add(frame, ms, self._faces, self._watched_ms)
        self._pace.add(frame.time)
        return reason

    def _show(self):
        """Show the frame that was taken last. Returns why the user wants to end, or None to go on."""
        if self._frame is None:  # paused before the first one
            return self._window.poll()
        references = describe_references(self._pipeline.references, self._faces, self._watched_ms)
        lines = ['paused'] if self._is_paused else [f'{self._pace.frame_rate:.0f} frames/s']
        lines += [*references, *self._session.describe()]
        lines += [line for line in self._mark_in_pause if line not in lines]
        help_lines = KEY_HELP if self._watched_ms < KEY_HELP_SECONDS * 1000 else ()
        self._shown_bgr = self._view.draw(self._frame.picture_bgr, self._faces, lines, help_lines)
        return self._window.show(self._shown_bgr)

    def _obey(self, key):
        if key == ' ':
            self._is_paused, self._mark_in_pause = not self._is_paused, []
            if not self._is_paused:
                self._pipeline.begin_scene()
                self._pace.end_pause()
        if key == 'b' and not self._is_paused:
            begin_rest(self._pipeline.references, self._watched_ms)
        if key == 'c':
            self._view.shows_curves = not self._view.shows_curves
        if key == 'r' and self._session.recorder:
            self._session.recorder.begin_or_end()
        if key == 's' and self._frame is not None:
            save_pictures(self._table_path, self._shown_bgr, self._frame.picture_bgr)


def begin_rest(references: References, ms: float) -> None:
    """Let the faces that are seen from a time in milliseconds on be at rest for a while, or print why not."""
    try:
        references.begin_span(ms, ms + REST_SECONDS * 1000)
    except InputError as error:
        print(error, file=sys.stderr)
