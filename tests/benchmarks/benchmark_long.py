"""How close do long videos come to the limit, which is decoding and encoding alone, and what do options save?

    python tests/benchmarks/benchmark_long.py

On long clips, complete runs of emotions_from_video.py with every frame and every third, with and without the annotated
video, take turns with decode_and_encode.py. Prints frames a second (over the program's complete time, but without the
imports for decoding and encoding alone), peak memory, and the ratios within a round. The slow alternatives are measured
on shorter clips, by benchmark_video.py.
"""

import argparse
import tempfile
from pathlib import Path

from benchmark_video import ROOT, decode_and_encode, make_clip_apart, ratios, run, speed

CLIPS = {'480p, one face': (854, 480, 1, 64), '1080p, four faces': (1920, 1080, 4, 60)}  # width, height, faces, seconds
LIMIT = 'decoding and encoding alone'
DEFAULT, NO_VIDEO, THIRD, THIRD_NO_VIDEO = RUNS = (
    '--every 1',
    '--no-write-video',
    '--every 3',
    '--every 3 --no-write-video',
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        # All that a run imports is read from the disk once, before anything counts.
        analyse(ROOT / 'examples' / 'demo.mp4', Path(folder) / 'demo.mp4', DEFAULT)
        for name, (width, height, face_count, seconds) in CLIPS.items():
            clip = Path(folder) / f'{height}p.mp4'
            frame_count = make_clip_apart(clip, width, height, face_count, seconds)
            print(f'{name}, {frame_count} frames', flush=True)
            compare(clip, frame_count, rounds)


def compare(clip, frame_count, rounds):
    seconds, memory = {}, {}
    for _ in range(rounds):
        for options in RUNS:
            taken, memory[options] = analyse(clip, clip.with_name(f'{clip.stem}_ours.mp4'), options)
            seconds.setdefault(options, []).append(taken)
        taken, memory[LIMIT], *_ = decode_and_encode(clip)
        seconds.setdefault(LIMIT, []).append(taken)
    for name in seconds:
        print(f'  {speed(name, frame_count, seconds, memory)}')
    print(f'  {DEFAULT}: {ratios(seconds[LIMIT], seconds[DEFAULT])} times the speed of {LIMIT}')
    for fast, slow in ((NO_VIDEO, DEFAULT), (THIRD, DEFAULT), (THIRD_NO_VIDEO, NO_VIDEO)):
        print(f'  {fast}: {ratios(seconds[slow], seconds[fast])} times as fast as {slow}', flush=True)


def analyse(clip, output, options):
    command = [ROOT / 'emotions_from_video.py', clip, '--output-filename', output, *options.split()]
    seconds, megabytes, _ = run(command)
    return seconds, megabytes


if __name__ == '__main__':
    main()
