"""What searching near known faces finds and costs, against the plain search of every frame.

    python tests/benchmarks/benchmark_detection.py [clip.mp4 ...]

Without clips: the demo clip and a made one of 1920x1080 pixels with four faces. Prints for each clip how many of the
plain search's faces of 64 px and more are found in the same frame, how many boxes have no plain counterpart there (a
face that the plain search missed, or a false one: --pictures saves them to be looked at), and the milliseconds that
both take per frame on one thread.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import cv2
from clips import make_clip

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from emotion_recognition.boxes import intersection_over_union  # noqa: E402 (found through the line above)
from emotion_recognition.detection import HaarFaceDetector, open_detector  # noqa: E402
from emotion_recognition.video import VideoReader  # noqa: E402

CASCADE_PATH = ROOT / 'face_detector' / 'haarcascade_frontalface_default.xml'
SMALLEST = 64  # pixels
FOUND_IOU, OTHER_IOU = 0.5, 0.3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('clips', nargs='*', type=Path)
    parser.add_argument('--pictures', type=Path, help='folder')
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / '1080p_four_faces.mp4'
        if not options.clips:
            make_clip(made, 1920, 1080, 4, 3)
        for clip in options.clips or [ROOT / 'examples' / 'demo.mp4', made]:
            compare(clip, options.pictures)


def compare(clip, pictures):
    detectors = {'plain': HaarFaceDetector(CASCADE_PATH), 'nearby': open_detector(CASCADE_PATH)}
    seconds = dict.fromkeys(detectors, 0.0)
    frame_count = expected = found = others = 0
    with VideoReader(clip) as reader:
        for frame_number, _, frame_bgr in reader.read_frames():
            frame_count = frame_number
            boxes = {}
            for name, detector in detectors.items():
                started = time.thread_time()
                boxes[name] = detector.detect(frame_bgr)
                seconds[name] += time.thread_time() - started
            large = boxes['plain'][boxes['plain'][:, 2] >= SMALLEST]
            expected += len(large)
            found += sum(overlap(box, boxes['nearby']) >= FOUND_IOU for box in large)
            new = [box for box in boxes['nearby'] if overlap(box, boxes['plain']) < OTHER_IOU]
            others += len(new)
            for x, y, width, height in new if pictures else []:
                path = pictures / f'{clip.stem}_{frame_number}_{x}.png'
                cv2.imwrite(str(path), frame_bgr[y : y + height, x : x + width])
    times = ', '.join(f'{name} {value / frame_count * 1000:.1f} ms' for name, value in seconds.items())
    print(f'{clip.name}: {frame_count} frames, {found} of {expected} faces found, {others} others; {times}', flush=True)


def overlap(box, others):
    return intersection_over_union([box], others).max(initial=0)


if __name__ == '__main__':
    main()
