"""One process of test_several_hosts: draft_pipelines/many_machines/run.py with a small network, which may be killed."""

import os
import pathlib
import sys
from types import SimpleNamespace


class NoTensorFlow:
    """Hides TensorFlow, whose import takes as long as the run."""

    def find_spec(self, name, *_):
        if name == 'tensorflow':
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, NoTensorFlow())
import run  # noqa: E402 (many_machines/run.py, without TensorFlow)

keras = run.keras


def small_network(include_top, weights, input_tensor):
    """All that could differ between devices."""
    x = keras.layers.Rescaling(1 / 255)(input_tensor)
    x = keras.layers.Normalization()(x)
    x = keras.layers.Conv2D(8, 3, strides=2, use_bias=False, name='stem_conv')(x)
    x = keras.layers.BatchNormalization(name='stem_bn')(x)
    x = keras.layers.Activation('relu')(x)
    return SimpleNamespace(output=keras.layers.Dropout(0.2, noise_shape=(None, 1, 1, 1))(x))


class Mortal(run.SharedFaces):
    """Kills its process after the first epoch if DIES_BY says so."""

    def on_epoch_end(self):  # Keras calls it before the first epoch too
        super().on_epoch_end()
        if self.shuffle and self.epoch == 3 and 'DIES_BY' in os.environ:
            os.kill(os.getpid(), int(os.environ['DIES_BY']))


if __name__ == '__main__':
    keras.applications.EfficientNetB0, run.SharedFaces = small_network, Mortal
    run.WAITS['initialization_timeout'] = int(os.environ.get('MEETS_FOR', 100))
    run.WAITS['heartbeat_timeout_seconds'] = 10
    if 'SEES_NO_CHECKPOINT' in os.environ:
        is_file = pathlib.Path.is_file
        pathlib.Path.is_file = lambda path: path.name != 'state.json' and is_file(path)
    run.main()
