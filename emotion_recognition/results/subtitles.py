"""Periods as subtitles, which video players show."""

from pathlib import Path

import pandas as pd
import pysubs2


def write_subtitles(periods: pd.DataFrame, last_frame_ms: float, path: Path, shift_ms: float = 0.0) -> None:
    """Write periods as SRT subtitles. Each is shown until the next begins; a period without faces has no subtitle.

    Args:
        periods: Periods of a video, see `EmotionTable.periods`.
        last_frame_ms: How long the last frame is shown, in milliseconds.
        path: Path of the SRT file.
        shift_ms: How much later the video shows everything than the table says, in milliseconds.
    """
    subtitles = pysubs2.SSAFile()
    ends = [*periods.ms_start[1:], *(periods.ms_end[-1:] + last_frame_ms)]
    for start, end, emotions in zip(periods.ms_start, ends, periods.emotions, strict=True):
        if len(emotions):
            text = emotions if isinstance(emotions, str) else ', '.join(emotions)
            start, end = (max(0, round(ms + shift_ms)) for ms in (start, end))
            subtitles.append(pysubs2.SSAEvent(start=start, end=end, text=text))
    subtitles.save(str(path), format_='srt')
