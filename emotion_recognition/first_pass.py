"""A first pass over a video, for what must be known before its first frame."""

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from emotion_recognition.baseline import FaceBaselines
from emotion_recognition.interaction import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.pipeline import EmotionPipeline
from emotion_recognition.video import VideoReader


def measure_baselines(
    video_path: Path, pipeline: EmotionPipeline, span: Sequence[float], interruption: Interruption, threads: int = 0
) -> FaceBaselines:
    """Measure the baselines of a video's faces: all is done as in the run itself, from the video's start to the span's
    end, so that each face has the number that it will have there.

    Args:
        video_path: of the video.
        pipeline: made for this pass, and like the one of the run.
        span: its start and end, in seconds of the video.
        interruption: ends it.
        threads: that decode, see `VideoReader`.

    Returns:
        The baselines, measured. Those of no face at all are told on stderr.

    Raises:
        InputError: the span reaches beyond the video, the pass was interrupted, or the model knows no neutral faces.
    """
    start, end = span
    pipeline.baselines = baselines = FaceBaselines(pipeline.class_names, start * 1000, end * 1000)
    ends_ms = 0.0
    with VideoReader(video_path, threads) as reader, closing(pipeline.run(reader.read_frames())) as frames:
        for _, timestamp_ms, _, _ in tqdm(frames, f'{video_path.name}, baseline', unit='frame'):
            if interruption.reason:
                raise InputError(f'{video_path}: nothing was written, {interruption.reason} before the first frame')
            if baselines.is_measured:
                break
            ends_ms = timestamp_ms + float(1000 / reader.frame_rate)
    if not baselines.is_measured and round(ends_ms / 1000, 2) < end:  # as it is told
        raise InputError(
            f'{video_path}: --baseline is {start} {end}, but it ends at {ends_ms / 1000:.2f} s; expected a span of it'
        )
    baselines.is_measured = True
    if not baselines.face_count:
        print(f'{video_path}: no face from {start} to {end} s, so there is no baseline', file=sys.stderr)
    return baselines
