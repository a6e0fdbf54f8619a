"""How much faster is it to analyse every Nth frame only, and what changes?

    python tests/benchmarks/benchmark_every.py ../shared/videos/*.mp4 examples/demo.mp4

Complete runs of emotions_from_video.py with --every 1, 2, 3 and 5 take turns, with and without the annotated video.
Prints how many times as fast each is as the run on all frames, the number of periods in the table of emotions, and the
share of frames whose emotions are not those of the run on all frames.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
EVERY = (1, 2, 3, 5)
VIDEO = ('--write-video', '--no-write-video')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('clips', nargs='+', type=Path)
    parser.add_argument('--rounds', type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for clip in options.clips:
            compare(clip, Path(folder) / f'{clip.stem}.mp4', options.rounds)


def compare(clip, output, rounds):
    seconds, emotions = {}, {}
    for _ in range(rounds):
        for video in VIDEO:
            for every in EVERY:
                taken = analyse(clip, output, '--every', str(every), video)
                seconds.setdefault((video, every), []).append(taken)
                emotions[every] = pd.read_csv(output.with_name(f'{output.stem}_emotions_data.csv')).emotions
    print(f'{clip.name}, {len(emotions[1])} frames, {count_periods(emotions[1])} periods')
    for every in EVERY[1:]:
        ratios = [np.divide(seconds[video, 1], seconds[video, every]) for video in VIDEO]
        with_video, without = (f'{np.median(values):.2f}' for values in ratios)
        differ = np.mean(emotions[every] != emotions[1])
        print(
            f'  every {every}: {with_video} times as fast with the annotated video, {without} without; '
            f'{count_periods(emotions[every])} periods, other emotions in {differ:.1%} of the frames',
            flush=True,
        )


def analyse(clip, output, *options):
    command = [sys.executable, ROOT / 'emotions_from_video.py', clip, '--output-filename', output, '--no-compact']
    started = time.perf_counter()
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def count_periods(emotions):
    return int((emotions != emotions.shift()).sum())


if __name__ == '__main__':
    main()
