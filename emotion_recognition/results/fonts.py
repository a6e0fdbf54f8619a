"""Fonts for any text: names of files and people may have letters that the usual font lacks."""

from functools import cache

from matplotlib import font_manager

# Of these fonts, the installed ones draw what matplotlib's own font lacks: Chinese, Japanese and Korean on Linux,
# Windows and macOS. There is no emoji font among them, since matplotlib cannot draw coloured ones.
MORE_FONTS = ('Noto Sans CJK JP', 'WenQuanYi Zen Hei', 'Microsoft YaHei', 'Yu Gothic', 'Malgun Gothic')
MORE_FONTS += ('Hiragino Sans', 'PingFang SC', 'Apple SD Gothic Neo', 'Arial Unicode MS')
# Drawn for a character that no font has. Its number, such as \u524d, would be hard to read and need more room.
REPLACEMENT = '\N{REPLACEMENT CHARACTER}'


def drawable(text: str) -> tuple[str, list[str]]:
    """Replace the characters that no installed font can draw.

    Args:
        text: Any text.

    Returns:
        The text with replacement characters, and the names of the fonts that draw it.
    """
    charmaps = {font: _charmap(font) for font in _installed()}
    can_draw = [any(ord(character) in charmap for charmap in charmaps.values()) for character in text]
    drawn = ''.join(character if can else REPLACEMENT for character, can in zip(text, can_draw, strict=True))
    return drawn, list(charmaps)


def font_path_for(text: str) -> str:
    """Path of the font that draws most of a text's characters, for what can only use one."""
    best = max(_installed(), key=lambda font: sum(ord(character) in _charmap(font) for character in text))
    return font_manager.findfont(best)


def _installed():
    installed = set(font_manager.fontManager.get_font_names())
    return [font_manager.FontProperties().get_name(), *(font for font in MORE_FONTS if font in installed)]


@cache
def _charmap(font):
    return font_manager.get_font(font_manager.findfont(font)).get_charmap()
