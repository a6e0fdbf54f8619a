"""From the command to the first written frame of emotions_from_video.py, on the demo clip.

    python tests/benchmarks/benchmark_start.py

The first run has no prepared model; later ones do. The time ends when the writer takes the first annotated frame.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The script itself, with a clock at the writer.
TIMED_SCRIPT = """
import sys, time
sys.argv = sys.argv[1:]
import emotions_from_video
write = emotions_from_video.VideoWriter.write
def timed_write(self, timestamp_ms, frame_bgr):
    write(self, timestamp_ms, frame_bgr)
    if not timestamp_ms:
        print('first', time.time())
emotions_from_video.VideoWriter.write = timed_write
emotions_from_video.main()
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model_path = Path(folder) / 'model.h5'
        shutil.copy(ROOT / 'model_weights' / 'model.h5', model_path)
        for number in range(options.rounds):
            seconds = start(model_path, Path(folder) / 'annotated.mp4')
            print(f'{"model prepared by this run" if not number else "model prepared before"}: {seconds:.1f} s')


def start(model_path, output_path):
    command = [sys.executable, '-c', TIMED_SCRIPT, 'emotions_from_video.py', '--output-filename', output_path]
    started = time.time()
    done = subprocess.run([*command, '--model-weights-path', model_path], cwd=ROOT, capture_output=True, text=True)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith('first '))
    return float(line.split()[1]) - started


if __name__ == '__main__':
    main()
