"""Train one model with processes on several hosts: model_training.py with --coordinator, --processes and --process-id.

With `--data-parallel` alone, processes that srun, mpirun or a Kubernetes Job has started find each other. README.md
here shows the commands.
"""

import ctypes
import hashlib
import json
import math
import os
import signal
import socket
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault('HDF5_USE_FILE_LOCKING', 'FALSE')  # as the script does, before Keras is imported
if {'--coordinator', '--data-parallel'} & {*sys.argv}:
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '4')  # no pages from JAX about a process that has ended

import keras
import numpy as np

import model_training
from model_training import EpochEnd, FaceDataset, Option, TrainingError, require

MORE_OPTIONS = {
    'coordinator': Option(None, 'HOST:PORT of process 0, if the processes are started by hand', more={'type': str}),
    'processes': Option(None, 'number of processes that are started by hand', 1, more={'type': int}),
    'process_id': Option(None, 'number of this process, from 0', 0, more={'type': int}),
    'data_parallel': Option(
        False, 'train on all devices, also of processes that srun, mpirun or Kubernetes has started'
    ),
}
LAUNCHERS = {'SLURM_STEP_NODELIST', 'OMPI_MCA_orte_hnp_uri', 'JOB_COMPLETION_INDEX'}  # variables that JAX looks for
# Seconds: how long JAX lets processes wait to meet, for signs of life, and to part
WAITS = {'initialization_timeout': 300, 'heartbeat_timeout_seconds': 30, 'shutdown_timeout_seconds': 86400}
LOST = 'model_training.py: another process ended or cannot be reached; --resume goes on after the last finished epoch'
JOINING = threading.Event()  # set once other processes may be waiting for this one
ENDING = threading.Lock()
WAITING = ThreadPoolExecutor(1)  # threads wait for other processes: Ctrl-C and SIGTERM interrupt only Python code


class SharedFaces(FaceDataset):
    """Batches of which each process reads its own part; what the devices cannot share equally is left out."""

    def __init__(self, *data, **how):
        super().__init__(*data, **how)
        spread = keras.distribution.distribution()  # asked here: the reading threads would get no answer
        self.processes, self.process_id = spread.num_processes, spread.data_shard_id
        self.devices = spread.num_model_replicas
        told = f'{len(self.paths)} images for {"training" if self.shuffle else "validation"}'
        require(len(self.paths) >= self.devices, f'{told}; expected one for each of {self.devices} devices, or more')

    def __len__(self):
        return math.ceil((len(self.paths) - len(self.paths) % self.devices) / self.options.batch_size)

    def draw_rows(self, index):
        rows = super().draw_rows(index)
        return np.split(rows[: len(rows) - len(rows) % self.devices], self.processes)[self.process_id]


class SoleEpochEnd(EpochEnd):
    """What the first process does after an epoch while the others do nothing."""

    def on_epoch_end(self, epoch, logs=None):
        spread = keras.distribution.distribution()
        keras.distribution.set_distribution(None)  # otherwise saving would wait for the others to save as well
        super().on_epoch_end(epoch, logs)
        keras.distribution.set_distribution(spread)


def main(arguments=None):
    """Run model_training.py with MORE_OPTIONS. Exit codes and messages are those of the script."""
    try:
        model_training.main(arguments, MORE_OPTIONS, run)
    except SystemExit as ending:
        if not JOINING.is_set():
            raise
        end_at_once(ending.code)
    except Exception:
        if not JOINING.is_set():
            raise
        report = traceback.format_exc()
        end_at_once(LOST if 'Gloo' in report else report)


def run(options):
    """Train on all devices, with the other processes if there are any. The first one then evaluates the model."""
    coordinator, processes, process_id, data_parallel = take_own_options(options)
    is_joined = coordinator is not None or bool(data_parallel and LAUNCHERS & {*os.environ})
    if not is_joined and not data_parallel:
        model_training.run(options)
        return
    keras.utils.set_random_seed(options.seed)
    if is_joined:
        JOINING.set()
    is_first = not is_joined or join(coordinator, processes, process_id) == 0
    spread_over_devices(options.batch_size)
    # The first time, processes wait half a minute for each other, and then half an hour
    agree({name: value for name, value in vars(options).items() if name not in model_training.RESUME_MAY_CHANGE})
    tables = model_training.load_tables(options)
    print(model_training.COPIES_MESSAGE.format(**model_training.count_copies(tables)))
    training, validation = model_training.make_datasets(options, tables, SharedFaces)
    with model_training.sole_run(options) if is_first else nullcontext():
        state = model_training.read_state(options)
        agree((training.paths, training.targets.tobytes(), validation.paths, state))
        epoch_end_type = SoleEpochEnd if is_first else lambda *_: keras.callbacks.Callback()
        model_training.train(options, training, validation, state, epoch_end_type=epoch_end_type)
        keras.distribution.set_distribution(None)
        if is_first:
            model_training.evaluate(options, tables, training, state)
            note_devices(options.output.with_name('metrics.json'), training)
    if is_joined:
        WAITING.submit(sys.modules['jax'].distributed.shutdown).result()


def take_own_options(options):
    """Check MORE_OPTIONS and remove them from the others, which must stay the same when a run is resumed."""
    coordinator, processes, process_id, data_parallel = own = tuple(vars(options).pop(name) for name in MORE_OPTIONS)
    if (coordinator, processes, process_id) != (None,) * 3:
        valid = None not in own and ':' in coordinator and process_id < processes
        require(valid, 'expected --coordinator HOST:PORT, --processes N and --process-id of 0 to N - 1, all three')
    for name, given in (('coordinator', coordinator), ('data-parallel', data_parallel)):
        is_jax = keras.backend.backend() == 'jax'
        require(is_jax or not given, f'--{name} needs KERAS_BACKEND=jax, the backend that can do it')
    return own


def spread_over_devices(batch_size):
    """Train on all devices, each with its part of every batch."""
    import jax

    devices = jax.device_count()
    require(batch_size % devices == 0, f'--batch-size is {batch_size}; expected a multiple of {devices}, the devices')
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))


def note_devices(path, training):
    """Add to metrics.json how many processes and devices shared each batch."""
    metrics = json.loads(path.read_text(encoding='utf-8'))
    metrics |= {'processes': training.processes, 'devices': training.devices}
    model_training.write_text(path, json.dumps(metrics, indent=1) + '\n')


def join(coordinator, processes, process_id):
    """Connect the processes. Returns the number of this one; from here on the first one alone prints progress."""
    import jax

    ctypes.CDLL(None if os.name == 'posix' else 'msvcrt').signal(signal.SIGABRT, ON_ABORT)
    connect = partial(jax.distributed.initialize, coordinator, processes, process_id)
    detection = 'deactivate' if coordinator else None
    try:
        if process_id == 0:  # JAX would crash if the port is taken
            socket.create_server(('', int(coordinator.rpartition(':')[2]))).close()
        WAITING.submit(connect, cluster_detection_method=detection, **WAITS).result()
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f'the processes cannot be joined: {" ".join(str(error).split())}') from None
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))  # JAX has replaced the handler
    if jax.process_index():
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return jax.process_index()


def agree(seen):
    """Make sure that all processes see the same; otherwise they would train different models, or wait in vain."""
    from jax.experimental.multihost_utils import process_allgather

    digest = np.frombuffer(hashlib.sha256(repr(seen).encode()).digest(), np.uint8)
    same = (WAITING.submit(process_allgather, digest).result() == digest).all()
    require(same, 'the processes differ in options, data or checkpoint; start each with the same ones')


def end_at_once(message):
    """End with exit code 1, but not as Python does: then JAX would wait for the others, and they for this process."""
    ENDING.acquire()  # the first thread to come gives the reason
    print(message, file=sys.stderr, flush=True)
    time.sleep(1)  # the others need time to give their reasons before they notice that this process is gone
    os._exit(1)


ON_ABORT = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda _: end_at_once(LOST))  # JAX aborts if other processes are gone


if __name__ == '__main__':
    main()
