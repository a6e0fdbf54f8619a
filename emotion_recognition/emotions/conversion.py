"""The conversion of a model.h5, which is the network in OpenVINO's format: it is found next to it, or made and kept.

Only making a conversion needs TensorFlow and Keras. So the repository ships the conversion of its own model.h5, and
people who use that model need neither. After a new model.h5, make the shipped conversion again, which takes a few
seconds:

    python -m emotion_recognition.emotions.conversion

A conversion is a zip file of `model.xml` and `model.bin`, as OpenVINO writes them, and `origin.json`, which binds it to
the content of its model.h5. Next to it stands its own hash, which binds it to its own content.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from emotion_recognition.command_line import Parser, one_line_errors
from emotion_recognition.emotions.conversion_file import CACHE_NAME, keep_conversion, read_conversion, write_conversion
from emotion_recognition.hashing import hash_file
from emotion_recognition.labels import InputError
from emotion_recognition.settings import MODEL_WEIGHTS_PATH, ROOT

SHIPPED_SUFFIX = '.openvino.zip'  # in place of .h5
HOW_TO_INSTALL = 'pip install -r requirements.txt, with Python 3.11 to 3.13'

# Program that reads model.h5, converts it, checks that the conversion gives the same answers, and writes OpenVINO's
# .xml and .bin files. It runs in a separate process, since TensorFlow takes half a gigabyte, which a process that is
# about to run for hours would never get back. It is a string, since its hash is part of a conversion's origin.
#
# It does not use Keras' own export, which makes each activation an output that OpenVINO then cannot merge with its
# neighbours. It does not use Keras' OpenVINO backend either, although that needs no TensorFlow: in Keras 3.15.1 that
# backend gives correct answers, but at a quarter of the speed, and what it exports gives wrong ones. Without
# training=False, a layer whose own default is True would put batch normalization into training mode.
#
# model_training.py rounds a layer's weights to values that float16 can hold, and then the conversion is half as large:
# such a layer stores float16 and computes in float32. It is the layers of Keras that are changed and not the converted
# network, because OpenVINO multiplies a convolution's float32 weights with the normalization after it, and float16 does
# not hold the products.
CONVERSION = """
import sys, keras, numpy, openvino
class StoredInHalf(keras.DTypePolicy):
    variable_dtype = 'float16'
def store_in_half(layer):
    weights = [] if isinstance(layer, keras.Model) else layer.get_weights()
    if not weights or any(array.dtype != 'float32' or (array.astype('float16') != array).any() for array in weights):
        return layer
    return type(layer).from_config(layer.get_config() | {'dtype': StoredInHalf()})
try:
    model = keras.models.load_model(sys.argv[1], compile=False)
except Exception as error:  # Keras raises whatever its parts raise
    sys.exit(f'not a Keras model that can be loaded: {(str(error).splitlines() or [type(error).__name__])[0]}')
smaller = keras.models.clone_model(model, clone_function=store_in_half)
smaller.set_weights(model.get_weights())
inference = keras.Model(smaller.input, smaller(smaller.input, training=False))
converted = openvino.convert_model(inference)
rng = numpy.random.default_rng(0)
shapes = [[size or 8 for size in tensor.shape] for tensor in model.inputs]
batch = [rng.uniform(0, 255, shape).astype('float32') for shape in shapes]
expected = numpy.asarray(model(batch if len(batch) > 1 else batch[0], training=False))
answers = openvino.compile_model(converted, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})(batch)[0]
if not numpy.allclose(answers, expected, rtol=0, atol=1e-4):
    sys.exit(f'the conversion differs from Keras by up to {abs(answers - expected).max():.2g} in its answers')
openvino.serialize(converted, sys.argv[2])
"""


class ConversionError(Exception):
    """A model cannot be converted: OpenVINO or Keras refuses it, or a package that is needed is not installed."""


def read_network(core, model_path: Path):
    """Read the conversion of a model.h5, and make it first if necessary.

    It is searched next to model.h5, then in the folder `.cache` there, then in the user's cache folder. If none of them
    has a conversion that belongs to the content of model.h5, it is made, which takes seconds, and kept in the first of
    the two cache folders that can be written.

    Args:
        core: The openvino.Core that reads it.
        model_path: Path of model.h5.

    Returns:
        An openvino.Model, and the SHA-256 of its conversion in hexadecimal digits.

    Raises:
        ConversionError: There is no conversion, and it cannot be made.
    """
    origin = origin_of(model_path)
    name = f'{model_path.stem}-{origin["model_sha256"][:32]}.zip'
    folders = [model_path.resolve().parent / CACHE_NAME, platformdirs.user_cache_path('emotion_recognition')]
    paths = [shipped_path(model_path.resolve()), *(folder / name for folder in folders)]
    found = next(filter(None, (read_conversion(core, path, origin) for path in paths)), None)
    if found is None:
        if paths[0].is_file():
            print(f'{paths[0]}: damaged, or of another model, so it is not used', file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            xml_path = _convert(model_path, Path(folder))
            keep_conversion(xml_path, folders, name, origin)
            write_conversion(xml_path, Path(folder) / name, origin)
            found = read_conversion(core, Path(folder) / name, origin)
    if found is None:
        raise ConversionError('OpenVINO cannot read what it made of it')
    return found


def ship(model_path: Path) -> Path:
    """Make the conversion next to a model.h5 again.

    Args:
        model_path: Path of model.h5.

    Returns:
        The path of the conversion.

    Raises:
        InputError: There is no such model, it cannot be converted, or Keras or TensorFlow is not installed.
        OSError: The conversion cannot be written.
    """
    if not model_path.is_file():
        raise InputError(f'{model_path}: no such model file; model_training.py writes one')
    try:
        with tempfile.TemporaryDirectory() as folder:
            write_conversion(_convert(model_path, Path(folder)), shipped_path(model_path), origin_of(model_path))
    except ConversionError as error:
        raise InputError(f'{model_path}: cannot be converted: {error}') from None
    return shipped_path(model_path)


def shipped_path(model_path: Path) -> Path:
    """Path of the conversion that comes with a model.h5, next to it."""
    return model_path.with_suffix(SHIPPED_SUFFIX)


def origin_of(model_path: Path) -> dict[str, str]:
    """Describe what the conversion of a model.h5 is made from: the SHA-256 of the file, and of the program above."""
    return {
        'model_sha256': hash_file(model_path),
        'conversion_sha256': hashlib.sha256(CONVERSION.encode()).hexdigest(),
    }


def _convert(model_path, folder):
    """Convert a model.h5 in a separate process. Returns the path of the .xml file."""
    missing = [name for name in ('tensorflow', 'keras') if find_spec(name) is None]
    if missing:
        raise ConversionError(f'converting it needs {" and ".join(missing)}, not installed here; {HOW_TO_INSTALL}')
    print(f'Preparing {model_path.name} for OpenVINO, which takes a few seconds', file=sys.stderr, flush=True)
    xml_path = folder / 'model.xml'
    command = [sys.executable, '-c', CONVERSION, str(model_path.resolve()), str(xml_path)]
    environment = {'TF_CPP_MIN_LOG_LEVEL': '2', **os.environ}
    environment['KERAS_BACKEND'] = 'tensorflow'  # OpenVINO reads its models
    environment['HDF5_USE_FILE_LOCKING'] = 'FALSE'  # some network drives have no locks
    environment['CI'] = 'true'  # otherwise OpenVINO sends statistics of each conversion to its makers
    done = subprocess.run(
        command,
        cwd=ROOT,  # not the user's folder, in which a file could be called keras.py
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode or not xml_path.is_file():
        raise ConversionError((done.stderr.strip().splitlines() or [f'exit code {done.returncode}'])[-1])
    return xml_path


def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(
        prog='python -m emotion_recognition.emotions.conversion',
        description='Make the conversion next to a model.h5 again.',
    )
    parser.add_argument('model_path', nargs='?', type=Path, default=MODEL_WEIGHTS_PATH, help='(default: %(default)s)')
    with one_line_errors(parser.prog):
        path = ship(parser.parse_args(arguments).model_path)
    print(f'Wrote {path}, {path.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
