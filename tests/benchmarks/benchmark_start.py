"""Measure the time from the command emotions_from_video.py to the first annotated frame of the demo clip.

    python tests/benchmarks/benchmark_start.py

Two models take turns: one with the shipped conversion next to it, and one without. Without it, the first run has to
make the conversion, and later runs find what it kept. The time ends when the writer has taken the first frame.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL_PATH = ROOT / 'model_weights' / 'model.h5'
SHIPPED_PATHS = sorted(MODEL_PATH.parent.glob('model.openvino.*'))  # the conversion and its hash

# Runs the script itself, and prints the time when the first frame has been written.
TIMED_SCRIPT = """
import sys, time
sys.argv = sys.argv[1:]
import emotions_from_video
from emotion_recognition.media.video_writer import VideoWriter
write = VideoWriter.write
def timed_write(self, timestamp_ms, frame_bgr):
    write(self, timestamp_ms, frame_bgr)
    if not timestamp_ms:
        print('first', time.time())
VideoWriter.write = timed_write
emotions_from_video.main()
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as shipped, tempfile.TemporaryDirectory() as alone:
        shutil.copy(MODEL_PATH, shipped)
        for path in SHIPPED_PATHS:
            shutil.copy(path, shipped)
        shutil.copy(MODEL_PATH, alone)
        for number in range(options.rounds):
            print(f'conversion shipped: {start(sys.executable, Path(shipped))[0]:.1f} s')
            name = 'kept by an earlier run' if number else 'made by this run'
            print(f'conversion {name}: {start(sys.executable, Path(alone))[0]:.1f} s')


def start(python, model_folder):
    """Run the script with the model in a folder. Returns the seconds to the first frame, and to the end."""
    arguments = ['emotions_from_video.py', '--output-filename', model_folder / 'annotated.mp4']
    command = [python, '-c', TIMED_SCRIPT, *arguments, '--model-weights-path', model_folder / 'model.h5']
    started = time.time()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    ended = time.time()
    if done.returncode:
        sys.exit(done.stderr)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith('first '))
    return float(line.split()[1]) - started, ended - started


if __name__ == '__main__':
    main()
