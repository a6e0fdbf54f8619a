"""The teacher that knows faces: MobileNet with the weights of a TensorFlow.js file."""

import itertools
import json
import sys

import keras
import numpy as np
import pytest

from model_training import TrainingError
from tests.conftest import script_on_both_labels


def write_faceres(folder, rng):
    """A model of TensorFlow.js with MobileNet's arrays, their normalisations folded: its path, the arrays by name."""
    channels = (32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)
    arrays = {'conv1/convolution/merged_input': rng.normal(0, 0.02, (3, 3, 3, 32))}
    for number, (seen, made) in enumerate(itertools.pairwise(channels), start=1):
        arrays[f'conv_dw_{number}/depthwise_kernel'] = rng.normal(0, 0.5, (3, 3, seen, 1))
        arrays[f'conv_dw_{number}_bn/batchnorm_1/mul'] = rng.uniform(0.5, 1.5, seen)
        arrays[f'conv_pw_{number}/convolution/merged_input'] = rng.normal(0, (2 / seen) ** 0.5, (1, 1, seen, made))
        for kind, count in (('dw', seen), ('pw', made)):
            arrays[f'conv_{kind}_{number}_bn/batchnorm_1/sub'] = rng.normal(0, 0.5, count)
    arrays['conv1_bn/batchnorm_1/sub'] = rng.normal(0, 0.5, 32)
    arrays = {name: array.astype('float32') for name, array in arrays.items()} | {'axes': np.array([1, 2], 'int32')}
    weights = [{'name': name, 'shape': value.shape, 'dtype': value.dtype.name} for name, value in arrays.items()]
    (folder / 'faces.bin').write_bytes(b''.join(array.tobytes() for array in arrays.values()))
    (folder / 'faces.json').write_text(json.dumps({'weightsManifest': [{'paths': ['faces.bin'], 'weights': weights}]}))
    return folder / 'faces.json', arrays


@pytest.fixture
def face_teacher(distil):
    yield script_on_both_labels('face_teacher')
    del sys.modules['distil']


def test_face_teacher_starts_as_the_network_that_knows_faces(face_teacher, tmp_path):
    rng = np.random.default_rng(0)
    path, arrays = write_faceres(tmp_path, rng)
    images = rng.integers(0, 256, (4, 64, 64, 3)).astype('float32')
    teacher = face_teacher['build_teacher'](images, path, 64)

    x = images[..., ::-1] - np.array([103.939, 116.779, 123.68], 'float32')
    x = keras.ops.conv(x, arrays['conv1/convolution/merged_input'], 2, 'same') + arrays['conv1_bn/batchnorm_1/sub']
    for number in range(1, 14):
        x, stride = keras.ops.clip(x, 0, 6), 2 if number in (2, 4, 6, 12) else 1
        x = keras.ops.depthwise_conv(x, arrays[f'conv_dw_{number}/depthwise_kernel'], stride, 'same')
        scale, offset = (arrays[f'conv_dw_{number}_bn/batchnorm_1/{part}'] for part in ('mul', 'sub'))
        x = keras.ops.clip(x * scale + offset, 0, 6)
        x = keras.ops.conv(x, arrays[f'conv_pw_{number}/convolution/merged_input'], 1, 'same')
        x = x + arrays[f'conv_pw_{number}_bn/batchnorm_1/sub']
    expected = keras.ops.mean(keras.ops.clip(x, 0, 6), axis=(1, 2))
    features = keras.Model(teacher.input, teacher.get_layer('pooling').output)
    np.testing.assert_allclose(features(images, training=False), expected, atol=2e-3)
    assert np.ptp(expected) > 1
    # With a batch's own statistics, which training uses, it is the same network: it begins as what it knows
    np.testing.assert_allclose(features(images, training=True), expected, atol=2e-2)
    learning = [layer.name for layer in teacher.layers if layer.trainable and layer.weights]
    assert learning[:2] == ['conv_dw_4', 'conv_dw_4_bn'] and learning[-1] == 'emotion'


def test_file_that_is_not_a_model_is_reported(face_teacher, tmp_path):
    path, _ = write_faceres(tmp_path, np.random.default_rng(0))
    (tmp_path / 'faces.bin').write_bytes(b'\0' * 1000)
    for text in (None, '[]', '{}', 'no JSON'):
        if text is not None:
            path.write_text(text)
        with pytest.raises(TrainingError, match=r'faces\.json: not a model of TensorFlow\.js'):
            face_teacher['read_weights'](path)
