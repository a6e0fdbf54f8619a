"""The runtimes, which run the network of model.h5: OpenVINO, or Keras itself."""

import logging
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from emotion_recognition.emotions.conversion import HOW_TO_INSTALL, ConversionError, read_network
from emotion_recognition.labels import InputError
from emotion_recognition.openvino_core import open_core
from emotion_recognition.threads import count_cores

# OpenVINO answers several pieces of a batch at once, each in one thread: with two threads, that is nearly twice as fast
# as one after the other, and one piece in both threads is hardly faster than in one. More than four have nothing to do.
MAX_STREAMS = 4
MIN_PIECE = 2  # faces; one alone takes a third more of the processor's time
GPU_SIGNS = (Path('/proc/driver/nvidia/gpus'), Path('/dev/dxg'))  # one of them exists if Linux or WSL has a GPU driver


class Network(Protocol):
    """A network that is ready to compute.

    Attributes:
        input_shape: Shape of a batch of images, with None for sizes that may vary, first the number of images.
        output_shape: Shape of the answer, in the same form.
        conversion_sha256: SHA-256 of the conversion that runs, in hexadecimal digits; None if it is model.h5 itself.
    """

    input_shape: tuple[int | None, ...]
    output_shape: tuple[int | None, ...]
    conversion_sha256: str | None

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Convert images, (n, S, S, 3) float32, RGB, 0..255, to probabilities, (n, K) float32."""


def load_network(model_path: Path, runtime: str = 'auto', precision: str = 'auto', threads: int = 0) -> Network:
    """Load a complete Keras model in HDF5.

    Args:
        model_path: Path of the file.
        runtime: 'openvino', 'keras', or 'auto', which is Keras if it has a GPU or OpenVINO fails, otherwise OpenVINO.
        precision: Precision of OpenVINO: 'f32', or 'auto', which uses bfloat16 for most layers if the processor
            supports it.
        threads: Number of threads for OpenVINO; 0 for as many as there are cores, up to MAX_STREAMS.

    Raises:
        InputError: The model cannot be loaded.
    """
    if runtime == 'keras' or (runtime == 'auto' and _keras_has_gpu()):
        return KerasNetwork(model_path)
    try:
        return OpenVinoNetwork(model_path, precision, threads)
    except (ConversionError, ImportError) as error:
        if runtime == 'openvino' or find_spec('keras') is None:
            raise InputError(f'{model_path}: OpenVINO cannot run it: {error}') from None
        return KerasNetwork(model_path)


class KerasNetwork:
    """The model as Keras runs it, on the backend that Keras is set to; see `Network`.

    Args:
        model_path: Path of model.h5.

    Raises:
        InputError: Keras cannot load the file, or is not installed.
    """

    conversion_sha256 = None

    def __init__(self, model_path: str | Path):
        self._model = load_keras_model(model_path)
        self.input_shape, self.output_shape = self._model.input_shape, self._model.output_shape

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(self._model.predict_on_batch(batch))


class OpenVinoNetwork:
    """The model as OpenVINO runs it on the CPU; see `Network`, and `read_network` for its conversion.

    Args:
        model_path: Path of model.h5.
        precision: 'auto' or 'f32', see `load_network`.
        threads: Number of threads, see `load_network`.

    Raises:
        ConversionError: The model cannot be converted.
        ImportError: OpenVINO is not installed.
    """

    def __init__(self, model_path: str | Path, precision: str = 'auto', threads: int = 0):
        core = open_core()
        model, self.conversion_sha256 = read_network(core, Path(model_path))
        self.input_shape, self.output_shape = (
            tuple(None if size.is_dynamic else size.get_length() for size in port.partial_shape)
            for port in (model.input(), model.output())
        )
        has_bfloat16 = 'BF16' in core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
        parts = _split_at_small_picture(model) if precision == 'auto' and has_bfloat16 else [(model, 'f32')]
        streams = threads or min(count_cores(), MAX_STREAMS)
        hints = {'NUM_STREAMS': streams, 'INFERENCE_NUM_THREADS': streams}
        compiled = [core.compile_model(part, 'CPU', hints | {'INFERENCE_PRECISION_HINT': kind}) for part, kind in parts]
        self._requests = [[part.create_infer_request() for _ in range(streams)] for part in compiled]

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        streams = len(self._requests[0])
        pieces = np.array_split(batch, max(1, min(streams, len(batch) // MIN_PIECE)))
        for requests in self._requests:
            busy = [request for request, _ in zip(requests, pieces, strict=False)]
            for request, piece in zip(busy, pieces, strict=True):
                request.start_async([piece])
            for request in busy:
                request.wait()
            pieces = [request.get_output_tensor().data for request in busy]
        return np.concatenate(pieces).astype(np.float32)


def _split_at_small_picture(model):
    """Split the network into two parts with a precision each: f32 while the picture is large, bfloat16 after that.

    The first layers lose too much with the 8 bits of bfloat16. On 600 faces, the largest error of a probability of the
    shipped model was 0.038 with bfloat16 from the second activation on, 0.020 from half the picture's size on, and
    0.011 from an eighth on. All of them take the same time: layers of a small picture are wide, and gain most.
    """
    import openvino

    end = _before_small_picture(model)
    if end is None:
        return [(model, 'f32')]
    first = openvino.Model([end], model.get_parameters(), 'first')
    rest = model.clone()
    end = _before_small_picture(rest)
    start = openvino.opset15.parameter(end.get_partial_shape(), np.float32)
    for target in end.get_target_inputs():
        target.replace_source_output(start.output(0))
    return [(first, 'f32'), (openvino.Model(rest.get_results(), [start], 'rest'), 'bf16')]


def _before_small_picture(model):
    """Find the input of the first activation with an eighth of the first one's height, or None.

    No EfficientNet has a shortcut around it.
    """
    first_height = None
    for node in model.get_ordered_ops():
        shape = node.get_output_partial_shape(0) if node.get_type_name() == 'Swish' else None
        if shape and shape.rank.is_static and len(shape) == 4 and shape[2].is_static:  # (n, channels, height, width)
            height = shape[2].get_length()
            first_height = first_height or height
            if height == -(-first_height // 8):
                return node.input_value(0)
    return None


def load_keras_model(model_path: str | Path):
    """Load a model.h5 as a keras.Model.

    Args:
        model_path: Path of the file.

    Raises:
        InputError: Keras cannot load the file, or is not installed.
        OSError: The file cannot be copied to the temporary folder.
    """
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')  # silences TensorFlow's notes at its start
    try:
        import keras  # not at the top, since it takes seconds
    except ModuleNotFoundError as error:
        missing = error.name.partition('.')[0]  # either Keras or its backend
        how = HOW_TO_INSTALL if missing in ('keras', 'tensorflow') else f'pip install {missing}'
        raise InputError(f'{model_path}: Keras cannot run it: {missing} is not installed; {how}') from None
    except (ImportError, ValueError) as error:  # a broken installation, or an unknown backend
        raise InputError(f'{model_path}: Keras cannot run it: {str(error).splitlines()[0]}') from None

    logging.getLogger('absl').setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:  # Keras locks the file that it reads, and some network drives cannot
        path = shutil.copyfile(model_path, Path(folder) / 'model.h5')
        try:
            return keras.models.load_model(path, compile=False)
        except Exception as error:  # Keras raises whatever its parts raise
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f'{model_path}: not a Keras model that can be loaded: {reason}') from error


def _keras_has_gpu():
    # Keras is asked only if there is a driver, since importing it takes seconds.
    if not any(sign.exists() for sign in GPU_SIGNS):
        return False
    try:
        import keras
    except ImportError:  # people who only use the shipped model need no Keras
        return False
    return bool(keras.distribution.list_devices('gpu'))
