import time

import numpy as np
import pandas as pd

from emotion_recognition.live.live_table import LiveFaceTable
from emotion_recognition.live.session import LiveSession
from emotion_recognition.media.camera import CameraFrame
from tests.conftest import CLASS_NAMES


def test_the_clock_in_the_table_is_that_of_the_moment_at_which_a_frame_was_read(tmp_path):
    with LiveFaceTable(tmp_path / 'faces.csv', CLASS_NAMES) as table:
        recording = LiveSession(table)
        recording.add(CameraFrame(1, time.perf_counter() - 60, np.zeros((48, 64, 3), np.uint8)), 0.0, [], 0.0)
        recording.mark('1')
    (clock,) = pd.to_datetime(pd.read_csv(tmp_path / 'faces.csv').time)
    assert 60 <= (pd.Timestamp.now(clock.tz) - clock).total_seconds() < 61
