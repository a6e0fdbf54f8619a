"""Does the memory of emotions_from_video.py grow with the length of the video?

    python tests/benchmarks/benchmark_memory.py

The demo clip is made small and repeated. Prints the frames, the peak memory and the processor time for each length. It
needs Linux or macOS, because Windows has no wait4.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av

ROOT = Path(__file__).resolve().parents[2]
MINUTES = (1, 4)  # lengths of the clips
WIDTH, HEIGHT = 320, 180  # pixels: small, so that a long clip takes minutes and not hours


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, nargs='+', default=MINUTES, help='length of each clip')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for minutes in options.minutes:
            clip = Path(folder) / f'{minutes:g}_minutes.mp4'
            frames = make_clip(clip, minutes * 60)
            megabytes, seconds = measure(clip)
            spent = f'peak {megabytes:.0f} MB, {seconds:.0f} s of processor time'
            print(f'{minutes:g} min, {frames} frames: {spent}', flush=True)


def make_clip(path, seconds):
    """Repeat the demo clip for a number of seconds. Returns the number of frames."""
    with av.open(str(ROOT / 'examples' / 'demo.mp4')) as source:
        pictures = [frame.reformat(WIDTH, HEIGHT, 'yuv420p') for frame in source.decode(video=0)]
        rate = source.streams.video[0].average_rate
    frame_count = round(seconds * rate)
    with av.open(str(path), 'w') as target:
        stream = target.add_stream('libx264', rate=rate, options={'preset': 'ultrafast'})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, 'yuv420p'
        for number in range(frame_count):
            picture = pictures[number % len(pictures)]
            picture.pts, picture.time_base = number, Fraction(1) / rate
            target.mux(stream.encode(picture))
        target.mux(stream.encode(None))
    return frame_count


def measure(clip):
    """Run the script on a clip. Returns its peak memory in MB and its processor time in seconds."""
    process = subprocess.Popen(
        [sys.executable, ROOT / 'emotions_from_video.py', clip], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f'emotions_from_video.py failed on {clip}')
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == 'darwin' else 1)  # macOS counts in bytes
    return kilobytes / 1024, usage.ru_utime + usage.ru_stime


if __name__ == '__main__':
    main()
