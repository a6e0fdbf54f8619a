"""What is known of a video at its end only: tables, pictures, files for other programs, and what is said of it."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from emotion_recognition.elan import make_tiers, write_elan
from emotion_recognition.files import Outputs, name_summary_of_folder
from emotion_recognition.labels import InputError
from emotion_recognition.settings import Settings
from emotion_recognition.spans import Span, describe_outside
from emotion_recognition.summary import VideoSummary, join_summaries
from emotion_recognition.tables import EmotionTable, FacePeriods, write_subtitles
from emotion_recognition.video import VideoReader

MOST_FACES_TOLD = 10


def write_results(
    emotions: EmotionTable,
    face_periods: FacePeriods,
    summary: VideoSummary,
    spans: Sequence[Span],
    reader: VideoReader,
    own: Outputs,
    outputs: Outputs,
    settings: Settings,
) -> None:
    """Write what is known at the end only.

    Args:
        emotions, face_periods, summary: what was seen.
        spans: of the video.
        reader: of the video.
        own: where the files are written.
        outputs: where they will lie.
        settings: of the video script.
    """
    from emotion_recognition.plots import save_timeline  # here and not above: matplotlib takes a second to import

    last_frame_ms = float(1000 / reader.frame_rate)
    emotions.to_frame().to_csv(own.emotions, index=False)
    summary.to_frame(last_frame_ms).to_csv(own.summary, index=False)
    save_timeline(face_periods, reader.path.name, own.timeline)
    if settings.subtitles:
        write_subtitles(emotions.periods(), last_frame_ms, own.subtitles)
    if settings.elan:
        moved_by_ms = max(0.0, -face_periods.ms_first) if settings.write_video else 0.0  # see VideoWriter
        tiers = make_tiers(face_periods, spans, last_frame_ms, moved_by_ms)
        media_path = outputs.annotated if settings.write_video else reader.path
        write_elan(tiers, media_path, outputs.elan.parent, own.elan)


def tell_results(
    face_periods: FacePeriods, spans: Sequence[Span], reader: VideoReader, stopped: str | None, written: Sequence[Path]
) -> None:
    """Say what was seen, what was skipped or amiss, why it ended early, and where the files are."""
    if reader.skipped_packets:
        first = f'the first one at {reader.first_skipped_ms / 1000:.2f} s'
        print(f'Skipped what could not be decoded: {reader.skipped_packets} packets, {first}', file=sys.stderr)
    if stopped:
        print(f'Stopped after frame {face_periods.frame_last}: {stopped}', file=sys.stderr)
    else:
        ends_ms = face_periods.ms_last + float(1000 / reader.frame_rate)
        for line in describe_outside(spans, face_periods.ms_first, ends_ms):
            print(f'{reader.path}: {line}', file=sys.stderr)
    print(f'{face_periods.frame_last} frames, {face_periods.describe(MOST_FACES_TOLD)}')
    first, *others = written
    print(f'Wrote {first}' + (f' and, beside it, {", ".join(path.name for path in others)}' if others else ''))


def summarise_folders(folders: Iterable[Path], done: dict[Path, Outputs]) -> dict[Path, str]:
    """Join the summaries of each folder's videos in one table beside them.

    Args:
        folders: that the user named.
        done: the videos that were analysed, and where their results are.

    Returns:
        Why some tables could not be written.
    """
    problems = {}
    for folder in folders:
        path = name_summary_of_folder(folder)
        summaries = [outputs.summary for video, outputs in done.items() if video.parent == folder]
        try:
            if summaries:
                join_summaries(summaries, path)
                print(f'Wrote {path}, a row for each video and face')
        except (InputError, OSError) as error:
            problems[path] = str(error)
    return problems
