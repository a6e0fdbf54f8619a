"""The file of the review page: one HTML file that opens with a double click and needs no network.

It contains its scripts, styles and data, and its own policy forbids it to load anything but the video. uPlot
(https://github.com/leeoniya/uPlot, MIT) draws its charts: 50 kB that draw tens of thousands of points in a few
milliseconds. Plotly, the alternative, needs 3 to 5 MB, most of it for kinds of charts that are not used here, and is
slow with the curves of an hour.
"""

import base64
import hashlib
import html
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from emotion_recognition.media.part import WHOLE_VIDEO, Part
from emotion_recognition.results.output_paths import to_text
from emotion_recognition.results.review import Review
from emotion_recognition.results.spans import Span

PAGE_FOLDER = Path(__file__).resolve().parent / 'review_page'
STYLES = ('uplot.min.css', 'review.css')
SCRIPTS = ('uplot.min.js', 'periods.js', 'people.js', 'player.js', 'timeline.js', 'timeline_row.js', 'rows.js')
SCRIPTS += ('table.js', 'labels.js', 'kept.js', 'store.js', 'describing.js', 'review.js', 'corrections.js')
SCRIPTS += ('controls.js',)
# Only the video is loaded, pictures are part of the page, and only the scripts and styles that are in it when it is
# written are run.
POLICY = "default-src 'none'; media-src 'self' file:; img-src data:; script-src {scripts}; style-src {styles}"


def write_review(
    review: Review,
    video_path: Path,
    shown_path: Path,
    folder: Path,
    path: Path,
    spans: Sequence[Span] = (),
    part: Part = WHOLE_VIDEO,
    decimal_comma: bool = False,
) -> None:
    """Write the page.

    Args:
        review: What was collected.
        video_path: Path of the original video, whose name is shown.
        shown_path: Path of the video that the page plays: the annotated one or the original.
        folder: Folder that the page will be moved to, for its link to the video.
        path: Path that the page is written to.
        spans: Spans of the video, in the file's own time.
        part: Part of the video that was analysed.
        decimal_comma: Whether the page writes the corrected table in the European way, see `write_table`.
    """
    name = to_text(video_path.name)
    content = review.to_json(name, link(shown_path, folder), shown_path != video_path, spans, part)
    content['download'] = to_text(path.name.removesuffix('_review.html').removesuffix('_corrected')) + '_corrected.csv'
    content['decimalComma'] = decimal_comma
    styles = [(PAGE_FOLDER / file).read_text(encoding='utf-8') for file in STYLES]
    scripts = [(PAGE_FOLDER / file).read_text(encoding='utf-8') for file in SCRIPTS]
    policy = POLICY.format(scripts=_hashes(scripts), styles=_hashes(styles))
    parts = {
        'policy': html.escape(policy),
        'name': html.escape(name),
        'word': review.words[0],
        'Word': review.words[0].capitalize(),
        'words': review.words[1],
        'styles': ''.join(f'<style>{style}</style>\n' for style in styles),
        'data': to_script_json(content),
        'scripts': ''.join(f'<script>{script}</script>\n' for script in scripts),
    }
    template = (PAGE_FOLDER / 'review.html').read_text(encoding='utf-8')
    page = re.sub(r'@(\w+)@', lambda match: parts[match[1]], template)
    path.write_text(page, encoding='utf-8', newline='\n')


def link(path: Path, folder: Path) -> str:
    """URL of a file, relative to a folder if both are on the same drive."""
    try:
        relative = Path(os.path.relpath(path, folder))
    except ValueError:  # on another drive of Windows
        return path.resolve().as_uri()
    return quote(os.fsencode(relative.as_posix()))


def to_script_json(content: object) -> str:
    """Convert to JSON for an HTML script element: ASCII, without anything that could end it or begin a comment."""
    text = json.dumps(content, separators=(',', ':'), allow_nan=False)  # NaN is no JSON
    return text.replace('&', '\\u0026').replace('<', '\\u003c').replace('>', '\\u003e')


def _hashes(texts):
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
    return ' '.join(f"'sha256-{digest}'" for digest in digests)
