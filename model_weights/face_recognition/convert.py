"""Convert the face recognition network of the npm package @vladmandic/face-api for OpenVINO.

The weights stay as they are in the package: 8-bit integers with a scale and a minimum for each tensor, or float32.

    npm pack @vladmandic/face-api@1.7.15 && tar xf vladmandic-face-api-1.7.15.tgz
    python model_weights/face_recognition/convert.py package/model
"""

import json
import sys
from pathlib import Path

import numpy as np
import openvino
from openvino import opset15 as ops

MANIFEST = 'face_recognition_model-weights_manifest.json'
OUTPUT_PATH = Path(__file__).resolve().parent / 'dlib_face_recognition.xml'
SIDE = 150  # pixels of the input
MEAN_RGB = (122.782, 117.001, 104.298)  # of the training pictures
# Blocks of two convolutions each. One whose name ends in `down` halves the picture, and its shortcut is a mean of 2x2.
BLOCKS = ('conv32_1', 'conv32_2', 'conv32_3', 'conv64_down', 'conv64_1', 'conv64_2', 'conv64_3', 'conv128_down')
BLOCKS += ('conv128_1', 'conv128_2', 'conv256_down', 'conv256_1', 'conv256_2', 'conv256_down_out')


def read_weights(folder: Path) -> dict[str, openvino.Output]:
    """Read the weights as nodes that compute float32 from what is stored.

    Args:
        folder: The package's folder `model`.

    Returns:
        The tensors by their names; filters as (outputs, inputs, height, width).
    """
    group = json.loads((folder / MANIFEST).read_text())[0]
    content = b''.join((folder / name).read_bytes() for name in group['paths'])
    weights, offset = {}, 0
    for entry in group['weights']:
        quantization = entry.get('quantization')
        count, kind = int(np.prod(entry['shape'])), np.uint8 if quantization else np.float32
        array = np.frombuffer(content, kind, count, offset).reshape(entry['shape'])
        offset += array.nbytes
        if array.ndim == 4:
            array = array.transpose(3, 2, 0, 1)
        node = ops.constant(np.ascontiguousarray(array))
        if quantization:
            scaled = ops.multiply(ops.convert(node, 'f32'), np.float32(quantization['scale']))
            node = ops.add(scaled, np.float32(quantization['min']))
        weights[entry['name']] = node
    return weights


def build_network(weights: dict[str, openvino.Output]) -> openvino.Model:
    """Build the network: (n, 150, 150, 3) float32, RGB, 0..255, to (n, 128) float32.

    It is the residual network that dlib trained, in the form that the package gives it.
    """
    pictures = ops.parameter([-1, SIDE, SIDE, 3], np.float32, 'pictures')
    centred = ops.subtract(pictures, ops.constant(np.array(MEAN_RGB, np.float32)))
    out = ops.transpose(ops.multiply(centred, np.float32(1 / 255)), [0, 3, 1, 2])
    out = ops.relu(_convolve(out, weights, 'conv32_down', stride=2))
    out = ops.max_pool(out, [2, 2], [1, 1], [0, 0], [0, 0], [3, 3], 'floor').output(0)
    for name in BLOCKS:
        out = _add_block(out, weights, name)
    answer = ops.matmul(ops.reduce_mean(out, [2, 3], keep_dims=False), weights['fc'], False, False)
    return openvino.Model([answer], [pictures], 'dlib_face_recognition')


def _add_block(before, weights, name):
    is_down = 'down' in name
    out = ops.relu(_convolve(before, weights, f'{name}/conv1', stride=2 if is_down else 1))
    out = _convolve(out, weights, f'{name}/conv2')
    if is_down:
        before = ops.avg_pool(before, [2, 2], [0, 0], [0, 0], [2, 2], True, 'floor')
        out, before = _pad_to_same(out, before)
    return ops.relu(ops.add(out, before))


def _pad_to_same(out, before):
    """Pad with zeros: what was convolved by one row and column at the end, the shortcut to as many channels."""
    (_, channels, height, width), (_, old_channels, old_height, old_width) = (
        [size.get_length() if size.is_static else -1 for size in node.get_output_partial_shape(0)]
        for node in (out, before)
    )
    out = ops.pad(out, [0] * 4, [0, 0, old_height - height, old_width - width], 'constant', np.float32(0))
    return out, ops.pad(before, [0] * 4, [0, channels - old_channels, 0, 0], 'constant', np.float32(0))


def _convolve(before, weights, name, stride=1):
    """A convolution with bias, and the scale and offset that stand for a batch normalization."""
    before_scale = ops.convolution(
        before,
        weights[f'{name}/conv/filters'],
        [stride] * 2,
        [0, 0],
        [0, 0],
        [1, 1],
        'valid' if stride > 1 else 'same_upper',
    )
    before_scale = ops.add(before_scale, _per_channel(weights[f'{name}/conv/bias']))
    scaled = ops.multiply(before_scale, _per_channel(weights[f'{name}/scale/weights']))
    return ops.add(scaled, _per_channel(weights[f'{name}/scale/biases']))


def _per_channel(vector):
    return ops.reshape(vector, [1, -1, 1, 1], special_zero=False)


if __name__ == '__main__':
    openvino.save_model(build_network(read_weights(Path(sys.argv[1]))), OUTPUT_PATH, compress_to_fp16=False)
    print(f'Wrote {OUTPUT_PATH} and the .bin file next to it')
