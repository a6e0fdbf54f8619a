"""Compare the training script's input pipeline alone with a training step of the network, in images a second.

    python tests/benchmarks/benchmark_input_pipeline.py --image-size 64 --native-size 48

The ratio says how many times as fast the pipeline is as the network that it feeds: above 1, the network never waits.
The two are measured in turn, several times, each with all processors to itself. The medians are printed.
"""

import argparse
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import cv2
import keras
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import model_training  # noqa: E402 (found through the line above)

ROUNDS = 5
FILE_SIZES = {'small': 48, 'large': 400}  # pixels: JPEG files of faces as in FER2013, and as cut from photographs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--image-size', type=int, default=64)
    parser.add_argument('--native-size', type=int)
    parser.add_argument('--batch-size', type=int, default=model_training.OPTIONS['batch_size'].default)
    parser.add_argument('--batches', type=int, default=10, help='per round')
    options = parser.parse_args()

    model = build(options)
    size = model.input_shape[1]
    images = np.random.default_rng(0).uniform(0, 255, (options.batch_size, size, size, 3)).astype('float32')
    labels = np.eye(9, dtype='float32')[np.arange(options.batch_size) % 9]
    model.train_on_batch(images, labels)  # compiles

    def train():
        for _ in range(options.batches):
            model.train_on_batch(images, labels)

    sink = keras.Sequential([keras.Input(model.input_shape[1:]), keras.layers.GlobalAveragePooling2D()])
    sink.predict(images, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        feeds = {'training step': train}
        for name, file_size in FILE_SIZES.items():
            paths = write_images(Path(folder) / name, file_size, options.batches * options.batch_size)
            feeds[f'input pipeline, {file_size}-px files'] = partial(
                read_all, paths, size, training_options(options), sink
            )
        speeds = measure(feeds, options.batches * options.batch_size)
    step = np.median(speeds['training step'])
    for name, values in speeds.items():
        median = np.median(values)
        print(f'{name:32} {median:8.0f} images/s ({min(values):.0f} to {max(values):.0f}), ratio {median / step:.1f}')


def build(options):
    model = model_training.build_model(1, 'none', options.image_size, options.native_size)
    model_training.compile_model(model, training_options(options), steps_per_epoch=options.batches)
    return model


def training_options(options):
    return model_training.parse_options(['--batch-size', str(options.batch_size)])


def write_images(folder, size, count):
    """Write noisy JPEG files, which take at least as long to decode as faces. Returns their paths."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (size, size, 3)).astype(np.uint8)
    content = cv2.imencode('.jpg', cv2.GaussianBlur(noise, (0, 0), 1))[1].tobytes()
    paths = [folder / f'{number}.jpg' for number in range(count)]
    for path in paths:
        path.write_bytes(content)
    return paths


def read_all(paths, size, options, sink):
    """Feed all batches through the queue of threads that `fit` uses, into a network that takes no time."""
    augmenter = partial(model_training.augment, options=options)
    dataset = model_training.FaceDataset(paths, np.zeros(len(paths)), size, options, augmenter, shuffle=True)
    assert len(sink.predict(dataset, verbose=0)) == len(paths)


def measure(feeds, image_count):
    speeds = {name: [] for name in feeds}
    for _ in range(ROUNDS):
        for name, feed in feeds.items():
            started = time.perf_counter()
            feed()
            speeds[name].append(image_count / (time.perf_counter() - started))
    return speeds


if __name__ == '__main__':
    main()
