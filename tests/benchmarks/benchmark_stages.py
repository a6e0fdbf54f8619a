"""Measure where the time of a video goes: each stage by itself, on shorter versions of benchmark_video.py's clips.

    python tests/benchmarks/benchmark_stages.py [--detector-path haar]

Prints milliseconds a frame: processor time of all cores together, and the time on the clock. In a real run the stages
overlap, so the limit is the sum of their processor time, shared by the cores.
"""

import argparse
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from benchmark_video import CLIPS, ROOT
from clips import make_clip

sys.path.insert(0, str(ROOT))

from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.faces.boxes import boxes_of
from emotion_recognition.faces.crops import align_face
from emotion_recognition.faces.detection import open_detector
from emotion_recognition.faces.nearby import NearbySearch
from emotion_recognition.faces.scene_cuts import SceneCuts
from emotion_recognition.faces.tracking import FaceTracker
from emotion_recognition.groups import in_groups
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from emotion_recognition.pipeline import EmotionPipeline, Models
from emotion_recognition.results.drawing import draw_faces
from emotion_recognition.settings import MODEL_WEIGHTS_PATH, Settings

SECONDS = 4  # length of each clip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--detector-path', default='auto')
    settings = Settings(detector_path=parser.parse_args().detector_path)
    classifier = EmotionClassifier(MODEL_WEIGHTS_PATH)
    for name, (width, height, face_count, _) in CLIPS.items():
        print(name)
        with tempfile.TemporaryDirectory() as folder:
            clip = Path(folder) / 'clip.mp4'
            make_clip(clip, width, height, face_count, SECONDS)
            measure(clip, Models(open_detector(settings), classifier), settings)


def measure(clip, models, settings):
    with VideoReader(clip) as reader, VideoWriter(clip.with_name('copy.mp4'), reader) as writer:
        frames = timed('read', lambda: list(reader.read_pictures(lazily=True)))
        times = [timestamp_ms for _, timestamp_ms, _ in frames]
        pictures = timed('convert', lambda: [picture.bgr for _, _, picture in frames])
        cuts = timed('compare', lambda: list(map(SceneCuts().is_cut, pictures)))
        search = NearbySearch(models.detector, settings.whole_frame_every)
        found = timed('detect', lambda: list(map(search.detect, pictures, cuts)))
        crops = timed(
            'cut',
            lambda: [list(map(partial(align_face, picture), of)) for picture, of in zip(pictures, found, strict=True)],
        )
        answers = timed('classify', lambda: list(classify_in_groups(models.classifier, frames, crops)))
        tracker = FaceTracker(settings.smoothing_seconds)
        timed('track', lambda: list(map(tracker.update, times, map(boxes_of, found), answers, crops, cuts)))
        faces = list(map(EmotionPipeline(models, settings).process, pictures, times))
        planes = timed('copy', lambda: [writer.to_planes(picture) for _, _, picture in frames])
        timed('draw', lambda: list(map(draw_faces, planes, faces)))
        timed('write', lambda: list(map(writer.write, times, planes)))


def classify_in_groups(classifier, frames, crops):
    detected = ((*frame, False, of_frame) for frame, of_frame in zip(frames, crops, strict=True))
    for group in in_groups(detected):
        answers = classifier.predict([crop for *_, of_frame in group for crop in of_frame])
        yield from np.split(answers, np.cumsum([len(of_frame) for *_, of_frame in group])[:-1])


def timed(stage, work):
    """Do the work of a stage, and print its time for each result. Returns the results."""
    started, started_cpu = time.perf_counter(), time.process_time()
    results = work()
    clock = (time.perf_counter() - started) / len(results) * 1000
    cpu = (time.process_time() - started_cpu) / len(results) * 1000
    print(f'  {stage:9} {cpu:5.1f} ms of processor time, {clock:5.1f} ms on the clock')
    return results


if __name__ == '__main__':
    main()
