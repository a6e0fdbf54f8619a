"""A real window on a real X server. These tests are skipped if Xvfb and xdotool are not installed."""

import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from tests.conftest import ROOT, picture_times_ms, write_clip
from tests.screen import NEEDS_SCREEN, wait_for_window, xdotool

pytestmark = NEEDS_SCREEN


def test_q_ends_the_video_script_cleanly(tmp_path, display, colour_model_path):
    clip = write_clip(tmp_path / 'long.mp4', range(0, 200_000, 40), size=(160, 120), sound=('aac', 0, 3.0))
    command = [sys.executable, ROOT / 'emotions_from_video.py', clip, '--model-weights-path', colour_model_path]
    process = subprocess.Popen(
        [*command, '--show-process'],
        env={**os.environ, 'DISPLAY': display},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    window = wait_for_window(display, 'emotions_from_video', process)
    time.sleep(1)
    xdotool(display, 'key', '--window', window, 'Left')  # 0xFF51; its last byte is the code of Q
    time.sleep(0.5)
    assert process.poll() is None
    xdotool(display, 'key', '--window', window, 'q')
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert 'q was pressed' in stderr and 'Traceback' not in stderr
    times = picture_times_ms(tmp_path / 'long_with_emotions.mp4')
    assert 1 < len(times) < 5_000
    np.testing.assert_allclose(np.diff(times), 40, atol=1e-6)
    table = pd.read_csv(tmp_path / 'long_with_emotions_emotions_data.csv')
    assert table.frame_end.iloc[-1] == len(times)
    assert f'{len(times)} frames' in stdout
