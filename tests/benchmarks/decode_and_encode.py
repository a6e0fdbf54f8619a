"""Decode and encode a video with the reader and the writer of this project and nothing between: the limit for a run.

    python tests/benchmarks/decode_and_encode.py clip.mp4 copy.mp4

Prints the seconds that this takes, without Python's start and the imports.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from emotion_recognition.threads import prefetch


def main(video_path, output_path):
    started = time.perf_counter()
    with VideoReader(Path(video_path)) as reader, VideoWriter(Path(output_path), reader) as writer:
        for _, timestamp_ms, picture in prefetch(reader.read_pictures(lazily=True)):
            writer.write(timestamp_ms, writer.to_planes(picture))
    print(time.perf_counter() - started)


if __name__ == '__main__':
    main(*sys.argv[1:])
