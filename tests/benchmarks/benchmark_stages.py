"""Where the time of a video goes: each stage by itself, one after the other, on the clips of benchmark_video.py.

    python tests/benchmarks/benchmark_stages.py [haar, yunet or a detector's path]

Prints milliseconds a frame: of the processor, all cores together, and of the clock. In a run the stages overlap, so
that the sum of the processor's time, shared by the cores, is the bound.
"""

import sys
import tempfile
import time
from pathlib import Path

from benchmark_video import CLIPS, ROOT
from clips import make_clip

sys.path.insert(0, str(ROOT))

from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.faces.boxes import boxes_of
from emotion_recognition.faces.crops import align_face
from emotion_recognition.faces.detection import open_detector
from emotion_recognition.faces.nearby import NearbySearch
from emotion_recognition.faces.tracking import FaceTracker
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from emotion_recognition.pipeline import EmotionPipeline, Models
from emotion_recognition.results.drawing import draw_faces
from emotion_recognition.settings import MODEL_WEIGHTS_PATH, Settings

SECONDS = 4
SETTINGS = Settings(detector_path=sys.argv[1] if len(sys.argv) > 1 else 'haar')


def main():
    classifier = EmotionClassifier(MODEL_WEIGHTS_PATH)
    for name, (width, height, face_count, _) in CLIPS.items():
        print(name)
        with tempfile.TemporaryDirectory() as folder:
            clip = Path(folder) / 'clip.mp4'
            make_clip(clip, width, height, face_count, SECONDS)
            measure(clip, classifier)


def measure(clip, classifier):
    with VideoReader(clip) as reader:
        frames = timed('read', lambda: list(reader.read_frames()))
        pictures = [frame_bgr for _, _, frame_bgr in frames]
        models = Models(open_detector(SETTINGS), classifier)
        search, tracker = NearbySearch(models.detector, SETTINGS.whole_frame_every), FaceTracker()
        found = timed('detect', lambda: [search.detect(picture) for picture in pictures])
        crops = timed(
            'cut',
            lambda: [
                [align_face(picture, face) for face in faces] for picture, faces in zip(pictures, found, strict=True)
            ],
        )
        boxes = list(map(boxes_of, found))
        classifier.predict(crops[0])
        answers = timed('classify', lambda: [classifier.predict(faces) for faces in crops])
        times = [timestamp_ms for _, timestamp_ms, _ in frames]
        timed('track', lambda: list(map(tracker.update, times, boxes, answers, crops)))
        pipeline = EmotionPipeline(models, SETTINGS)
        faces = list(map(pipeline.process, pictures, times))
        timed('draw', lambda: list(map(draw_faces, pictures, faces)))
        timed('write', lambda: write(clip.with_name('copy.mp4'), reader, frames))


def write(path, reader, frames):
    with VideoWriter(path, reader) as writer:
        for _, timestamp_ms, frame_bgr in frames:
            writer.write(timestamp_ms, frame_bgr)
    return frames


def timed(stage, work):
    started, started_cpu = time.perf_counter(), time.process_time()
    results = work()
    clock = (time.perf_counter() - started) / len(results) * 1000
    cpu = (time.process_time() - started_cpu) / len(results) * 1000
    print(f'  {stage:9} {cpu:5.1f} ms of the processor, {clock:5.1f} of the clock')
    return results


if __name__ == '__main__':
    main()
