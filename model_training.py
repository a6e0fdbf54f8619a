"""Train EfficientNet on a Kaggle table of faces and write model_weights/model.h5.

Standalone: copy this one file into a Kaggle kernel and run it. It checks the tables and every image, splits off 10 %
for validation, trains, keeps the epoch that does best on these, evaluates it, and writes submission.csv.

model.h5 is a complete Keras model: input (n, S, S, 3), RGB, float32, 0..255; output (n, 9) probabilities. Whatever the
network wants done to a face (grey, scaling) is a layer inside it; its attributes `class_names`, `class_priors` and
`face_share` are JSON. Runs on any Keras backend: KERAS_BACKEND=tensorflow, jax or torch.
"""

import argparse
import hashlib
import json
import logging
import math
import os
import platform
import shlex
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == '__main__' and find_spec('keras') is None:  # what only uses a model goes without
    sys.exit('model_training.py: keras is not installed; pip install -r requirements.txt, with Python 3.11 to 3.13')
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')  # TensorFlow's start-up notes
os.environ.setdefault('MPLBACKEND', 'Agg')  # pictures are saved, never shown

import cv2
import h5py
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score, classification_report
from sklearn.model_selection import train_test_split
from tqdm import tqdm

logging.getLogger('absl').setLevel(logging.ERROR)  # Keras warns of HDF5 at each save; here it is the contract


class Option(NamedTuple):
    """A default, what it is, the least and the most that make sense (None: no bound), how its text is read."""

    default: Any
    help: str
    least: float | None = None
    most: float | None = None
    parse: Any = None  # by default the default's own type
    more: Any = None  # further words to argparse


# Edit a default here, or override it on the command line: `train_csv` is --train-csv there.
KAGGLE_PATH = Path('/kaggle/input')
COMPETITION_PATH = KAGGLE_PATH / 'skillbox-computer-vision-project'
OUTPUT_PATH = Path(__file__).resolve().parent / 'model_weights' / 'model.h5'
OPTIONS = {
    # data
    'images': Option(KAGGLE_PATH / 'skillbox-emotions', "folder in which the table's image_path starts"),
    'test_images': Option(KAGGLE_PATH / 'skillbox-emotions/test_kaggle', "the same of the sample submission's"),
    'train_csv': Option(COMPETITION_PATH / 'train.csv', 'table: image_path, emotion'),
    'sample_submission': Option(COMPETITION_PATH / 'sample_submission.csv', 'table: image_path, emotion'),
    'second_labels': Option(None, 'table: image_path, and another label of the same images', parse=Path),
    'output': Option(OUTPUT_PATH, 'model file; all else is written beside it'),
    # network
    'efnet_no': Option(1, 'EfficientNetB0 to B7', 0, 7),
    'weights': Option('imagenet', 'imagenet, none, or the path of a weights file'),
    'image_size': Option(None, 'side that the network sees, pixels; its own where not given', 32, None, int),
    'native_size': Option(None, 'side of the images where smaller: the model enlarges them', 8, None, int),
    'grayscale': Option(False, 'the network sees luma only'),
    'data_parallel': Option(False, 'on all local devices (KERAS_BACKEND=jax only)'),
    # training: AdamW, cosine schedule
    'batch_size': Option(64, 'images', 1),
    'epochs': Option(20, 'in all, resumed ones included', 1),
    'seed': Option(17, 'of weights, order and augmentation', 0),
    'learning_rate': Option(1e-3, 'the highest', 1e-12),
    'warmup_epochs': Option(1.0, 'in which the learning rate rises from 0', 0),
    'votes': Option(0.0, "share of the table's vote columns in the target", 0, 1),
    'second_share': Option(0.4, 'share of the second labels in the target', 0, 1),
    'oversample': Option(0, 'repeat images of rare emotions: at least so many of each in an epoch', 0),
    'monitor': Option('val_accuracy', 'which epoch is kept', more={'choices': ('val_accuracy', 'val_loss')}),
    'face_share': Option(1.0, 'share of the side, from the middle, that inference shows to the network', 0.5, 1),
    'calibrate': Option(False, 'at the end, one temperature so that confidence matches accuracy'),
    'resume': Option(False, 'go on from the last finished epoch'),
    # augmentation: each image is drawn anew in every epoch
    'no_augmentation': Option(False, 'train on the images as they are'),
    'rotation': Option(15.0, 'degrees to either side', 0, 180),
    'shift': Option(0.15, 'share of width and height', 0, 1),
    'crop': Option((1.0, 1.0), 'share of the side that is seen', 0.1, None, float, {'nargs': 2}),
    'contrast': Option(0.0, 'share, up or down; brightness with it', 0, 1),
    'workers': Option(min(8, os.cpu_count() or 1), 'threads that read and augment', 1),
}

EMOTIONS = ('anger', 'contempt', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise', 'uncertain')
EFNET_IMAGE_SIZES = (224, 240, 260, 300, 380, 456, 528, 600)  # pixels, B0 to B7
VALIDATION_SHARE = 0.1
SPLIT_SEED = 17  # not --seed: a model trained further must not be measured on faces that it has learnt from
WEIGHT_DECAY = 0.05
# Test-time augmentation averages these views: turned by degrees, mirrored, seen closely (--face-share); the first alone
# is what inference sees by default
VIEWS = tuple((angle, mirror, not angle) for mirror in (False, True) for angle in (0, 6, -6))
BALANCE = 0.75  # how far inference frees the answers from the class priors by default; confidence is calibrated for it
KERAS_WEIGHTS_URL = 'https://storage.googleapis.com/keras-applications/efficientnetb{}_notop.h5'
IMAGENET_STDDEV_RGB = (0.229, 0.224, 0.225)


class TrainingError(Exception):
    """Something that the user can mend; main() prints it as one line."""


# ---- tables and images ---------------------------------------------------------------------------


def read_table(path, emotion='emotion', others=()):
    """Read a CSV file with the columns `image_path`, one of emotions (-1: the last one), and others."""
    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise TrainingError(f'{path}: no such table') from None
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise TrainingError(f'{path}: cannot be read as a table: {error}') from None
    emotion = table.columns[-1] if emotion == -1 else emotion
    missing = [column for column in ('image_path', emotion, *others) if column not in table.columns]
    if missing:
        raise TrainingError(f'{path}: lacks the column {", ".join(missing)}; it has {", ".join(table.columns)}')
    if table.empty:
        raise TrainingError(f'{path}: has no rows')
    unknown = sorted(set(table[emotion].map(str)) - set(EMOTIONS))
    if unknown:
        raise TrainingError(f'{path}: unknown emotion {", ".join(unknown[:5])}; expected {", ".join(EMOTIONS)}')
    return table


def read_second_labels(path, image_paths):
    """Another label of each image, NaN for none, from a table of `image_path` and, in its last column, labels."""
    second = read_table(path, emotion=-1).drop_duplicates('image_path').set_index('image_path')
    labels = image_paths.map(second.iloc[:, -1])
    if labels.isna().all():
        raise TrainingError(f'{path}: names none of the training images; its image_path must be written as theirs')
    return labels


def read_image(path):
    """Read an image file: (height, width, 3) uint8, RGB. None if it is missing, empty or not an image."""
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread cannot open non-ASCII paths on Windows
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except (OSError, cv2.error):
        return None
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def add_pictures(table, folder, workers):
    """Read every image of a table once. Adds the columns `path`, and `picture`: equal where the pixels are."""

    def digest(path):
        image = read_image(path)
        return None if image is None else hashlib.sha256(image.tobytes() + str(image.shape).encode()).hexdigest()

    paths = [folder / image_path for image_path in table.image_path]
    with ThreadPoolExecutor(workers) as pool:
        pictures = list(tqdm(pool.map(digest, paths, chunksize=64), f'checking {folder}', len(paths), unit='image'))
    bad = [str(path) for path, picture in zip(paths, pictures, strict=True) if picture is None]
    if bad:
        named = ', '.join(bad[:3]) + (', ...' if len(bad) > 3 else '')
        told = f'{len(bad)} of {len(paths)} images cannot be read: {named}'
        raise TrainingError(f'{told}; mend them, or take their rows out of the table')
    return table.assign(path=paths, picture=pictures)


def split(table):
    """Split off VALIDATION_SHARE of the rows, stratified by emotion; then every picture goes, with all of its copies,
    to the side of its first row, so that no validation image is one that the network learns by heart.

    Returns:
        The training and the validation rows, each with all emotions.
    """
    counts = table.emotion.value_counts().reindex(EMOTIONS, fill_value=0)
    if counts.min() * VALIDATION_SHARE < 1:
        needed = f'{1 / VALIDATION_SHARE:g} are needed for a split'
        raise TrainingError(f'too few images of {counts.idxmin()}, {counts.min()}; {needed}')
    _, drawn = train_test_split(table, test_size=VALIDATION_SHARE, stratify=table.emotion, random_state=SPLIT_SEED)
    first_rows = table.drop_duplicates('picture')
    is_validation = table.picture.isin(first_rows.picture[first_rows.index.isin(drawn.index)])
    for rows, name in ((table[is_validation], 'validation'), (table[~is_validation], 'training')):
        missing = sorted(set(EMOTIONS) - set(rows.emotion))
        if missing:
            raise TrainingError(f'too few different images of {", ".join(missing)}: copies leave none for {name}')
    return table[~is_validation], table[is_validation]


def load_tables(options):
    """Read and check everything that training will need: tables `training`, `validation` and `test`."""
    table = read_table(options.train_csv, others=EMOTIONS if options.votes else ())
    sample = read_table(options.sample_submission)
    if options.second_labels:
        table['second'] = read_second_labels(options.second_labels, table.image_path)
    training, validation = split(add_pictures(table, options.images, options.workers))
    test = add_pictures(sample, options.test_images, options.workers)
    return {'training': training, 'validation': validation, 'test': test}


def count_copies(tables):
    """How many images of the training table, both sides of the split, stand in it more than once or are test images."""
    labelled = pd.concat([tables['training'], tables['validation']])
    labels = labelled.groupby('picture').emotion.nunique()
    return {
        'training_table': len(labelled),
        'pictures_in_it': len(labels),
        'copies_in_it': len(labelled) - len(labels),
        'pictures_with_contradicting_labels': int((labels > 1).sum()),
        'test_images_in_it': int(tables['test'].picture.isin(labels.index).sum()),
    }


def make_targets(table, votes=0.0, second_share=0.0):
    """Training targets of a table's rows.

    Learning from the spread of the annotators' votes instead of the winner alone is Barsoum et al. 2016
    (arXiv 1608.01041). Rows labelled `uncertain` keep their label: that label means that the votes were spread.

    Returns:
        (n, 9) float32 distributions: `votes` of the votes, `second_share` of the label in the column `second`.
    """
    one_hot = np.eye(len(EMOTIONS), dtype='float32')
    labels = table.emotion.map(EMOTIONS.index).to_numpy()
    targets = one_hot[labels]
    if votes:
        counts = table[list(EMOTIONS)].to_numpy('float32')
        total = counts.sum(axis=1, keepdims=True)
        mixed = (1 - votes) * targets + votes * counts / np.maximum(total, 1)
        keep = (total[:, 0] == 0) | (labels == EMOTIONS.index('uncertain'))
        targets = np.where(keep[:, None], targets, mixed)
    if second_share and 'second' in table:
        has_second = table.second.isin(EMOTIONS).to_numpy()
        second = one_hot[table.second[has_second].map(EMOTIONS.index)]
        targets[has_second] = (1 - second_share) * targets[has_second] + second_share * second
    return targets


def oversample(table, least, seed):
    """Repeat rows of emotions that have fewer than `least`, each row about equally often; in the table's order."""
    repeated = [
        rows.sample(frac=1, random_state=seed).iloc[np.arange(least - len(rows)) % len(rows)]
        for _, rows in table.groupby('emotion')
        if len(rows) < least
    ]
    return pd.concat([table, *repeated])


# ---- input pipeline ------------------------------------------------------------------------------


def resize(image, size, share=1):
    """Scale the middle of an image to size x size, as inference does: by area where it shrinks, else linearly."""
    top, left = (round(side * (1 - share) / 2) for side in image.shape[:2])
    image = image[top : image.shape[0] - top, left : image.shape[1] - left]
    shrinks = min(image.shape[:2]) > size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def augment(image, rng, options):
    """Flip, rotate, shift and scale in one interpolation, change contrast and brightness; same shape."""
    size = image.shape[0]
    matrix = turn(size, rng.uniform(-options.rotation, options.rotation), 1 / rng.uniform(*options.crop))
    matrix[:, 2] += rng.uniform(-options.shift, options.shift, 2) * size
    if rng.random() < 0.5:
        matrix = matrix @ [[-1, 0, size - 1], [0, 1, 0], [0, 0, 1]]
    image = warp(image, matrix)
    if contrast := options.contrast:
        gain = 1 + rng.uniform(-contrast, contrast)
        mean = image.mean()
        offset = mean - gain * mean + rng.uniform(-contrast, contrast) * 255 / 2
        image = np.clip(image * np.float32(gain) + np.float32(offset), 0, 255)
    return image


def turn(size, angle, scale=1.0):
    """The (2, 3) matrix that turns a square image about its middle, by degrees counterclockwise, and scales it."""
    return cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), angle, scale)


def warp(image, matrix):
    return cv2.warpAffine(image, matrix, image.shape[:2], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def view(image, rng, angle, mirror):
    """One view of an image for test-time augmentation; an augmenter without chance. Inference makes the same."""
    image = warp(image, turn(image.shape[0], angle)) if angle else image
    return image[:, ::-1] if mirror else image


class FaceDataset(keras.utils.PyDataset):
    """Batches of (n, S, S, 3) float32 RGB 0..255 with their targets, read by threads as they are needed.

    The order and every random draw follow from the seed, the epoch and the batch, so that a resumed run sees what the
    uninterrupted one would have seen.
    """

    def __init__(self, paths, targets, size, options, augmenter=None, shuffle=False):
        super().__init__(workers=options.workers, max_queue_size=4 * options.workers)
        self.paths, self.targets, self.size, self.face_share = list(paths), targets, size, 1
        self.batch_size, self.seed, self.epoch = options.batch_size, options.seed, 0
        self.augmenter, self.shuffle = augmenter, shuffle

    def __len__(self):
        return math.ceil(len(self.paths) / self.batch_size)

    def __getitem__(self, index):
        rows = self._order()[index * self.batch_size : (index + 1) * self.batch_size]
        rng = np.random.default_rng([self.seed, self.epoch, index])
        images = np.stack([self._read(self.paths[row], rng) for row in rows]).astype('float32')
        return images if self.targets is None else (images, self.targets[rows])

    def on_epoch_end(self):
        self.epoch += 1

    def _order(self):
        if not self.shuffle:
            return np.arange(len(self.paths))
        return np.random.default_rng([self.seed, self.epoch]).permutation(len(self.paths))

    def _read(self, path, rng):
        image = resize(read_image(path), self.size, self.face_share)
        return image if self.augmenter is None else self.augmenter(image, rng)


def make_datasets(options, training_table, validation_table):
    """The training images as the options want them, and the validation images with their labels."""
    size = options.native_size or options.image_size or EFNET_IMAGE_SIZES[options.efnet_no]
    training_table = oversample(training_table, options.oversample, options.seed)
    targets = make_targets(training_table, options.votes, options.second_share)
    augmenter = None if options.no_augmentation else partial(augment, options=options)
    training = FaceDataset(training_table.path, targets, size, options, augmenter, shuffle=True)
    return training, FaceDataset(validation_table.path, make_targets(validation_table), size, options)


# ---- network and training --------------------------------------------------------------------------


def build_model(efnet_no, weights, image_size=None, native_size=None, grayscale=False):
    """EfficientNet + global average pooling + softmax as one flat graph.

    Args:
        weights: 'imagenet' (downloaded by Keras), 'none', or the path of a file: a model.h5 of this project to go on
            from, or the backbone's weights as Keras publishes them (efficientnetb1_notop.h5).
        image_size: side in pixels that EfficientNet sees; None for its own.
        native_size: side of the data's own images where that is smaller. It becomes the model's input size, and the
            model enlarges, so that a large face at inference loses the same detail as in training.

    Returns:
        keras.Model: (n, S, S, 3) RGB 0..255 -> (n, 9) float32 probabilities; S = native_size or image_size.
    """
    image_size = image_size or EFNET_IMAGE_SIZES[efnet_no]
    inputs = x = keras.Input((native_size or image_size,) * 2 + (3,), name='face')
    if grayscale:
        x = keras.layers.Conv2D(3, 1, use_bias=False, trainable=False, name='grayscale')(x)
    if native_size and native_size != image_size:
        # Its own default is training=True, which in model(images) would pass on to the layers behind it.
        x = keras.layers.Resizing(image_size, image_size, name='enlarge')(x, training=False)
    backbone = backbone_class(efnet_no)(include_top=False, weights=None, input_tensor=x)
    x = keras.layers.GlobalAveragePooling2D(name='pooling')(backbone.output)
    outputs = keras.layers.Dense(len(EMOTIONS), activation='softmax', name='emotion')(x)
    model = keras.Model(inputs, outputs, name=f'efficientnetb{efnet_no}_emotions')
    if grayscale:  # luma of ITU-R BT.601, as in JPEG and cv2.COLOR_RGB2GRAY
        luma = np.array([0.299, 0.587, 0.114], 'float32')
        model.get_layer('grayscale').set_weights([np.tile(luma[:, None], 3)[None, None]])
    if weights == 'none':
        ease_start(model)
    else:
        load_weights(model, efnet_no, weights)
    return model


def backbone_class(efnet_no):
    return getattr(keras.applications, f'EfficientNetB{efnet_no}')


def ease_start(model):
    """Make a randomly initialised EfficientNet trainable within a few epochs.

    Each residual block starts as the identity (gamma of its last BatchNormalization at 0: Goyal et al. 2017,
    arXiv 1706.02677) with its squeeze-excite gate open, and the moving statistics follow faster than by Keras' 0.99.
    """
    for layer in model.layers:
        if layer.name.endswith('_add'):  # the end of a residual block
            gamma = model.get_layer(layer.name.removesuffix('_add') + '_project_bn').gamma
            gamma.assign(np.zeros(gamma.shape))
        elif layer.name.endswith('_se_expand'):
            layer.bias.assign(np.full(layer.bias.shape, 2.0))
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.95


def load_weights(model, efnet_no, weights):
    """Copy trained weights into a model: 'imagenet', or a file as `build_model` describes it.

    Keras gives the ImageNet network one Rescaling layer more than any other (it divides by the square root of the
    deviation). So that there is one graph whatever the start, the Normalization takes that over here.
    """
    try:
        source = load_source(efnet_no, weights)
        copy_variables(source, model)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(f'{weights}: not weights of EfficientNetB{efnet_no}: {reason}') from None
    if 'emotion' not in {layer.name for layer in source.layers}:
        normalization = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
        mean, variance, count = normalization.get_weights()
        normalization.load_own_variables({'0': mean, '1': variance * np.array(IMAGENET_STDDEV_RGB), '2': count})


def load_source(efnet_no, weights):
    """The model whose weights are wanted: Keras' ImageNet backbone, or what a file holds."""
    if weights == 'imagenet':
        try:
            return backbone_class(efnet_no)(include_top=False, weights='imagenet')
        except Exception as error:  # Keras raises a bare Exception for a failed download
            raise TrainingError(
                f'the ImageNet weights cannot be downloaded ({error}); fetch {KERAS_WEIGHTS_URL.format(efnet_no)} '
                'elsewhere and pass it with --weights FILE, or start without them by --weights none'
            ) from None
    path = Path(weights)
    if not path.is_file():
        raise TrainingError(f'{path}: no such weights file')
    with h5py.File(path) as file:
        is_whole_model = 'model_config' in file.attrs
    if is_whole_model:
        return keras.models.load_model(path, compile=False)
    source = backbone_class(efnet_no)(include_top=False, weights=None)
    source.load_weights(path)
    return source


def copy_variables(source, target):
    """Copy all weights between two models of the same network, whatever their input sizes.

    Layers are matched by name, Normalization (whose automatic name counts up) by its class; those that this project
    puts around the backbone may be missing, of others a ValueError tells. Layers load their variables by themselves,
    since Normalization derives values from them then, which `set_weights` would not do.
    """

    def key(layer):
        return 'normalization' if isinstance(layer, keras.layers.Normalization) else layer.name

    sources = {key(layer): layer for layer in source.layers}
    for layer in target.layers:
        if layer.weights and key(layer) in sources:
            variables = {}
            sources[key(layer)].save_own_variables(variables)
            layer.load_own_variables({name: keras.ops.convert_to_numpy(value) for name, value in variables.items()})
        elif layer.weights and layer.name not in ('grayscale', 'emotion'):
            raise ValueError(f'it has no layer {layer.name}')


def compile_model(model, options, steps_per_epoch):
    """Attach optimiser, schedule, loss and metric to a model."""
    warmup_steps = max(1, round(options.warmup_epochs * steps_per_epoch))
    decay_steps = max(1, options.epochs * steps_per_epoch - warmup_steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps, warmup_target=options.learning_rate, warmup_steps=warmup_steps
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=['bias', 'gamma', 'beta'])
    # TensorFlow's XLA makes this network several times slower on a CPU and gains little on a GPU.
    jit_compile = False if keras.backend.backend() == 'tensorflow' else 'auto'
    model.compile(optimizer, 'categorical_crossentropy', metrics=['accuracy'], jit_compile=jit_compile)


def save_model(model, path, class_priors, face_share):
    """Write model.h5 whole or not at all: without the optimiser, with what inference must know."""
    temporary_path = path.with_name(f'.{path.stem}.tmp.h5')
    model.save(temporary_path, include_optimizer=False)
    with h5py.File(temporary_path, 'r+') as file:
        file.attrs['class_names'] = json.dumps(EMOTIONS)
        file.attrs['class_priors'] = json.dumps([float(f'{prior:.6g}') for prior in class_priors])
        file.attrs['face_share'] = json.dumps(face_share)
    os.replace(temporary_path, path)


class EpochEnd(keras.callbacks.Callback):
    """After each epoch: model.h5 if it is the best, history.csv, and all that `--resume` needs.

    The checkpoint counts once state.json names it, so a run that is killed at any moment leaves a whole one.
    """

    def __init__(self, output_path, class_priors, state):
        super().__init__()
        self.output_path, self.class_priors, self.state = output_path, class_priors, state

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self.state['history'].append({'epoch': epoch + 1, **{name: float(value) for name, value in logs.items()}})
        history = pd.DataFrame(self.state['history'])
        if best_epoch(history, self.state['options']['monitor']) == epoch:
            face_share = float(self.state['options']['face_share'])
            save_model(self.model, self.output_path, self.class_priors, face_share)
        history.to_csv(self.output_path.with_name('history.csv'), index=False)
        self.state['seconds'] += time.monotonic() - self.started
        self.state['checkpoint'] = f'epoch_{epoch + 1}.keras'
        folder = self.output_path.with_name('checkpoint')
        self.model.save(folder / self.state['checkpoint'])
        write_text(folder / 'state.json', json.dumps(self.state, indent=1))
        for path in folder.glob('epoch_*.keras'):
            if path.name != self.state['checkpoint']:
                path.unlink()


def best_epoch(history, monitor):
    """Number of the best epoch, from 0: of the highest validation accuracy, or of the lowest validation loss."""
    values = -history[monitor] if monitor == 'val_loss' else history[monitor]
    return int(np.nan_to_num(values.to_numpy(), nan=-np.inf).argmax())


def write_text(path, text):
    """Write a text file whole or not at all."""
    temporary_path = path.with_name(f'.{path.name}.tmp')
    temporary_path.write_text(text, encoding='utf-8')
    os.replace(temporary_path, path)


def load_checkpoint(folder, options):
    """The state and the compiled model after the last finished epoch, if the options are the same."""
    state = json.loads((folder / 'state.json').read_text(encoding='utf-8'))
    changed = [name for name in options if options[name] != state['options'].get(name)]
    if changed:
        was = ', '.join(f'{name} {state["options"].get(name)} (now {options[name]})' for name in changed)
        raise TrainingError(f'{folder}: the run to resume had {was}; give the same options, or start without --resume')
    return state, keras.models.load_model(folder / state['checkpoint'])


def train(options, training, validation, class_priors):
    """Fit from the start, or with `--resume` from the last finished epoch. Returns seconds spent in epochs."""
    folder = options.output.with_name('checkpoint')
    run_options = {name: str(value) for name, value in vars(options).items() if name not in ('resume', 'workers')}
    if options.resume and (folder / 'state.json').is_file():
        state, model = load_checkpoint(folder, run_options)
    else:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        state = {'options': run_options, 'history': [], 'seconds': 0.0}
        if options.resume:
            print(f'Nothing to resume in {folder}; starting anew.')
        network = options.weights, options.image_size, options.native_size, options.grayscale
        model = build_model(options.efnet_no, *network)
        compile_model(model, options, steps_per_epoch=len(training))
    training.epoch = len(state['history'])
    if training.epoch < options.epochs:
        model.fit(
            training,
            validation_data=validation,
            initial_epoch=training.epoch,
            epochs=options.epochs,
            callbacks=[EpochEnd(options.output, class_priors, state)],
            shuffle=False,  # the dataset shuffles by itself
            verbose=1 if sys.stdout.isatty() or 'ipykernel' in sys.modules else 2,
        )
    return state['seconds']


# ---- evaluation ----------------------------------------------------------------------------------


def predict(model, paths, options, views=VIEWS):
    """Probabilities of image files in each view: (views, n, 9) float32; their mean is test-time augmented."""
    answers = []
    for angle, mirror, closely in views:
        dataset = FaceDataset(paths, None, model.input_shape[1], options, partial(view, angle=angle, mirror=mirror))
        dataset.face_share = options.face_share if closely else 1
        answers.append(model.predict(dataset, verbose=0))
    return np.stack(answers)


def balance(probabilities, class_priors, share=BALANCE):
    """Free (..., 9) probabilities of a share of the class priors; inference does the same.

    What was common in training is said too often where it is not as common (logit adjustment, Menon et al. 2021, arXiv
    2007.07314).
    """
    freed = probabilities * np.asarray(class_priors) ** -share
    return freed / freed.sum(axis=-1, keepdims=True)


def as_in_table(probabilities, class_priors, training_table):
    """The same where the emotions are as common as the table's labels say: the shares in the targets are others, where
    rare emotions are repeated or second labels mixed in."""
    return balance(probabilities, class_priors / make_targets(training_table).mean(axis=0), 1)


def calibrate(model, labels, probabilities, class_priors):
    """Make a model's confidence match how often it is right, by one temperature (Guo et al. 2017, arXiv 1706.04599).

    The last layer's weights are divided by the temperature, which is returned, under which the (n,) labels of images
    that the model was not trained on are most likely, once its (n, 9) answers are balanced.
    """
    logits = np.log(np.clip(probabilities, 1e-12, 1)).astype('float64')

    def cross_entropy(temperature):
        scaled = logits / temperature - BALANCE * np.log(class_priors)
        return np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels])

    temperature = minimize_scalar(cross_entropy, bounds=(0.1, 10), method='bounded').x
    layer = model.get_layer('emotion')
    layer.set_weights([weights / temperature for weights in layer.get_weights()])
    return float(temperature)


def expected_calibration_error(labels, probabilities, bins=15):
    """Mean distance between confidence and accuracy over bins of equal width (Guo et al. 2017), 0 to 1."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(number, confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def compute_metrics(labels, probabilities, probabilities_tta):
    """Accuracy and calibration with and without test-time augmentation; recall and F1 per class with it."""
    report = report_classes(labels, probabilities_tta, output_dict=True)
    metrics = {
        'images': len(labels),
        'mean_recall_tta': report['macro avg']['recall'],
        'macro_f1_tta': report['macro avg']['f1-score'],
        'per_class_tta': {emotion: report[emotion] for emotion in EMOTIONS},
    }
    uncertain = EMOTIONS.index('uncertain')
    certain = labels != uncertain
    for suffix, answers in (('', probabilities), ('_tta', probabilities_tta)):
        best_of_eight = np.delete(answers, uncertain, axis=1).argmax(axis=1)  # `uncertain` is the last class
        metrics |= {
            f'accuracy{suffix}': float(accuracy_score(labels, answers.argmax(axis=1))),
            # Of the images that are not labelled uncertain, the best of the other eight: how FER+ is usually scored.
            f'accuracy_without_uncertain{suffix}': float(accuracy_score(labels[certain], best_of_eight[certain])),
            f'expected_calibration_error{suffix}': expected_calibration_error(labels, answers),
        }
    return metrics


def report_classes(labels, probabilities, **kind):
    """scikit-learn's report: precision, recall and F1 of each class."""
    classes = {'labels': range(len(EMOTIONS)), 'target_names': EMOTIONS, 'zero_division': 0}
    return classification_report(labels, probabilities.argmax(axis=1), digits=3, **classes, **kind)


def describe_run(options, tables, seconds):
    """What it takes to repeat the run and to judge its figures."""
    backend = keras.backend.backend()
    return {
        'command': shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        'split_sizes': {name: len(table) for name, table in tables.items()},
        **{'seed': options.seed, 'face_share': options.face_share, 'training_seconds': round(seconds)},
        'machine': f'{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}',
        'versions': {'keras': keras.__version__, backend: sys.modules[backend].__version__, 'opencv': cv2.__version__},
    }


def save_confusion_matrix(labels, predicted, path):
    """Save the confusion matrix, classes in their order, each row in shares of its true class."""
    figure, axis = plt.subplots(figsize=(7.5, 6.5), layout='constrained')
    shares = {'normalize': 'true', 'values_format': '.2f', 'cmap': 'Blues', 'im_kw': {'vmin': 0, 'vmax': 1}}
    classes = {'labels': range(len(EMOTIONS)), 'display_labels': EMOTIONS, 'xticks_rotation': 45}
    ConfusionMatrixDisplay.from_predictions(labels, predicted, ax=axis, **classes, **shares)
    axis.set(title=f'Validation, {len(labels)} images: share of each true class', xlabel='predicted', ylabel='true')
    figure.savefig(path, dpi=110)
    plt.close(figure)


def save_learning_curves(history, monitor, path):
    """Save loss and accuracy over the epochs of history.csv, and which of them was kept."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout='constrained')
    best = history.iloc[best_epoch(history, monitor)]
    for axis, metric, unit in zip(axes, ('loss', 'accuracy'), ('cross-entropy (nats)', 'accuracy'), strict=True):
        history.plot('epoch', [metric, f'val_{metric}'], style='o-', markersize=3, ylabel=unit, grid=True, ax=axis)
        axis.axvline(best.epoch, color='0.5', linestyle=':')
        axis.legend(['training (augmented)', 'validation', f'kept: {best["val_" + metric]:.3f}'])
        axis.xaxis.get_major_locator().set_params(integer=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def evaluate(options, tables, class_priors, seconds):
    """Judge model.h5 on the validation images; write metrics, report and pictures beside it. Returns the model."""
    model = keras.models.load_model(options.output, compile=False)
    validation = tables['validation']
    labels, temperature = validation.emotion.map(EMOTIONS.index).to_numpy(), None
    if options.calibrate:
        (plain,) = predict(model, validation.path, options, VIEWS[:1])
        temperature = calibrate(model, labels, plain, class_priors)
        save_model(model, options.output, class_priors, options.face_share)
    views = predict(model, validation.path, options)
    plain, augmented, unique = views[0], views.mean(axis=0), ~validation.picture.duplicated().to_numpy()
    metrics = compute_metrics(labels, plain, augmented) | {
        'temperature': temperature,
        'as_in_table': compute_metrics(
            labels, *(as_in_table(answers, class_priors, tables['training']) for answers in (plain, augmented))
        ),
        'balance': BALANCE,
        'balanced': compute_metrics(labels, balance(plain, class_priors), balance(augmented, class_priors)),
        'unique_pictures': compute_metrics(labels[unique], plain[unique], augmented[unique]),
        'copies': count_copies(tables),
        **describe_run(options, tables, seconds),
    }
    report = report_classes(labels, augmented)
    folder = options.output.parent
    write_text(folder / 'metrics.json', json.dumps(metrics, indent=1) + '\n')
    write_text(folder / 'classification_report.txt', report)
    save_confusion_matrix(labels, augmented.argmax(axis=1), folder / 'confusion_matrix.png')
    save_learning_curves(pd.read_csv(folder / 'history.csv'), options.monitor, folder / 'learning_curves.png')
    print(f'{report}\nValidation accuracy {metrics["accuracy"]:.4f}, test-time augmented {metrics["accuracy_tta"]:.4f}')
    return model


def write_submissions(model, options, tables, class_priors):
    """Answer the test images in the sample's own order and columns. submission.csv expects the emotions to be as common
    as in the training table, submission_balanced.csv is what inference says by default."""
    probabilities = predict(model, tables['test'].path, options).mean(axis=0)
    answers = {
        'submission.csv': as_in_table(probabilities, class_priors, tables['training']),
        'submission_balanced.csv': balance(probabilities, class_priors),
    }
    for name, answer in answers.items():
        words = np.array(EMOTIONS)[answer.argmax(axis=1)]
        submission = tables['test'].drop(columns=['path', 'picture']).assign(emotion=words)
        write_text(options.output.with_name(name), submission.to_csv(index=False))


# ---- main ----------------------------------------------------------------------------------------


def parse_options(arguments=None):
    """The options as a namespace, checked before anything is read."""
    parser = argparse.ArgumentParser(description='Train EfficientNet on a Kaggle table of faces.')
    parser.error = lambda message: sys.exit(f'model_training.py: {message} (--help lists the options)')
    for name, option in OPTIONS.items():
        kind = {'type': option.parse or type(option.default), **(option.more or {})}
        if option.default is False:
            kind = {'action': 'store_true'}
        text = option.help + ('' if option.default in (None, False) else ' (default: %(default)s)')
        parser.add_argument('--' + name.replace('_', '-'), default=option.default, help=text, **kind)
    options = parser.parse_args(arguments)
    check_options(options)
    return options


def check_options(options):
    for name, (_, _, least, most, *_) in OPTIONS.items():
        given = getattr(options, name)
        for value in given if isinstance(given, (list, tuple)) else [given]:
            if None not in (least, value) and not least <= value <= (math.inf if most is None else most):
                expected = f'{least:g} or more' if most is None else f'{least:g} to {most:g}'
                raise TrainingError(f'--{name.replace("_", "-")} is {value}; expected {expected}')
    if options.crop[0] > options.crop[1]:
        raise TrainingError('--crop is {:g} {:g}; expected two shares, least first'.format(*options.crop))
    if options.output.suffix != '.h5':
        raise TrainingError(f'--output is {options.output}; expected a name that ends in .h5, the format of the model')
    if options.data_parallel and keras.backend.backend() != 'jax':
        raise TrainingError('--data-parallel needs KERAS_BACKEND=jax, the backend that Keras spreads over devices')


def run(options):
    keras.utils.set_random_seed(options.seed)
    if options.data_parallel:
        keras.distribution.set_distribution(keras.distribution.DataParallel())
    tables = load_tables(options)
    print('Copies of a picture stand on one side of the split:', count_copies(tables))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    training, validation = make_datasets(options, tables['training'], tables['validation'])
    class_priors = training.targets.mean(axis=0, dtype='float64')
    seconds = train(options, training, validation, class_priors)
    model = evaluate(options, tables, class_priors, seconds)
    write_submissions(model, options, tables, class_priors)
    print(f'Wrote {options.output} and, beside it, metrics.json, history.csv, the submissions and the pictures.')


def main(arguments=None):
    signals = [getattr(signal, name, None) for name in ('SIGTERM', 'SIGHUP')]  # Windows lacks one, nohup ignores it
    signals = [number for number in signals if number and signal.getsignal(number) == signal.SIG_DFL]
    for number in signals:  # a batch system's, and a closed terminal's, end the run as Ctrl-C does
        signal.signal(number, signal.default_int_handler)
    try:
        run(parse_options(arguments))
    except (TrainingError, OSError) as error:
        sys.exit(f'model_training.py: {error}')
    except KeyboardInterrupt:
        sys.exit('model_training.py: interrupted; the same command with --resume goes on after the last finished epoch')
    finally:
        for number in signals:
            signal.signal(number, signal.SIG_DFL)


if __name__ == '__main__':
    main()
