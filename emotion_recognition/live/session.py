"""A live session: takes its faces, and the marks that the user sets, to the table, the streams and recordings."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from emotion_recognition.labels import FaceEmotion
from emotion_recognition.live.lab_streams import LabStreams
from emotion_recognition.live.live_table import LiveFaceTable
from emotion_recognition.live.recording import Recorder
from emotion_recognition.media.camera import CameraFrame

MARK_KEYS = tuple('123456789')
MARK_SECONDS = 1.0  # how long the window shows a mark


class LiveSession:
    """Takes each frame's faces, and the marks, to the table and the streams, and its picture to the recording.

    Args:
        table: Table that the faces and marks are written to.
        streams: Streams that they are also sent to, or None.
        recorder: Records the pictures, or None.

    Attributes:
        recorder: The same.
    """

    def __init__(self, table: LiveFaceTable, streams: LabStreams | None = None, recorder: Recorder | None = None):
        self._table, self._streams, self.recorder = table, streams, recorder
        self._mark, self._mark_time = '', -MARK_SECONDS

    def add(self, frame: CameraFrame, timestamp_ms: float, faces: Sequence[FaceEmotion], watched_ms: float) -> None:
        """Add the next frame, which has just been shown.

        Args:
            frame: The frame as it was read.
            timestamp_ms: Its time since the first frame, in milliseconds.
            faces: Its faces, in the order of their numbers.
            watched_ms: The same time less that of all pauses, which recordings leave out.
        """
        recorded = self.recorder.add(watched_ms, frame.picture_bgr) if self.recorder else None
        read_at = datetime.now().astimezone() - timedelta(seconds=time.perf_counter() - frame.time)
        self._table.add(frame.number, round(timestamp_ms, 3), faces, read_at, recorded)
        if self._streams:
            self._streams.add(frame.number, frame.time, faces)

    def mark(self, key: str | None) -> bool:
        """Set a mark if a key that was pressed while the newest frame was shown is for one. Returns whether it is."""
        if key not in MARK_KEYS:
            return False
        self._mark, self._mark_time = key, time.perf_counter()
        self._table.mark(key)
        if self._streams:
            self._streams.mark(key)
        return True

    def describe(self) -> list[str]:
        """The lines that the window shows about a recording, and about a mark that has just been set."""
        lines = self.recorder.describe() if self.recorder else []
        return [*lines, *([f'mark {self._mark}'] if time.perf_counter() < self._mark_time + MARK_SECONDS else [])]
