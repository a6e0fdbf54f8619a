"""The timeline: a picture of each face's emotions over time."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, PercentFormatter

from emotion_recognition.labels import EMOTIONS, emotion_colour_bgr
from emotion_recognition.results.fonts import drawable
from emotion_recognition.results.periods import FacePeriods

MAX_FACES = 20  # rows in one picture
ROW_INCHES, MARGIN_INCHES = 0.42, 1.6
BAND_HEIGHT = 0.8  # of a row
MIN_LABELLED_SHARE = 0.12  # a smaller share has no room for its number


def save_timeline(face_periods: FacePeriods, title: str, path: Path, class_names: Sequence[str] = EMOTIONS) -> None:
    """Save a PNG with a row for each face: a band coloured by its emotion over time, and the share of each emotion.

    Args:
        face_periods: Periods of the video's faces. If there are more than MAX_FACES, those seen longest are shown.
        title: Title of the picture.
        path: Path of the PNG file; an existing file is replaced.
        class_names: The model's classes, in whose order the emotions are shown.
    """
    faces = face_periods.longest_seen(MAX_FACES)
    seen = {emotion for frames in faces.values() for emotion in frames}
    colours = {emotion: _colour_rgb(emotion, class_names) for emotion in class_names if emotion in seen}
    figure = Figure(figsize=(12, MARGIN_INCHES + ROW_INCHES * max(1, len(faces))), layout='constrained')
    times, shares = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    for row, (number, frames) in enumerate(faces.items()):
        _draw_bands(times, row, number, face_periods, colours)
        _draw_shares(shares, row, {emotion: frames.get(emotion, 0) for emotion in colours}, colours)
    _set_up_times(times, list(faces), face_periods)
    shares.set(xlim=(0, 1), xlabel='share of its frames')
    shares.xaxis.set_major_formatter(PercentFormatter(1))
    shares.tick_params(left=False)
    if not faces:
        times.text(0.5, 0.5, 'no faces', transform=times.transAxes, ha='center', va='center')
    title, fonts = drawable(title)
    figure.suptitle(title, family=fonts, parse_math=False)
    handles = [Patch(color=colour, label=emotion) for emotion, colour in colours.items()]
    figure.legend(handles=handles, loc='outside lower center', ncols=9, frameon=False)
    figure.savefig(path, dpi=110)


def _draw_bands(axes, row, number, face_periods, colours):
    """Draw a face's periods into its row, in the colours of their emotions."""
    for emotion, colour in colours.items():
        bands = [
            (period.ms_start, period.ms_end - period.ms_start)
            for period in face_periods.periods
            if (period.number, period.emotion) == (number, emotion)
        ]
        axes.broken_barh(bands, (row - BAND_HEIGHT / 2, BAND_HEIGHT), color=colour, linewidth=0)


def _draw_shares(axes, row, frames, colours):
    """Draw a row's stacked bar from the number of frames of each emotion."""
    left, total = 0.0, sum(frames.values())
    for emotion, count in frames.items():
        share = count / total
        axes.barh(row, share, BAND_HEIGHT, left, color=colours[emotion])
        if share >= MIN_LABELLED_SHARE:
            axes.text(left + share / 2, row, f'{share:.0%}', ha='center', va='center', fontsize=9)
        left += share


def _set_up_times(axes, numbers, face_periods):
    """Label the axes of the bands: time, and the faces from top to bottom."""
    hidden = face_periods.face_count() - len(numbers)
    more = f'; {hidden} more were seen for a shorter time' if hidden else ''
    names = face_periods.names()
    labels, fonts = [drawable(names[number])[0] for number in numbers], drawable('')[1]
    axes.set(xlabel=f'time (min:s){more}')
    axes.set_yticks(range(len(numbers)), labels, family=fonts, parse_math=False)
    if face_periods.ms_first != face_periods.ms_last:
        axes.set_xlim(face_periods.ms_first, face_periods.ms_last)
    axes.set_ylim(max(1, len(numbers)) - 0.5, -0.5)  # the first face on top
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ms, _: minutes(ms)))
    axes.grid(axis='x', alpha=0.3)
    axes.set_axisbelow(True)


def minutes(ms: float) -> str:
    """Format milliseconds as minutes and seconds, to tenths."""
    tenths = round(abs(ms) / 100)
    return f'{"-" if ms < 0 and tenths else ""}{tenths // 600}:{tenths % 600 / 10:04.1f}'


def _colour_rgb(emotion, class_names):
    """Colour of an emotion for matplotlib: R, G, B, each 0 to 1."""
    return tuple(value / 255 for value in reversed(emotion_colour_bgr(emotion, class_names)))
