"""What is kept of a live run: its faces, and the marks that the user sets while it goes on."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from emotion_recognition.labels import FaceEmotion
from emotion_recognition.live.lab_streams import LabStreams
from emotion_recognition.live.live_table import LiveFaceTable
from emotion_recognition.media.camera import CameraFrame

MARK_KEYS = tuple('123456789')
MARK_SECONDS = 1.0  # for which the window shows a mark


class LiveSession:
    """Takes each frame's faces, and the marks, to the table and the streams.

    Args:
        table: gets the faces and marks.
        streams: get them too, None for none.
    """

    def __init__(self, table: LiveFaceTable, streams: LabStreams | None = None):
        self._table, self._streams = table, streams
        self._mark, self._marked = '', -MARK_SECONDS

    def add(self, frame: CameraFrame, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Take the next frame, which has just been shown, with its faces; times count from the first frame."""
        read_at = datetime.now().astimezone() - timedelta(seconds=time.perf_counter() - frame.time)
        self._table.add(frame.number, round(timestamp_ms, 3), faces, read_at)
        if self._streams:
            self._streams.add(frame.number, frame.time, faces)

    def mark(self, key: str | None) -> bool:
        """Take a key that was pressed while the newest frame was shown. Returns whether it is a mark."""
        if key not in MARK_KEYS:
            return False
        self._mark, self._marked = key, time.perf_counter()
        self._table.mark(key)
        if self._streams:
            self._streams.mark(key)
        return True

    def describe(self) -> list[str]:
        """What the window shows of a mark that was set just now."""
        return [f'mark {self._mark}'] if time.perf_counter() < self._marked + MARK_SECONDS else []
