"""How fast emotions_from_webcam.py shows a 1280x720 camera of 30 frames a second, how old they are, how fast it starts.

    python tests/benchmarks/benchmark_webcam.py

A clip that plays at its own pace stands in for the camera; the window is a real one, on an X server of its own (Xvfb).
Each round prints the time from the command to the window, and the script's own closing line.
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
SCREEN = '1400x900x24'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=15)
    parser.add_argument('--faces', type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Screen() as display:
        clip = Path(folder) / 'camera.mp4'
        make_clip(clip, 1280, 720, options.faces, options.seconds)
        for _ in range(options.rounds):
            print(*run(clip, Path(folder) / 'faces.csv', display), sep='; ', flush=True)


class Screen:
    """An X server; its `with` block gives its name."""

    def __enter__(self):
        read_end, write_end = os.pipe()
        command = ['Xvfb', '-displayfd', str(write_end), '-screen', '0', SCREEN, '-nolisten', 'tcp', '-noreset']
        self._server = subprocess.Popen(command, pass_fds=[write_end], stderr=subprocess.DEVNULL)
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            return f':{pipe.readline().strip()}'

    def __exit__(self, *exception):
        self._server.terminate()
        self._server.wait()


def run(clip, csv_path, display):
    """Play the clip once. Returns the seconds until the window was there, and the last line that the script printed."""
    environment = {**os.environ, 'DISPLAY': display}
    command = [sys.executable, ROOT / 'emotions_from_webcam.py', '--camera', clip, '--csv-path', csv_path]
    search = ['xdotool', 'search', '--onlyvisible', '--name', 'emotions_from_webcam']
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    while process.poll() is None and subprocess.run(search, env=environment, capture_output=True).returncode:
        time.sleep(0.02)
    seconds = time.perf_counter() - started
    stdout, _ = process.communicate()
    if process.returncode:
        sys.exit('emotions_from_webcam.py failed')
    return f'window after {seconds:.1f} s', stdout.splitlines()[-1]


if __name__ == '__main__':
    main()
