"""Hostile tries of videos: signals, disks, and files that change. Each scenario takes a `Try` and makes trouble."""

import errno
import os
import shutil
import signal
import time

from hostile.runs import digest, result

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
        this.kind = kind = 'file size'
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
