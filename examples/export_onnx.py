"""Write a model.h5 as ONNX, for other tools: export_onnx.py my_model/model.h5 my_model/model.onnx

The input is any number of faces, (n, S, S, 3) float32, RGB, 0..255; all preprocessing is in the graph. The output are
the probabilities, (n, K) float32. `class_names` and `face_share` stand in the file's metadata, as JSON.

    pip install -r requirements.txt tf2onnx
"""

import os
import sys

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import h5py
import keras
import numpy as np
import onnx


def copy_layer(layer):
    """Copy a layer. Rescaling stands in for Normalization, whose numbers Keras' export makes inputs of the graph."""
    if not isinstance(layer, keras.layers.Normalization):
        return type(layer).from_config(layer.get_config())
    mean, deviation = np.ravel(layer.mean), np.sqrt(np.ravel(layer.variance))
    return keras.layers.Rescaling(1 / deviation, -mean / deviation, name=layer.name)


def export(model_path, onnx_path):
    """Write a model.h5 as an ONNX file."""
    model = keras.saving.load_model(model_path, compile=False)
    copy = keras.models.clone_model(model, clone_function=copy_layer)
    for layer in copy.layers:
        if layer.weights:
            layer.set_weights(model.get_layer(layer.name).get_weights())
    # Without training=False, a layer whose own default is True would put batch normalization into training mode
    inference = keras.Model(copy.input, copy(copy.input, training=False))
    faces = keras.InputSpec(shape=model.input_shape, dtype='float32', name='face')
    inference.export(onnx_path, format='onnx', input_signature=[faces], verbose=False)
    with h5py.File(model_path) as file:
        known = {'class_names': file.attrs['class_names'], 'face_share': file.attrs.get('face_share', '1')}
    exported = onnx.load(onnx_path)
    onnx.helper.set_model_props(exported, known)
    onnx.save(exported, onnx_path)


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    export(*sys.argv[1:])
    print(f'Wrote {sys.argv[2]}')
