"""Many short clips one after the other, and at once on a Ray of this machine, by how many cores a clip claims.

    python tests/benchmarks/benchmark_cluster.py

480p, one face. Prints seconds of all, start included, and frames a second; then what a video costs beside its frames:
the difference of two runs with clips of a single frame, divided by how many more the second has, so that the start does
not count.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from clips import make_clip

ROOT = Path(__file__).resolve().parents[2]
WAYS = {'in turn': [], 'Ray, a core each': ['--ray'], 'Ray, two cores each': ['--ray', '--threads', '2']}
FEW, MANY = 8, 48  # clips of one frame


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--clips', type=int, default=16)
    parser.add_argument('--seconds', type=float, default=6)
    parser.add_argument('--rounds', type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clips = [Path(folder) / f'{number}.mp4' for number in range(options.clips)]
        frames = sum(make_clip(clip, 854, 480, 1, options.seconds) for clip in clips)
        seconds = {name: [] for name in WAYS}
        for _ in range(options.rounds):
            for name, arguments in WAYS.items():
                seconds[name].append(run([*arguments, *clips]))
        for name, values in seconds.items():
            told = f'{np.median(values):.1f} s ({min(values):.1f} to {max(values):.1f})'
            print(f'{name}: {told}, {frames / np.median(values):.1f} frames/s', flush=True)
        stills = [Path(folder) / f'still_{number}.mp4' for number in range(MANY)]
        for still in stills:
            make_clip(still, 854, 480, 1, 1 / 30)
        for name, arguments in WAYS.items():
            few, many = (min(run([*arguments, *stills[:count]]) for _ in range(2)) for count in (FEW, MANY))
            print(f'{name}: {1000 * (many - few) / (MANY - FEW):.0f} ms for a video of one frame', flush=True)


def run(arguments):
    """Seconds that the script takes."""
    started = time.perf_counter()
    command = [sys.executable, ROOT / 'emotions_from_video.py', *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - started


if __name__ == '__main__':
    main()
