"""OpenVINO's form of a model.h5, its conversion: found beside it, or made and kept.

Only making one needs TensorFlow and Keras. So the repository ships the conversion of its own model.h5, and whoever uses
that model needs neither. After a new model.h5, make the shipped one anew, which takes some seconds:

    python -m emotion_recognition.emotions.conversion

A conversion is a zip file of `model.xml` and `model.bin`, as OpenVINO writes them, and `origin.json`, which binds it to
the content of its model.h5.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from emotion_recognition.command_line import Parser
from emotion_recognition.hashing import hash_file
from emotion_recognition.labels import InputError
from emotion_recognition.settings import MODEL_WEIGHTS_PATH, ROOT

SHIPPED_SUFFIX = '.openvino.zip'  # in place of .h5
CACHE_NAME = '.cache'  # folder beside model.h5
HOW_TO_INSTALL = 'pip install -r requirements.txt, with Python 3.11 to 3.13'
ARCHIVE_DATE = (1980, 1, 1, 0, 0, 0)  # of what is inside, so that the same conversion is the same file

# Reads model.h5, converts it, sees that it answers as before, and writes OpenVINO's .xml and .bin file. In a process of
# its own: TensorFlow takes half a gigabyte, which a process that is about to run for hours would not get back. As a
# text, since its hash is part of what a conversion was made from. Not Keras' own export: there each activation becomes
# an output, which OpenVINO then cannot merge with its neighbours. Nor Keras' OpenVINO backend, though it needs no
# TensorFlow: in Keras 3.15.1 it loads model.h5 and answers rightly, but at a quarter of the speed, and what it exports
# answers wrongly. Without training=False, a layer whose own default is True would set batch normalization to training.
CONVERSION = """
import sys, keras, numpy, openvino
try:
    model = keras.models.load_model(sys.argv[1], compile=False)
except Exception as error:  # Keras raises whatever its parts raise
    sys.exit(f'not a Keras model that can be loaded: {(str(error).splitlines() or [type(error).__name__])[0]}')
inference = keras.Model(model.input, model(model.input, training=False))
converted = openvino.convert_model(inference)
rng = numpy.random.default_rng(0)
shapes = [[size or 8 for size in tensor.shape] for tensor in model.inputs]
batch = [rng.uniform(0, 255, shape).astype('float32') for shape in shapes]
expected = numpy.asarray(model(batch if len(batch) > 1 else batch[0], training=False))
answers = openvino.compile_model(converted, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})(batch)[0]
if not numpy.allclose(answers, expected, rtol=0, atol=1e-4):
    sys.exit(f'the conversion answers up to {abs(answers - expected).max():.2g} beside what Keras does')
openvino.serialize(converted, sys.argv[2])
"""


class ConversionError(Exception):
    """OpenVINO, or the Keras that converts for it, does not take this model, or is not installed."""


def read_network(core, model_path: Path):
    """The model as OpenVINO has it.

    It is looked for beside model.h5, then in the folder `.cache` there, then in the user's cache folder. Where there is
    none that belongs to the content of model.h5, it is made, which takes seconds, and kept in the first of the two
    caches that can be written.

    Args:
        core: the openvino.Core that reads it.
        model_path: of model.h5.

    Returns:
        An openvino.Model.

    Raises:
        ConversionError: it is nowhere and cannot be made.
    """
    origin = origin_of(model_path)
    name = f'{model_path.stem}-{origin["model_sha256"][:32]}.zip'
    folders = [model_path.resolve().parent / CACHE_NAME, platformdirs.user_cache_path('emotion_recognition')]
    paths = [shipped_path(model_path.resolve()), *(folder / name for folder in folders)]
    model = next(filter(None, (_read(core, path, origin) for path in paths)), None)
    if model is None:
        with tempfile.TemporaryDirectory() as folder:
            xml_path = _convert(model_path, Path(folder))
            _keep(xml_path, folders, name, origin)
            model = core.read_model(xml_path.read_bytes(), xml_path.with_suffix('.bin').read_bytes())
    return model


def ship(model_path: Path) -> Path:
    """Make the conversion that lies beside a model.h5 anew.

    Returns:
        Its path.

    Raises:
        InputError: there is no such model, it cannot be converted, or Keras or TensorFlow is not installed.
    """
    if not model_path.is_file():
        raise InputError(f'{model_path}: no such model file; model_training.py writes one')
    try:
        with tempfile.TemporaryDirectory() as folder:
            _write(_convert(model_path, Path(folder)), shipped_path(model_path), origin_of(model_path))
    except ConversionError as error:
        raise InputError(f'{model_path}: cannot be converted: {error}') from None
    return shipped_path(model_path)


def shipped_path(model_path: Path) -> Path:
    """Where the conversion that comes with a model.h5 lies."""
    return model_path.with_suffix(SHIPPED_SUFFIX)


def origin_of(model_path: Path) -> dict[str, str]:
    """What the conversion of a model.h5 is made from: the SHA-256 of the file's content, and of how it is converted."""
    return {
        'model_sha256': hash_file(model_path),
        'conversion_sha256': hashlib.sha256(CONVERSION.encode()).hexdigest(),
    }


def _read(core, path, origin):
    """A conversion, None where there is none of this origin or it is damaged, which zip's check sums tell."""
    try:
        with zipfile.ZipFile(path) as archive:
            if json.loads(archive.read('origin.json')) == origin:
                return core.read_model(archive.read('model.xml'), archive.read('model.bin'))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error, RuntimeError):
        pass
    return None


def _convert(model_path, folder):
    """Convert in a process of its own. Returns the path of the .xml file."""
    missing = [name for name in ('tensorflow', 'keras') if find_spec(name) is None]
    if missing:
        raise ConversionError(f'converting it needs {" and ".join(missing)}, not installed here; {HOW_TO_INSTALL}')
    print(f'Preparing {model_path.name} for OpenVINO: takes some seconds', file=sys.stderr, flush=True)
    xml_path = folder / 'model.xml'
    command = [sys.executable, '-c', CONVERSION, str(model_path.resolve()), str(xml_path)]
    done = subprocess.run(
        command,
        cwd=ROOT,  # not the user's folder, where a file could be called keras.py
        env={'TF_CPP_MIN_LOG_LEVEL': '2', **os.environ, 'KERAS_BACKEND': 'tensorflow'},  # whose models OpenVINO reads
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode or not xml_path.is_file():
        raise ConversionError((done.stderr.strip().splitlines() or [f'exit code {done.returncode}'])[-1])
    return xml_path


def _keep(xml_path, folders, name, origin):
    """Keep it in the first folder that can be written, in place of those of the model's earlier contents."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write(xml_path, folder / name, origin)
        except OSError:
            continue
        for other in folder.glob('*.zip'):
            is_of_model = other.name.rpartition('-')[0] == name.rpartition('-')[0]
            if is_of_model and other.name != name and folder.name == CACHE_NAME:
                other.unlink(missing_ok=True)
        return


def _write(xml_path, path, origin):
    """Write a conversion whole or not at all. The weights are not compressed: that saves 7 % and slows each start."""
    contents = {
        'origin.json': (json.dumps(origin, indent=2).encode(), zipfile.ZIP_STORED),
        'model.xml': (xml_path.read_bytes(), zipfile.ZIP_DEFLATED),
        'model.bin': (xml_path.with_suffix('.bin').read_bytes(), zipfile.ZIP_STORED),
    }
    temporary_path = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with zipfile.ZipFile(temporary_path, 'w') as archive:
            for name, (content, compression) in contents.items():
                archive.writestr(zipfile.ZipInfo(name, ARCHIVE_DATE), content, compression)
        os.replace(temporary_path, path)
    finally:
        with suppress(OSError):
            temporary_path.unlink()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(
        prog='python -m emotion_recognition.emotions.conversion',
        description='Make the conversion beside a model.h5 anew.',
    )
    parser.add_argument('model_path', nargs='?', type=Path, default=MODEL_WEIGHTS_PATH, help='(default: %(default)s)')
    try:
        path = ship(parser.parse_args(arguments).model_path)
    except (InputError, OSError) as error:
        sys.exit(f'{parser.prog}: {error}')
    print(f'Wrote {path}, {path.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
