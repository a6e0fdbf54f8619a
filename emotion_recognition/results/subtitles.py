"""Periods as subtitles, for players."""

from pathlib import Path

import pandas as pd
import pysubs2


def write_subtitles(periods: pd.DataFrame, last_frame_ms: float, path: Path, moved_by_ms: float = 0.0) -> None:
    """Write compact periods as SRT subtitles, each until the next begins; periods without faces have none.

    Args:
        periods: of a compact EmotionTable.
        last_frame_ms: how long the last frame is shown, in milliseconds.
        path: of the file.
        moved_by_ms: how much later than in the table all is shown in the video that is played, in milliseconds.
    """
    subtitles = pysubs2.SSAFile()
    ends = [*periods.ms_start[1:], *(periods.ms_end[-1:] + last_frame_ms)]
    for start, end, emotions in zip(periods.ms_start, ends, periods.emotions, strict=True):
        if len(emotions):
            text = emotions if isinstance(emotions, str) else ', '.join(emotions)
            start, end = (max(0, round(ms + moved_by_ms)) for ms in (start, end))
            subtitles.append(pysubs2.SSAEvent(start=start, end=end, text=text))
    subtitles.save(str(path), format_='srt')
