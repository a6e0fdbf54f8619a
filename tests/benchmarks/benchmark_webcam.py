"""Measure how soon emotions_from_webcam.py shows its window, how many frames a second it shows, and how old they are.

    python tests/benchmarks/benchmark_webcam.py

A clip of 1280x720 pixels and 30 frames a second, which plays at its own pace, takes the place of the camera. The window
is a real one, on a separate X server (Xvfb). Each round prints the time from the command to the window, and the closing
line of the script.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clips import make_clip

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.screen import Screen, wait_for_window  # noqa: E402 (found through the line above)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=15)
    parser.add_argument('--faces', type=int, default=1)
    parser.add_argument('--detector-path', default='auto')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Screen(1400, 900) as display:
        clip = Path(folder) / 'camera.mp4'
        make_clip(clip, 1280, 720, options.faces, options.seconds)
        for number in range(options.rounds):
            csv_path = Path(folder) / f'faces_{number}.csv'
            print(*run(clip, csv_path, display, options.detector_path), sep='; ', flush=True)


def run(clip, csv_path, display, detector_path):
    """Play the clip once. Returns when the window appeared, in words, and the last line that the script printed."""
    environment = {**os.environ, 'DISPLAY': display}
    command = [sys.executable, ROOT / 'emotions_from_webcam.py', '--camera', clip, '--csv-path', csv_path]
    command += ['--detector-path', detector_path]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    wait_for_window(display, 'emotions_from_webcam', process)
    seconds = time.perf_counter() - started
    stdout, _ = process.communicate()
    if process.returncode:
        sys.exit('emotions_from_webcam.py failed')
    return f'window after {seconds:.1f} s', stdout.splitlines()[-1]


if __name__ == '__main__':
    main()
