"""A first pass over a video that measures the faces' baselines, before its first frame is shown."""

import sys
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from emotion_recognition.emotions.baseline import FaceBaselines
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.media.video import VideoReader
from emotion_recognition.pipeline import EmotionPipeline, Models
from emotion_recognition.settings import Settings


def measure_baselines(
    video_path: Path, models: Models, settings: Settings, interruption: Interruption
) -> FaceBaselines:
    """Measure the baselines of a video's faces.

    From the video's start to the end of the span, everything is done as in the run itself. So each face has the same
    number here as there.

    Args:
        video_path: Path of the video.
        models: Detector and classifier.
        settings: Settings of the video script; `baseline` is the span, in seconds of the video.
        interruption: Ends it.

    Returns:
        The measured baselines. If there is no face in the span, stderr says so.

    Raises:
        InputError: The span reaches beyond the video, the pass was interrupted, or the model has no class `neutral`.
    """
    start, end = settings.baseline
    pipeline = EmotionPipeline(models, settings, fill_gaps=settings.fill_gaps)
    pipeline.baselines = baselines = FaceBaselines(pipeline.class_names, start * 1000, end * 1000)
    ends_ms = 0.0
    with VideoReader(video_path, settings.threads) as reader, closing(pipeline.run(reader.read_frames())) as frames:
        for _, timestamp_ms, _, _ in tqdm(frames, f'{video_path.name}, baseline', unit='frame'):
            if interruption.reason:
                raise InputError(f'{video_path}: nothing was written, {interruption.reason} before the first frame')
            if baselines.is_measured:
                break
            ends_ms = timestamp_ms + float(1000 / reader.frame_rate)
    if not baselines.is_measured and round(ends_ms / 1000, 2) < end:  # rounded as in the message
        raise InputError(
            f'{video_path}: --baseline is {start} {end}, but it ends at {ends_ms / 1000:.2f} s; expected a span of it'
        )
    baselines.is_measured = True
    if not baselines.face_count:
        print(f'{video_path}: no face from {start} to {end} s, so there is no baseline', file=sys.stderr)
    return baselines
