"""Analyse many short clips in turn, and at once on Ray on this machine, with one or two cores for each clip.

    python tests/benchmarks/benchmark_cluster.py

The clips are 480p with one face. Prints the seconds for all clips, with the start, and frames a second. Then prints
what a video costs in addition to its frames. For this, two runs get different numbers of clips of a single frame; their
difference in time is divided by the difference in number, which leaves the start out.
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
            spread = f'{np.median(values):.1f} s ({min(values):.1f} to {max(values):.1f})'
            print(f'{name}: {spread}, {frames / np.median(values):.1f} frames/s', flush=True)
        stills = [Path(folder) / f'still_{number}.mp4' for number in range(MANY)]
        for still in stills:
            make_clip(still, 854, 480, 1, 1 / 30)
        for name, arguments in WAYS.items():
            few, many = (min(run([*arguments, *stills[:count]]) for _ in range(2)) for count in (FEW, MANY))
            print(f'{name}: {1000 * (many - few) / (MANY - FEW):.0f} ms for a video of one frame', flush=True)


def run(arguments):
    """Run the script. Returns the seconds that it takes."""
    started = time.perf_counter()
    command = [sys.executable, ROOT / 'emotions_from_video.py', *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - started


if __name__ == '__main__':
    main()
