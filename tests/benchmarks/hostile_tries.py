"""The scenarios of the hostile tries. Each takes a `Try`, makes trouble, and leaves the judging to it."""

import csv
import errno
import hashlib
import json
import os
import shutil
import signal
import struct
import time
import zipfile

import h5py
import numpy as np
import pandas as pd
from hostile_runs import digest, result

from emotion_recognition.hashing import hash_file
from tests.conftest import browser as browser_fixture
from tests.review_pages import STEADY, opening, read_download, save_page, table_rows
from tests.screen import Screen
from tests.training_runs import arguments

SIGNALS = {'SIGTERM': [signal.SIGTERM], 'SIGINT': [signal.SIGINT], 'SIGHUP': [signal.SIGHUP]}
SIGNALS |= {'SIGINT twice': SIGNALS['SIGINT'] * 2, 'SIGTERM twice': SIGNALS['SIGTERM'] * 2}
MAX_THREADS = {1: 24, 2: 30}  # of a run with --threads


def ended_by_signals(this):
    """Any moment of a run, and then the ordinary run."""
    kind = this.choose('kill -9', 'kill -9', *SIGNALS)
    videos = [this.film(name) for name in this.luck.choice(('a', 'a', 'ab'))]
    run = this.start(this.films).after(this.moment() * len(videos))
    for number in SIGNALS.get(kind, [signal.SIGKILL]):
        run.send(number)
        time.sleep(this.luck.choice((0, 0.02, 0.3)))
    this.end(run, *videos, was_asked=kind in SIGNALS, was_killed=kind == 'kill -9')
    this.ordinary(*videos, inputs=[this.films], options=this.luck.choice(((), ('--skip-done',))))


def full_disk(this):
    kind = this.choose('file size', 'small disk', 'small disk')
    room = int(10 ** this.luck.uniform(3.5, 6.2))
    if kind == 'small disk' and not this.small_disk(200_000_000):
        return
    videos = [this.film(name) for name in this.luck.choice(('a', 'ab'))]
    if this.luck.random() < 0.5:  # earlier results, which a failed run leaves as they are
        this.ordinary(*videos)
    before = {path: digest(path) for path in this.films.iterdir()}
    if kind == 'small disk':
        fill(this, room)
    code = this.end(this.start(*videos, file_size=max(room, 20_000) if kind == 'file size' else None), *videos)
    if code and len(videos) == 1 and before != {path: digest(path) for path in before}:
        this.fail('a run that failed changed earlier results')
    this.enlarge_disk()
    this.ordinary(*videos)


def fill(this, room):
    """Leave a disk no more room than some bytes."""
    used = os.statvfs(this.films)
    with (this.folder / 'films' / 'filler').open('wb') as file:
        file.write(bytes(max(0, used.f_bavail * used.f_frsize - room)))


def two_at_once(this):
    this.choose('the same video', 'a folder and one of its videos')
    videos = [this.film(name) for name in 'ab']
    second = [this.films] if 'folder' in this.kind else videos[:1]
    runs = [this.start(videos[0])]
    time.sleep(this.luck.uniform(0, 1.5))
    runs.append(this.start(*second))
    this.end(runs[0], was_killed=False, code=0)
    this.end(runs[1], *(videos if 'folder' in this.kind else videos[:1]), code=0)
    this.ordinary(*videos, options=('--skip-done',))


def reading_fails(this):
    number = this.luck.choice((errno.EIO, errno.ENOMEM, errno.EAGAIN))
    video = this.film()
    this.kind = f'{errno.errorcode[number]} in {video.suffix}'
    videos = [video, *([this.film('b')] if this.luck.random() < 0.3 else [])]
    size = video.stat().st_size
    start = this.luck.randrange(size)
    end = start + this.luck.choice((1, 4096, size))
    read = (str(video), start, end, number, this.luck.choice((1, 1, 1, 2, 3, 8)), this.luck.random() < 0.3)
    this.end(this.start(*videos, read=read), *videos)
    if videos[1:] and this.look(videos[1]) != 'whole':
        this.fail('the other video has no whole results')
    this.ordinary(*videos, options=('--skip-done',))


def threads(this):
    count = this.luck.choice((1, 2))
    this.kind = f'--threads {count}'
    video = this.film()
    run = this.ordinary(video, options=('--threads', count))
    this.reached.append(run.threads)
    if run.threads > MAX_THREADS[count]:
        this.fail(f'{run.threads} threads')


def training(this):
    """Trainings at once, ended at any moment and begun again, on a full disk, and with a loss that is not finite."""
    kind = this.choose('two at once', 'forgotten --resume', 'killed', 'full disk', 'not finite')
    out = this.films / 'out'
    command = arguments(this.kit.tables, '--output', out / 'model.h5', '--epochs', 3)

    def start(*more, **trouble):
        return this.start(*command, *more, script='model_training.py', options=(), **{'move': (0, 0), **trouble})

    if kind == 'not finite':
        this.end(start(), code=0)
        before = digest(out / 'model.h5')
        this.end(start('--learning-rate', '1e30', '--warmup-epochs', 0), code=1)
        return None if digest(out / 'model.h5') == before else this.fail('the model of an earlier run was replaced')
    if kind == 'two at once':
        runs = [start(), start()]
        codes = sorted(this.end(run) for run in runs)
        return check_training(this, out) if codes == [0, 1] else this.fail(f'exit codes {codes}')
    trouble = {'file_size': this.luck.randrange(3_000, 200_000)} if kind == 'full disk' else {}
    run = start(**trouble)
    if not trouble:
        run.after(this.luck.uniform(0.5, 5)).send(signal.SIGKILL if kind == 'killed' else signal.SIGTERM)
    this.end(run, was_killed=kind == 'killed')
    checkpoint = {path: digest(path) for path in (out / 'checkpoint').glob('e*')}
    if (out / 'checkpoint' / 'state.json').exists():
        this.end(start())
        if checkpoint != {path: digest(path) for path in checkpoint}:
            this.fail('a forgotten --resume changed the checkpoint')
    this.end(start('--resume'), code=0)
    check_training(this, out)


def check_training(this, out):
    history, metrics = pd.read_csv(out / 'history.csv'), json.loads((out / 'metrics.json').read_text())
    if history.epoch.tolist() != [1, 2, 3] or abs(history.val_accuracy.max() - metrics['accuracy']) > 1e-6:
        this.fail(f'history {history.epoch.tolist()} does not fit the metrics')
    if hidden := [path.name for path in out.rglob('.*') if path.name != '.lock']:
        this.fail(f'left behind: {hidden}')


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


def input_changes(this):
    kind = this.choose('replaced', 'cut off', 'longer', 'touched')
    video, other = this.film('a', '.mp4'), this.film('b', '.mp4', folder=this.folder)
    clips = [this.clips[video], this.clips[other]]
    this.clips[video] = clips
    run = this.start(video).after(this.moment())
    if kind == 'replaced':
        os.replace(other, video)
        this.guarded.pop(other)
        os.utime(video)
    elif kind == 'cut off':
        os.truncate(video, this.luck.randrange(video.stat().st_size))
    elif kind == 'longer':
        with video.open('ab') as file:
            file.write(other.read_bytes())
    else:
        os.utime(video)
    this.guard(video)
    this.end(run, video)
    if kind != 'replaced':
        shutil.copy(clips[0], video)
        this.guard(video)
    this.clips[video] = clips[1 if kind == 'replaced' else 0]
    this.ordinary(video, options=('--skip-done',))


def results_are_damaged(this):
    video = this.film()
    first = this.ordinary(video)
    names = sorted(path.name for path in this.films.iterdir() if path != video and path.suffix not in ('.eaf', '.srt'))
    path = this.films / this.luck.choice(names)
    kind = this.choose('emptied', 'cut off', 'deleted', 'a folder in its place')
    if kind in ('emptied', 'cut off'):
        os.truncate(path, this.luck.randrange(path.stat().st_size) if kind == 'cut off' else 0)
    else:
        path.unlink()
    if kind == 'a folder in its place':
        path.mkdir()
        this.end(this.start(video, options=(*this.options, '--skip-done')), code=1)
        path.rmdir()
    this.reached.append(path.name.removeprefix(video.stem))
    run = this.ordinary(video, options=('--skip-done',))
    if 'Done before: 0 of 1' not in run.output:
        this.fail(f'{path.name} was {kind}, but counts as done; first: {first.output[-200:]}')


def stalls(this):
    kind = this.choose('a disk, SIGTERM', 'a disk, SIGINT', 'a disk, SIGINT twice', 'a pipe in the folder')
    video = this.film()
    if kind == 'a pipe in the folder':
        pipe = this.films / f'pipe{this.luck.choice((".jpg", ".mp4", ".png", ".mkv"))}'
        os.mkfifo(pipe)
        code = this.end(this.start(this.films), video)
        if code != 1 or this.look(video) != 'whole':
            this.fail(f'exit code {code}, {this.look(video)}')
        pipe.unlink()
    else:
        size = video.stat().st_size
        first = this.luck.choice((1, 1, 2, 3))
        run = this.start(video, read=(str(video), this.luck.randrange(size), size, None, first, False))
        run.after(this.moment() + 0.5)
        for number in SIGNALS[kind.removeprefix('a disk, ')]:
            run.send(number)
            time.sleep(this.luck.choice((0.05, 1)))
        asked = time.monotonic()
        this.end(run, video, was_asked=True)
        if time.monotonic() > asked + 12:
            this.fail(f'ended {time.monotonic() - asked:.0f} s after the request')
    this.ordinary(video)


def screens(this):
    kind = this.choose('not there', 'lost', 'hanging')
    video = this.film()
    options = (*this.options, '--show-process')
    if kind == 'not there':
        display = this.luck.choice((':99', 'nowhere:0', ''))
        this.end(this.start(video, options=options, environment={'DISPLAY': display}), video, code=0)
    else:
        screen = Screen()
        with screen as display:
            run = this.start(video, options=options, environment={'DISPLAY': display}).after(this.moment())
            if kind == 'hanging':
                screen.hang()
                this.end(run, video, code=0)
        this.end(run, video, code=0)
    this.ordinary(video)


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


def webcam(this):
    kind = this.choose('full disk', 'folder deleted', 'kill -9', 'SIGTERM', 'SIGINT', 'screen lost', 'stalled stream')
    if not this.kit.display:
        return
    clip, table = this.film('camera', '.mp4', this.folder), this.films / 'live.csv'
    if kind == 'stalled stream':
        clip = this.folder / 'pipe.mp4'
        os.mkfifo(clip)
    limit = int(10 ** this.luck.uniform(2.9, 4.3)) if kind == 'full disk' else None
    options = ('--camera', clip, '--csv-path', table)
    with Screen() as own:
        display = own if kind == 'screen lost' else this.kit.display
        environment = {'DISPLAY': display}
        run = this.start(script='emotions_from_webcam.py', options=options, environment=environment, file_size=limit)
        if kind != 'full disk':
            run.after(this.luck.uniform(0, 2))
        if kind == 'folder deleted':
            shutil.rmtree(this.films)
        elif kind != 'full disk':
            number = {'kill -9': signal.SIGKILL, 'SIGINT': signal.SIGINT, 'screen lost': 0}.get(kind, signal.SIGTERM)
            run.send(number)
    code = this.end(run, was_killed=kind == 'kill -9')
    check_table(this, table, run, code)


def check_table(this, table, run, code):
    said = run.output + run.errors
    if not table.exists():
        return this.fail(f'no table, but it says so: {said[-200:]}') if f'Wrote {table}' in said or code == 0 else None
    text = table.read_text()
    rows = list(csv.reader(text.splitlines()))
    if code != -9 and (not text.endswith('\n') or {len(row) for row in rows} != {len(rows[0])}):
        this.fail(f'a row is cut: {text[-80:]!r}')
    if code != -9 and not any(f'{len(rows) - 1} rows{more}' in said for more in ('\n', ' were written before')):
        this.fail(f'{len(rows) - 1} rows, but it says: {said[-200:]}')


def held_up(this):
    """A run that is stopped or killed while it moves its files, and another one that waits for it."""
    kind = this.choose('stopped', 'stopped', 'killed', 'killed under another name')
    video = this.film('a', '.mp4')
    which = this.luck.randrange(1, 10)
    if kind == 'killed under another name':
        named = ('--output-filename', this.films / 'other.mp4')
        options = (*this.options, *named)
        this.end(this.start(video, options=options, move=(which, signal.SIGKILL)), was_killed=True)
        this.end(this.start(video, options=options), code=0)
        this.check_clean()
        run = this.ordinary(video, inputs=[this.films])
        return this.fail('a result was taken as input') if 'other' in run.errors + run.output else None
    if this.luck.random() < 0.5:
        this.ordinary(video)
    if kind == 'killed':
        this.end(this.start(video, move=(which, signal.SIGKILL)), video, was_killed=True)
        return this.ordinary(video, options=('--skip-done',)) and None
    run = this.start(video, move=(which, signal.SIGSTOP))
    run.wait_for(lambda: run.status('State') == 'T')
    second = this.start(video, turn_seconds=0.5)
    code = this.end(second)
    kept = list(this.films.glob('*_not_moved_*'))
    if run.process.is_alive() and (code != 1 or not kept or str(kept[0]) not in second.errors):
        this.fail(f'results of the second run are not kept, exit code {code}: {second.errors[-300:]}')
    for folder in kept:
        if not (folder / result(video, '_faces_data.csv').name).read_text():
            this.fail('the kept table is empty')
    this.end(run.send(signal.SIGCONT), video, code=0)
    this.ordinary(video)


SCENARIOS = {  # how often each is tried in 300 tries
    ended_by_signals: 30,
    full_disk: 20,
    two_at_once: 8,
    reading_fails: 36,
    threads: 10,
    training: 10,
    numbers_that_are_not_finite: 20,
    input_changes: 20,
    results_are_damaged: 16,
    stalls: 22,
    screens: 14,
    summaries_change: 20,
    files_in_the_way: 20,
    page_with_kept_data: 14,
    conversion_changes: 14,
    webcam: 16,
    held_up: 10,
}
