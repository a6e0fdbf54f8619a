"""The timeline: a picture of each face's emotions over time."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MultipleLocator, PercentFormatter

from emotion_recognition.labels import EMOTIONS, emotion_colour_bgr, hatch_of
from emotion_recognition.results.fonts import drawable
from emotion_recognition.results.periods import FacePeriods
from emotion_recognition.results.spans import Span

MAX_FACES = 20  # rows in one picture
ROW_INCHES, MARGIN_INCHES = 0.42, 1.6
BAND_HEIGHT = 0.8  # of a row
MIN_LABELLED_SHARE = 0.12  # a smaller share has no room for its number
MIN_NAME, MAX_NAME, MAX_TITLE = 4, 28, 120  # letters, to which names and the title are shortened
SPANS_ROW = -1  # above the first face
SPAN_COLOURS = ('#dfe7f5', '#9fb4d8', '#c3d0e8', '#7d96c4')  # of spans with different names, in turn
HATCH_SHADE = 0.55  # of an emotion's colour, for the hatch on it
STEPS = (10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # seconds between two times on the axis
MAX_STEPS = 9
# Text is embedded as TrueType or as outlines, and two runs write the same bytes.
FILE_SETTINGS = {'pdf.fonttype': 42, 'svg.fonttype': 'path', 'svg.hashsalt': 'timeline', 'hatch.linewidth': 0.6}
WITHOUT_DATE = {'.pdf': {'CreationDate': None}, '.svg': {'Date': None}}


def save_timeline(
    face_periods: FacePeriods,
    title: str,
    path: Path,
    class_names: Sequence[str] = EMOTIONS,
    spans: Sequence[Span] = (),
    last_frame_ms: float = 0.0,
) -> None:
    """Save a picture with a row for each face: a band coloured and hatched by its emotion, and each emotion's share.

    Args:
        face_periods: Periods of the video's faces. If there are more than MAX_FACES, those seen longest are shown.
        title: Title of the picture.
        path: Path of the file, whose suffix says its format: .png, .pdf or .svg. An existing file is replaced.
        class_names: Names of the classes that the emotions belong to.
        spans: Spans of the video, which are shown above the faces.
        last_frame_ms: How long the video's last frame is shown, in milliseconds.
    """
    faces = face_periods.longest_seen(MAX_FACES, last_frame_ms)
    emotions = [name for name in class_names if any(name in shown_ms for shown_ms in faces.values())]
    looks = {emotion: _look(emotion, class_names) for emotion in emotions}
    rows = max(1, len(faces)) + bool(spans)
    with rc_context(FILE_SETTINGS):
        figure = Figure(figsize=(12, MARGIN_INCHES + ROW_INCHES * rows), layout='constrained')
        times, shares = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
        for row, (number, shown_ms) in enumerate(faces.items()):
            _draw_bands(times, row, number, face_periods, looks)
            _draw_shares(shares, row, {emotion: shown_ms.get(emotion, 0) for emotion in emotions}, looks)
        _set_up_times(times, list(faces), face_periods, bool(spans))
        shares.set(xlim=(0, 1), xlabel='share of the time seen')
        shares.xaxis.set_major_formatter(PercentFormatter(1))
        shares.tick_params(left=False)
        if not faces:
            times.text(0.5, 0.5, 'no faces', transform=times.transAxes, ha='center', va='center')
        title, fonts = drawable(_shorten(title, MAX_TITLE))
        figure.suptitle(title, family=fonts, parse_math=False)
        handles = [Patch(**look, label=emotion) for emotion, look in looks.items()]
        figure.legend(handles=handles, loc='outside lower center', ncols=9, frameon=False)
        if spans:
            _draw_spans(times, spans)
        figure.savefig(path, dpi=110, metadata=WITHOUT_DATE.get(path.suffix))


def _draw_bands(axes, row, number, face_periods, looks):
    """Draw a face's periods into its row, in the colours and hatches of their emotions."""
    for emotion, look in looks.items():
        bands = [
            (period.ms_start, period.ms_end - period.ms_start)
            for period in face_periods.periods
            if (period.number, period.emotion) == (number, emotion)
        ]
        axes.broken_barh(bands, (row - BAND_HEIGHT / 2, BAND_HEIGHT), **look)


def _draw_shares(axes, row, shown_ms, looks):
    """Draw a row's stacked bar from the time of each emotion."""
    left, total = 0.0, sum(shown_ms.values())
    for emotion, ms in shown_ms.items():
        share = ms / total if total else 0.0
        axes.barh(row, share, BAND_HEIGHT, left, **looks[emotion])
        if share >= MIN_LABELLED_SHARE:
            ground = {'facecolor': looks[emotion]['facecolor'], 'linewidth': 0, 'pad': 1.5}  # no hatch behind the text
            axes.text(left + share / 2, row, f'{share:.0%}', ha='center', va='center', fontsize=9, bbox=ground)
        left += share


def _draw_spans(axes, spans):
    """Draw the spans above the faces. If there is no room for a name, a legend says what the colours mean, unless they
    are too few for that."""
    names = list(dict.fromkeys(span.name for span in spans))
    colours = {name: SPAN_COLOURS[index % len(SPAN_COLOURS)] for index, name in enumerate(names)}
    first, last = axes.get_xlim()
    axes.figure.draw_without_rendering()  # after which the width of the bands is known
    is_shortened = False
    for span in spans:
        start, end = max(span.start_ms, first), min(span.end_ms, last)
        if start >= end:
            continue
        axes.broken_barh([(start, end - start)], (SPANS_ROW - BAND_HEIGHT / 2, BAND_HEIGHT), color=colours[span.name])
        for ms in (start, end):
            axes.axvline(ms, color='black', linewidth=0.6, linestyle=':')
        is_shortened |= _write_name(axes, span.name, start, end)
    if is_shortened and len(names) <= len(SPAN_COLOURS):
        handles = [Patch(color=colours[name], label=drawable(_shorten(name, MAX_NAME))[0]) for name in names]
        place = {'loc': 'lower center', 'bbox_to_anchor': (0.5, 1), 'ncols': len(names), 'frameon': False}
        for text in axes.legend(handles=handles, **place, fontsize=8).get_texts():
            text.set(family=drawable('')[1], parse_math=False)


def _write_name(axes, name, start, end):
    """Write the name of a span between two times in milliseconds. Returns whether it had to be shortened."""
    drawn, fonts = drawable(name)
    text = axes.text((start + end) / 2, SPANS_ROW, drawn, ha='center', va='center', fontsize=9, family=fonts)
    text.set(parse_math=False, in_layout=False)
    (left, _), (right, _) = axes.transData.transform([(start, 0), (end, 0)])
    room = (right - left) / max(1.0, text.get_window_extent().width)
    if room < 1:
        length = int(room * len(drawn))
        text.set_text(_shorten(drawn, length) if length >= MIN_NAME else '')
    return room < 1


def _set_up_times(axes, numbers, face_periods, with_spans):
    """Label the axes of the bands: time, and the faces from top to bottom."""
    hidden = face_periods.face_count() - len(numbers)
    more = f'; {hidden} more were seen for a shorter time' if hidden else ''
    names = face_periods.names()
    labels = ['spans'] * with_spans + [drawable(_shorten(names[number], MAX_NAME))[0] for number in numbers]
    rows = [SPANS_ROW] * with_spans + list(range(len(numbers)))
    axes.set(xlabel=f'time (min:s){more}')
    axes.set_yticks(rows, labels, family=drawable('')[1], parse_math=False)
    if face_periods.ms_first != face_periods.ms_last:
        axes.set_xlim(face_periods.ms_first, face_periods.ms_last)
    axes.set_ylim(max(1, len(numbers)) - 0.5, -0.5 - with_spans)  # the first face on top
    seconds = (face_periods.ms_last - face_periods.ms_first) / 1000
    step = next((step for step in STEPS if seconds <= step * MAX_STEPS), None)
    if step and step > STEPS[0]:  # round times of a clock; matplotlib chooses for very short and very long videos
        axes.xaxis.set_major_locator(MultipleLocator(step * 1000))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ms, _: minutes(ms)))
    axes.grid(axis='x', alpha=0.3)
    axes.set_axisbelow(True)


def minutes(ms: float) -> str:
    """Format milliseconds as minutes and seconds, to tenths."""
    tenths = round(abs(ms) / 100)
    return f'{"-" if ms < 0 and tenths else ""}{tenths // 600}:{tenths % 600 / 10:04.1f}'


def _shorten(text, length):
    """Cut a text so that it has at most this number of letters."""
    return text if len(text) <= length else text[: length - 1].rstrip() + '…'


def _look(emotion, class_names):
    """How an emotion is drawn, for matplotlib: its colour, and its hatch in a darker one."""
    colour = tuple(value / 255 for value in reversed(emotion_colour_bgr(emotion, class_names)))
    shade = tuple(HATCH_SHADE * value for value in colour)
    return {'facecolor': colour, 'edgecolor': shade, 'hatch': hatch_of(emotion, class_names) or None, 'linewidth': 0}
