"""Hostile tries of screens, the webcam and the training."""

import csv
import json
import os
import shutil
import signal

import pandas as pd
from hostile.runs import digest

from tests.screen import Screen
from tests.training_runs import arguments


def training(this):
    """Trainings at once, ended at any moment and begun again, on a full disk, and with a loss that is not finite."""
    kinds = ('two at once', 'forgotten --resume', 'killed', 'full disk', 'not finite')
    kind = this.choose(kinds[this.number % len(kinds)])  # in turn: there are few tries
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
    trouble = {'file_size': this.luck.randrange(1_000, 60_000)} if kind == 'full disk' else {}
    run = start(**trouble)
    if not trouble:
        run.after(this.luck.uniform(0.5, 5)).send(signal.SIGKILL if kind == 'killed' else signal.SIGTERM)
    this.end(run, was_killed=kind == 'killed')
    checkpoint = {path: digest(path) for path in (out / 'checkpoint').glob('e*')}
    state = out / 'checkpoint' / 'state.json'
    if state.exists() and not json.loads(state.read_text()).get('finished'):
        this.end(start(), code=1)
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


def webcam(this):
    kind = this.choose('full disk', 'folder deleted', 'kill -9', 'SIGTERM', 'SIGINT', 'screen lost', 'stalled stream')
    if not this.kit.display:
        return
    clip, table = this.film('camera', '.mp4', this.folder), this.films / 'live.csv'
    if kind == 'stalled stream':
        clip = this.folder / 'pipe.mp4'
        os.mkfifo(clip)
    limit = int(10 ** this.luck.uniform(2.8, 3.7)) if kind == 'full disk' else None
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
