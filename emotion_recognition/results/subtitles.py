"""Periods as subtitles, which video players show."""

from collections import deque
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

import pysubs2

from emotion_recognition.results.periods import FacePeriods

LINE_BREAK = r'\N'  # of pysubs2


def write_subtitles(face_periods: FacePeriods, last_frame_ms: float, path: Path, shift_ms: float = 0.0) -> None:
    """Write SRT subtitles: a line for each face that is seen. Where nobody is seen, there is no subtitle.

    If the video shows one face only, the line is its emotion; otherwise it begins with what names the face.

    Args:
        face_periods: Periods of the video's faces.
        last_frame_ms: How long the last frame is shown, in milliseconds.
        path: Path of the SRT file.
        shift_ms: How much later the video shows everything than the periods say, in milliseconds.
    """
    shown = deque(
        (period.ms_start, face_periods.end_ms(period, last_frame_ms), period) for period in face_periods.periods
    )
    times = sorted({time for start, end, _ in shown for time in (start, end)})
    is_alone, subtitles, seen = face_periods.face_count() == 1, pysubs2.SSAFile(), []
    for start, end in pairwise(times):
        seen = [one for one in seen if one[1] > start]
        while shown and shown[0][0] <= start:
            seen.append(shown.popleft())
        lines = [
            period.emotion if is_alone else f'{period.who}: {period.emotion}'
            for period in sorted((period for _, _, period in seen), key=attrgetter('number'))
        ]
        if lines:
            start_ms, end_ms = (max(0, round(ms + shift_ms)) for ms in (start, end))
            subtitles.append(pysubs2.SSAEvent(start=start_ms, end=end_ms, text=LINE_BREAK.join(lines)))
    subtitles.save(str(path), format_='srt')
