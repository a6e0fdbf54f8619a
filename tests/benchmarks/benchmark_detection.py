"""Compare what Haar and YuNet find and cost, in every whole frame and near known faces.

    python tests/benchmarks/benchmark_detection.py [clip.mp4 ...]

Without clips, it takes the demo clip and makes one of 1920x1080 pixels with four faces. For each
clip and each way of searching it prints:

- faces: how many were found;
- recall: how many were found of the faces that Haar or YuNet finds in the same frame when searching every whole frame;
- alone: faces that neither of these two whole-frame searches finds there;
- single: faces with no other at the same place in the previous and the next frame, which are often false;
- milliseconds a frame on one thread.

--pictures saves the frames in which the two whole-frame searches differ, with boxes: Haar's red, YuNet's green.
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

from emotion_recognition.faces.boxes import boxes_of, intersection_over_union  # noqa: E402 (found through the line above)
from emotion_recognition.faces.detection import open_detector  # noqa: E402
from emotion_recognition.faces.nearby import NearbySearch  # noqa: E402
from emotion_recognition.media.video import VideoReader  # noqa: E402
from emotion_recognition.settings import Settings  # noqa: E402

SAME_IOU = 0.3  # above this, two boxes are of the same face; those of the two detectors differ by up to a half
COLOURS_BGR = {'haar whole': (0, 0, 255), 'yunet whole': (0, 255, 0)}
WHOLE = tuple(COLOURS_BGR)


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
            found, milliseconds = search(clip, options.pictures)
            print(f'{clip.name}: {len(found[WHOLE[0]])} frames')
            for name, frames in found.items():
                print(f'  {name:13}{describe(frames, found)}, {milliseconds[name]:.1f} ms', flush=True)


def search(clip, pictures):
    """Returns the boxes in each frame, and milliseconds a frame, for each way of searching."""
    detectors = {
        f'{name} {way}': NearbySearch(open_detector(Settings(detector_path=name)), every)
        for name in ('haar', 'yunet')
        for way, every in (('whole', 1), ('nearby', Settings.whole_frame_every))
    }
    found, seconds = {name: [] for name in detectors}, dict.fromkeys(detectors, 0.0)
    with VideoReader(clip) as reader:
        for frame_number, _, frame_bgr in reader.read_frames():
            for name, detector in detectors.items():
                started = time.thread_time()
                faces = detector.detect(frame_bgr)
                seconds[name] += time.thread_time() - started
                found[name].append(boxes_of(faces))
            haar, yunet = (found[name][-1] for name in WHOLE)
            if pictures and (missing(haar, yunet) or missing(yunet, haar)):
                save(pictures / f'{clip.stem}_{frame_number}.png', frame_bgr, found)
    return found, {name: value / len(found[name]) * 1000 for name, value in seconds.items()}


def describe(frames, found):
    expected = recalled = alone = single = 0
    for number, boxes in enumerate(frames):
        haar, yunet = (found[name][number] for name in WHOLE)
        union = [*yunet, *missing(haar, yunet)]
        expected += len(union)
        recalled += len(union) - len(missing(union, boxes))
        alone += len(missing(boxes, union))
        around = [box for other in (number - 1, number + 1) if 0 <= other < len(frames) for box in frames[other]]
        single += len(missing(boxes, around))
    count = sum(map(len, frames))
    share = f'{recalled / expected:.1%}' if expected else 'none'
    return f'{count:5} faces, recall {share:>6} of {expected}, {alone:3} alone, {single:3} single'


def missing(boxes, others):
    """Returns the boxes that have no other at the same place."""
    return [
        box for box in boxes if intersection_over_union([box], list(others) or [(0, 0, 0, 0)]).max(initial=0) < SAME_IOU
    ]


def save(path, frame_bgr, found):
    picture = frame_bgr.copy()
    for name, colour in COLOURS_BGR.items():
        for x, y, width, height in found[name][-1]:
            cv2.rectangle(picture, (x, y), (x + width, y + height), colour, 2)
    cv2.imwrite(str(path), picture)


if __name__ == '__main__':
    main()
