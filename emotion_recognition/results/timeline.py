"""The timeline picture: each face's emotions over time."""

from pathlib import Path

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, PercentFormatter

from emotion_recognition.labels import EMOTIONS, emotion_colour_bgr
from emotion_recognition.results.periods import FacePeriods

MOST_FACES = 20  # rows in one picture
ROW_INCHES, MARGIN_INCHES = 0.42, 1.6
BAND_HEIGHT = 0.8  # of a row
SHARE_WITH_NUMBER = 0.12  # a smaller share has no room for it
# Of these, the installed ones show what matplotlib's own font lacks: Chinese, Japanese and Korean on Linux, Windows and
# macOS. No font of emoji: matplotlib cannot draw coloured ones.
MORE_FONTS = ('Noto Sans CJK JP', 'WenQuanYi Zen Hei', 'Microsoft YaHei', 'Yu Gothic', 'Malgun Gothic')
MORE_FONTS += ('Hiragino Sans', 'PingFang SC', 'Apple SD Gothic Neo', 'Arial Unicode MS')
# For a character that no font has. Not its number, such as \u524d: five of those no longer read as a name, nor fit in.
REPLACEMENT = '\N{REPLACEMENT CHARACTER}'


def save_timeline(face_periods: FacePeriods, title: str, path: Path) -> None:
    """Save a PNG with a row for each face: its band coloured by emotion over time, and the share of each emotion.

    Args:
        face_periods: what was seen. Of more than MOST_FACES faces, those seen longest are shown.
        title: of the picture.
        path: of the PNG file; a file that stands there is replaced.
    """
    faces = face_periods.longest_seen(MOST_FACES)
    emotions = in_class_order({emotion for frames in faces.values() for emotion in frames})
    figure = Figure(figsize=(12, MARGIN_INCHES + ROW_INCHES * max(1, len(faces))), layout='constrained')
    times, shares = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    for row, (track_id, frames) in enumerate(faces.items()):
        for emotion in emotions:
            spans = [
                (period.ms_start, period.ms_end - period.ms_start)
                for period in face_periods.periods
                if (period.track_id, period.emotion) == (track_id, emotion)
            ]
            times.broken_barh(spans, (row - BAND_HEIGHT / 2, BAND_HEIGHT), color=colour_rgb(emotion), linewidth=0)
        draw_shares(shares, row, {emotion: frames.get(emotion, 0) for emotion in emotions})

    hidden = face_periods.face_count() - len(faces)
    more = f'; {hidden} more faces were seen for a shorter time' if hidden else ''
    times.set(xlabel=f'time (min:s){more}', yticks=range(len(faces)), yticklabels=[f'face {face}' for face in faces])
    if face_periods.ms_first != face_periods.ms_last:
        times.set_xlim(face_periods.ms_first, face_periods.ms_last)
    times.set_ylim(max(1, len(faces)) - 0.5, -0.5)  # the first face on top
    times.xaxis.set_major_formatter(FuncFormatter(lambda ms, _: minutes(ms)))
    times.grid(axis='x', alpha=0.3)
    times.set_axisbelow(True)
    shares.set(xlim=(0, 1), xlabel='share of its frames')
    shares.xaxis.set_major_formatter(PercentFormatter(1))
    shares.tick_params(left=False)
    if not faces:
        times.text(0.5, 0.5, 'no faces', transform=times.transAxes, ha='center', va='center')
    title, fonts = drawable(title)
    figure.suptitle(title, family=fonts, parse_math=False)
    handles = [Patch(color=colour_rgb(emotion), label=emotion) for emotion in emotions]
    figure.legend(handles=handles, loc='outside lower center', ncols=9, frameon=False)
    figure.savefig(path, dpi=110)


def minutes(ms: float) -> str:
    """A time in minutes and seconds, to tenths."""
    tenths = round(abs(ms) / 100)
    return f'{"-" if ms < 0 and tenths else ""}{tenths // 600}:{tenths % 600 / 10:04.1f}'


def draw_shares(axis, row, frames):
    """Draw a row's stacked bar: emotions and their numbers of frames."""
    left, total = 0.0, sum(frames.values())
    for emotion, count in frames.items():
        share = count / total
        axis.barh(row, share, BAND_HEIGHT, left, color=colour_rgb(emotion))
        if share >= SHARE_WITH_NUMBER:
            axis.text(left + share / 2, row, f'{share:.0%}', ha='center', va='center', fontsize=9)
        left += share


def drawable(text: str) -> tuple[str, list[str]]:
    """Replace characters that no font here can draw. Returns the text, and the names of the fonts that draw it."""
    default = font_manager.FontProperties().get_name()
    installed = set(font_manager.fontManager.get_font_names())
    fonts = [default, *(font for font in MORE_FONTS if font in installed)]
    charmaps = [font_manager.get_font(font_manager.findfont(font)).get_charmap() for font in fonts]
    can_draw = [any(ord(character) in charmap for charmap in charmaps) for character in text]
    return ''.join(character if can else REPLACEMENT for character, can in zip(text, can_draw, strict=True)), fonts


def in_class_order(emotions):
    return sorted(emotions, key=lambda emotion: (EMOTIONS.index(emotion) if emotion in EMOTIONS else 99, emotion))


def colour_rgb(emotion):
    """Colour of an emotion as matplotlib takes it: R, G, B from 0 to 1."""
    return tuple(value / 255 for value in reversed(emotion_colour_bgr(emotion)))
