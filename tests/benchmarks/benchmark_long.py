"""How fast are long videos, beside decoding and encoding alone, the plain loop, and the fer package?

    python tests/benchmarks/benchmark_long.py [--fer ../fer_environment/bin/python]

On long clips, complete runs of emotions_from_video.py with every frame and every third, with and without the annotated
video, take turns with decode_and_encode.py, which is the limit. The slow programs take their turns on the first seconds
of the same clips: plain_loop.py and, with --fer, the fer package with both of its detectors (fer_loop.py). Prints
frames a second (over a program's complete time, but without the imports for decoding and encoding alone), peak memory,
and the ratios within a round.
"""

import argparse
import shutil
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from benchmark_video import (
    BENCHMARKS,
    MODEL_PATH,
    ROOT,
    decode_and_encode,
    make_clip_apart,
    plain_loop,
    ratios,
    run,
    speed,
)

# width, height, faces, seconds, and the seconds that slow programs take
CLIPS = {'480p, one face': (854, 480, 1, 64, 15), '1080p, four faces': (1920, 1080, 4, 60, 6)}
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
    parser.add_argument('--fer', metavar='PYTHON', help='Python of an environment with fer==25.10.3; measure that too')
    options = parser.parse_args()
    slow = {'plain loop': partial(plain_loop, model_path=MODEL_PATH)}
    if options.fer:
        if not shutil.which(options.fer):
            parser.error(f'--fer: {options.fer} is not a program; name the Python of an environment with fer==25.10.3')
        run(['-c', 'import fer.fer'], options.fer)
        slow['fer, Haar'] = partial(fer_package, options.fer, 'haar')
        slow['fer, MTCNN'] = partial(fer_package, options.fer, 'mtcnn')
    with tempfile.TemporaryDirectory() as folder:
        # All that a run imports is read from the disk once, before anything counts.
        analyse(DEFAULT, ROOT / 'examples' / 'demo.mp4', Path(folder) / 'demo.mp4')
        for name, (width, height, face_count, seconds, slow_seconds) in CLIPS.items():
            clips = {}
            for kind, length in (('long', seconds), ('short', slow_seconds)):
                clip = Path(folder) / f'{height}p_{kind}.mp4'
                clips[kind] = clip, make_clip_apart(clip, width, height, face_count, length)
            print(f'{name}, {clips["long"][1]} frames; slow programs: {clips["short"][1]}', flush=True)
            compare(clips, slow, options.rounds)


def compare(clips, slow, rounds):
    programs = {options: (partial(analyse, options), *clips['long']) for options in RUNS}
    programs[LIMIT] = decode_and_encode, *clips['long']
    programs |= {name: (program, *clips['short']) for name, program in slow.items()}
    seconds, memory = {name: [] for name in programs}, {}
    for _ in range(rounds):
        for name, (program, clip, _) in programs.items():
            taken, memory[name], *_ = program(clip)
            seconds[name].append(taken)
    a_frame = {name: np.divide(seconds[name], frame_count) for name, (_, _, frame_count) in programs.items()}
    for name, (_, _, frame_count) in programs.items():
        print(f'  {speed(name, frame_count, seconds, memory)}')
    faster = [(NO_VIDEO, DEFAULT), (THIRD, DEFAULT), (THIRD_NO_VIDEO, NO_VIDEO), (DEFAULT, LIMIT)]
    for fast, other in [*faster, *((DEFAULT, name) for name in slow)]:
        print(f'  {fast}: {ratios(a_frame[other], a_frame[fast])} times as fast as {other}', flush=True)


def analyse(options, clip, output=None):
    output = output or clip.with_name(f'{clip.stem}_ours.mp4')
    command = [ROOT / 'emotions_from_video.py', clip, '--output-filename', output, *options.split()]
    seconds, megabytes, _ = run(command)
    return seconds, megabytes


def fer_package(python, detector, clip):
    seconds, megabytes, _ = run([BENCHMARKS / 'fer_loop.py', clip, clip.parent, detector], python)
    return seconds, megabytes


if __name__ == '__main__':
    main()
