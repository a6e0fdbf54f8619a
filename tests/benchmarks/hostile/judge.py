"""A hostile try, and the judge of what its processes say and leave."""

import json
import random
import re
import shutil
import subprocess

from hostile.runs import (
    COMMON,
    CONTAINERS,
    HIDDEN,
    OPTIONS,
    REQUESTS,
    Run,
    count_frames,
    digest,
    make_folders,
    result,
    tables_of,
)

from emotion_recognition.runs.run_folder import ENDED_WHILE_MOVING

NO_FILE = re.compile('interrupted|window|screen|the loss is')  # in messages about something else than a file


class Try:
    """One try: its folder, its luck, its processes, and what the judge finds wrong.

    Args:
        number: Its number, which with the seed decides what happens.
        kit: What all tries share.
        seed: The seed.
    """

    def __init__(self, number, kit, seed):
        self.number, self.kit, self.luck, self.kind = number, kit, random.Random(f'{seed} {number}'), ''
        self.folder = kit.folder / f'try_{number}'
        make_folders(self.folder)
        self.films = self.folder / 'films'
        self.clips, self.guarded, self.wrong, self.disks = {}, {}, [], []
        self.options, self.reached = self.luck.choices(OPTIONS, (4, 2, 2, 1))[0], []

    def choose(self, *kinds):
        self.kind = self.luck.choice(kinds)
        return self.kind

    def film(self, name='a', suffix=None, folder=None):
        """A copy of a clip, which no run may change."""
        clip = self.kit.folder / f'{self.luck.choice((1.0, 1.6))}{suffix or self.luck.choice(CONTAINERS)}'
        path = (folder or self.films) / f'{name}{clip.suffix}'
        self.clips[path] = clip
        shutil.copy(clip, path)
        return self.guard(path)

    def guard(self, path, text=None):
        """Let no run change a user's file from now on. It may be written first."""
        if text is not None:
            path.write_text(text)
        self.guarded[path] = digest(path)
        return path

    def small_disk(self, size):
        """Put a disk of a size in bytes in place of the folder of the videos. Returns whether that is possible here."""
        command = ['mount', '-t', 'tmpfs', '-o', f'size={size}', 'none', self.films]
        if subprocess.run(command, capture_output=True).returncode:
            return False
        self.disks.append(self.films)
        return True

    def enlarge_disk(self):
        for disk in self.disks:
            subprocess.run(['mount', '-o', 'remount,size=200m', disk], check=True)

    def start(self, *paths, script='emotions_from_video.py', options=None, model=None, **trouble):
        options = self.options if options is None else options
        if not ({'read', 'move', 'turn_seconds'} & set(trouble)) and script != 'model_training.py':
            trouble.setdefault('is_real', self.luck.random() < 0.1)
        if script != 'model_training.py':
            options = (*COMMON, model or self.kit.model, *options)
        return Run(self.folder, script, [*paths, *options], **trouble)

    def moment(self):
        """Seconds after a run has begun to handle signals, at most a little more than it takes."""
        return self.luck.uniform(0, 1.6 if '--no-identity' in self.options else 2.2)

    def fail(self, what):
        self.wrong.append(' '.join(str(what).split())[:600])

    def end(self, run, *videos, was_asked=False, was_killed=False, code=None):
        """Wait for a run and judge it: its exit code, its messages, the results of its videos. Returns the code."""
        ended = run.end()
        states = [self.look(video, was_killed) for video in videos]
        said = run.errors + run.output
        if ended in (1, -2) and run.sent[1:] and states and set(states) == {'whole'} and 'KeyboardInterrupt' in said:
            ended, said = -2, run.output  # a second Ctrl-C while Python was ending, after the last line of the script
            run.errors = f'{run.script}: interrupted'
        self.reached.append((ended, *states))
        if ended is None:
            self.fail(f'hangs: {said[-300:]}')
        if 'Traceback' in said or HIDDEN.search(said):
            self.fail(f'a traceback or a hidden name: {said[-500:]}')
        if ended == 0 and not set(states) <= ({'whole', 'stopped'} if was_asked else {'whole'}):
            self.fail(f'exit code 0, but the results are {states}: {said[-300:]}')
        if ended and not (ended == -9 and was_killed):
            lines = [line for line in run.errors.replace('\r', '\n').splitlines() if line.startswith(run.script)]
            if ended not in (1, -2 if run.sent[1:] else 1) or len(lines) != 1:  # -2: by Ctrl-C while it was ending
                self.fail(f'exit code {ended}, {len(lines)} lines: {said[-300:]}')
            elif str(self.folder) not in run.errors[run.errors.index(lines[0]) :] and not NO_FILE.search(lines[0]):
                self.fail(f'names no file: {lines[0]}')
        if code is not None and ended not in (code, None):
            self.fail(f'exit code {ended}, expected {code}: {said[-300:]}')
        return ended

    def look(self, video, was_killed=False):
        """What results a video has: absent, whole, stopped (on request), early, or unfinished (while they moved)."""
        files = [path for path in video.parent.glob(f'{video.stem}_with_emotions*') if '_not_moved_' not in path.name]
        if not files:
            return 'absent'
        try:
            record = json.loads(result(video, '_run.json').read_text())
            reason = (record['ended_early'] or {}).get('reason')
            if reason == ENDED_WHILE_MOVING:
                return 'unfinished' if was_killed else self.fail('unfinished results of a run that was not killed')
            for name, size in record['results'].items():
                if (video.parent / name).stat().st_size != size:
                    self.fail(f'{name} has not the size in the record')
            tables, copy = tables_of(video), result(video, '.mp4')
            if copy.name in record['results'] and count_frames(copy) != tables[-1]:
                self.fail(f'{count_frames(copy)} frames in the video, {tables[-1]} in the tables')
            if reason:
                return 'stopped' if reason in REQUESTS else 'early'
            if not record['video'].get('changed_meanwhile') and tables not in self.expected(video):
                self.fail(f'the results of {video.name} are not those of an undisturbed run')
            return 'whole'
        except Exception as error:  # whatever is wrong with the files
            self.fail(f'{video.name}: results that are not whole ({error!r})')

    def expected(self, video):
        clips = self.clips[video] if isinstance(self.clips[video], list) else [self.clips[video]]
        return [self.kit.reference(clip, self.options) for clip in clips]

    def ordinary(self, *videos, inputs=None, options=(), **more):
        """The next run, without trouble: it succeeds, its results are whole, and nothing hidden is left."""
        run = self.start(*(inputs or videos), options=(*self.options, *options), **more)
        self.end(run, *videos, code=0)
        self.check_clean()
        return run

    def check_clean(self):
        left = [*self.films.rglob('.*'), *(self.folder / 'tmp').iterdir()]
        if left:
            self.fail(f'left behind: {[path.name for path in left[:5]]}')

    def close(self, keep):
        for path, content in self.guarded.items():
            if digest(path) != content:
                self.fail(f'the file {path.name} of the user was changed')
        for disk in self.disks:
            subprocess.run(['umount', disk])
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
