"""What is known of a video at its end only: tables, pictures, files for other programs, and what is said of it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from emotion_recognition.labels import FaceEmotion
from emotion_recognition.media.video import VideoReader
from emotion_recognition.results.corrections import name_run
from emotion_recognition.results.elan import make_tiers, write_elan
from emotion_recognition.results.emotion_table import EmotionTable
from emotion_recognition.results.output_paths import Outputs, to_text
from emotion_recognition.results.periods import FacePeriods
from emotion_recognition.results.review import Review, write_review
from emotion_recognition.results.spans import describe_outside, read_spans
from emotion_recognition.results.subtitles import write_subtitles
from emotion_recognition.results.summary import VideoSummary
from emotion_recognition.settings import Settings

MOST_FACES_TOLD = 10


class VideoResults:
    """Collects what a video shows, frame by frame, and makes of it what is written at the end.

    Args:
        video_path: of the video.
        class_names: of the probabilities.
        settings: of the video script.
        review: of faces that are collected elsewhere, as they were before they were corrected.

    Attributes:
        emotions: the table in the published format.

    Raises:
        InputError: the spans cannot be read.
    """

    def __init__(self, video_path: Path, class_names: Sequence[str], settings: Settings, review: Review | None = None):
        self._settings = settings
        self._spans = read_spans(settings.spans, video_path)
        self.emotions, self._face_periods = EmotionTable(settings.compact), FacePeriods()
        self._summary = VideoSummary(to_text(video_path.name), class_names, self._spans)
        self._review = review or Review(class_names)
        self._collected = [self.emotions, self._face_periods, self._summary, *([] if review else [self._review])]

    @property
    def frame_count(self) -> int:
        """Of the frames so far."""
        return self._face_periods.frame_last

    def add(self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion]) -> None:
        """Add the next frame: its number from 1, its presentation time in milliseconds, its faces."""
        for table in self._collected:
            table.add(frame_number, timestamp_ms, faces)

    def write(self, reader: VideoReader, own: Outputs, outputs: Outputs) -> None:
        """Write everything but the annotated video and the table of faces, which are written as the frames come.

        Args:
            reader: of the video.
            own: where the files are written, and the table of faces is already.
            outputs: where they will lie.
        """
        from emotion_recognition.results.timeline import (
            save_timeline,  # here and not above: matplotlib takes a second to import
        )

        last_frame_ms = float(1000 / reader.frame_rate)
        shown_path = outputs.annotated if self._settings.write_video else reader.path
        self.emotions.to_frame().to_csv(own.emotions, index=False)
        self._summary.to_frame(last_frame_ms).to_csv(own.summary, index=False)
        save_timeline(self._face_periods, reader.path.name, own.timeline)
        moved_by_ms = max(0.0, -self._face_periods.ms_first) if self._settings.write_video else 0.0  # as VideoWriter
        if self._settings.subtitles:
            write_subtitles(self.emotions.periods(), last_frame_ms, own.subtitles, moved_by_ms)
        if self._settings.elan:
            tiers = make_tiers(self._face_periods, self._spans, last_frame_ms, moved_by_ms)
            write_elan(tiers, shown_path, outputs.elan.parent, own.elan)
        if self._settings.review:
            self._review.run_name = self._review.run_name or name_run(own.faces)
            write_review(self._review, reader.path, shown_path, outputs.annotated.parent, own.review, self._spans)

    def report(self, reader: VideoReader, stopped: str | None, written: Sequence[Path], left: Sequence[Path]) -> None:
        """Say what was seen, what was skipped or amiss, why it ended early, where the files are, and which are left of
        an earlier run."""
        seen = self._face_periods
        if reader.skipped_packets:
            first = f'the first one at {reader.first_skipped_ms / 1000:.2f} s'
            print(f'Skipped what could not be decoded: {reader.skipped_packets} packets, {first}', file=sys.stderr)
        if stopped:
            print(f'Stopped after frame {seen.frame_last}: {stopped}', file=sys.stderr)
        else:
            ends_ms = seen.ms_last + float(1000 / reader.frame_rate)
            for line in describe_outside(self._spans, seen.ms_first, ends_ms):
                print(f'{reader.path}: {line}', file=sys.stderr)
        print(f'{seen.frame_last} frames, {seen.describe(MOST_FACES_TOLD)}')
        first, *others = written
        print(f'Wrote {first}' + (f' and, beside it, {", ".join(path.name for path in others)}' if others else ''))
        if left:
            print(f'Not of this run: {", ".join(path.name for path in left)}')
