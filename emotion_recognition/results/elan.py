"""Files for ELAN, the annotation tool of the Max Planck Institute for Psycholinguistics: a tier for each face."""

import mimetypes
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from emotion_recognition.results.output_paths import to_text
from emotion_recognition.results.periods import FacePeriods
from emotion_recognition.results.spans import Span

SPANS_TIER = 'spans'
UNKNOWN_KIND = 'unknown'  # as ELAN itself says it

Annotation = tuple[float, float, str]  # start and end in milliseconds of the linked video, value


def make_tiers(
    face_periods: FacePeriods, spans: Iterable[Span], last_frame_ms: float, moved_by_ms: float = 0.0
) -> dict[str, list[Annotation]]:
    """The annotations of each tier: a tier for each face, by its number, and one for the spans if there are some.

    Args:
        face_periods: what was seen.
        spans: of the video.
        last_frame_ms: for how long the last frame is shown, in milliseconds.
        moved_by_ms: how much later than in the tables all is shown in the linked video, in milliseconds.
    """
    tiers: dict[str, list[Annotation]] = {}
    for track_id in sorted({period.track_id for period in face_periods.periods}):
        tiers[f'face {track_id}'] = []
    for period in face_periods.periods:
        end_ms = period.ms_end + (last_frame_ms if period.frame_end == face_periods.frame_last else 0)
        annotation = (period.ms_start + moved_by_ms, end_ms + moved_by_ms, period.emotion)
        tiers[f'face {period.track_id}'].append(annotation)
    of_spans = [(span.start_ms + moved_by_ms, span.end_ms + moved_by_ms, span.name) for span in spans]
    return tiers | ({SPANS_TIER: of_spans} if of_spans else {})


def write_elan(tiers: Mapping[str, Iterable[Annotation]], media_path: Path, folder: Path, path: Path) -> None:
    """Write an ELAN file. What lies before time 0, and what is no whole millisecond long, it cannot hold.

    Args:
        tiers: names with annotations, which do not overlap within a tier.
        media_path: of the video that is linked.
        folder: where the file will lie, for the link.
        path: where it is written.
    """
    from pympi.Elan import Eaf  # here and not above: needed for --elan only

    document = Eaf(author='emotions_from_video.py')
    document.remove_tier('default')
    document.header.update(MEDIA_FILE='', TIME_UNITS='milliseconds')
    kind = mimetypes.guess_type(media_path.name)[0] or UNKNOWN_KIND
    document.add_linked_file(_address(media_path), _relative_address(media_path, folder), kind)
    for name, annotations in tiers.items():
        document.add_tier(name)
        for start_ms, end_ms, value in annotations:
            start, end = max(0, round(start_ms)), max(0, round(end_ms))
            if start < end:
                document.add_annotation(name, start, end, value)
    document.to_file(path)


def _address(path):
    """As ELAN writes it: with spaces and foreign letters as they are."""
    text = to_text(path.resolve().as_posix())
    return f'file:{text}' if text.startswith('//') else f'file:///{text.removeprefix("/")}'


def _relative_address(path, folder):
    try:
        text = to_text(Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix())
    except ValueError:  # another drive of Windows
        return None
    return text if text.startswith('../') else f'./{text}'
