"""Hostile tries of files that people bring or change: models, conversions, summaries, outputs, the review page."""

import csv
import hashlib
import json
import os
import shutil
import struct
import zipfile

import h5py
import numpy as np
import pandas as pd
from hostile.runs import digest, result

from emotion_recognition.hashing import hash_file
from tests.conftest import browser as browser_fixture
from tests.review_pages import STEADY, opening, read_download, save_page, table_rows


def numbers_that_are_not_finite(this):
    """A network or a conversion with some numbers that are not finite, or so large that its answers are not."""
    kind = this.choose('in model.h5', 'in the conversion', 'in the conversion')
    bad = this.luck.choice((np.nan, np.inf, -np.inf, 3e38, -3e38, 1e30))
    model = shutil.copytree(this.kit.model.parent, this.folder / 'model') / 'model.h5'
    more = ()
    if kind == 'in model.h5':
        more = ('--runtime', 'keras')
        with h5py.File(model, 'r+') as file:
            found = []
            file.visititems(lambda name, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
            values = this.luck.choice([item for item in found if item.ndim])
            values[...] = np.where(np.random.default_rng(this.number).random(values.shape) < 0.5, bad, values[...])
    else:
        change_weights(this, model.with_suffix('.openvino.zip'), bad)
    video = this.film()
    code = this.end(this.start(video, model=model, options=(*this.options, *more)))
    if code == 0:
        faces = (
            pd.read_csv(result(video, '_faces_data.csv'))
            .select_dtypes('number')
            .drop(columns=['person', 'name'], errors='ignore')
        )
        if not np.isfinite(faces.to_numpy()).all():
            this.fail('exit code 0 with numbers that are not finite')
    elif result(video, '_run.json').exists():
        this.fail('results of a network that has no answers')
    this.check_clean()


def change_weights(this, path, bad):
    with zipfile.ZipFile(path) as archive:
        contents = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, 'w') as archive:
        for info, content in contents.items():
            if info.filename == 'model.bin':
                at = this.luck.randrange(len(content) // 4) * 4
                content = content[:at] + struct.pack('<f', bad) + content[at + 4 :]
            archive.writestr(info, content)
    path.with_suffix('.sha256').write_text(f'{hash_file(path)}  {path.name}\n')


def conversion_changes(this):
    """A conversion that was changed is passed over for the one in the cache, or made again."""
    this.choose('bits', 'bits', 'cut off', 'hash', 'hash gone', 'of another model')
    model = shutil.copytree(this.kit.model.parent, this.folder / 'model') / 'model.h5'
    path, genuine = model.with_suffix('.openvino.zip'), digest(model.with_suffix('.openvino.zip'))
    cached = model.parent / '.cache' / f'model-{digest(model)[:32]}.zip'
    cached.parent.mkdir()
    for suffix in ('.zip', '.sha256'):
        shutil.copy(path.with_suffix(suffix), cached.with_suffix(suffix))
    damage(this, path)
    damaged = digest(path)
    if this.luck.random() < 0.15:
        damage(this, cached)
    video = this.film()
    this.end(this.start(video, model=model), video, code=0)
    used = json.loads(result(video, '_run.json').read_text())['conversion_sha256']
    if used not in (genuine, digest(cached)) or (used == damaged != genuine):
        this.fail(f'the record names the conversion {used}, made was {genuine}')
    this.ordinary(video)


def damage(this, path):
    content, hashes = bytearray(path.read_bytes()), path.with_suffix('.sha256')
    if this.kind == 'bits':
        for _ in range(this.luck.choice((1, 1, 5, 100))):
            content[this.luck.randrange(len(content))] ^= 1 << this.luck.randrange(8)
    elif this.kind == 'cut off':
        del content[this.luck.randrange(len(content)) :]
    elif this.kind == 'of another model':
        content += b' '
        hashes.write_text(hashlib.sha256(content[:-1] + b'x').hexdigest())
    elif this.kind == 'hash':
        hashes.write_text(this.luck.choice(('', 'x', '0' * 64, '\0', ' ' + hashes.read_text())))
    else:
        hashes.unlink()
    path.write_bytes(content)


def summaries_change(this):
    videos = [this.film(name) for name in 'ab']
    this.ordinary(*videos, inputs=[this.films])
    summary, joined = result(videos[0], '_summary.csv'), this.films / 'films_with_emotions_all_summary.csv'
    expected, text = rows_of(joined), summary.read_text()
    changes = {
        'semicolons': text.replace(',', ';').encode(),
        'decimal commas': text.replace(',', ';').replace('.', ',').encode(),
        'UTF-16': text.encode('utf-16'),
        'a mark at the start, and line ends': b'\xef\xbb\xbf' + text.replace('\n', '\r\n').encode(),
        'Latin-1': text.replace('mp4', 'm\xe4').encode('latin-1'),
        'another column': text.replace('seconds', 'Sekunden').encode(),
        'random bytes': bytes(this.luck.choice((byte, 0, 34, 44, 255)) for byte in text.encode()),
        'some bytes': bytes(byte if this.luck.random() > 0.01 else this.luck.randrange(256) for byte in text.encode()),
        'quotes': '\n'.join(','.join(f'"{cell}"' for cell in line.split(',')) for line in text.splitlines()).encode(),
        'longer': text.encode() + this.luck.randbytes(200),
    }
    content = changes[this.choose(*changes)]
    summary.write_bytes(content + b'\n' * max(0, len(text.encode()) - len(content)))
    run = this.start(this.films, options=(*this.options, '--skip-done'))
    code, rows = this.end(run), rows_of(joined)
    if code == 0 and rows != expected and this.kind not in ('some bytes',):
        this.fail(f'exit code 0, but the joined summary differs: {rows}')
    if [row for row in expected if videos[1].name in row] != [row for row in rows if videos[1].name in row]:
        this.fail('the rows of the other video are missing')
    if code == 1 and str(summary) not in run.errors:
        this.fail(f'does not name the summary: {run.errors[-300:]}')
    summary.unlink()
    this.ordinary(*videos, inputs=[this.films], options=('--skip-done',))
    if rows_of(joined) != expected:
        this.fail('the joined summary of the next run differs')


def rows_of(path):
    with path.open(encoding='utf-8', newline='') as file:
        return list(csv.reader(file))


def files_in_the_way(this):
    video = this.film()
    other = this.film('b', '.mp4')
    kinds = ['the recording', 'a table', 'spans', 'itself', 'a link', 'a folder', 'people', 'a record of lies']
    kind = this.choose(*kinds)
    name, options = 'b.mp4', []
    if kind in ('a table', 'a record of lies'):
        name = 'c.mp4'
        ending = this.luck.choice(('_summary.csv', '_emotions_data.csv', '_faces_data.csv', '_timeline.png', '.eaf'))
        this.options = (*this.options, '--elan')
        this.guard(this.films / f'c{ending}', 'mine')
        if kind == 'a record of lies':
            lies = this.luck.choice(({}, {'made_with': {}, 'results': 5}, {'made_with': 1, 'results': [[]]}, [], 'x'))
            this.guard(this.films / 'c_run.json', json.dumps(lies))
    elif kind == 'spans':
        name = 'c.mp4'
        spans = this.guard(this.films / 'c_summary.csv', f'video,start,end,name\n{video.name},0,0.5,x\n')
        options = ['--spans', spans]
    elif kind == 'itself':
        name = this.luck.choice((video.name, f'../films/{video.name}'))
        name = name if name.endswith('.mp4') else 'b.mp4'
    elif kind == 'a link':
        link = this.films / 'c.mp4'
        this.luck.choice((os.link, os.symlink))(other, link)
        name = 'c.mp4'
    elif kind == 'a folder':
        (this.films / 'b_timeline.png').mkdir()
    elif kind == 'people':
        name, this.options = 'c.mp4', ()
        options = ['--people', this.guard(this.films / 'c_faces_data.npz', 'no people')]
        this.guard(this.films / 'c_faces_data.csv', 'person,name\n1,Anna\n')
    this.end(this.start(video, options=(*this.options, '--output-filename', this.films / name, *options)), code=1)
    this.check_clean()
    this.options = tuple(option for option in this.options if option != '--elan')
    this.ordinary(video)


def page_with_kept_data(this):
    """A review page whose kept data have changed at random; a note is typed, and the page is opened again."""
    rows = [[1, 1, 4, 0, 19, 0.8, 0, 1, ''], [2, 2, 5, 10, 24, 0.8, 0, 1, ''], [1, 1, 6, 20, 29, 0.8, 0, 1, 'x']]
    data = {'periods': rows, 'classes': None, 'runName': 'run-0123456789ab', 'people': {'1': 'Anna'}}
    values = (None, -1, 1e99, 'x', [], {}, True, '\u2028<script>', [[]], 7)
    for _ in range(this.luck.randrange(1, 4)):
        if this.choose('cells', 'keys', 'text') == 'cells':
            row = this.luck.choice(rows)
            row[this.luck.randrange(len(row))] = this.luck.choice(values)
        elif this.kind == 'keys':
            data[this.luck.choice(sorted(data))] = this.luck.choice(values)
    text = json.dumps(this.luck.choice((data, rows, [data])))
    if this.kind == 'text':
        at = this.luck.randrange(len(text))
        text = text[:at] + this.luck.choice(('', '"', '}', '\0', text)) + text[at + 1 :]
    with opening(this.kit.browser) as open_page:
        page = open_page(save_page(this.films, STEADY))
        keys = [page.evaluate('store.key'), 'emotions review: clip.mp4 0123456789abcdef']
        page.evaluate('([keys, text]) => keys.forEach((key) => localStorage.setItem(key, text))', [keys, text])
        page.reload()
        page.keyboard.press('n')
        page.keyboard.type('typed')
        page.reload()
        if not table_rows(page) or 'typed' not in [row['note'].removesuffix('x') for row in read_download(page)]:
            this.fail(f'a note was lost: {text}')


def in_one_browser(kit, work):
    """Do some work with `kit.browser`, if Chromium is here."""
    try:
        browsers = browser_fixture.__wrapped__()
        kit.browser = next(browsers)
    except BaseException as error:  # pytest's own kind: the browser or its driver is missing
        print(f'No tries of the review page: {error}')
        return []
    done = work()
    next(browsers, None)
    return done
