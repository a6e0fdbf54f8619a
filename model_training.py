"""Train EfficientNet on a Kaggle table of faces and write model_weights/model.h5.

Standalone: copy this one file into a Kaggle kernel and run it. model.h5 is a complete Keras model: input (n, S, S, 3),
RGB, float32, 0..255; output (n, 9) probabilities. Whatever the network wants done to a face (grey, scaling) is a layer
inside it; its attributes `class_names`, `class_priors` and `face_share` are JSON. Any Keras backend will do.
"""

import argparse
import ctypes
import hashlib
import json
import logging
import math
import os
import platform
import shlex
import signal
import socket
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == '__main__' and find_spec('keras') is None:  # what only uses a model goes without
    sys.exit('model_training.py: keras is not installed; pip install -r requirements.txt, with Python 3.11 to 3.13')
# Not TensorFlow's start-up notes; nor, where several processes train, JAX's pages on one that is gone
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '4' if {'--coordinator', '--data-parallel'} & {*sys.argv} else '2')
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
    more: Any = ()  # further words to argparse


# Edit a default here, or override it on the command line: `train_csv` is --train-csv there.
KAGGLE_PATH = Path('/kaggle/input')
COMPETITION_PATH = KAGGLE_PATH / 'skillbox-computer-vision-project'
IN_CELL = '__file__' not in globals()  # pasted into a notebook
HERE = Path('/kaggle/working') if KAGGLE_PATH.is_dir() else Path() if IN_CELL else Path(__file__).resolve().parent
OPTIONS = {
    # data
    'images': Option(KAGGLE_PATH / 'skillbox-emotions', "folder in which the table's image_path starts"),
    'test_images': Option(KAGGLE_PATH / 'skillbox-emotions/test_kaggle', "the same of the sample submission's"),
    'train_csv': Option(COMPETITION_PATH / 'train.csv', 'table: image_path, emotion'),
    'sample_submission': Option(COMPETITION_PATH / 'sample_submission.csv', 'table: image_path, emotion'),
    'second_labels': Option(None, 'table: image_path, and another label of the same images', parse=Path),
    'output': Option(HERE / 'model_weights/model.h5', 'model file; all else is written beside it'),
    # network
    'efnet_no': Option(1, 'EfficientNetB0 to B7', 0, 7),
    'weights': Option('imagenet', 'imagenet, none, or the path of a weights file'),
    'image_size': Option(None, 'side that the network sees, pixels; its own where not given', 32, None, int),
    'native_size': Option(None, 'side of the images where smaller: the model enlarges them', 8, None, int),
    'grayscale': Option(False, 'the network sees luma only'),
    'data_parallel': Option(False, 'on all devices, under srun, mpirun or a Kubernetes Job of all processes; JAX only'),
    'coordinator': Option(None, 'on all devices of processes started by hand: HOST:PORT of process 0', parse=str),
    'processes': Option(None, 'how many those are', 1, None, int),
    'process_id': Option(None, 'which one this is, from 0', 0, None, int),
    # training: AdamW, cosine schedule
    'batch_size': Option(64, 'images', 1),
    'epochs': Option(20, 'in all, resumed ones included', 1),
    'seed': Option(17, 'of weights, order and augmentation', 0, 2**32 - 1),
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
CLASSES = {'labels': range(len(EMOTIONS)), 'target_names': EMOTIONS, 'zero_division': 0}  # for scikit-learn's report
EFNET_IMAGE_SIZES = (224, 240, 260, 300, 380, 456, 528, 600)  # pixels, B0 to B7
VALIDATION_SHARE = 0.1
SPLIT_SEED = 17  # not --seed: a model trained further must not be measured on faces that it has learnt from
WEIGHT_DECAY = 0.05
# Test-time augmentation averages: degrees, mirrored, how often the middle is cut out; the first is inference's own
VIEWS = tuple((angle, mirror, 2 if angle else 1) for mirror in (False, True) for angle in (0, 6, -6))
BALANCE = 0.75  # how far inference frees the answers from the class priors by default; confidence is calibrated for it
KERAS_WEIGHTS_URL = 'https://storage.googleapis.com/keras-applications/efficientnetb{}_notop.h5'
IMAGENET_STDDEV_RGB = (0.229, 0.224, 0.225)
RESUME_MAY_CHANGE = ('resume', 'workers', 'data_parallel', 'coordinator', 'processes', 'process_id', 'is_joined')
LAUNCHERS = {'SLURM_STEP_NODELIST', 'OMPI_MCA_orte_hnp_uri', 'JOB_COMPLETION_INDEX'}  # by what JAX knows them
# Seconds that JAX lets processes wait to meet, for signs of life, and to part
WAITS = {'initialization_timeout': 300, 'heartbeat_timeout_seconds': 30, 'shutdown_timeout_seconds': 86400}
LOST = 'model_training.py: another process ended or cannot be reached; --resume goes on after the last finished epoch'
ENDING = threading.Lock()
WAITING = ThreadPoolExecutor(1)  # for others, in a thread: Ctrl-C and SIGTERM interrupt Python code only


class TrainingError(Exception):
    """Something that the user can mend; main() prints it as one line."""


# ---- tables and images ---------------------------------------------------------------------------


def read_table(path, emotion='emotion', others=()):
    """Read a CSV file with the columns `image_path`, one of emotions (-1: the last one), and others of numbers."""
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
    if not (table[list(others)].apply(pd.to_numeric, errors='coerce') >= 0).all(axis=None):
        raise TrainingError(f'{path}: expected numbers from 0 in the columns {", ".join(others)}')
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

    paths = [folder / str(image_path) for image_path in table.image_path]
    with ThreadPoolExecutor(workers) as pool:
        pictures = list(tqdm(pool.map(digest, paths, chunksize=64), f'checking {folder}', len(paths), unit='image'))
    bad = [str(path) for path, picture in zip(paths, pictures, strict=True) if picture is None]
    if bad:
        told = f'{len(bad)} of {len(paths)} images cannot be read: {", ".join(bad[:3])}{", ..." if bad[3:] else ""}'
        raise TrainingError(f'{told}; mend them, or take their rows out of the table')
    return table.assign(path=paths, picture=pictures)


def split(table):
    """Split off VALIDATION_SHARE of the rows, stratified by emotion; then every picture goes, with all of its copies,
    to the side of its first row, so that no validation image is one that the network learns by heart."""
    counts = table.emotion.value_counts().reindex(EMOTIONS, fill_value=0)
    if counts.min() * VALIDATION_SHARE < 1:
        raise TrainingError(f'too few images of {counts.idxmin()}, {counts.min()}; {1 / VALIDATION_SHARE:g} are needed')
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
    table['second'] = read_second_labels(options.second_labels, table.image_path) if options.second_labels else None
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
    """Training targets of a table's rows: (n, 9) float32 distributions, `votes` of them from the votes, `second_share`
    from the column `second`. Learning from the spread of votes is Barsoum et al. 2016 (arXiv 1608.01041); rows labelled
    `uncertain` keep their label: it means that the votes were spread."""
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
    rare = [rows.sample(frac=1, random_state=seed) for _, rows in table.groupby('emotion') if len(rows) < least]
    repeated = [rows.iloc[np.arange(least - len(rows)) % len(rows)] for rows in rare]
    return pd.concat([table, *repeated])


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
        offset = (1 - gain) * image.mean() + rng.uniform(-contrast, contrast) * 255 / 2
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

    Order and random draws follow from seed, epoch and row, so that a resumed run sees what the uninterrupted one would
    have seen. Each of several processes reads its part of a batch. Images that devices cannot share are left out."""

    def __init__(self, paths, targets, size, options, augmenter=None, shuffle=False):
        super().__init__(workers=options.workers, max_queue_size=4 * options.workers)
        self.paths, self.targets, self.size, self.face_share = list(paths), targets, size, 1
        self.batch_size, self.seed, self.epoch = options.batch_size, options.seed, 0
        self.augmenter, self.shuffle = augmenter, shuffle
        spread = keras.distribution.distribution()  # asked for here, as the threads that read do not see it
        self.devices = spread.num_model_replicas if spread else 1
        self.processes, self.process_id = (spread.num_processes, spread.data_shard_id) if spread else (1, 0)
        self.count = len(self.paths) - len(self.paths) % self.devices

    def __len__(self):
        return math.ceil(self.count / self.batch_size)

    def __getitem__(self, index):
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.paths)) if self.shuffle else np.arange(len(self.paths))
        batch = order[: self.count][index * self.batch_size : (index + 1) * self.batch_size]
        rows = np.split(batch, self.processes)[self.process_id]
        images = np.stack([self._read(row) for row in rows]).astype('float32')
        return images if self.targets is None else (images, self.targets[rows])

    def on_epoch_end(self):
        self.epoch += 1

    def _read(self, row):
        image = resize(read_image(self.paths[row]), self.size, self.face_share)
        rng = np.random.default_rng([self.seed, self.epoch, row])
        return image if self.augmenter is None else self.augmenter(image, rng)


def make_datasets(options, training_table, validation_table):
    """The training images as the options want them, and the validation images with their labels."""
    size = options.native_size or options.image_size or EFNET_IMAGE_SIZES[options.efnet_no]
    training_table = oversample(training_table, options.oversample, options.seed)
    targets = make_targets(training_table, options.votes, options.second_share)
    augmenter = None if options.no_augmentation else partial(augment, options=options)
    training = FaceDataset(training_table.path, targets, size, options, augmenter, shuffle=True)
    validation = FaceDataset(validation_table.path, make_targets(validation_table), size, options)
    validation.face_share = options.face_share
    return training, validation


def spread_training(options):
    """Train on all devices, each with its part of every batch; several processes find each other first."""
    import jax

    if options.is_joined:
        ctypes.CDLL(None if os.name == 'posix' else 'msvcrt').signal(signal.SIGABRT, ON_ABORT)
        join = partial(jax.distributed.initialize, options.coordinator, options.processes, options.process_id)
        try:
            if options.process_id == 0:  # where the port is taken, JAX would crash
                socket.create_server(('', int(options.coordinator.rpartition(':')[2]))).close()
            detection = 'deactivate' if options.coordinator else None
            WAITING.submit(join, cluster_detection_method=detection, **WAITS).result()
        except (RuntimeError, ValueError) as error:
            raise TrainingError(f'the processes cannot be joined: {" ".join(str(error).split())}') from None
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))  # JAX has taken it for itself
        options.process_id = jax.process_index()
        if options.process_id:  # the first one tells
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if options.batch_size % (devices := jax.device_count()):
        raise TrainingError(f'--batch-size is {options.batch_size}; expected a multiple of {devices}, the devices')
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    agree('connected')  # the first time, processes wait half a minute for each other, and then half an hour


def agree(seen):
    """Make sure that all processes see the same; otherwise they would train different models, or wait in vain."""
    if (spread := keras.distribution.distribution()) and spread.num_processes > 1:
        from jax.experimental.multihost_utils import process_allgather

        digest = np.frombuffer(hashlib.sha256(repr(seen).encode()).digest(), np.uint8)
        if (WAITING.submit(process_allgather, digest).result() != digest).any():
            raise TrainingError('the processes differ in options, data or checkpoint; start each with the same ones')


def end_at_once(message):
    """End with exit code 1, and not as Python does: there JAX would wait for the others, and they for this process."""
    ENDING.acquire()  # the first to come says why
    print(message, file=sys.stderr, flush=True)
    time.sleep(1)  # so that the others have time to say why they end, too, before they find this one gone
    os._exit(1)


ON_ABORT = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda _: end_at_once(LOST))  # by abort() JAX ends, if others are gone


# ---- network and training --------------------------------------------------------------------------


def build_model(efnet_no, weights, image_size=None, native_size=None, grayscale=False):
    """EfficientNet + global average pooling + softmax as one flat graph: (n, S, S, 3) RGB 0..255 -> (n, 9) float32.

    Args:
        weights: 'imagenet' (downloaded), 'none', or a file: a model.h5 of this project to go on from, or the backbone's
            weights as Keras publishes them (efficientnetb1_notop.h5).
        image_size: side in pixels that EfficientNet sees; None for its own.
        native_size: side of smaller images, which the model then enlarges, so that faces at inference lose as much.
    """
    image_size = image_size or EFNET_IMAGE_SIZES[efnet_no]
    inputs = x = keras.Input((native_size or image_size,) * 2 + (3,), name='face')
    if grayscale:
        x = keras.layers.Conv2D(3, 1, use_bias=False, trainable=False, name='grayscale')(x)
    if native_size and native_size != image_size:
        # Its own default is training=True, which in model(images) would pass on to the layers behind it.
        x = keras.layers.Resizing(image_size, image_size, name='enlarge')(x, training=False)
    backbone = getattr(keras.applications, f'EfficientNetB{efnet_no}')(include_top=False, weights=None, input_tensor=x)
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


def ease_start(model):
    """Make a randomly initialised EfficientNet trainable within a few epochs: residual blocks start as the identity
    (gamma of their last BatchNormalization at 0: Goyal et al. 2017, arXiv 1706.02677), squeeze-excite gates open, and
    the moving statistics follow faster than by Keras' 0.99."""
    for layer in model.layers:
        if layer.name.endswith('_add'):  # the end of a residual block
            gamma = model.get_layer(layer.name.removesuffix('_add') + '_project_bn').gamma
            gamma.assign(np.zeros(gamma.shape))
        elif layer.name.endswith('_se_expand'):
            layer.bias.assign(np.full(layer.bias.shape, 2.0))
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.95


def load_weights(model, efnet_no, weights):
    """Copy trained weights into a model of any input size: 'imagenet', or a file as `build_model` describes it.

    Layers are matched by name, Normalization (whose automatic name counts up) by its class, and load their variables by
    themselves, since Normalization derives values from them. Keras gives the ImageNet network one Rescaling layer more
    than any other (it divides by the square root of the deviation), which the Normalization takes over here.
    """

    def key(layer):
        return 'normalization' if isinstance(layer, keras.layers.Normalization) else layer.name

    try:
        sources = {key(layer): layer for layer in load_source(efnet_no, weights).layers}
        for layer in model.layers:
            if layer.weights and key(layer) in sources:
                variables = {}
                sources[key(layer)].save_own_variables(variables)
                layer.load_own_variables({name: keras.ops.convert_to_numpy(value) for name, value in variables.items()})
            elif layer.weights and layer.name not in ('grayscale', 'emotion'):  # what this project puts around it
                raise ValueError(f'it has no layer {layer.name}')
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(f'{weights}: not weights of EfficientNetB{efnet_no}: {reason}') from None
    if 'emotion' not in sources:
        normalization = next(layer for layer in model.layers if key(layer) == 'normalization')
        mean, variance, count = normalization.get_weights()
        normalization.load_own_variables({'0': mean, '1': variance * np.array(IMAGENET_STDDEV_RGB), '2': count})


def load_source(efnet_no, weights):
    """The model whose weights are wanted: Keras' ImageNet backbone, or what a file holds."""
    backbone = partial(getattr(keras.applications, f'EfficientNetB{efnet_no}'), include_top=False)
    if weights == 'imagenet':
        try:
            return backbone(weights='imagenet')
        except Exception as error:  # Keras raises a bare Exception for a failed download
            told = f'the ImageNet weights cannot be downloaded ({error}); fetch {KERAS_WEIGHTS_URL.format(efnet_no)}'
            raise TrainingError(f'{told} elsewhere and pass it with --weights FILE, or take --weights none') from None
    if not Path(weights).is_file():
        raise TrainingError(f'{weights}: no such weights file')
    with h5py.File(weights) as file:
        if 'model_config' in file.attrs:
            return keras.models.load_model(weights, compile=False)
    source = backbone(weights=None)
    source.load_weights(weights)
    return source


def compile_model(model, options, steps_per_epoch):
    """Attach optimiser, schedule, loss and metric to a model."""
    warmup = {'warmup_target': options.learning_rate}
    warmup['warmup_steps'] = max(1, round(options.warmup_epochs * steps_per_epoch))
    decay_steps = max(1, options.epochs * steps_per_epoch - warmup['warmup_steps'])
    schedule = keras.optimizers.schedules.CosineDecay(0.0, decay_steps, **warmup)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY, global_clipnorm=1.0)
    # TensorFlow's XLA makes this network several times slower on a CPU and gains little on a GPU.
    jit_compile = False if keras.backend.backend() == 'tensorflow' else 'auto'
    model.compile(optimizer, 'categorical_crossentropy', metrics=['accuracy'], jit_compile=jit_compile)


def save_model(model, path, class_priors, face_share, temperature=1.0):
    """Write model.h5 whole or not at all: without the optimiser, with what inference must know."""
    temporary_path = path.with_name(f'.{path.stem}.tmp.h5')
    model.save(temporary_path, include_optimizer=False)
    with h5py.File(temporary_path, 'r+') as file:
        file.attrs['class_names'] = json.dumps(EMOTIONS)
        file.attrs['class_priors'] = json.dumps([float(f'{prior:.6g}') for prior in class_priors])
        file.attrs['face_share'], file.attrs['temperature'] = json.dumps(face_share), json.dumps(temperature)
    os.replace(temporary_path, path)


class EpochEnd(keras.callbacks.Callback):
    """After each epoch: model.h5 if it is the best, history.csv, and all that `--resume` needs. The checkpoint counts
    once state.json names it, so a run that is killed at any moment leaves a whole one."""

    def __init__(self, output_path, class_priors, state):
        super().__init__()
        self.output_path, self.class_priors, self.state = output_path, class_priors, state

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        spread = keras.distribution.distribution()
        keras.distribution.set_distribution(None)  # or saving would wait for other processes to do the same
        self.state['history'].append({'epoch': epoch + 1, **{name: float(value) for name, value in logs.items()}})
        history = pd.DataFrame(self.state['history'])
        if best_epoch(history, self.state['options']['monitor']) == epoch:
            save_model(self.model, self.output_path, self.class_priors, float(self.state['options']['face_share']))
        history.to_csv(self.output_path.with_name('history.csv'), index=False)
        self.state['seconds'] += time.monotonic() - self.started
        self.state['checkpoint'] = f'epoch_{epoch + 1}.keras'
        folder = self.output_path.with_name('checkpoint')
        self.model.save(folder / self.state['checkpoint'])
        write_text(folder / 'state.json', json.dumps(self.state, indent=1))
        for path in {*folder.glob('epoch_*.keras')} - {folder / self.state['checkpoint']}:
            path.unlink()
        keras.distribution.set_distribution(spread)


def best_epoch(history, monitor):
    """Number of the best epoch, from 0: of the highest validation accuracy, or of the lowest validation loss."""
    values = -history[monitor] if monitor == 'val_loss' else history[monitor]
    return int(np.nan_to_num(values.to_numpy(), nan=-np.inf).argmax())


def write_text(path, text):
    """Write a text file whole or not at all."""
    temporary_path = path.with_name(f'.{path.name}.tmp')
    temporary_path.write_text(text, encoding='utf-8')
    os.replace(temporary_path, path)


def train(options, training, validation, class_priors):
    """Fit from the start, or with `--resume` from the last finished epoch. Returns what that took, for metrics.json."""
    folder = options.output.with_name('checkpoint')
    run_options = {name: str(value) for name, value in vars(options).items() if name not in RESUME_MAY_CHANGE}
    state = {'options': run_options, 'history': [], 'seconds': 0.0}
    if is_resumed := options.resume and (folder / 'state.json').is_file():
        state = json.loads((folder / 'state.json').read_text(encoding='utf-8'))
    agree((run_options, training.paths, training.targets.tobytes(), validation.paths, state))
    was = {name: state['options'].get(name) for name in run_options}
    if was != run_options:
        told = ', '.join(f'{name} {was[name]} (now {now})' for name, now in run_options.items() if was[name] != now)
        raise TrainingError(f'{folder}: the run to resume had {told}; give the same options, or start without --resume')
    if is_resumed:
        model = keras.models.load_model(folder / state['checkpoint'])
    else:
        if not options.process_id:
            folder.mkdir(parents=True, exist_ok=True)
            for path in (*folder.glob('epoch_*.keras'), *folder.glob('state.json')):
                path.unlink()
        if options.resume:
            print(f'Nothing to resume in {folder}; starting anew.')
        network = options.weights, options.image_size, options.native_size, options.grayscale
        model = build_model(options.efnet_no, *network)
        compile_model(model, options, steps_per_epoch=len(training))
    model.optimizer.exclude_from_weight_decay(var_names=['bias', 'gamma', 'beta'])  # checkpoints lack it
    training.epoch = len(state['history'])
    for variable in model.non_trainable_variables:
        if variable.path.endswith('seed_generator_state'):  # counts what Dropout drew
            variable.assign([keras.ops.convert_to_numpy(variable)[0], training.epoch * len(training)])
    if training.epoch < options.epochs:
        callbacks = [] if options.process_id else [EpochEnd(options.output, class_priors, state)]
        how = {'initial_epoch': training.epoch, 'epochs': options.epochs, 'shuffle': False}  # the dataset does itself
        verbose = 1 if sys.stdout.isatty() or 'ipykernel' in sys.modules else 2
        model.fit(training, validation_data=validation, callbacks=callbacks, verbose=verbose, **how)
    return {'training_seconds': round(state['seconds']), 'processes': training.processes, 'devices': training.devices}


# ---- evaluation ----------------------------------------------------------------------------------


def predict(model, paths, options, views=VIEWS):
    """Probabilities of image files in each view: (views, n, 9) float32; their mean is test-time augmented."""
    answers = []
    for angle, mirror, times in views:
        dataset = FaceDataset(paths, None, model.input_shape[1], options, partial(view, angle=angle, mirror=mirror))
        dataset.face_share = max(options.face_share**times, OPTIONS['face_share'].least)
        answers.append(model.predict(dataset, verbose=0))
    return np.stack(answers)


def balance(probabilities, class_priors, share=BALANCE):
    """Free (..., 9) probabilities of a share of the class priors, as inference does: what was common in training is
    said too often where it is not as common (logit adjustment, Menon et al. 2021, arXiv 2007.07314)."""
    freed = probabilities * np.asarray(class_priors) ** -share
    return freed / freed.sum(axis=-1, keepdims=True)


def as_in_table(probabilities, class_priors, training_table):
    """The same where the emotions are as common as the table's labels say; in the targets other shares may be."""
    return balance(probabilities, class_priors / make_targets(training_table).mean(axis=0), 1)


def calibrate(model, labels, probabilities, class_priors):
    """Make a model's confidence match how often it is right, by one temperature (Guo et al. 2017, arXiv 1706.04599).
    The last layer's weights are divided by it; it is returned, and is that under which the (n,) labels of images that
    the model was not trained on are most likely, once its (n, 9) answers are balanced."""
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
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(number, confidence - (probabilities.argmax(axis=1) == labels), minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def compute_metrics(labels, probabilities, probabilities_tta):
    """Accuracy and calibration with and without test-time augmentation; recall and F1 per class with it."""
    report = classification_report(labels, probabilities_tta.argmax(axis=1), output_dict=True, **CLASSES)
    metrics = {
        'images': len(labels),
        'mean_recall_tta': report['macro avg']['recall'],
        'macro_f1_tta': report['macro avg']['f1-score'],
        'per_class_tta': {emotion: report[emotion] for emotion in EMOTIONS},
    }
    uncertain = EMOTIONS.index('uncertain')
    certain = labels != uncertain  # of these the best of the other eight: how FER+ is usually scored
    for suffix, answers in (('', probabilities), ('_tta', probabilities_tta)):
        best_of_eight = np.delete(answers, uncertain, axis=1).argmax(axis=1)  # `uncertain` is the last class
        metrics |= {
            f'accuracy{suffix}': float(accuracy_score(labels, answers.argmax(axis=1))),
            f'accuracy_without_uncertain{suffix}': float(accuracy_score(labels[certain], best_of_eight[certain])),
            f'expected_calibration_error{suffix}': expected_calibration_error(labels, answers),
        }
    return metrics


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


def evaluate(options, tables, class_priors, effort):
    """Judge model.h5 on the validation images; write metrics, report and pictures beside it. Returns the model."""
    model = keras.models.load_model(options.output, compile=False)
    validation = tables['validation']
    labels, temperature = validation.emotion.map(EMOTIONS.index).to_numpy(), None
    backend = keras.backend.backend()
    if options.calibrate:
        (plain,) = predict(model, validation.path, options, VIEWS[:1])
        with h5py.File(options.output) as file:  # which a run that is resumed after its end has calibrated before
            temperature = json.loads(file.attrs.get('temperature', '1')) * calibrate(model, labels, plain, class_priors)
        save_model(model, options.output, class_priors, options.face_share, temperature)
    views = predict(model, validation.path, options)
    plain, augmented, unique = views[0], views.mean(axis=0), ~validation.picture.duplicated().to_numpy()
    as_common = [as_in_table(answers, class_priors, tables['training']) for answers in (plain, augmented)]
    metrics = compute_metrics(labels, plain, augmented) | {
        'temperature': temperature,
        'as_in_table': compute_metrics(labels, *as_common),
        'balance': BALANCE,
        'balanced': compute_metrics(labels, balance(plain, class_priors), balance(augmented, class_priors)),
        'unique_pictures': compute_metrics(labels[unique], plain[unique], augmented[unique]),
        'copies': count_copies(tables),
        'command': shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        'split_sizes': {name: len(table) for name, table in tables.items()},
        **{'seed': options.seed, 'face_share': options.face_share, **effort},
        'machine': f'{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}',
        'versions': {'keras': keras.__version__, backend: sys.modules[backend].__version__, 'opencv': cv2.__version__},
    }
    report = classification_report(labels, augmented.argmax(axis=1), digits=3, **CLASSES)
    folder = options.output.parent
    write_text(folder / 'metrics.json', json.dumps(metrics, indent=1) + '\n')
    write_text(folder / 'classification_report.txt', report)
    save_confusion_matrix(labels, augmented.argmax(axis=1), folder / 'confusion_matrix.png')
    save_learning_curves(pd.read_csv(folder / 'history.csv'), options.monitor, folder / 'learning_curves.png')
    print(f'{report}\nValidation accuracy {metrics["accuracy"]:.4f}, test-time augmented {metrics["accuracy_tta"]:.4f}')
    return model


def write_submissions(model, options, tables, class_priors):
    """Answer the test images: with the emotions as common as in the training table, and balanced as inference does."""
    augmented = predict(model, tables['test'].path, options).mean(axis=0)
    as_common, balanced = as_in_table(augmented, class_priors, tables['training']), balance(augmented, class_priors)
    for name, answer in (('submission.csv', as_common), ('submission_balanced.csv', balanced)):
        submission = tables['test'].assign(emotion=np.array(EMOTIONS)[answer.argmax(axis=1)])
        write_text(options.output.with_name(name), submission.drop(columns=['path', 'picture']).to_csv(index=False))


# ---- main ----------------------------------------------------------------------------------------


def parse_options(arguments=None):
    """The options as a namespace, checked before anything is read."""
    parser = argparse.ArgumentParser(description='Train EfficientNet on a Kaggle table of faces.')
    parser.error = lambda message: sys.exit(f'model_training.py: {message} (--help lists the options)')
    for name, option in OPTIONS.items():
        kind = {'action': 'store_true'} if option.default is False else {'type': option.parse or type(option.default)}
        text = option.help + ('' if option.default in (None, False) else ' (default: %(default)s)')
        kind |= {'default': option.default, 'help': text, **dict(option.more)}
        parser.add_argument('--' + name.replace('_', '-'), **kind)
    options = parser.parse_args(arguments)
    for name, (_, _, least, most, *_) in OPTIONS.items():
        given = getattr(options, name)
        for value in given if isinstance(given, (list, tuple)) else [given]:
            if None not in (least, value) and not least <= value <= (sys.float_info.max if most is None else most):
                expected = f'{least:g} or more' if most is None else f'{least:g} to {most:g}'
                raise TrainingError(f'--{name.replace("_", "-")} is {value}; expected {expected}')
    if options.crop[0] > options.crop[1]:
        raise TrainingError('--crop is {:g} {:g}; expected two shares, least first'.format(*options.crop))
    if options.output.suffix != '.h5':
        raise TrainingError(f'--output is {options.output}; expected a name that ends in .h5, the format of the model')
    by_hand = (options.coordinator, options.processes, options.process_id)
    if by_hand != (None,) * 3 and (None in by_hand or ':' not in by_hand[0] or by_hand[2] >= by_hand[1]):
        raise TrainingError('expected --coordinator HOST:PORT, --processes N and --process-id of 0 to N - 1, all three')
    if (options.data_parallel or options.coordinator) and keras.backend.backend() != 'jax':
        raise TrainingError('--data-parallel and --coordinator need KERAS_BACKEND=jax, which Keras spreads on devices')
    options.is_joined = bool(options.coordinator or (options.data_parallel and LAUNCHERS & {*os.environ}))
    return options


def run(options):
    keras.utils.set_random_seed(options.seed)
    if options.data_parallel or options.coordinator:
        spread_training(options)
    tables = load_tables(options)
    print('{copies_in_it} of {training_table} images are copies; the split parts none'.format(**count_copies(tables)))
    training, validation = make_datasets(options, tables['training'], tables['validation'])
    class_priors = training.targets.mean(axis=0, dtype='float64')
    if never := [emotion for emotion, prior in zip(EMOTIONS, class_priors, strict=True) if not prior]:
        raise TrainingError(f'the targets never say {", ".join(never)}; take another --second-share or --votes')
    effort = train(options, training, validation, class_priors)
    if not options.process_id:
        keras.distribution.set_distribution(None)  # the others only wait from here on
        model = evaluate(options, tables, class_priors, effort)
        write_submissions(model, options, tables, class_priors)
        print(f'Wrote {options.output} and, beside it, metrics.json, history.csv, the submissions and the pictures.')
    if options.is_joined:
        WAITING.submit(sys.modules['jax'].distributed.shutdown).result()


def main(arguments=None):
    signals = [getattr(signal, name, None) for name in ('SIGTERM', 'SIGHUP')]  # Windows lacks one, nohup ignores it
    signals = [number for number in signals if number and signal.getsignal(number) == signal.SIG_DFL]
    for number in signals:  # a batch system's, and a closed terminal's, end the run as Ctrl-C does
        signal.signal(number, signal.default_int_handler)
    end = sys.exit
    try:
        options = parse_options(arguments)
        end = end_at_once if options.is_joined else sys.exit
        run(options)
    except (TrainingError, OSError) as error:
        end(f'model_training.py: {error}')
    except KeyboardInterrupt:
        end('model_training.py: interrupted; the same command with --resume goes on after the last finished epoch')
    except Exception:
        if end is sys.exit:
            raise
        end(LOST if 'Gloo' in (told := traceback.format_exc()) else told)
    finally:
        for number in signals:
            signal.signal(number, signal.SIG_DFL)


if __name__ == '__main__':
    main([] if IN_CELL else None)  # a notebook's arguments are its kernel's
