"""Whole runs on Ray: on a cluster of two nodes in this machine, and on a Ray of their own."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.runs import ray_cluster, ray_connection
from emotion_recognition.settings import Settings
from emotions_from_video import main
from tests.clips import copy_packets, picture_times_ms, write_clip
from tests.paths import DEMO_PATH, ROOT

if sys.platform != 'linux':
    pytest.skip("workers are found by their names in Linux' /proc", allow_module_level=True)
if find_spec('ray') is None:  # importing it takes a second or two, in all processes of pytest
    pytest.skip('Ray is not installed', allow_module_level=True)
pytestmark = pytest.mark.xdist_group('alone')  # clusters need all cores
STORE_BYTES = 80_000_000
WRITES_AT_ONCE = '--no-identity'  # else faces are found in the whole video before the first frame is written
PATIENCE_SECONDS = 600  # for what takes seconds on a machine that does nothing else
TABLES = ['_emotions_data.csv', '_faces_data.csv', '_summary.csv', '_timeline.png']


@pytest.fixture(scope='module', autouse=True)
def leaves_nothing(tmp_path_factory):
    """Ray would leave a token in the user's folder, and logs in the temporary one.

    Each of its some thirty processes would also import Jupyter's grammar of addresses, which takes a second.
    """
    hidden = tmp_path_factory.mktemp('hidden') / 'rfc3987_syntax.py'
    hidden.write_text('raise ImportError')
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as monkeypatch,
    ):
        monkeypatch.setenv('RAY_AUTH_MODE', 'disabled')
        monkeypatch.setenv('RAY_TMPDIR', folder)  # a short path, see `ray_folder`
        monkeypatch.setenv('PYTHONPATH', str(hidden.parent), prepend=os.pathsep)
        yield


@contextmanager
def own_handler():
    """Ray puts a handler of SIGTERM in the place of this process's own whenever a node is started."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture(scope='module')
def nodes(leaves_nothing):
    """A head with a core for one video, and another node with two."""
    from ray.cluster_utils import Cluster

    head = {'num_cpus': 1, 'object_store_memory': STORE_BYTES, 'include_dashboard': False}
    head |= {'include_log_monitor': False, 'no_monitor': True}  # nobody reads logs, and nothing grows by itself
    # A lost node is lost after five of these periods, otherwise of 3 s. The workers that Ray starts before it is given
    # anything to do are of no use, since a run has an environment of its own.
    head['_system_config'] = {'health_check_period_ms': 500, 'prestart_worker_first_driver': False}
    started = Cluster()
    add_node(started, **head)
    add_node(started, num_cpus=2, object_store_memory=STORE_BYTES)
    yield started
    started.shutdown()


def add_node(nodes, **options):
    """Add a node. On a very busy machine it may not start within the 30 s that Ray waits for it: then try again."""
    for is_last in (False, False, True):
        with own_handler():
            try:
                return nodes.add_node(**options)
            except Exception as error:  # Ray has no name for it
                if is_last or 'timed out' not in str(error):
                    raise


@pytest.fixture
def run(colour_model_path, tmp_path):
    """Starts the script with the small model. Its messages go to a file: Ray's processes would keep a pipe open."""
    processes = []

    def start(*arguments):
        command = [sys.executable, ROOT / 'emotions_from_video.py', *arguments]
        messages = tmp_path / f'messages_{len(processes)}.txt'
        with messages.open('w') as file:
            options = {'stdout': file, 'stderr': file, 'start_new_session': True, 'cwd': tmp_path}
            process = subprocess.Popen([*command, '--model-weights-path', colour_model_path], **options)
        process.messages = messages.read_text
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope='module')
def clip_path(tmp_path_factory):
    """A minute without faces, which takes some seconds: copy it."""
    folder = tmp_path_factory.mktemp('clip')
    part = write_clip(folder / 'part.mp4', range(0, 6_000, 40), size=(160, 120))
    return copy_packets(part, folder / 'minute.mp4', repeats=10)


def output_of(clip, ending):
    return clip.with_name(f'{clip.stem}_with_emotions{ending}')


def copy(clip, target):
    target.parent.mkdir(exist_ok=True)
    return shutil.copy(clip, target)


def wait_until(condition, process=None):
    """Wait for a condition, while a process runs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.messages()
        time.sleep(0.02)


def is_under_way(clip):
    """Whether a run has begun to write the video."""
    return any(path.stat().st_size for path in clip.parent.glob(f'.*/{clip.stem}_*.mp4'))


def workers(is_own):
    """Numbers of the processes that are at a video, of those for which `is_own(folder in /proc)` says so."""
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        with suppress(OSError):  # it is gone
            if (folder / 'cmdline').read_bytes().startswith(b'ray::process_on_worker') and is_own(folder):
                found.append(int(folder.name))
    return found


def is_of(node):
    """Function that says whether a process is a worker of this node, not of another one on this machine."""
    raylet = node.all_processes['raylet'][0].process.pid
    return lambda folder: int((folder / 'stat').read_text().rpartition(')')[2].split()[1]) == raylet


def test_two_nodes_make_the_tables_of_one_process_and_tell_what_failed(nodes, run, colour_model_path, tmp_path):
    folders = [tmp_path / name for name in ('videos', 'alone')]
    for folder in folders:
        folder.mkdir()
        for name in ('a.mp4', 'b.mp4'):
            copy_packets(DEMO_PATH, folder / name, seconds=1.6)
        (folder / 'broken.mp4').write_text('no video')
    none = tmp_path / 'none.mp4'
    process = run('--ray', nodes.address, folders[0], none, '--rest', '0', '1')
    with pytest.raises(SystemExit):  # one file fails
        main([*map(str, [folders[1], '--rest', 0, 1, '--model-weights-path', colour_model_path])])
    assert process.wait(PATIENCE_SECONDS) == 1
    assert '2 of 4 files failed:\n' in process.messages()
    assert 'broken.mp4: cannot be read as a video' in process.messages()
    assert re.search(rf'{none}: node \S+ \([\d.]+\) sees no such file', process.messages())
    frame_count = len(picture_times_ms(folders[0] / 'a.mp4'))
    assert 'Traceback' not in process.messages() and process.messages().count(f'{frame_count / 25:.2f} s, ') == 2
    assert re.search(r'videos: 100%.* [1-9]\d* frames/s in all', process.messages())
    for name in ('a', 'b'):
        for ending in TABLES:
            made, expected = (output_of(folder / f'{name}.mp4', ending).read_bytes() for folder in folders)
            assert made == expected, ending
        clip = folders[0] / f'{name}.mp4'
        assert picture_times_ms(output_of(clip, '.mp4')) == picture_times_ms(clip)
    summary = pd.read_csv(folders[0] / 'videos_with_emotions_all_summary.csv')
    assert set(summary.video) == {'a.mp4', 'b.mp4'}

    before = {path: path.stat().st_mtime_ns for path in folders[0].iterdir() if 'summary' not in path.name}
    again = run('--ray', nodes.address, '--skip-done', folders[0] / 'a.mp4', folders[0] / 'b.mp4', '--rest', '0', '1')
    assert again.wait(PATIENCE_SECONDS) == 0
    assert 'Done before: 2 of 2 videos' in again.messages() and 'frames' not in again.messages()
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.fixture
def ray_folder(monkeypatch):
    """Where a local Ray writes its logs; the names of its sockets in there may have no more than 107 characters."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv('RAY_TMPDIR', folder)
        yield Path(folder)


def test_ctrl_c_ends_the_tasks_and_the_same_run_goes_on_later(
    run, colour_model_path, long_clip_path, tmp_path, ray_folder, capsys
):
    def is_of_run(folder):
        return (folder / 'cwd').readlink() == tmp_path

    short = write_clip(tmp_path / 'a.mp4', [0, 40])
    clips = [copy(long_clip_path, tmp_path / 'clips' / name) for name in ('b.mp4', 'c.mp4')]
    process = run('--ray', WRITES_AT_ONCE, short, *clips)
    wait_until(lambda: output_of(short, '_run.json').exists() and any(map(is_under_way, clips)), process)
    assert workers(is_of_run)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all that run in it
    process.wait(PATIENCE_SECONDS)
    assert 'Traceback' not in process.messages()
    ended = [clip for clip in clips if output_of(clip, '_run.json').exists()]
    for clip in ended:
        assert json.loads(output_of(clip, '_run.json').read_text())['ended_early']['reason'] == 'Ctrl-C was pressed'
        assert len(picture_times_ms(output_of(clip, '.mp4'))) < 5000
    for clip in set(clips) - set(ended):
        assert re.search(f'{clip}: (not done|nothing was written), Ctrl-C was pressed', process.messages())
    assert ended and process.returncode == (len(ended) < 2)
    wait_until(lambda: not workers(is_of_run))
    assert not list((tmp_path / 'clips').glob('.*'))
    assert not list(ray_folder.iterdir())
    for clip in clips:
        write_clip(clip, [0, 40, 80])
    same = [WRITES_AT_ONCE, short, *clips, '--model-weights-path', colour_model_path]
    main(['--skip-done', *map(str, same)])  # here, as it may be done
    assert 'Done before: 1 of 3 videos' in capsys.readouterr().out
    assert [len(picture_times_ms(output_of(clip, '.mp4'))) for clip in clips] == [3, 3]


def test_videos_of_a_killed_worker_and_of_a_lost_node_are_done_elsewhere(nodes, run, clip_path, tmp_path):
    """It comes last: the node stays lost."""
    clips = [copy(clip_path, tmp_path / 'clips' / name) for name in ('a.mp4', 'b.mp4')]
    (lost,) = nodes.worker_nodes
    process = run('--ray', nodes.address, WRITES_AT_ONCE, *clips)
    wait_until(lambda: workers(is_of(lost)) and any(map(is_under_way, clips)), process)
    nodes.remove_node(lost, allow_graceful=False)
    wait_until(lambda: workers(is_of(nodes.head_node)), process)
    os.kill(workers(is_of(nodes.head_node))[0], signal.SIGKILL)
    assert process.wait(PATIENCE_SECONDS) == 0, process.messages()
    for clip in clips:
        assert len(picture_times_ms(output_of(clip, '.mp4'))) == 1500
        assert pd.read_csv(output_of(clip, '_emotions_data.csv')).frame_end.iloc[-1] == 1500
    assert not list(clip.parent.glob('.*'))
    assert process.messages().count('60.00 s, ') == 2


class ShrinkingRay:
    """Ray as far as videos are handed out: a cluster that loses half of its cores with each answer."""

    def __init__(self, cores):
        self.exceptions = import_module('ray.exceptions')
        self.cores, self.submitted, self.most = cores, [], 0

    def cluster_resources(self):
        return {'CPU': self.cores}

    def submit(self, video, _):
        self.submitted.append(video)
        return video

    def wait(self, references, timeout):
        self.most, self.cores = max(self.most, len(references)), self.cores // 2
        return references[:1], references[1:]

    def get(self, reference):
        if reference == 'cancelled':
            raise self.exceptions.TaskCancelledError
        return ray_cluster.TaskResult(frame_count=1)


def test_few_videos_wait_however_many_there_are_and_however_many_cores_go():
    shrinking, videos = ShrinkingRay(16), dict.fromkeys(['cancelled', *range(1000)])
    settings, nobody = Settings(threads=2), Interruption()
    answers = list(ray_cluster._run_tasks(shrinking, videos, shrinking.submit, settings, nobody))
    assert [video for video, _ in answers] == list(range(1000))
    assert (shrinking.submitted, shrinking.most) == ([*videos], 8 + 16 // 2)


def test_more_cores_than_any_node_has_are_reported(capsys):
    cores = [(2.0, True), (4.0, True), (16.0, False), (None, True)]
    nodes = [{'Alive': alive, 'Resources': {'CPU': count} if count else {}} for count, alive in cores]
    for threads in (4, 5):
        ray_cluster.warn_if_too_few_cores(SimpleNamespace(nodes=lambda: nodes), threads)
    assert capsys.readouterr().err == '--threads is 5, but no node has more than 4 cores: waiting for one\n'


def test_without_ray_or_a_cluster_one_line_says_so(tmp_path, monkeypatch, capfd):
    with pytest.raises(SystemExit, match=r'^emotions_from_video\.py: --ray 127\.0\.0\.1:1: [^\n]*$'):
        main(['--ray', '127.0.0.1:1', str(write_clip(tmp_path / 'a.mp4', [0, 40]))])
    assert capfd.readouterr() == ('', '')
    monkeypatch.setitem(sys.modules, 'ray', None)
    settings = type('Settings', (), {'ray': 'local', 'threads': 1})
    with pytest.raises(InputError, match=r'needs the package ray; pip install -r requirements-cluster\.txt'):
        ray_connection.connected_ray(settings).__enter__()


@pytest.mark.parametrize(
    ('late', 'reason', 'expected'),
    [(2, 'The current node timed out during startup.', 3), (3, 'timed out during startup', 3), (1, 'no such file', 1)],
    ids=['at last', 'never', 'another reason'],
)
def test_a_ray_that_starts_too_slowly_is_started_again(late, reason, expected, monkeypatch, tmp_path):
    attempts, ended = [], []

    def init(**connection):
        attempts.append(connection['address'])
        assert os.environ['OPENBLAS_NUM_THREADS'] == '4711'  # workers inherit it
        assert list(tmp_path.iterdir()) == [Path(connection['_temp_dir'])]
        (Path(connection['_temp_dir']) / f'session_{len(attempts)}' / 'logs').mkdir(parents=True)
        if len(attempts) <= late:
            raise Exception(reason)

    monkeypatch.setenv('RAY_TMPDIR', str(tmp_path))
    monkeypatch.setitem(sys.modules, 'ray', SimpleNamespace(init=init, shutdown=lambda: ended.append(True)))
    settings = SimpleNamespace(ray='local', threads=4711)
    if late == 2:
        with ray_connection.connected_ray(settings):
            pass
    else:
        with pytest.raises(InputError, match=f'^--ray local: cannot connect to Ray: {reason}'):
            ray_connection.connected_ray(settings).__enter__()
    assert not list(tmp_path.iterdir())
    assert os.environ.get('OPENBLAS_NUM_THREADS') != '4711'
    assert attempts == ['local'] * expected
    assert len(ended) == {2: 3, 3: 2, 1: 0}[late]
