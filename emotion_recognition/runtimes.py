"""What computes the network of model.h5: OpenVINO, or Keras itself."""

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np
import platformdirs

from emotion_recognition.labels import InputError

CACHE_NAME = '.cache'  # folder beside model.h5
GPU_SIGNS = (Path('/proc/driver/nvidia/gpus'), Path('/dev/dxg'))  # of the driver on Linux, and in WSL
PACKAGE_ROOT = Path(__file__).resolve().parent.parent

# Reads model.h5 and writes OpenVINO's .xml and .bin file. In a process of its own: TensorFlow takes half a gigabyte,
# which a process that is about to run for hours would not get back. Not Keras' own export: there each activation
# becomes an output, which OpenVINO then cannot merge with its neighbours. Without training=False, a layer whose own
# default is True would set batch normalization to training.
CONVERSION = """
import sys, keras, openvino
from emotion_recognition.runtimes import load_keras_model
model = load_keras_model(sys.argv[1])
inference = keras.Model(model.input, model(model.input, training=False))
openvino.serialize(openvino.convert_model(inference), sys.argv[2])
"""


class Network(Protocol):
    """A network that is ready to compute.

    Attributes:
        input_shape, output_shape: tuples with None for what may vary, the number of images first.
    """

    input_shape: tuple[int | None, ...]
    output_shape: tuple[int | None, ...]

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """From (n, S, S, 3) float32 RGB 0..255 to (n, K) float32 probabilities."""


class ConversionError(Exception):
    """OpenVINO, or the Keras that converts for it, does not take this model."""


def load_network(model_path: Path, runtime: str = 'auto', precision: str = 'auto') -> Network:
    """Load a complete Keras model in HDF5.

    Args:
        model_path: of the file.
        runtime: 'openvino', 'keras', or 'auto': Keras where it has a GPU or OpenVINO fails, otherwise OpenVINO.
        precision: of OpenVINO. 'f32', or 'auto': most in bfloat16 on processors that compute in it.

    Raises:
        InputError: the model cannot be loaded.
    """
    if runtime == 'keras' or (runtime == 'auto' and _keras_has_gpu()):
        return KerasNetwork(model_path)
    try:
        return OpenVinoNetwork(model_path, precision)
    except (ConversionError, ImportError) as error:
        if runtime == 'openvino':
            raise InputError(f'{model_path}: OpenVINO cannot run it: {error}') from None
        return KerasNetwork(model_path)


class KerasNetwork:
    """The model as Keras runs it, on whatever backend it is set to; see `Network`.

    Raises:
        InputError: not a model that Keras can load.
    """

    def __init__(self, model_path: str | Path):
        self._model = load_keras_model(model_path)
        self.input_shape, self.output_shape = self._model.input_shape, self._model.output_shape

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(self._model.predict_on_batch(batch))


class OpenVinoNetwork:
    """The model as OpenVINO runs it on the CPU; see `Network`.

    The conversion takes seconds and is kept in a folder `.cache` beside the model, or where that cannot be written in
    the user's cache folder, under a name that holds the hash of the model's content and of how it is converted.

    Raises:
        ConversionError: it cannot be converted.
        ImportError: OpenVINO is not installed.
    """

    def __init__(self, model_path: str | Path, precision: str = 'auto'):
        import openvino  # here and not above: Keras alone will do

        model_path = Path(model_path)
        core = openvino.Core()
        content_hash = hashlib.sha256(CONVERSION.encode() + model_path.read_bytes()).hexdigest()
        name = f'{model_path.stem}-{content_hash[:32]}.zip'
        folders = [model_path.resolve().parent / CACHE_NAME, platformdirs.user_cache_path('emotion_recognition')]
        model = next(filter(None, (_read_conversion(core, folder / name) for folder in folders)), None)
        if model is None:
            with tempfile.TemporaryDirectory() as folder:
                xml_path = _convert(model_path, Path(folder))
                _keep_conversion(xml_path, folders, name)
                model = core.read_model(xml_path.read_bytes(), xml_path.with_suffix('.bin').read_bytes())
        self.input_shape, self.output_shape = (
            tuple(None if size.is_dynamic else size.get_length() for size in port.partial_shape)
            for port in (model.input(), model.output())
        )
        has_bfloat16 = 'BF16' in core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
        parts = _split_behind_stem(model) if precision == 'auto' and has_bfloat16 else [(model, 'f32')]
        threads = max(1, (os.cpu_count() or 1) // 2)  # the other half is for the stages before and behind
        self._parts = [
            core.compile_model(part, 'CPU', {'INFERENCE_PRECISION_HINT': kind, 'INFERENCE_NUM_THREADS': threads})
            for part, kind in parts
        ]

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        for part in self._parts:
            batch = part(batch)[0]
        return batch.astype(np.float32)


def _split_behind_stem(model):
    """The network as two parts, each with its precision: up to the second activation in f32, the rest in bfloat16.

    The first layers do not stand bfloat16's 8 bits: with all of the network in it, a probability of the shipped model
    was up to 0.06 off, so 0.015.
    """
    import openvino

    end = _before_second_activation(model)
    if end is None:
        return [(model, 'f32')]
    stem = openvino.Model([end], model.get_parameters(), 'stem')
    rest = model.clone()
    end = _before_second_activation(rest)
    start = openvino.opset15.parameter(end.get_partial_shape(), np.float32)
    for target in end.get_target_inputs():
        target.replace_source_output(start.output(0))
    return [(stem, 'f32'), (openvino.Model(rest.get_results(), [start], 'rest'), 'bf16')]


def _before_second_activation(model):
    activations = [node for node in model.get_ordered_ops() if node.get_type_name() == 'Swish']
    return activations[1].input_value(0) if len(activations) > 1 else None


def _read_conversion(core, path):
    """A kept conversion, None where there is none or it is damaged, which zip's check sums tell."""
    try:
        with zipfile.ZipFile(path) as archive:
            return core.read_model(archive.read('model.xml'), archive.read('model.bin'))
    except (OSError, KeyError, zipfile.BadZipFile, RuntimeError):
        return None


def _convert(model_path, folder):
    """Convert in a process of its own. Returns the path of the .xml file."""
    print(f'Preparing {model_path.name} for this machine, once: takes some seconds', file=sys.stderr, flush=True)
    xml_path = folder / 'model.xml'
    command = [sys.executable, '-c', CONVERSION, str(model_path.resolve()), str(xml_path)]
    done = subprocess.run(
        command,
        cwd=PACKAGE_ROOT,
        env={**os.environ, 'KERAS_BACKEND': 'tensorflow'},  # the one whose models OpenVINO reads
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode or not xml_path.is_file():
        raise ConversionError((done.stderr.strip().splitlines() or [f'exit code {done.returncode}'])[-1])
    return xml_path


def _keep_conversion(xml_path, folders, name):
    """Keep it in the first folder that can be written, in place of those of the model's earlier contents."""
    for folder in folders:
        temporary_path = folder / f'.{name}.{os.getpid()}.tmp'
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(temporary_path, 'w') as archive:
                archive.write(xml_path, 'model.xml')
                archive.write(xml_path.with_suffix('.bin'), 'model.bin')
            os.replace(temporary_path, folder / name)
        except OSError:
            with suppress(OSError):
                temporary_path.unlink()
            continue
        for other in folder.glob(f'{name.rsplit("-", 1)[0]}-*.zip'):
            if other.name != name and folder.name == CACHE_NAME:
                other.unlink(missing_ok=True)
        return


def load_keras_model(model_path: str | Path):
    """The keras.Model of a file.

    Raises:
        InputError: not a model that Keras can load.
    """
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')  # TensorFlow's start-up notes
    import keras  # here and not above, since it takes seconds

    logging.getLogger('absl').setLevel(logging.ERROR)
    try:
        return keras.models.load_model(model_path, compile=False)
    except Exception as error:  # Keras raises whatever its parts raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f'{model_path}: not a Keras model that can be loaded: {reason}') from error


def _keras_has_gpu():
    # Keras is asked only where a driver is: its import takes seconds.
    if not any(sign.exists() for sign in GPU_SIGNS):
        return False
    import keras

    return bool(keras.distribution.list_devices('gpu'))
