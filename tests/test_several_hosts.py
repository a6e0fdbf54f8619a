"""Training in several processes that find each other, as on several hosts: here on one, with a CPU device each."""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from itertools import chain, islice
from types import SimpleNamespace
from unittest.mock import ANY

import cv2
import h5py
import numpy as np
import pandas as pd
import pytest

import model_training
from model_training import EMOTIONS, TrainingError
from tests.paths import ROOT

if find_spec('jax') is None:  # importing it takes time, in all processes of pytest
    pytest.skip('JAX is not installed', allow_module_level=True)

# The networks are tiny, and compiling them takes most of the time.
FAST_COMPILATION = '--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true'
DRIVER = ROOT / 'tests' / 'several_hosts_driver.py'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """120 images, 108 for training and 12 for validation: two divides both, and the last batch is a short one."""
    folder, rows = tmp_path_factory.mktemp('hosts'), []
    (folder / 'test_kaggle').mkdir()
    for number in range(120):
        picture = np.full((32, 32, 3), 25 * (number % 9) + 20, np.uint8)
        picture[:16, :16] = 2 * number
        cv2.imwrite(str(folder / f'{number}.png'), picture)
        rows.append({'image_path': f'{number}.png', 'emotion': EMOTIONS[number % 9]})
    cv2.imwrite(str(folder / 'test_kaggle' / '1.png'), picture // 2)
    pd.DataFrame(rows).to_csv(folder / 'train.csv')
    pd.DataFrame({'image_path': ['1.png'], 'emotion': 'sad'}).to_csv(folder / 'sample_submission.csv', index=False)
    return folder


@pytest.fixture(scope='module')
def many_machines():
    """What the script for several hosts defines."""
    path = list(sys.path)
    yield runpy.run_path(str(ROOT / 'draft_pipelines' / 'many_machines' / 'run.py'))
    sys.path[:] = path


def free_port():
    with socket.socket() as listener:
        listener.bind(('localhost', 0))
        return listener.getsockname()[1]


@pytest.fixture(scope='module')
def driver(folder):
    """The process that forks those of the runs."""
    environment = {'KERAS_BACKEND': 'jax', 'JAX_PLATFORMS': 'cpu', 'MPLBACKEND': 'Agg', 'XLA_FLAGS': FAST_COMPILATION}
    environment |= {'PYTHONPATH': str(ROOT / 'draft_pipelines' / 'many_machines')}
    environment |= {'JAX_COMPILATION_CACHE_DIR': str(folder / 'cache')}
    environment |= {'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0'}
    pipes = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'text': True}
    process = subprocess.Popen([sys.executable, str(DRIVER)], env={**os.environ, **environment}, **pipes)
    yield process
    process.communicate()


def describe(folder, output, *more, fresh=False, **environment):
    """What the driver needs to know of a process."""
    given = ['--images', folder, '--test-images', folder / 'test_kaggle', '--train-csv', folder / 'train.csv']
    given += ['--sample-submission', folder / 'sample_submission.csv', '--output', folder / output / 'model.h5']
    given += ['--efnet-no', 0, '--weights', 'none', '--image-size', 32, '--epochs', 3, '--batch-size', 16, *more]
    return {'arguments': [*map(str, given)], 'environment': environment, 'fresh': fresh}


@pytest.fixture(scope='module')
def run(driver, tmp_path_factory):
    """A function that runs processes at once. Returns the exit code, the output and the messages of each."""

    def run(*processes):
        told = tmp_path_factory.mktemp('told')
        paths = [(told / f'{number}.out', told / f'{number}.err') for number in range(len(processes))]
        for process, (stdout, stderr) in zip(processes, paths, strict=True):
            process |= {'stdout': str(stdout), 'stderr': str(stderr)}
        print(json.dumps(processes), file=driver.stdin, flush=True)
        codes = json.loads(driver.stdout.readline())
        return [(code, out.read_text(), messages(err)) for code, (out, err) in zip(codes, paths, strict=True)]

    return run


def messages(path):
    """The lines that are no progress bars."""
    lines = [line.rpartition('\r')[2] for line in path.read_text().split('\n')]
    return [line for line in lines if line and 'image/s]' not in line]


def pair(folder, output, *more, **of_process):
    """Two processes that are started by hand. of_process: `process_1={'NAME': 'value'}` is what process 1 has too."""
    given = ['--coordinator', f'localhost:{free_port()}', '--processes', 2, *more, '--process-id']
    return [describe(folder, output, *given, number, **of_process.get(f'process_{number}', {})) for number in range(2)]


@pytest.fixture(scope='module')
def alone(folder, run):
    assert run(describe(folder, 'alone')) == [(0, ANY, [])]
    return folder / 'alone'


@pytest.fixture(scope='module')
def slurm(folder, run):
    job = {'SLURM_JOB_ID': str(os.getpid()), 'SLURM_STEP_NODELIST': 'localhost', 'SLURM_NTASKS': '2'}
    tasks = [{'SLURM_PROCID': str(task), 'SLURM_LOCALID': '0'} for task in range(2)]
    ended = run(*(describe(folder, 'slurm', '--data-parallel', **job, **task) for task in tasks))
    assert [(code, messages) for code, _, messages in ended] == [(0, []), (0, [])]
    assert [('Wrote' in out, 'Epoch' in out) for _, out, _ in ended] == [(True, True), (False, False)]
    return folder / 'slurm'


@pytest.fixture(scope='module')
def ended(folder, run):
    """How the processes of runs that cannot go on end, by the runs. All run at once, since they wait for the most."""
    killed, interrupted = ({'DIES_BY': str(int(number))} for number in (signal.SIGKILL, signal.SIGTERM))
    with socket.create_server(('', 0)) as taken:
        address = f'localhost:{taken.getsockname()[1]}'
        runs = {
            'killed': pair(folder, 'killed', process_0={'fresh': True}, process_1=killed),
            'interrupted': pair(folder, 'interrupted', process_0=interrupted),
            'nobody': pair(folder, 'nobody', process_1={'MEETS_FOR': '3'})[1:],
            'taken': pair(folder, 'taken', '--coordinator', address)[:1],
        }
        ends = iter(run(*chain(*runs.values())))
    return {name: list(islice(ends, len(processes))) for name, processes in runs.items()}


def assert_equal_runs(one, other):
    histories = [pd.read_csv(path / 'history.csv') for path in (one, other)]
    assert histories[0].epoch.tolist() == [1, 2, 3]
    np.testing.assert_allclose(*histories, rtol=1e-4)
    with h5py.File(one / 'model.h5') as first, h5py.File(other / 'model.h5') as second:
        names = {f'{name}/{name}' for name in first['model_weights'] if len(first['model_weights'][name])}
        assert names == {f'{name}/{name}' for name in ('emotion', 'normalization', 'stem_bn', 'stem_conv')}
        for name in names:
            for variable, values in first['model_weights'][name].items():
                expected = second['model_weights'][name][variable]
                np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)


LOST = 'model_training.py: another process ended or cannot be reached; --resume goes on after the last finished epoch'


def test_two_tasks_of_slurm_equal_one(alone, slurm):
    assert_equal_runs(alone, slurm)
    metrics = [json.loads((path / 'metrics.json').read_text()) for path in (alone, slurm)]
    assert (metrics[1]['processes'], metrics[1]['devices']) == (2, 2)
    assert metrics[0]['accuracy'] == pytest.approx(metrics[1]['accuracy'])


def test_killed_process_ends_the_other_and_one_process_goes_on(folder, run, alone, ended):
    """The one that is left imports all itself: its message must be the only one, whatever the libraries would say."""
    assert [(code, messages) for code, _, messages in ended['killed']] == [(1, [LOST]), (-signal.SIGKILL, [])]
    assert pd.read_csv(folder / 'killed' / 'history.csv').epoch.tolist() == [1]
    assert run(describe(folder, 'killed', '--resume')) == [(0, ANY, [])]
    assert_equal_runs(alone, folder / 'killed')


def test_interrupted_coordinator_says_so_and_ends_the_other(ended):
    told = ['model_training.py: interrupted; the same command with --resume goes on after the last finished epoch']
    assert [(code, messages) for code, _, messages in ended['interrupted']] == [(1, told), (1, [LOST])]


def test_process_that_does_not_see_the_checkpoint_is_reported(folder, run, slurm):
    ended = run(*pair(folder, 'slurm', '--resume', process_1={'SEES_NO_CHECKPOINT': '1'}))
    told = 'model_training.py: the processes differ in options, data or checkpoint; start each with the same ones'
    assert [(code, messages) for code, _, messages in ended] == [(1, [told]), (1, [told])]


def test_coordinator_that_cannot_be_reached(ended):
    assert ended['nobody'] == [(1, ANY, [LOST])]


def test_coordinator_whose_port_is_taken(ended):
    ((code, _, told),) = ended['taken']
    assert code == 1
    assert len(told) == 1 and told[0].startswith('model_training.py: [Errno ') and 'in use' in told[0]


def test_last_batch_is_shortened_to_what_the_devices_of_one_host_can_share(folder, run):
    """108 images in batches of 24 leave 12, and 12 for validation; eight devices take 8 of each."""
    eight = {'XLA_FLAGS': f'{FAST_COMPILATION} --xla_force_host_platform_device_count=8'}
    given = ('--data-parallel', '--batch-size', 24, '--epochs', 1)
    assert run(describe(folder, 'eight', *given, **eight)) == [(0, ANY, [])]
    metrics = json.loads((folder / 'eight' / 'metrics.json').read_text())
    assert (metrics['processes'], metrics['devices'], metrics['images']) == (1, 8, 12)  # evaluated on all in the end


def test_batch_that_the_devices_cannot_share(many_machines, monkeypatch):
    monkeypatch.setattr('jax.device_count', lambda: 3)
    with pytest.raises(TrainingError, match='--batch-size is 16; expected a multiple of 3, the devices'):
        many_machines['spread_over_devices'](16)


def test_fewer_images_than_devices(many_machines, monkeypatch):
    spread = SimpleNamespace(num_model_replicas=8, num_processes=1, data_shard_id=0)
    monkeypatch.setattr(model_training.keras.distribution, 'distribution', lambda: spread)
    options = model_training.parse_options([])
    with pytest.raises(TrainingError, match='7 images for validation; expected one for each of 8 devices, or more'):
        many_machines['SharedFaces'](['a.png'] * 7, np.arange(7), 32, options)


def test_processes_share_each_batch_in_order_and_draw_as_one(folder, many_machines, monkeypatch):
    """Ten images in batches of four for two devices, of one process or two."""
    paths = [folder / f'{number}.png' for number in range(11)]
    options = model_training.parse_options(['--batch-size', '4'])
    augmenter = partial(model_training.augment, options=options)

    def batches(dataset_type, processes=1, process=0):
        spread = SimpleNamespace(num_model_replicas=2, num_processes=processes, data_shard_id=process)
        monkeypatch.setattr(model_training.keras.distribution, 'distribution', lambda: spread)
        dataset = dataset_type(paths, np.arange(11), 32, options, augmenter, shuffle=True)
        assert len(dataset) == 3
        return [dataset[number] for number in range(3)]

    whole = batches(many_machines['SharedFaces'])
    first, second = (batches(many_machines['SharedFaces'], 2, process) for process in range(2))
    assert [len(rows) for _, rows in whole] == [4, 4, 2]
    assert [len(rows) for _, rows in first] == [len(rows) for _, rows in second] == [2, 2, 1]
    for (images, rows), *parts in zip(whole, first, second, strict=True):
        np.testing.assert_array_equal(rows, np.concatenate([rows for _, rows in parts]))
        np.testing.assert_array_equal(images, np.concatenate([images for images, _ in parts]))


@pytest.mark.parametrize(
    ('given', 'told'),
    [
        (['--processes', '2'], 'expected --coordinator HOST:PORT, --processes N and --process-id of 0 to N - 1'),
        (['--coordinator', 'host:1', '--processes', '2'], 'all three'),
        (['--coordinator', 'host', '--processes', '2', '--process-id', '0'], 'HOST:PORT'),
        (['--coordinator', 'host:1', '--processes', '2', '--process-id', '2'], 'of 0 to N - 1'),
        (['--coordinator', 'host:1', '--processes', '2', '--process-id', '0'], 'coordinator needs KERAS_BACKEND=jax'),
        (['--data-parallel'], 'data-parallel needs KERAS_BACKEND=jax'),
    ],
)
def test_wrong_options(many_machines, given, told):  # with TensorFlow
    with pytest.raises(SystemExit, match=f'^model_training.py: .*{told}'):
        many_machines['main'](given)


def test_options_of_several_hosts_may_change_when_a_run_is_resumed(many_machines, monkeypatch):
    monkeypatch.setattr(many_machines['keras'].backend, 'backend', lambda: 'jax')
    given = ['--coordinator', 'host:1', '--processes', '2', '--process-id', '1']
    options = model_training.parse_options(given, many_machines['MORE_OPTIONS'])
    assert many_machines['take_own_options'](options) == ('host:1', 2, 1, False)
    assert vars(options) == vars(model_training.parse_options([]))
