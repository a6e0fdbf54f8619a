"""The start that copies its weights from EfficientNet-Lite1."""

import runpy
import sys

import keras
import numpy as np

import model_training
from tests.paths import ROOT


def lite1_shapes():
    """Shapes of EfficientNet-Lite1's kernels and normalisations by their names in PyTorch."""
    kernels, normalised = {'_conv_stem': (32, 3, 3, 3), '_conv_head': (1280, 320, 1, 1)}, {'_bn0': 32, '_bn1': 1280}
    # blocks, channels, side of the kernel
    stages = ((1, 16, 3), (3, 24, 3), (3, 40, 5), (4, 80, 3), (4, 112, 5), (5, 192, 5), (1, 320, 3))
    seen, number = 32, 0
    for stage, (blocks, channels, side) in enumerate(stages):
        for _ in range(blocks):
            block, inner = f'_blocks.{number}.', seen * (6 if stage else 1)
            if stage:
                kernels[f'{block}_expand_conv'], normalised[f'{block}_bn0'] = (inner, seen, 1, 1), inner
            kernels[f'{block}_depthwise_conv'], normalised[f'{block}_bn1'] = (inner, 1, side, side), inner
            kernels[f'{block}_project_conv'], normalised[f'{block}_bn2'] = (channels, inner, 1, 1), channels
            seen, number = channels, number + 1
    return kernels, normalised


def test_start_from_lite_puts_each_weight_in_its_place(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(sys, 'path', [*sys.path])  # the draft adds to it
    kernels, normalised = lite1_shapes()
    lite1 = {f'{name}.weight': rng.normal(0, 0.1, shape).astype('float32') for name, shape in kernels.items()}
    for name, count in normalised.items():
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            lite1[f'{name}.{part}'] = rng.uniform(0.5, 1.5, count).astype('float32')
    convert = runpy.run_path(str(ROOT / 'draft_pipelines' / 'both_labels' / 'start_from_lite.py'))['start_from_lite1']
    convert(lite1).save(tmp_path / 'start.h5', include_optimizer=False)
    model = model_training.build_model(1, str(tmp_path / 'start.h5'), image_size=64)

    def weights(layer):
        return model.get_layer(layer).get_weights()

    assert (weights('stem_conv')[0][1, 2, 0, 31] == lite1['_conv_stem.weight'][31, 0, 1, 2]).all()
    assert (weights('block6e_dwconv')[0][4, 0, 7, 0] == lite1['_blocks.19._depthwise_conv.weight'][7, 0, 4, 0]).all()
    assert (weights('block7a_project_conv')[0][0, 0, 5] == lite1['_blocks.20._project_conv.weight'][:, 5, 0, 0]).all()
    assert (weights('block3b_bn')[2] == lite1['_blocks.5._bn1.running_mean']).all()
    steps = [model.get_layer(f'block7{block}').output for block in ('a_project_bn', 'b_add')]
    normalisation = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    face = np.full((1, 64, 64, 3), 255.0, 'float32')
    seen, before, after = keras.Model(model.input, [normalisation.output, *steps])(face, training=False)
    np.testing.assert_allclose(seen, 1, atol=1e-5)  # (255 - 127) / 128
    np.testing.assert_allclose(after, before + weights('block7b_project_bn')[1], atol=1e-5)
