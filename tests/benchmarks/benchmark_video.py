"""Compare emotions_from_video.py with the loop that everybody writes (plain_loop.py), on the same clip and model.

    python tests/benchmarks/benchmark_video.py

They run as separate programs, in turn, several times: the loop, the script with --rest none and --no-identity, which
needs one pass, with --no-identity, which sees the video before it draws it, and the script as it is, which also tells
people apart; then decode_and_encode.py, the limit. The first run of the script, which prepares the model, does not
count. Prints frames a second (over the program's complete time, but without the imports for decoding and encoding
alone), the ratios, peak memory, the size of the video, and in how many frames the loop and the single pass have the
same emotions. --new-model-size takes an untrained network instead of the model; that has nothing to learn in the first
of two passes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import pandas as pd
from clips import make_clip

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / 'tests' / 'benchmarks'
MODEL_PATH = ROOT / 'model_weights' / 'model.h5'
CLIPS = {'480p, one face': (854, 480, 1, 15), '1080p, four faces': (1920, 1080, 4, 6)}  # width, height, faces, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--detector-path', default='auto', help='detector here; the plain loop always uses Haar')
    parser.add_argument('--new-model-size', type=int, help='pixels; take an untrained EfficientNetB1 of this size')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model_path = save_new_model(Path(folder), options.new_model_size) if options.new_model_size else MODEL_PATH
        for name, (width, height, face_count, seconds) in CLIPS.items():
            clip = Path(folder) / f'{height}p.mp4'
            frame_count = make_clip_apart(clip, width, height, face_count, seconds)
            print(f'{name}, {frame_count} frames', flush=True)
            compare(clip, frame_count, model_path, options)


def make_clip_apart(*arguments):
    """Make a clip in a process of its own: on Linux, a program's peak memory counts that of the one that starts it."""
    with Pool(1) as pool:
        return pool.apply(make_clip, arguments)


def compare(clip, frame_count, model_path, options):
    ours = partial(this_project, detector_path=options.detector_path)
    programs = {
        'plain loop': plain_loop,
        'one pass': partial(ours, more=['--rest', 'none', '--no-identity']),
        'two passes': partial(ours, more=['--no-identity']),
        'people': ours,
    }
    programs['decoding and encoding alone'] = decode_and_encode
    ours(clip, model_path)
    seconds = {name: [] for name in programs}
    memory, emotions, sizes = {}, {}, {}
    for _ in range(options.rounds):
        for name, program in programs.items():
            taken, memory[name], output, emotions[name] = program(clip, model_path)
            seconds[name].append(taken)
            sizes[name] = output.stat().st_size / 1e6
    for name in programs:
        print(f'  {speed(name, frame_count, seconds, memory)}, video {sizes[name]:.1f} MB')
    for name in ('one pass', 'two passes', 'people'):
        print(f'  {name}: {ratios(seconds["plain loop"], seconds[name])} times as fast as the plain loop')
    for what, name, without in (('the first pass', 'two passes', 'one pass'), ('people', 'people', 'two passes')):
        costs = np.divide(seconds[name], seconds[without]) - 1
        print(f'  {what}: {np.median(costs):.1%} longer ({min(costs):.1%} to {max(costs):.1%})')
    same = np.mean([a == b for a, b in zip(emotions['plain loop'], emotions['one pass'], strict=True)])
    print(f'  same emotions in {same:.1%}', flush=True)


def speed(name, frame_count, seconds, memory):
    """Returns a program's median frames a second, their range and its peak memory as text."""
    speeds = np.divide(frame_count, seconds[name])
    range_text = f'({min(speeds):.1f} to {max(speeds):.1f})'
    return f'{name:28} {np.median(speeds):6.1f} frames/s {range_text}, peak {memory[name]:.0f} MB'


def ratios(dividends, divisors):
    """Returns the median of the ratios of each round and their range as text."""
    values = np.divide(dividends, divisors)
    return f'{np.median(values):#.3g} ({min(values):#.3g} to {max(values):#.3g})'


def plain_loop(clip, model_path):
    output, csv_path = clip.with_name('plain.mp4'), clip.with_name('plain.csv')
    command = [BENCHMARKS / 'plain_loop.py', clip, output, model_path, csv_path]
    seconds, megabytes, _ = run(command)
    table = pd.read_csv(csv_path, keep_default_na=False)
    return seconds, megabytes, output, table.emotions.str.split().tolist()


def this_project(clip, model_path, detector_path, more=()):
    output = clip.with_name(f'{clip.stem}_ours.mp4')  # results of another video are not overwritten
    command = [ROOT / 'emotions_from_video.py', clip, '--output-filename', output, '--model-weights-path', model_path]
    command += ['--smoothing-seconds', '0', '--no-compact', '--detector-path', detector_path, *more]
    seconds, megabytes, _ = run(command)
    faces = pd.read_csv(output.with_name(f'{output.stem}_faces_data.csv')).sort_values(['frame', 'x'])
    by_frame = faces.groupby('frame').emotion.apply(list)
    frames = pd.read_csv(output.with_name(f'{output.stem}_emotions_data.csv')).frame
    return seconds, megabytes, output, [by_frame.get(frame, []) for frame in frames]


def decode_and_encode(clip, _model_path=None):
    """Read and write the clip with nothing between. The seconds are without the start of the program."""
    output = clip.with_name('alone.mp4')
    _, megabytes, printed = run([BENCHMARKS / 'decode_and_encode.py', clip, output])
    return float(printed), megabytes, output, None


def run(command, python=sys.executable):
    """Run a Python program. Returns its seconds, its peak memory in MB and what it printed."""
    with tempfile.TemporaryFile('w+') as printed, tempfile.TemporaryFile('w+') as errors:
        started = time.perf_counter()
        process = subprocess.Popen([python, *command], stdout=printed, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        printed.seek(0)
        errors.seek(0)
        if status:
            sys.exit(f'{errors.read()}{" ".join(map(str, command))} failed')
        kilobytes = usage.ru_maxrss / (1024 if sys.platform == 'darwin' else 1)  # macOS counts in bytes
        return seconds, kilobytes / 1024, printed.read()


def save_new_model(folder, image_size):
    """Build the network that training would begin with, and save it as training does. Returns its path."""
    code = """
import sys, pathlib, model_training
model = model_training.build_model(1, 'none', int(sys.argv[1]))
model_training.save_model(model, pathlib.Path(sys.argv[2]), dict.fromkeys(model_training.EMOTIONS, 1 / 9), 1.0)
"""
    path = folder / 'model.h5'
    subprocess.run([sys.executable, '-c', code, str(image_size), path], cwd=ROOT, check=True)
    return path


if __name__ == '__main__':
    main()
