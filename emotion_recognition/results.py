"""What a run writes at its end, and says about it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from emotion_recognition.files import Outputs
from emotion_recognition.review import Review, write_review
from emotion_recognition.tables import EmotionTable, FacePeriods, write_subtitles
from emotion_recognition.video import VideoReader


def write_results(
    emotions: EmotionTable,
    face_periods: FacePeriods,
    review: Review | None,
    reader: VideoReader,
    own: Outputs,
    outputs: Outputs,
    with_subtitles: bool,
) -> None:
    """Write what is known at the end only.

    Args:
        emotions: what was seen.
        face_periods: the same by faces.
        review: what the review page shows, None for no page.
        reader: of the video.
        own: where to write.
        outputs: where that will stand.
        with_subtitles: write the periods as SRT too.
    """
    from emotion_recognition.plots import save_timeline  # here and not above: matplotlib takes a second to import

    emotions.to_frame().to_csv(own.emotions, index=False)
    save_timeline(face_periods, reader.path.name, own.timeline)
    if with_subtitles:
        write_subtitles(emotions.periods(), float(1000 / reader.frame_rate), own.subtitles)
    if review:
        shown_path = outputs.annotated if own.annotated.exists() else reader.path
        write_review(review, reader.path, shown_path, outputs.annotated.parent, own.review)


def tell_results(
    frame_count: int, stopped: str | None, faces: str, reader: VideoReader, written: Sequence[Path]
) -> None:
    """Print what was done, and on stderr what was not.

    Args:
        frame_count: frames that were done.
        stopped: why the rest was not, None if all were.
        faces: description of what was seen.
        reader: of the video.
        written: paths of the results.
    """
    if reader.skipped_packets:
        first = f'the first one at {reader.first_skipped_ms / 1000:.2f} s'
        print(f'Skipped what could not be decoded: {reader.skipped_packets} packets, {first}', file=sys.stderr)
    if stopped:
        print(f'Stopped after frame {frame_count}: {stopped}', file=sys.stderr)
    print(f'{frame_count} frames, {faces}')
    first, *others = written
    print(f'Wrote {first}' + (f' and, beside it, {", ".join(path.name for path in others)}' if others else ''))
