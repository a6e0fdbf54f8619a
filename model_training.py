"""Train EfficientNet on a Kaggle table of faces and write a model.h5; `--quick` is a first run in minutes.

The script is standalone: copy this one file into a Kaggle kernel and run it. Any Keras backend will do. model.h5 is a
complete Keras model: input (n, S, S, 3), RGB, float32, 0..255; output (n, K) probabilities. All preprocessing of a face
(grey, scaling) is a layer inside it. `save_model` lists the attributes that inference reads.
"""

import argparse
import hashlib
import io
import json
import math
import os
import platform
import shlex
import shutil
import signal
import sys
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

if __name__ == '__main__' and find_spec('keras') is None:  # using a model does not need it
    sys.exit('model_training.py: keras is not installed; pip install -r requirements.txt, with Python 3.11 to 3.13')
if __name__ == '__main__' and '__file__' in globals() and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C during the imports ends the script without a traceback
os.environ.setdefault('MPLBACKEND', 'Agg')  # plots are saved, never shown
os.environ.setdefault('HDF5_USE_FILE_LOCKING', 'FALSE')  # Keras would lock model.h5; some network disks have no locks
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2' if shutil.which('nvidia-smi') else '3')  # no notes, no red CUDA line

import cv2
import h5py
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from keras.src.legacy.saving.legacy_h5_format import save_model_to_hdf5
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.model_selection import train_test_split
from tqdm import tqdm

# Edit a default here, or override it on the command line: `train_csv` is --train-csv there.
KAGGLE_PATH = Path('/kaggle/input')
ON_KAGGLE = KAGGLE_PATH.is_dir()
IN_CELL = '__file__' not in globals()  # pasted into a notebook
HERE = Path('/kaggle/working') if ON_KAGGLE else Path() if IN_CELL else Path(__file__).resolve().parent
QUICK_IMAGES = 40
QUICK = {'efnet_no': 0, 'weights': 'none', 'image_size': 64, 'native_size': 48, 'batch_size': 16, 'epochs': 16}
QUICK |= {'learning_rate': 3e-3, 'rotation': 8.0, 'shift': 0.08}
# Default, help text, range of valid numbers (None: not a number), and further keywords of argparse's add_argument
Option = namedtuple('Option', 'default help minimum maximum more', defaults=(None, sys.float_info.max, {}))
OPTIONS = {
    'train_csv': Option(KAGGLE_PATH / 'skillbox-computer-vision-project/train.csv', 'table: image_path and emotion'),
    'images': Option(KAGGLE_PATH / 'skillbox-emotions' if ON_KAGGLE else None, "image folder (default: the table's)"),
    'sample_submission': Option(None, 'table of test images (default: sample_submission.csv next to it, if any)'),
    'test_images': Option(None, 'folder of the test images (default: test_kaggle in the folder of the images)'),
    'emotions': Option(None, 'classes, in this order (default: those in the table)', more={'nargs': '+', 'type': str}),
    'output': Option(None, 'model file, beside which all other files go (default: runs/DATE_TIME/model.h5)'),
    'quick': Option(False, f'a first run in minutes: small network, {QUICK_IMAGES} images of each emotion, 16 epochs'),
    # network
    'efnet_no': Option(1, 'EfficientNetB0 to B7', 0, 7),
    'weights': Option('imagenet', 'imagenet, none, or the path of a weights file'),
    'image_size': Option(None, 'side that the network sees, in pixels (default: its own)', 32, more={'type': int}),
    'native_size': Option(None, 'side of smaller images, which the model enlarges, in pixels', 8, more={'type': int}),
    'grayscale': Option(False, 'show the network brightness only'),
    # training: AdamW, cosine schedule
    'batch_size': Option(64, 'images in a batch', 1),
    'epochs': Option(20, 'number of epochs, including those before --resume', 1),
    'seed': Option(17, 'seed of weights, order and augmentation', 0, 2**32 - 1),
    'learning_rate': Option(1e-3, 'highest learning rate', 1e-12),
    'warmup_epochs': Option(1.0, 'epochs in which the learning rate rises from 0', 0),
    'monitor': Option('val_accuracy', 'measure of the best epoch', more={'choices': ('val_accuracy', 'val_loss')}),
    'face_share': Option(1.0, 'share of the side, around the middle, that inference shows to the network', 0.5, 1),
    'resume': Option(False, 'continue after the last finished epoch: of --output, or of the newest unfinished run'),
    # augmentation: every image is changed at random in each epoch
    'no_augmentation': Option(False, 'train on the unchanged images'),
    'rotation': Option(15.0, 'largest rotation to either side, in degrees', 0, 180),
    'shift': Option(0.15, 'largest shift, as a share of width and height', 0, 1),
    'crop': Option((1.0, 1.0), 'range of the side that is seen, as a share', 0.1, more={'type': float, 'nargs': 2}),
    'contrast': Option(0.0, 'largest change of contrast and of brightness, as a share', 0, 1),
}

# The usual classes, in their usual order, and what other tables call them
EMOTIONS = ('anger', 'contempt', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise', 'uncertain')
SYNONYMS = {'angry': 'anger', 'contemptuous': 'contempt', 'disgusted': 'disgust', 'fearful': 'fear', 'afraid': 'fear'}
SYNONYMS |= {'scared': 'fear', 'happiness': 'happy', 'joy': 'happy', 'sadness': 'sad', 'surprised': 'surprise'}
SYNONYMS |= {'unknown': 'uncertain', 'unsure': 'uncertain', 'not sure': 'uncertain'}
# What no class can be called, as columns of the tables of faces are: inference refuses such a model
COLUMN_NAMES = {'file', 'frame', 'ms', 'face', 'person', 'name', 'identified', 'x', 'y', 'width', 'height', 'emotion'}
COLUMN_NAMES |= {'confidence', 'valence', 'detected', 'by', 'time', 'mark', 'eye_distance', 'sharpness', 'turn'}
COLUMN_NAMES |= {'score', 'quality', 'recording', 'recording_frame'}
EFNET_IMAGE_SIZES = (224, 240, 260, 300, 380, 456, 528, 600)  # pixels, B0 to B7
VALIDATION_SHARE = 0.1
MIN_IMAGES = 10  # of each emotion, so that one is for validation
SPLIT_SEED = 17  # not --seed: a model that is trained further must not be validated on faces that it has learnt from
WEIGHT_DECAY = 0.05
# Views for test-time augmentation: degrees, mirrored, how often the middle is cut out. Inference uses the first alone.
VIEWS = tuple((angle, mirror, 2 if angle else 1) for mirror in (False, True) for angle in (0, 6, -6))
# How inference corrects for what a resting face looks like to the model; confidence is calibrated for it
REST_STRENGTH = 0.35  # how much of the log-odds of resting faces is subtracted
LEADS = {'neutral': 0.6, 'happy': 0.25}  # nats by which these are raised: most faces show nothing, many smiles are mild
PRIOR_STRENGTH = 0.75  # of the correction for class priors, if no class is neutral
MIN_PROBABILITY = 1e-6  # below it, the logarithm is that of chance
IMAGENET_STDDEV_RGB = (0.229, 0.224, 0.225)
COPIES_MESSAGE = '{copies_in_it} of {training_table} images are copies; the split separates none of them'
CHECKPOINT = 'checkpoint/last_epoch.keras'  # next to model.h5: the model as it was trained so far, and the run's state
RESUME_MAY_CHANGE = ('resume', 'output')
LOG_SECONDS = 30  # between two states of a progress bar in a log
WORKERS = min(8, os.cpu_count() or 1)  # threads that read and augment images


class TrainingError(Exception):
    """A mistake that the user can repair; main() prints it in one line."""


def require(condition, message):
    """Raise a TrainingError unless the condition holds."""
    if not condition:
        raise TrainingError(message)


def read_table(path, label='emotion', emotions=EMOTIONS):
    """Read a CSV file, and give the labels (None: in the last column) their usual names: `emotions`, or any if None."""
    require(path.is_file(), f'{path}: no such table')
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise TrainingError(f'{path}: cannot be read as a table: {error}') from None
    label = label or table.columns[-1]
    missing = [column for column in ('image_path', label) if column not in table.columns]
    require(not missing, f'{path}: lacks the column {", ".join(missing)}; it has {", ".join(table.columns)}')
    require(len(table), f'{path}: has no rows')
    names = table[label].map(usual_name)
    changed = dict(zip(table[label].map(str), names, strict=True)).items()
    if told := ', '.join(f'{old} as {new}' for old, new in changed if new not in ('', old)):
        print(f'{path}: takes {told}')
    for row, name in names[~names.isin(emotions or names)].head(1).items():
        raise TrainingError(f'{path}, row {row + 2}: unknown emotion {name}; expected {", ".join(emotions)}')
    return table.assign(**{label: names})


def usual_name(name):
    """Write an emotion in small letters, with single spaces and, if it is a synonym, as one of the nine; '' if none."""
    name = '' if pd.isna(name) else ' '.join(str(name).split()).casefold()
    return SYNONYMS.get(name, name)


def choose_emotions(options, table):
    """Set the classes: --emotions, or all in the table by the alphabet, the usual nine first. Return their rows."""
    counts, path = table.emotion.value_counts(), options.train_csv
    for row in table.index[table.emotion == ''][:1]:
        raise TrainingError(f'{path}, row {row + 2}: no emotion; expected {", ".join(EMOTIONS)}')
    in_table = sorted(counts.index, key=lambda name: (name not in EMOTIONS, name))
    emotions = options.emotions = tuple(map(usual_name, options.emotions or in_table))
    require(1 < len(emotions) == len({*emotions}), f'{path}: expected two emotions or more, not {", ".join(emotions)}')
    for name in emotions:
        is_taken = name in COLUMN_NAMES or name.endswith('_from_rest')
        require(not is_taken, f'{path}: a class cannot be called {name}, as a column of the results is; rename it')
        rows = table.index[table.emotion == name] + 2
        told = f'{path}: too few images of {name}, {len(rows)}' + (f' (row {rows[0]})' if len(rows) else '')
        told += f'; {MIN_IMAGES} are needed; correct the name, or choose classes with --emotions'
        require(len(rows) >= MIN_IMAGES, told)
    left_out = ', '.join(name for name in in_table if name not in emotions)
    told = ', '.join(f'{name} {counts[name]}' for name in emotions) + (f'; left out: {left_out}' if left_out else '')
    print(f'Images: {told}')
    return table[table.emotion.isin(emotions)]


def read_image(path):
    """Read an image file: (height, width, 3) uint8, RGB. None if it is missing, empty or not an image."""
    try:  # unlike this, cv2.imread cannot open non-ASCII paths on Windows
        return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR_RGB)
    except (OSError, cv2.error):
        return None


def add_pictures(table, folder):
    """Read every image of a table once. Add the columns `path`, and `picture`: equal if the pixels are equal."""

    def digest(path):
        image = read_image(path)
        return None if image is None else hashlib.sha256(image.tobytes() + str(image.shape).encode()).hexdigest()

    paths = [folder / str(image_path) for image_path in table.image_path]
    with ThreadPoolExecutor(WORKERS) as pool:
        pictures = list(show_progress(f'Checking {folder}', len(paths), pool.map(digest, paths)))
    bad = [str(path) for path, picture in zip(paths, pictures, strict=True) if picture is None]
    names = ', '.join(bad[:3]) + (', ...' if bad[3:] else '')
    require(not bad, f'{len(bad)} of {len(paths)} images cannot be read: {names}; repair them, or delete their rows')
    return table.assign(path=paths, picture=pictures)


def split(table):
    """Split off VALIDATION_SHARE of the rows, stratified by emotion. Returns the training and the validation rows.

    Every picture then follows its first row with all of its copies, so that no validation image is also trained on.
    """
    _, drawn = train_test_split(table, test_size=VALIDATION_SHARE, stratify=table.emotion, random_state=SPLIT_SEED)
    first_rows = table.drop_duplicates('picture')
    is_validation = table.picture.isin(first_rows.picture[first_rows.index.isin(drawn.index)])
    for rows, name in ((table[is_validation], 'validation'), (table[~is_validation], 'training')):
        missing = sorted(set(table.emotion) - set(rows.emotion))
        require(not missing, f'too few different images of {", ".join(missing)}: copies leave none for {name}')
    return table[~is_validation], table[is_validation]


def load_tables(options):
    """Read and check all that training needs: tables `training`, `validation` and, if there is one, `test`."""
    most = QUICK_IMAGES if options.quick else None
    table = choose_emotions(options, read_table(options.train_csv, emotions=None))
    table = table.groupby('emotion').head(most) if most else table
    sample = options.sample_submission and read_table(options.sample_submission, emotions=None)[:most]
    training, validation = split(add_pictures(table, options.images))
    tables = {'training': training, 'validation': validation}
    return tables if sample is None else tables | {'test': add_pictures(sample, options.test_images)}


def show_progress(label, total, items=None):
    """Count images in a bar, with images a second and the time left; in logs it is a line every LOG_SECONDS."""
    how = {'leave': False, 'file': sys.stdout, 'unit': 'image'}
    if not sys.stdout.isatty() and 'ipykernel' not in sys.modules:
        lines = argparse.Namespace(write=lambda text: text.strip() and print(text.strip()), flush=sys.stdout.flush)
        how |= {'mininterval': LOG_SECONDS, 'delay': LOG_SECONDS, 'file': lines}
    return tqdm(items, label, total, **how)


def count_copies(tables):
    """Count the images of the training table, on both sides of the split, that occur twice or are test images."""
    labelled = pd.concat([tables['training'], tables['validation']])
    labels, test = labelled.groupby('picture').emotion.nunique(), tables.get('test', labelled[:0])
    size, count, contradicting = len(labelled), len(labels), int((labels > 1).sum())
    in_table = {'training_table': size, 'pictures_in_it': count, 'copies_in_it': size - count}
    known = int(test.picture.isin(labels.index).sum())
    return in_table | {'pictures_with_contradicting_labels': contradicting, 'test_images_in_it': known}


def number_emotions(labels, emotions=EMOTIONS):
    """Number a column of labels in the order of the emotions: (n,) int, -1 if there is none."""
    return pd.Categorical(labels, emotions).codes.astype(int)


def make_targets(table, emotions=EMOTIONS):
    """Make the targets of a table's rows, (n, K) float32: 1 for the label, and 0 for all others."""
    return np.eye(len(emotions), dtype='float32')[number_emotions(table.emotion, emotions)]


def resize(image, size, share=1):
    """Scale the middle of an image to size x size, as inference does: by area if it shrinks, else linearly."""
    top, left = (round(side * (1 - share) / 2) for side in image.shape[:2])
    image = image[top : image.shape[0] - top, left : image.shape[1] - left]
    shrinks = min(image.shape[:2]) > size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def augment(image, rng, options):
    """Flip, rotate, shift and scale in one interpolation, change contrast and brightness; same shape."""
    angle, scale = rng.uniform(-options.rotation, options.rotation), 1 / rng.uniform(*options.crop)
    shift = rng.uniform(-options.shift, options.shift, 2) * image.shape[0]
    image = warp(image, angle, scale, shift, mirror=rng.random() < 0.5)
    if contrast := options.contrast:
        gain = 1 + rng.uniform(-contrast, contrast)
        offset = (1 - gain) * image.mean() + rng.uniform(-contrast, contrast) * 255 / 2
        image = np.clip(image * np.float32(gain) + np.float32(offset), 0, 255)
    return image


def warp(image, angle, scale=1.0, shift=0.0, mirror=False):
    """Turn a square image about its middle, by degrees counterclockwise; scale, shift (in pixels) and mirror it."""
    end = image.shape[0] - 1
    matrix = cv2.getRotationMatrix2D((end / 2, end / 2), angle, scale)
    matrix[:, 2] += shift
    if mirror:
        matrix = matrix @ [[-1, 0, end], [0, 1, 0], [0, 0, 1]]
    return cv2.warpAffine(image, matrix, image.shape[:2], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def view(image, rng, angle, mirror):
    """Make one view of an image for test-time augmentation, as inference does: an augmenter without randomness."""
    image = warp(image, angle) if angle else image
    return image[:, ::-1] if mirror else image


class FaceDataset(keras.utils.PyDataset):
    """Batches of (n, S, S, 3) float32 RGB 0..255 and targets; what is drawn follows from seed, epoch and row."""

    face_share = 1  # of the side, around the middle, that the network sees

    def __init__(self, paths, targets, size, options, augmenter=None, shuffle=False):
        super().__init__(workers=WORKERS, max_queue_size=4 * WORKERS)
        self.paths, self.targets, self.size, self.options = list(paths), targets, size, options
        self.augmenter, self.shuffle, self.epoch = augmenter, shuffle, 0

    def __len__(self):
        return math.ceil(len(self.paths) / self.options.batch_size)

    def __getitem__(self, index):
        rows, images = self.draw_rows(index), []
        for row in rows:
            image = resize(read_image(self.paths[row]), self.size, self.face_share)
            rng = np.random.default_rng([self.options.seed, self.epoch, row])
            images.append(self.augmenter(image, rng) if self.augmenter else image)
        images = np.stack(images).astype('float32')
        return images if self.targets is None else (images, self.targets[rows])

    def on_epoch_end(self):
        self.epoch += 1

    def draw_rows(self, index):
        """Rows of the images in a batch."""
        rng = np.random.default_rng([self.options.seed, self.epoch])
        order = rng.permutation(len(self.paths)) if self.shuffle else np.arange(len(self.paths))
        return order[index * self.options.batch_size :][: self.options.batch_size]

    def class_priors(self):
        """Compute the shares of the emotions in the targets: (K,) float64, by their names."""
        return pd.Series(self.targets.mean(axis=0, dtype='float64'), self.options.emotions)


def make_datasets(options, tables, dataset_type=FaceDataset, augment=augment):
    """Make the training data, as the options say, and the validation data, unchanged images with their labels."""
    size = options.native_size or options.image_size or EFNET_IMAGE_SIZES[options.efnet_no]
    augmenter = None if options.no_augmentation else partial(augment, options=options)
    training, validation = tables['training'], tables['validation']
    targets = [make_targets(table, options.emotions or EMOTIONS) for table in (training, validation)]
    training = dataset_type(training.path, targets[0], size, options, augmenter, shuffle=True)
    validation = dataset_type(validation.path, targets[1], size, options)
    validation.face_share = options.face_share
    return training, validation


def build_model(efnet_no, weights, image_size=None, native_size=None, grayscale=False, classes=9):
    """Build EfficientNet, average pooling and softmax as one flat graph: (n, S, S, 3) RGB 0..255 -> (n, K) float32.

    `weights`: 'imagenet', 'none', or a file: a model.h5 of this project, or the backbone's as Keras publishes them.
    `image_size`: side in pixels that EfficientNet sees; None for its own. `native_size`: side of smaller images, which
    the model enlarges, so that faces at inference lose as much detail.
    """
    image_size = image_size or EFNET_IMAGE_SIZES[efnet_no]
    inputs = x = keras.Input((native_size or image_size,) * 2 + (3,), name='face')
    if grayscale:  # luma of ITU-R BT.601, as in JPEG and cv2.COLOR_RGB2GRAY
        luma = keras.layers.Conv2D(3, 1, use_bias=False, trainable=False, name='grayscale')
        x = luma(x)
        luma.set_weights([np.tile([[0.299], [0.587], [0.114]], 3)[None, None]])
    if native_size and native_size != image_size:
        # Its own default is training=True, which model(images) would pass on to the layers after it.
        x = keras.layers.Resizing(image_size, image_size, name='enlarge')(x, training=False)
    backbone = getattr(keras.applications, f'EfficientNetB{efnet_no}')(include_top=False, weights=None, input_tensor=x)
    x = keras.layers.GlobalAveragePooling2D(name='pooling')(backbone.output)
    outputs = keras.layers.Dense(classes, activation='softmax', name='emotion')(x)
    model = keras.Model(inputs, outputs, name=f'efficientnetb{efnet_no}_emotions')
    if weights == 'none':
        ease_start(model)
    else:
        load_weights(model, efnet_no, weights)
    return model


def ease_start(model):
    """Make a randomly initialised EfficientNet trainable within a few epochs."""
    for layer in model.layers:
        if layer.name.endswith('_add'):  # residual blocks start as the identity (Goyal et al. 2017, arXiv 1706.02677)
            gamma = model.get_layer(layer.name.removesuffix('_add') + '_project_bn').gamma
            gamma.assign(np.zeros(gamma.shape))
        elif layer.name.endswith('_se_expand'):  # squeeze-excite gates start open
            layer.bias.assign(np.full(layer.bias.shape, 2.0))
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.95  # the moving statistics follow faster than with Keras' 0.99


def load_weights(model, efnet_no, weights):
    """Copy trained weights into a model of any input size: 'imagenet', or a file as `build_model` describes it."""

    def key(layer):  # Normalization's automatic name counts up
        return 'normalization' if isinstance(layer, keras.layers.Normalization) else layer.name

    try:
        sources = {key(layer): layer for layer in load_source(efnet_no, weights).layers}
        for layer in model.layers:
            source = sources.get(key(layer))
            if layer.name == 'emotion' and source and source.units != layer.units:
                continue  # other classes: the last layer begins anew
            if layer.weights and source:
                layer.set_weights(source.get_weights())
            elif layer.weights and layer.name not in ('grayscale', 'emotion'):  # what this project adds to the backbone
                raise ValueError(f'it has no layer {layer.name}')
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(f'{weights}: not weights of EfficientNetB{efnet_no}: {reason}') from None
    normalization = next(layer for layer in model.layers if key(layer) == 'normalization')
    if 'emotion' not in sources:  # Keras' ImageNet network alone divides by the deviation's square root once more
        mean, variance, count = normalization.get_weights()
        normalization.set_weights([mean, variance * np.array(IMAGENET_STDDEV_RGB), count])
    normalization.finalize_state()  # it calculates with values that it derives from its weights


def load_source(efnet_no, weights):
    """Load the model whose weights are wanted: Keras' ImageNet backbone, or what a file contains."""
    backbone = getattr(keras.applications, f'EfficientNetB{efnet_no}')
    if weights == 'imagenet':
        try:
            return backbone(include_top=False, weights='imagenet')
        except Exception as error:  # Keras raises a bare Exception for a failed download
            url = f'https://storage.googleapis.com/keras-applications/efficientnetb{efnet_no}_notop.h5'
            advice = f'fetch {url} elsewhere and pass it with --weights FILE, or use --weights none'
            raise TrainingError(f'the ImageNet weights cannot be downloaded ({error}); {advice}') from None
    require(Path(weights).is_file(), f'{weights}: no such weights file')
    with h5py.File(weights) as file:
        if 'model_config' in file.attrs:
            return keras.models.load_model(weights, compile=False)
    return backbone(include_top=False, weights=weights)


def compile_model(model, options, steps_per_epoch):
    """Attach optimiser, schedule, loss and metric to a model."""
    warmup_steps = max(1, round(options.warmup_epochs * steps_per_epoch))
    decay_steps = max(1, options.epochs * steps_per_epoch - warmup_steps)
    warmup = {'warmup_target': options.learning_rate, 'warmup_steps': warmup_steps}
    schedule = keras.optimizers.schedules.CosineDecay(0.0, decay_steps, **warmup)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY, global_clipnorm=1.0)
    # TensorFlow's XLA makes this network several times slower on a CPU and gains little on a GPU.
    jit_compile = False if keras.backend.backend() == 'tensorflow' else 'auto'
    model.compile(optimizer, 'categorical_crossentropy', metrics=['accuracy'], jit_compile=jit_compile)


def make_model(options, training):
    """Build and compile the network that the options describe."""
    sizes = options.image_size, options.native_size
    model = build_model(options.efnet_no, options.weights, *sizes, options.grayscale, len(options.emotions))
    compile_model(model, options, steps_per_epoch=len(training))
    return model


def save_model(model, path, class_priors, face_share, log_odds_at_rest=None, **more):
    """Write model.h5, without the optimiser, and in half the bytes (see `copy_rounded`).

    Its attributes are JSON: `class_names` and `class_priors`, keys and values of class_priors, which are shares in the
    targets; `face_share`; `log_odds_at_rest` of `measure_rest`, which only a finished run has; and more.
    """
    names, priors = zip(*dict(class_priors).items(), strict=True)
    known = {'class_names': names, 'class_priors': [float(f'{prior:.6g}') for prior in priors], **more}
    known |= {'face_share': face_share} | ({'log_odds_at_rest': log_odds_at_rest} if log_odds_at_rest else {})
    # HDF5 can crash if the disk is full, so it writes to memory, which only an inner function of Keras can do
    content = io.BytesIO()
    with h5py.File(io.BytesIO(), 'w') as full, h5py.File(content, 'w') as file:
        save_model_to_hdf5(model, full, include_optimizer=False)
        full.visititems(partial(copy_rounded, file))
        file.attrs.update({**full.attrs, **{name: json.dumps(value) for name, value in known.items()}})
    with whole_file(path) as temporary:
        temporary.write_bytes(content.getvalue())


def copy_rounded(target, name, item):
    """Copy a group or array to another HDF5 file, kernels and biases as float16, which Keras reads as float32 again.

    A normalisation keeps float32: it divides by variances that float16 would round to 0. So does an array with a value
    that is too large for float16. Kernels are compressed; vectors are too small to gain.
    """
    if isinstance(item, h5py.Group):
        copied = target.create_group(name)
    else:
        values = item[()]
        if name.endswith(('/kernel', '/bias')) and np.abs(values).max() <= np.finfo('float16').max:
            values = values.astype('float16')
        how = {'compression': 'gzip', 'shuffle': True, 'chunks': values.shape} if values.ndim > 1 else {}
        copied = target.create_dataset(name, data=values, **how)
    copied.attrs.update(item.attrs)


@contextmanager
def whole_file(path):
    """Yield where to write a file, and move it to its path once it is complete. An error leaves nothing of it."""
    temporary = path.with_name(f'.{path.stem}.tmp{path.suffix}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open('r+b') as file:
            os.fsync(file.fileno())  # only now does a network disk say that it is full
        os.replace(temporary, path)
    except OSError as error:
        raise TrainingError(f'{path}: cannot be written: {error.strerror or error}') from None
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Write a complete text file or none."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


class Watch(keras.callbacks.Callback):
    """Shows a bar in each epoch. Ends the run if a measure is not finite, or if Ctrl-C, SIGTERM or SIGHUP asks for it.

    Once training has begun, the first request ends it between two batches (Python may lose an exception that is raised
    at any moment), and the second one at once.
    """

    async_safe = True  # a GPU need not wait for this
    has_begun = requested = False
    images, batch_size, bar = 0, 0, tqdm(disable=True)  # of an epoch

    def __enter__(self):
        self.has_begun = self.requested = False
        usual = (signal.SIG_DFL, signal.default_int_handler)  # unlike what nohup makes a run ignore
        numbers = [getattr(signal, name, None) for name in ('SIGINT', 'SIGTERM', 'SIGHUP')]  # Windows lacks one
        handled = [number for number in numbers if number and signal.getsignal(number) in usual]
        self.previous = {number: signal.signal(number, self.on_signal) for number in handled}

    def __exit__(self, *_):
        self.bar.close()
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def on_signal(self, *_):
        at_once = self.requested or not self.has_begun
        self.requested = True
        if at_once:
            raise KeyboardInterrupt

    def on_train_begin(self, logs=None):
        self.has_begun = True

    def on_epoch_begin(self, epoch, logs=None):
        self.bar = show_progress(f'Epoch {epoch + 1} of {self.params["epochs"]}', self.images)

    def on_test_end(self, logs=None):
        self.bar.close()

    def on_train_batch_begin(self, batch, logs=None):
        self.bar.update(self.batch_size)
        if self.requested:
            raise KeyboardInterrupt

    on_test_batch_begin = on_predict_batch_begin = on_train_batch_begin

    def on_train_batch_end(self, batch, logs=None):
        for name, value in logs.items():
            advice = 'start again with a lower --learning-rate or more --warmup-epochs'
            require(math.isfinite(value), f'the {name} is {value}, and nothing of this epoch was saved; {advice}')

    on_epoch_end = on_train_batch_end


WATCH = Watch()


class EpochEnd(keras.callbacks.Callback):
    """After each epoch: model.h5 if it is the best, history.csv and, in one file that comes last, all for --resume."""

    def __init__(self, output_path, class_priors, state):
        super().__init__()
        self.output_path, self.class_priors, self.state = output_path, class_priors, state

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self.state['history'].append({'epoch': epoch + 1, **{name: float(value) for name, value in logs.items()}})
        self.state['seconds'] += time.monotonic() - self.started
        history = pd.DataFrame(self.state['history'])
        print(f'Epoch {epoch + 1}:', ', '.join(f'{name} {value:.4f}' for name, value in logs.items()), flush=True)
        with whole_file(self.output_path.parent / CHECKPOINT) as temporary:
            self.model.save(temporary)  # the largest file comes first: if the disk is full, the others stay as they are
            with ZipFile(temporary, 'a') as archive:
                archive.writestr('state.json', json.dumps(self.state, indent=1))
            if best_epoch(history, self.state['options']['monitor']) == epoch:
                # The emotions are the first output; an experiment may train more of them
                kept = keras.Model(self.model.inputs[0], self.model.outputs[0], name=self.model.name)
                save_model(kept, self.output_path, self.class_priors, float(self.state['options']['face_share']))
            write_text(self.output_path.with_name('history.csv'), history.to_csv(index=False))


def best_epoch(history, monitor):
    """Find the best epoch, counted from 0: it has the highest validation accuracy, or the lowest validation loss."""
    return int((-history[monitor] if monitor == 'val_loss' else history[monitor]).argmax())


def sole_run(options):
    """Make the lock on the output's folder, since runs write files of the same names; main() reports its Timeout."""
    return FileLock(options.output.parent / 'checkpoint' / '.lock', timeout=0)


@contextmanager
def resumable(path):
    """Report a file of the run that is resumed, whatever is wrong with it."""
    try:
        yield
    except Exception:  # a damaged file can contain anything
        advice = 'put back what the run wrote, or delete the folder checkpoint for a new run'
        raise TrainingError(f'{path}: missing, damaged or unreadable; {advice}') from None


def read_state(options):
    """Read where `--resume` goes on. A new run begins with an empty history; it never writes over another's files."""
    path = options.output.parent / CHECKPOINT
    names = (options.output.name, 'history.csv', 'metrics.json')
    taken = [name for name in names if options.output.with_name(name).exists()]
    now = {name: str(value) for name, value in vars(options).items() if name not in RESUME_MAY_CHANGE}
    if not path.is_file():
        told = f'{options.output.parent}: has {", ".join(taken)} already, of no run to resume'
        require(not taken, f'{told}; give another --output')
        print(f'{"Nothing to resume; a" if options.resume else "A"} new run in {options.output.parent}')
        return {'options': now, 'history': [], 'seconds': 0.0}
    with resumable(path), ZipFile(path) as archive:
        require(archive.testzip() is None, 'damaged')
        state = json.loads(archive.read('state.json'))
        was, epoch_count = state['options'], len(state['history'])
    left = 'has finished' if 'metrics.json' in taken else f'was interrupted after epoch {epoch_count}'
    advice = 'give another --output for a new run, or delete this folder'
    require(options.resume, f'{path.parent}: a run that {left}; go on with it by --resume, or {advice}')
    changed = ', '.join(f'{name} {was.get(name)} (now {now[name]})' for name in now if was.get(name) != now[name])
    require(not changed, f'{path.parent}: the run to resume had {changed}; give the same options, or {advice}')
    print(f'Goes on after epoch {epoch_count} in {options.output.parent}')
    return state


def load_best(options):
    """Load model.h5."""
    with resumable(options.output):
        model = keras.models.load_model(options.output, compile=False)
        require(model.output_shape == (None, len(options.emotions)), 'another model')
        return model


def train(options, training, validation, state, make_model=make_model, epoch_end_type=EpochEnd):
    """Train to the last epoch from a state that `read_state` returned, and keep that state up to date."""
    training.epoch = len(state['history'])
    if training.epoch >= options.epochs:
        return
    if state['history']:
        with resumable(path := options.output.parent / CHECKPOINT):
            model = keras.models.load_model(path)
        load_best(options)  # reports a damaged one now; before the checkpoint it would change what Dropout draws
    else:
        model = make_model(options, training)
    model.optimizer.exclude_from_weight_decay(var_names=['bias', 'gamma', 'beta'])  # checkpoints lack it
    for variable in model.non_trainable_variables:
        if variable.path.endswith('seed_generator_state'):  # counts what Dropout drew
            variable.assign([keras.ops.convert_to_numpy(variable)[0], training.epoch * len(training)])
    WATCH.batch_size, WATCH.images = options.batch_size, options.batch_size * (len(training) + len(validation))
    how = {'initial_epoch': training.epoch, 'epochs': options.epochs, 'shuffle': False}  # the dataset shuffles
    how['callbacks'] = [WATCH, epoch_end_type(options.output, training.class_priors(), state)]
    model.fit(training, validation_data=validation, verbose=0, **how)


def predict(model, paths, options, views=VIEWS):
    """Predict probabilities of image files in each view: (views, n, K) float32; their mean is test-time augmented."""
    probabilities = []
    for angle, mirror, times in views:
        dataset = FaceDataset(paths, None, model.input_shape[1], options, partial(view, angle=angle, mirror=mirror))
        dataset.face_share = max(options.face_share**times, OPTIONS['face_share'].minimum)
        with show_progress('Answers', len(dataset) * options.batch_size) as WATCH.bar:
            probabilities.append(model.predict(dataset, verbose=0, callbacks=[WATCH]))
    require(np.isfinite(probabilities).all(), f'{options.output}: the answers of this model are not finite numbers')
    return np.stack(probabilities)


def correct(probabilities, offset):
    """Subtract (K,) offsets from the logarithms of (..., K) probabilities, as inference does."""
    corrected = np.maximum(probabilities, MIN_PROBABILITY) * np.exp(-np.asarray(offset))
    return corrected / corrected.sum(axis=-1, keepdims=True)


def as_in_table(probabilities, class_priors, training_table, emotions=EMOTIONS):
    """Correct probabilities for emotions that are as common as the table's labels; targets may have other shares."""
    return correct(probabilities, np.log(class_priors / make_targets(training_table, emotions).mean(axis=0)))


def measure_rest(probabilities, labels, emotions=EMOTIONS):
    """Measure what faces at rest look like to the model: log-odds against neutral over the images labelled neutral.

    Returns their `median`, `low` (5th percentile) and `high` (95th), each (K,); None if no class is neutral.
    """
    if 'neutral' not in emotions:
        return None
    neutral = emotions.index('neutral')
    logits = np.log(np.maximum(probabilities[labels == neutral], MIN_PROBABILITY, dtype='float64'))
    percentiles = np.percentile(logits - logits[:, [neutral]], (50, 5, 95), axis=0)
    return dict(zip(('median', 'low', 'high'), percentiles, strict=True))


def from_rest(probabilities, log_odds_at_rest, emotions=EMOTIONS, class_priors=None):
    """Compare probabilities with everybody's reference at rest, as inference does; if it is None, with class priors."""
    if log_odds_at_rest is None:
        return correct(probabilities, PRIOR_STRENGTH * np.log(class_priors))
    leads = [LEADS.get(emotion, 0) for emotion in emotions]
    return correct(probabilities, REST_STRENGTH * np.array(log_odds_at_rest['median']) - leads)


def expected_calibration_error(labels, probabilities, bins=15):
    """Compute the mean distance between confidence and accuracy over bins of equal width (Guo et al. 2017), 0 to 1."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(number, confidence - right)).sum() / len(labels))


def compute_metrics(labels, probabilities, probabilities_tta, emotions=EMOTIONS):
    """Compute accuracy and calibration with and without test-time augmentation, and measures of each emotion with it.

    Images without a label, -1, do not count. An emotion's `confidence`, the mean of the answers that name it, can be
    believed if it is close to their `precision`.
    """
    known = labels >= 0
    labels, probabilities, probabilities_tta = labels[known], probabilities[known], probabilities_tta[known]
    predicted = probabilities_tta.argmax(axis=1)
    how = {'labels': range(len(emotions)), 'target_names': emotions, 'zero_division': 0}
    report = classification_report(labels, predicted, output_dict=True, **how)
    per_class = pd.DataFrame(report)[list(emotions)]
    confidence = pd.Series(probabilities_tta.max(axis=1).astype('float64')).groupby(predicted).mean()
    per_class.loc['confidence'] = [confidence.get(number, 0) for number in range(len(emotions))]
    means = per_class.loc[:, per_class.loc['support'] > 0].mean(axis=1)
    metrics = {'images': len(labels), 'mean_recall_tta': means['recall'], 'macro_f1_tta': means['f1-score']}
    metrics['per_class_tta'] = per_class.to_dict()
    for suffix, answers in (('', probabilities), ('_tta', probabilities_tta)):
        metrics[f'accuracy{suffix}'] = float((answers.argmax(axis=1) == labels).mean())
        if 'uncertain' in emotions:  # of the certain images, the best of the other classes: how FER+ is usually scored
            certain = labels != emotions.index('uncertain')
            others = np.where(np.array(emotions) == 'uncertain', -1, answers)
            metrics[f'accuracy_without_uncertain{suffix}'] = float((others.argmax(axis=1) == labels)[certain].mean())
        metrics[f'expected_calibration_error{suffix}'] = expected_calibration_error(labels, answers)
    return metrics


def save_report(labels, predicted, options):
    """Print and save recall and precision per class; plot the confusion matrix and the learning curves."""
    numbers, emotions = range(len(options.emotions)), options.emotions
    how = {'labels': numbers, 'target_names': emotions, 'zero_division': 0}
    print(report := classification_report(labels, predicted, digits=3, **how))
    write_text(options.output.with_name('classification_report.txt'), report)

    figure, axis = plt.subplots(figsize=(7.5, 6.5), layout='constrained')
    shares = {'normalize': 'true', 'values_format': '.2f', 'cmap': 'Blues', 'im_kw': {'vmin': 0, 'vmax': 1}}
    classes = {'labels': numbers, 'display_labels': emotions, 'xticks_rotation': 45}
    ConfusionMatrixDisplay.from_predictions(labels, predicted, ax=axis, **classes, **shares)
    axis.set(title=f'Validation, {len(labels)} images: share of each true class', xlabel='predicted', ylabel='true')
    with whole_file(options.output.with_name('confusion_matrix.png')) as temporary:
        figure.savefig(temporary, dpi=110)

    history = pd.read_csv(options.output.with_name('history.csv'))
    best = history.iloc[best_epoch(history, options.monitor)]
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout='constrained')
    for axis, metric, unit in zip(axes, ('loss', 'accuracy'), ('cross-entropy (nats)', 'accuracy'), strict=True):
        history.plot('epoch', [metric, f'val_{metric}'], style='o-', markersize=3, ylabel=unit, grid=True, ax=axis)
        axis.axvline(best.epoch, color='0.5', linestyle=':')
        axis.legend(['training (augmented)', 'validation', f'kept: {best["val_" + metric]:.3f}'])
        axis.xaxis.get_major_locator().set_params(integer=True)
    with whole_file(options.output.with_name('learning_curves.png')) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close('all')


def evaluate(options, tables, training, state, other_labels=(), calibrate=None):
    """Evaluate model.h5, and add to it what faces at rest look like; write all results.

    An experiment may `calibrate` it first, and have labels of more kinds in the columns `other_labels` of its tables.
    """
    class_priors, validation, emotions = training.class_priors(), tables['validation'], options.emotions
    labels = number_emotions(validation.emotion, emotions)
    columns = [column for column in other_labels if validation[column].notna().any()]
    others = {f'from_rest_{column}': number_emotions(validation[column], emotions) for column in columns}
    kinds = [labels, *others.values()]
    more = calibrate(options, validation.path, kinds, class_priors) if calibrate else {}
    model = load_best(options)
    views = predict(model, validation.path, options)
    rest = measure_rest(views[0], labels, emotions)
    rest = rest and {name: np.round(values, 4).tolist() for name, values in rest.items()}
    save_model(model, options.output, class_priors, options.face_share, rest, **more)
    answers = np.stack([views[0], views.mean(axis=0)])  # without and with test-time augmentation
    shown, unique = from_rest(answers, rest, emotions, class_priors), ~validation.picture.duplicated().to_numpy()
    backend = keras.backend.backend()
    as_common = as_in_table(answers, class_priors, tables['training'], emotions)
    measure = partial(compute_metrics, emotions=emotions)
    metrics = measure(labels, *answers) | {
        **more,
        'log_odds_at_rest': rest,
        'as_in_table': measure(labels, *as_common),
        'from_rest': measure(labels, *shown),
        **{name: measure(numbers, *shown) for name, numbers in others.items()},
        'unique_pictures': measure(labels[unique], *answers[:, unique]),
        'copies': count_copies(tables),
        'command': shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        'split_sizes': {name: len(table) for name, table in tables.items()},
        **{'seed': options.seed, 'face_share': options.face_share, 'training_seconds': round(state['seconds'])},
        'machine': f'{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}',
        'versions': {'keras': keras.__version__, backend: sys.modules[backend].__version__, 'opencv': cv2.__version__},
    }
    save_report(labels, answers[1].argmax(axis=1), options)
    if 'test' in tables:
        write_submissions(model, options, tables, class_priors, rest)
    write_text(options.output.with_name('metrics.json'), json.dumps(metrics, indent=1) + '\n')  # last: it is finished
    print(f'Validation accuracy {metrics["accuracy"]:.4f}, test-time augmented {metrics["accuracy_tta"]:.4f}')
    print(f'Wrote {options.output} and, next to it, metrics.json, history.csv, the plots and answers to test images.')
    print(f'Use it: python emotions_from_video.py --model-weights-path {shlex.quote(str(options.output))} my_video.mp4')


def write_submissions(model, options, tables, class_priors, rest):
    """Answer the test images: with the emotions as common as in the training table, and as inference does."""
    augmented, emotions = predict(model, tables['test'].path, options).mean(axis=0), options.emotions
    as_common = as_in_table(augmented, class_priors, tables['training'], emotions)
    shown = from_rest(augmented, rest, emotions, class_priors)
    for name, answer in (('submission.csv', as_common), ('submission_from_rest.csv', shown)):
        answers = pd.read_csv(options.sample_submission)[: len(answer)]
        answers['emotion'] = np.array(emotions)[answer.argmax(axis=1)]
        write_text(options.output.with_name(name), answers.to_csv(index=False))


def parse_options(arguments=None, more_options=()):
    """Read the command line and check it before anything else is read. Returns a namespace with all options."""
    parser = argparse.ArgumentParser(description='Train EfficientNet on a Kaggle table of faces.')
    parser.error = lambda message: sys.exit(f'model_training.py: {message} (--help lists the options)')
    known = OPTIONS | dict(more_options)
    for name, (default, text, _, _, more) in known.items():
        how = {'action': 'store_true'} if default is False else {'type': Path if default is None else type(default)}
        text += '' if default in (None, False) else ' (default: %(default)s)'
        parser.add_argument('--' + name.replace('_', '-'), **how | {'default': default, 'help': text} | more)
    options = parser.parse_args(arguments)
    if options.quick:
        parser.set_defaults(**QUICK)
        options = parser.parse_args(arguments)
    for name, (_, _, minimum, maximum, _) in known.items():
        given = getattr(options, name)
        for value in [] if None in (minimum, given) else np.ravel(given):
            expected = f'{minimum:g} or more' if maximum == sys.float_info.max else f'{minimum:g} to {maximum:g}'
            require(minimum <= value <= maximum, f'--{name.replace("_", "-")} is {value}; expected {expected}')
    least, most = options.crop
    require(least <= most, f'--crop is {least:g} {most:g}; expected two shares, the smaller one first')
    options.images = options.images or options.train_csv.parent
    options.test_images = options.test_images or options.images / 'test_kaggle'
    sample = options.train_csv.with_name('sample_submission.csv')
    options.sample_submission = options.sample_submission or (sample if sample.is_file() else None)
    folder = HERE / 'model_weights' if ON_KAGGLE else HERE / 'runs' / time.strftime('%Y-%m-%d_%H-%M-%S')
    if options.resume:  # the newest run that was interrupted
        begun = [path.parents[1] for path in (HERE / 'runs').glob(f'*/{CHECKPOINT}')]
        folder = max((run for run in begun if not (run / 'metrics.json').exists()), default=folder)
    output = options.output = options.output or folder / 'model.h5'
    require(output.suffix == '.h5', f'--output is {output}; expected a name that ends in .h5, the format of the model')
    return options


def run(options, load_tables=load_tables, make_datasets=make_datasets, other_labels=(), calibrate=None, **steps):
    """Do everything that the options ask for. An experiment may replace steps, also those of `train` and `evaluate`."""
    keras.utils.set_random_seed(options.seed)
    tables = load_tables(options)
    print(COPIES_MESSAGE.format(**count_copies(tables)))
    training, validation = make_datasets(options, tables)
    with sole_run(options):
        state = read_state(options)
        train(options, training, validation, state, **steps)
        evaluate(options, tables, training, state, other_labels, calibrate)


def main(arguments=None, more_options=(), run=run):
    """Run the script, or an experiment's own `run`. Errors that the user can repair end it in one line, exit code 1."""
    try:
        with WATCH:
            run(parse_options(arguments, more_options))
    except Timeout as error:
        told = 'another run is writing there; wait until it has ended, or give another --output'
        sys.exit(f'model_training.py: {Path(error.lock_file).parents[1]}: {told}')
    except (TrainingError, OSError) as error:
        sys.exit(f'model_training.py: {error}')
    except KeyboardInterrupt:
        sys.exit('model_training.py: interrupted; the same command with --resume goes on after the last finished epoch')


if __name__ == '__main__':
    main([] if IN_CELL else None)  # a notebook's arguments are its kernel's
