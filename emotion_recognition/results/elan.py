"""Files for ELAN, the annotation tool of the Max Planck Institute for Psycholinguistics: a tier for each face."""

import mimetypes
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from emotion_recognition.results.output_paths import to_text
from emotion_recognition.results.periods import FacePeriods
from emotion_recognition.results.spans import Span

SPANS_TIER = 'spans'
NOT_IN_XML = re.compile('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')  # characters that XML forbids
UNKNOWN_KIND = 'unknown'  # ELAN's own word
# Of suffixes that systems know, if at all, as those of other things: translations, 3D models, sound.
KINDS = dict.fromkeys(('.ts', '.mts', '.m2ts', '.m2t'), 'video/mp2t') | {'.3gp': 'video/3gpp'}

Annotation = tuple[float, float, str]  # start and end in milliseconds of the linked video, value


def make_tiers(
    face_periods: FacePeriods, spans: Iterable[Span], last_frame_ms: float, shift_ms: float = 0.0
) -> dict[str, list[Annotation]]:
    """Make a tier for each face, in the order of their numbers, and one for the spans if there are any.

    Args:
        face_periods: Periods of the video's faces.
        spans: Spans of the video.
        last_frame_ms: How long the last frame is shown, in milliseconds.
        shift_ms: How much later the linked video shows everything than the tables say, in milliseconds.

    Returns:
        The annotations of each tier, by the tier's name.
    """
    names = {number: _to_xml_text(who) for number, who in face_periods.names().items()}
    taken = [*names.values(), SPANS_TIER]
    names = {number: who if taken.count(who) == 1 else f'{who} ({number})' for number, who in names.items()}
    tiers: dict[str, list[Annotation]] = {who: [] for who in names.values()}
    for period in face_periods.periods:
        end_ms = face_periods.end_ms(period, last_frame_ms)
        annotation = (period.ms_start + shift_ms, end_ms + shift_ms, period.emotion)
        tiers[names[period.number]].append(annotation)
    span_annotations = [(span.start_ms + shift_ms, span.end_ms + shift_ms, span.name) for span in spans]
    return tiers | ({SPANS_TIER: span_annotations} if span_annotations else {})


def write_elan(tiers: Mapping[str, Iterable[Annotation]], media_path: Path, folder: Path, path: Path) -> None:
    """Write an ELAN file. It cannot hold times before 0, nor annotations shorter than a millisecond.

    Args:
        tiers: Annotations of each tier, by its name. They do not overlap within a tier.
        media_path: Path of the linked video.
        folder: Folder that the file will be moved to, for the relative link.
        path: Path that the file is written to.
    """
    from pympi.Elan import Eaf  # here and not above, since only --elan needs it

    document = Eaf(author='emotions_from_video.py')
    document.remove_tier('default')
    document.header.update(MEDIA_FILE='', TIME_UNITS='milliseconds')
    kind = KINDS.get(media_path.suffix.lower()) or mimetypes.guess_type(media_path.name)[0] or UNKNOWN_KIND
    document.add_linked_file(_address(media_path), _relative_address(media_path, folder), kind)
    for name, annotations in tiers.items():
        document.add_tier(name)
        for start_ms, end_ms, value in annotations:
            start, end = max(0, round(start_ms)), max(0, round(end_ms))
            if start < end:
                document.add_annotation(name, start, end, _to_xml_text(value))
    document.to_file(path)


def _address(path):
    """Write a file's address as ELAN does, without encoding spaces and foreign letters."""
    text = _to_xml_text(to_text(path.resolve().as_posix()))
    return f'file:{text}' if text.startswith('//') else f'file:///{text.removeprefix("/")}'


def _relative_address(path, folder):
    try:
        text = _to_xml_text(to_text(Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()))
    except ValueError:  # on another drive of Windows
        return None
    return text if text.startswith('../') else f'./{text}'


def _to_xml_text(text):
    return NOT_IN_XML.sub('\N{REPLACEMENT CHARACTER}', text)
