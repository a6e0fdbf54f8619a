"""The results of a video that are written after its last frame, and the closing message about them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emotion_recognition.faces.detection import describe_what_finds_more
from emotion_recognition.labels import FACES, PEOPLE, FaceEmotion, Person
from emotion_recognition.media.endings import FrameError, ReadError
from emotion_recognition.media.part import WHOLE_VIDEO
from emotion_recognition.media.picture import Picture
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import shift_of_copy
from emotion_recognition.results.corrections import name_run
from emotion_recognition.results.elan import make_tiers, write_elan
from emotion_recognition.results.emotion_table import EmotionTable
from emotion_recognition.results.output_paths import Outputs, to_text
from emotion_recognition.results.periods import FacePeriods
from emotion_recognition.results.review import Review
from emotion_recognition.results.review_file import write_review
from emotion_recognition.results.spans import Span, describe_outside, read_spans
from emotion_recognition.results.subtitles import write_subtitles
from emotion_recognition.results.summary import VideoSummary
from emotion_recognition.results.table_writing import write_table
from emotion_recognition.settings import Settings
from emotion_recognition.threads import import_ahead

MAX_REPORTED_FACES = 10
TIMELINE = 'emotion_recognition.results.timeline'  # module that `write` uses, and that takes half a second to import


class VideoResults:
    """Collects a video's faces frame by frame, and writes the results at the end.

    Args:
        video_path: Path of the video.
        class_names: Names of the classes that the probabilities belong to.
        settings: Settings of the video script.
        with_people: Whether people are told apart.
        review: Review that is filled elsewhere, with the faces as they were before they were corrected; None to fill
            one here.
        with_quality: Whether it is measured how well faces can be seen.
        spans: Spans of the video; None to read those that the settings name.

    Attributes:
        emotions: The table of emotions.
        words: Words for one of those that the results are about, and for several: faces or people.
        frame_count: Number of frames so far.
        problem: Why the video could not be read to its end, for want of its disk, of memory or of threads; None if it
            was, or if the file or somebody ended it. Known after `report`.
        seen_seconds: For how long each face is seen, and when first and last, by its number; known after `write`.

    Raises:
        InputError: The spans cannot be read.
    """

    def __init__(
        self,
        video_path: Path,
        class_names: Sequence[str],
        settings: Settings,
        with_people: bool = False,
        review: Review | None = None,
        with_quality: bool = False,
        spans: Sequence[Span] | None = None,
    ):
        self._settings, self._class_names = settings, class_names
        self._spans = read_spans(settings.spans, video_path) if spans is None else spans
        self.emotions, self._face_periods = EmotionTable(settings.compact), FacePeriods()
        self.words = PEOPLE if with_people else FACES
        name, is_corrected = to_text(video_path.name), review is not None
        min_quality = settings.min_quality if with_quality else None
        self._summary = VideoSummary(name, class_names, self._spans, with_people, min_quality, is_corrected)
        self.problem: ReadError | None = None
        self._review = review or Review(class_names)
        self.seen_seconds: dict[int, tuple[float, float, float]] = {}
        self._collectors = [self.emotions, self._face_periods, self._summary]
        self._fills_review = review is None
        self.frame_count, self._run_name = 0, ''
        import_ahead(TIMELINE)

    @property
    def people(self) -> list[Person]:
        """The people that were seen, if they are told apart."""
        return self._summary.people

    @property
    def numbers(self) -> list[int]:
        """Numbers of the people or faces that were seen."""
        return list(self._face_periods.names())

    def describe(self) -> dict[str, Any]:
        """Describe for the record, in JSON's types, what the corrections of this run will need; after `write`."""
        people = [
            {'person': person.number, 'name': person.name, 'details': dict(person.details)} for person in self.people
        ]
        spans = [[span.name, span.start_ms / 1000, span.end_ms / 1000] for span in self._spans]
        return {'run': self._run_name, 'spans': spans, 'people': people}

    def add(
        self, frame_number: int, timestamp_ms: float, faces: Sequence[FaceEmotion], picture: Picture | None = None
    ) -> None:
        """Add the next frame: its number from 1, when it is shown in milliseconds, its faces, and its picture, see
        `Review.add`."""
        self.frame_count += 1
        for collector in self._collectors:
            collector.add(frame_number, timestamp_ms, faces)
        if self._fills_review and self._settings.review:
            self._review.add(frame_number, timestamp_ms, faces, picture)

    def write(self, reader: VideoReader, own: Outputs, outputs: Outputs) -> None:
        """Write all results except the annotated video and the table of faces, which are written frame by frame.

        Args:
            reader: Video that was read.
            own: Where the files are written. The table of faces is already there.
            outputs: Where they will be moved to.
        """
        # Here and not above: it was imported beside the frames.
        from emotion_recognition.results.timeline import save_timeline

        last_frame_ms = float(1000 / reader.frame_rate)
        self.seen_seconds = self._face_periods.seen_seconds(last_frame_ms)
        shown_path = outputs.annotated if self._settings.write_video else reader.path
        decimal_comma = self._settings.decimal_comma
        write_table(self.emotions.to_table(), own.emotions, decimal_comma)
        write_table(self._summary.to_table(last_frame_ms), own.summary, decimal_comma)
        timeline_path = own.timeline(self._settings.timeline_format)
        save_timeline(
            self._face_periods, reader.path.name, timeline_path, self._class_names, self._spans, last_frame_ms
        )
        shift_ms = shift_of_copy(self._face_periods.ms_first, reader.part) if self._settings.write_video else 0.0
        if self._settings.subtitles:
            write_subtitles(self._face_periods, last_frame_ms, own.subtitles, shift_ms)
        if self._settings.elan:
            tiers = make_tiers(self._face_periods, self._spans, last_frame_ms, shift_ms)
            write_elan(tiers, shown_path, outputs.elan.parent, own.elan)
        self._run_name = name_run(own.faces)
        if self._settings.review:
            self._review.run_name = self._review.run_name or self._run_name
            page = shown_path, outputs.annotated.parent, own.review, self._spans, reader.part, decimal_comma
            write_review(self._review, reader.path, *page)

    def report(
        self, reader: VideoReader, stopped: FrameError | None, written: Sequence[Path], leftover: Sequence[Path]
    ) -> None:
        """Print what was seen and where the results are, and on stderr what went wrong.

        Args:
            reader: Video that was read.
            stopped: Why it ended early, or None.
            written: Paths of the results, what matters first before others.
            leftover: Paths of results of an earlier run that are still next to them.
        """
        seen, last_frame_ms = self._face_periods, float(1000 / reader.frame_rate)
        ends_ms = seen.ms_last + last_frame_ms
        if reader.skipped_packets:
            first = f'the first one at {reader.first_skipped_ms / 1000:.2f} s'
            print(f'Skipped {reader.skipped_packets} packets that could not be decoded, {first}', file=sys.stderr)
        if stopped:
            print(f'Stopped after {ends_ms / 1000:.2f} s: {stopped}', file=sys.stderr)
        else:
            for line in describe_outside(self._spans, seen.ms_first, ends_ms, reader.part != WHOLE_VIDEO):
                print(f'{reader.path}: {line}', file=sys.stderr)
        faces = seen.describe(MAX_REPORTED_FACES, last_frame_ms, self.words)
        print(f'{(ends_ms - seen.ms_first) / 1000:.2f} s, {faces}')
        if not self.numbers and not self._settings.apply:
            print(f'{reader.path}: no face was found. {describe_what_finds_more(self._settings)}', file=sys.stderr)
        first, *others = written
        print(f'Wrote {first}' + (f' and, next to it, {", ".join(path.name for path in others)}' if others else ''))
        if leftover:
            print(f'Left from an earlier run: {", ".join(path.name for path in leftover)}')
        self.problem = stopped if isinstance(stopped, ReadError) else None
