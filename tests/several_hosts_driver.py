"""Processes of test_several_hosts: draft_pipelines/many_machines/run.py with a small network, which may be killed.

Importing Keras and JAX takes longer than such a run. So one process imports them, and forks each process of a run,
which then imports the project's own code and ends as any program does. A `fresh` one imports everything itself.
"""

import gc
import json
import os
import pathlib
import signal
import sys
import time
from importlib import import_module
from types import SimpleNamespace

LIBRARIES = ['jax.experimental.multihost_utils', 'keras', 'matplotlib.pyplot', 'pandas', 'scipy.optimize']
LIBRARIES += ['sklearn.metrics', 'sklearn.model_selection']


class NoTensorFlow:
    """Hides TensorFlow, whose import takes as long as the run."""

    def find_spec(self, name, *_):
        if name == 'tensorflow':
            raise ModuleNotFoundError(name)


def fork_processes():
    """Run the processes that each line of stdin describes, and print their exit codes. Returns in each of them."""
    for line in iter(sys.stdin.readline, ''):
        pids, deadline = [], time.monotonic() + 200
        for described in json.loads(line):
            pids.append(os.fork())
            if pids[-1] == 0:
                become(**described)
                return
        print(json.dumps([wait(pid, deadline) for pid in pids]), flush=True)
    sys.exit()


def become(arguments, environment, stdout, stderr, fresh):
    """Make this fork one of a run's processes."""
    os.setsid()
    for number, path in enumerate((os.devnull, stdout, stderr)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    os.environ |= environment
    sys.argv[1:] = arguments
    if fresh:
        del os.environ['TF_CPP_MIN_LOG_LEVEL']
        os.execv(sys.executable, [sys.executable, *sys.argv])


def wait(pid, deadline):
    """The exit code of a process, which is killed if it is not in time."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    while not ended and time.monotonic() < deadline:
        time.sleep(0.02)
        ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


sys.meta_path.insert(0, NoTensorFlow())
if len(sys.argv) == 1:
    os.environ['TF_CPP_MIN_LOG_LEVEL'] = '4'  # as the script does, since JAX reads it when it is imported
    gc.disable()  # searching what is imported for garbage takes seconds
    for name in LIBRARIES:
        import_module(name)
    gc.freeze()
    gc.enable()
    fork_processes()
import run  # noqa: E402 (many_machines/run.py, without TensorFlow)

keras, Figure = run.keras, run.model_training.plt.Figure


def small_network(include_top, weights, input_tensor):
    """All that could differ between devices."""
    x = keras.layers.Rescaling(1 / 255)(input_tensor)
    x = keras.layers.Normalization()(x)
    x = keras.layers.Conv2D(8, 3, strides=2, use_bias=False, name='stem_conv')(x)
    x = keras.layers.BatchNormalization(name='stem_bn')(x)
    x = keras.layers.Activation('relu')(x)
    return SimpleNamespace(output=keras.layers.Dropout(0.2, noise_shape=(None, 1, 1, 1))(x))


class Mortal(run.SharedFaces):
    """Kills its process after the first epoch if DIES_BY says so."""

    def on_epoch_end(self):  # Keras calls it before the first epoch too
        super().on_epoch_end()
        if self.shuffle and self.epoch == 3 and 'DIES_BY' in os.environ:
            os.kill(os.getpid(), int(os.environ['DIES_BY']))


if __name__ == '__main__':
    keras.applications.EfficientNetB0, run.SharedFaces = small_network, Mortal
    Figure.savefig = lambda _, path, **__: path.touch()  # drawing takes a second, and nobody looks at the plots here
    run.WAITS['initialization_timeout'] = int(os.environ.get('MEETS_FOR', 100))
    run.WAITS['heartbeat_timeout_seconds'] = 10
    if 'SEES_NO_CHECKPOINT' in os.environ:
        is_file, exists = pathlib.Path.is_file, pathlib.Path.exists
        pathlib.Path.is_file = lambda path: path.name != 'last_epoch.keras' and is_file(path)
        pathlib.Path.exists = lambda path: path.parent.name != 'slurm' and exists(path)
    run.main()
