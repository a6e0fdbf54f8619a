"""Train EfficientNet on a Kaggle table of faces and write model_weights/model.h5.

Standalone: copy this one file into a Kaggle kernel and run it. In order, it

1. reads and checks the tables and every image,
2. splits off 10 % for validation, stratified,
3. trains, keeping the epoch that does best on the validation images in model.h5,
4. evaluates that epoch with and without test-time augmentation,
5. writes submission.csv.

model.h5 is a complete Keras model: input (n, S, S, 3), RGB, float32, 0..255; output (n, 9) probabilities. Whatever the
network wants done to a face (grey, scaling) is a layer inside it, and the class names are its attribute `class_names`.

Runs on any Keras backend: KERAS_BACKEND=tensorflow, jax or torch.
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
from contextlib import contextmanager
from functools import partial
from pathlib import Path

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')  # TensorFlow's start-up notes

import cv2
import h5py
import keras
import matplotlib

matplotlib.use('Agg')  # pictures are saved, never shown
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import sklearn
from scipy.optimize import minimize_scalar
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score, classification_report, f1_score, recall_score
from sklearn.model_selection import train_test_split
from tqdm import tqdm

logging.getLogger('absl').setLevel(logging.ERROR)  # Keras warns of HDF5 at each save; here it is the contract

HERE = Path(__file__).resolve().parent

# Data: Kaggle's folders
IMAGES_PATH = Path('/kaggle/input/skillbox-emotions')  # the table's `image_path` starts here
TEST_IMAGES_PATH = IMAGES_PATH / 'test_kaggle'  # the sample submission's `image_path` starts here
TRAIN_CSV_PATH = Path('/kaggle/input/skillbox-computer-vision-project/train.csv')
SAMPLE_SUBMISSION_PATH = Path('/kaggle/input/skillbox-computer-vision-project/sample_submission.csv')
OUTPUT_PATH = HERE / 'model_weights' / 'model.h5'  # everything else is written beside it

# Network
EMOTIONS = ('anger', 'contempt', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise', 'uncertain')
EFNET_NO = 1  # EfficientNetB0 to B7
EFNET_IMAGE_SIZES = (224, 240, 260, 300, 380, 456, 528, 600)  # pixels, B0 to B7
WEIGHTS = 'imagenet'  # 'imagenet', 'none', or the path of a weights file

# Training
BATCH_SIZE = 64
EPOCHS = 20
SEED = 17
VALIDATION_SHARE = 0.1
LEARNING_RATE = 1e-3  # Adam's default, as in the original
OPTIMIZER = 'adam'  # 'adam' or 'adamw'
SCHEDULE = 'plateau'  # 'plateau' or 'cosine'
WEIGHT_DECAY = 0.05  # of AdamW
WARMUP_EPOCHS = 1.0  # of the cosine schedule: from 0 to LEARNING_RATE
LABEL_SMOOTHING = 0.0
VOTES = 0.0  # share of the annotators' votes in the target, 0 (the label alone) to 1
SECOND_SHARE = 0.4  # share of the second label in the target, where a table of them is given
OVERSAMPLE = 0  # images that each emotion has at least in an epoch; those of rarer ones are repeated
MONITOR = 'val_accuracy'  # what says which epoch is best, or 'val_loss'
GROW_EPOCHS = 4  # the last ones, in which the network sees --grow-to instead of --image-size

# Augmentation: each image is drawn anew in every epoch
FLIP = True
ROTATION = 15.0  # degrees to either side
SHIFT = 0.15  # of width and height
CROP = (1.0, 1.0)  # least and most share of the side that is cut out of the middle, and scaled to the whole
CONTRAST = 0.0  # share, up or down; brightness by the same share of 255, halved
DAMAGE = 0.0  # share of the images that each kind of damage befalls, see DAMAGES
WORKERS = min(8, os.cpu_count() or 1)  # threads that read and augment

# Test-time augmentation averages the answers to these views of an image: turned (degrees), then mirrored or not
VIEWS = ((0, False), (6, False), (-6, False), (0, True), (6, True), (-6, True))

BALANCE = 0.75  # how far inference frees the answers from the class priors by default; confidence is calibrated for it
# Least and most that an option may be, None for no bound; checked before any image is read
LIMITS = {
    'image_size': (32, None),  # below it nothing is left of an image in EfficientNet's last layers
    'native_size': (8, None),
    'grow_to': (32, None),
    'batch_size': (1, None),
    'epochs': (1, None),
    'learning_rate': (1e-12, None),
    'weight_decay': (0, None),
    'warmup_epochs': (0, None),
    'label_smoothing': (0, 1),
    'votes': (0, 1),
    'second_share': (0, 1),
    'oversample': (0, None),
    'grow_epochs': (1, None),
    'rotation': (0, 180),
    'shift': (0, 1),
    'contrast': (0, 1),
    'damage': (0, 1),
    'workers': (1, None),
}
MIN_IMAGES_PER_CLASS = round(1 / VALIDATION_SHARE)  # so that one of them is for validation
KERAS_WEIGHTS_URL = 'https://storage.googleapis.com/keras-applications/efficientnetb{}_notop.h5'
IMAGENET_STDDEV_RGB = (0.229, 0.224, 0.225)
ADD_LAYER, PROJECT_LAYER = '_add', '_project_bn'  # how Keras ends the names of a residual block's last two layers


class TrainingError(Exception):
    """Something that the user can mend; main() prints it as one line."""


# ---- tables and images ---------------------------------------------------------------------------


def read_table(path, columns):
    """Read a CSV file that must have certain columns; further ones are left as they are.

    Raises:
        TrainingError: the file is missing, not a table, empty, or lacks a column.
    """
    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise TrainingError(f'{path}: no such table') from None
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise TrainingError(f'{path}: cannot be read as a table: {error}') from None
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise TrainingError(f'{path}: lacks the column {", ".join(missing)}; it has {", ".join(table.columns)}')
    if table.empty:
        raise TrainingError(f'{path}: has no rows')
    return table


def read_training_table(path, votes=False):
    """Read the table of training images: `image_path`, `emotion` and, with votes, one column of counts an emotion."""
    table = read_table(path, ['image_path', 'emotion', *(EMOTIONS if votes else ())])
    check_emotions(table.emotion, path)
    return table


def check_emotions(labels, path):
    """All labels of a table must be known."""
    unknown = sorted(set(labels.map(str)) - set(EMOTIONS))
    if unknown:
        raise TrainingError(f'{path}: unknown emotion {", ".join(unknown[:5])}; expected {", ".join(EMOTIONS)}')


def add_second_labels(table, path):
    """Add the column `second`: another label of the same images, from a table `image_path` and one column of labels."""
    second = read_table(path, ['image_path'])
    names = [column for column in second.columns if column != 'image_path']
    if len(names) != 1:
        raise TrainingError(
            f'{path}: has the columns {", ".join(second.columns)}; expected image_path and one of labels'
        )
    check_emotions(second[names[0]], path)
    labels = second.drop_duplicates('image_path').set_index('image_path')[names[0]]
    table['second'] = table.image_path.map(labels)
    if table.second.isna().all():
        raise TrainingError(f'{path}: names none of the training images; its image_path must be written as theirs')


def read_image(path):
    """Read an image file: (height, width, 3) uint8, RGB. None if it is missing, empty or not an image."""
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread cannot open non-ASCII paths on Windows
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except (OSError, cv2.error):
        return None
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def digest_images(paths, what, workers):
    """Read every image once. Returns an array of strings: equal where the pixels are, '' where none can be read."""

    def digest(path):
        image = read_image(path)
        return '' if image is None else hashlib.sha256(image.tobytes() + str(image.shape).encode()).hexdigest()

    with ThreadPoolExecutor(workers) as pool:
        digests = pool.map(digest, paths, chunksize=64)
        return np.array(list(tqdm(digests, f'checking {what} images', len(paths), unit='image')))


def check_images(paths, what, skip_bad, workers=WORKERS):
    """Find unreadable images; an error, or with `skip_bad` a printed note, says how many and names the first few.

    Returns:
        What `digest_images` returns.
    """
    digests = digest_images(paths, what, workers)
    bad = digests == ''
    if bad.any():
        named = ', '.join(map(str, np.array(paths, object)[bad][:3])) + (', ...' if bad.sum() > 3 else '')
        message = f'{bad.sum()} of {len(bad)} {what} images cannot be read: {named}'
        if not skip_bad:
            raise TrainingError(f'{message} (--skip-bad-images leaves them out)')
        print(f'Left out: {message}')
    return digests


def check_class_sizes(table, path):
    """Every emotion needs enough images for a stratified split."""
    counts = table.emotion.value_counts().reindex(EMOTIONS, fill_value=0)
    small = counts[counts < MIN_IMAGES_PER_CLASS]
    if len(small):
        found = ', '.join(f'{emotion} {count}' for emotion, count in small.items())
        raise TrainingError(f'{path}: too few images to split: {found}; each emotion needs {MIN_IMAGES_PER_CLASS}')


def split(table, seed=SEED):
    """Split off VALIDATION_SHARE of the rows, stratified by emotion; then every picture goes, with all of its copies,
    to the side of its first row, so that no validation image is one that the network learns by heart.

    Args:
        table: with columns `emotion` and `picture`, equal where the pixels are.

    Returns:
        The training and the validation rows.

    Raises:
        TrainingError: an emotion would stand on one side only.
    """
    _, drawn = train_test_split(table, test_size=VALIDATION_SHARE, stratify=table.emotion, random_state=seed)
    first_rows = table.drop_duplicates('picture')
    validation_pictures = first_rows.picture[first_rows.index.isin(drawn.index)]
    is_validation = table.picture.isin(validation_pictures)
    for rows, name in ((table[is_validation], 'validation'), (table[~is_validation], 'training')):
        missing = sorted(set(table.emotion) - set(rows.emotion))
        if missing:
            raise TrainingError(f'too few different images of {", ".join(missing)}: copies leave none for {name}')
    return table[~is_validation], table[is_validation]


def describe_copies(tables):
    """How many images of the training table, both sides of the split, stand in it more than once or are test images."""
    labelled = pd.concat([tables['training'], tables['validation']])
    labels = labelled.groupby('picture').emotion.nunique()
    return {
        'training_table': len(labelled),
        'pictures_in_it': len(labels),
        'copies_in_it': len(labelled) - len(labels),
        'pictures_with_contradicting_labels': int((labels > 1).sum()),
        'test_images_in_it': int(tables['test'].picture[tables['test'].picture != ''].isin(labels.index).sum()),
    }


def print_copies(copies):
    print(
        f'{copies["copies_in_it"]} of {copies["training_table"]} training images are copies of others; each picture is '
        f'on one side of the split. {copies["test_images_in_it"]} test images stand among them.'
    )
    if copies['pictures_with_contradicting_labels']:
        print(f'{copies["pictures_with_contradicting_labels"]} pictures have copies with other labels.')


def make_targets(table, votes=0.0, label_smoothing=0.0, second_share=0.0):
    """Training targets of a table's rows.

    Learning from the spread of the annotators' votes instead of the winner alone is Barsoum et al. 2016
    (arXiv 1608.01041). Rows labelled `uncertain` keep their label: that label means that the votes were spread.

    Args:
        votes: share of the vote distribution in the target, 0 to 1.
        label_smoothing: share that is spread evenly over all classes.
        second_share: share of the label in the column `second` in the target of the rows that have one, 0 to 1.

    Returns:
        (n,) int64 class numbers, or (n, 9) float32 distributions where an option asks for them.
    """
    labels = table.emotion.map(EMOTIONS.index).to_numpy()
    if not votes and not label_smoothing and not second_share:
        return labels
    one_hot = np.eye(len(EMOTIONS), dtype='float32')
    targets = one_hot[labels]
    if votes:
        counts = table[list(EMOTIONS)].to_numpy('float32')
        total = counts.sum(axis=1, keepdims=True)
        mixed = (1 - votes) * targets + votes * counts / np.maximum(total, 1)
        keep = (total[:, 0] == 0) | (labels == EMOTIONS.index('uncertain'))
        targets = np.where(keep[:, None], targets, mixed)
    if second_share:
        has_second = table.second.isin(EMOTIONS).to_numpy()
        second = one_hot[table.second[has_second].map(EMOTIONS.index)]
        targets[has_second] = (1 - second_share) * targets[has_second] + second_share * second
    return (1 - label_smoothing) * targets + label_smoothing / len(EMOTIONS)


def find_priors(targets):
    """Share of each class in training targets, (n,) class numbers or (n, 9) distributions: (9,), summing to 1."""
    if targets.ndim == 2:
        return targets.mean(axis=0, dtype='float64')
    return np.bincount(targets, minlength=len(EMOTIONS)) / len(targets)


def oversample(table, least, seed=SEED):
    """Repeat rows of emotions that have fewer than `least`, each row about equally often; in the table's order."""
    repeated = [
        rows.sample(frac=1, random_state=seed).iloc[np.arange(least - len(rows)) % len(rows)]
        for _, rows in table.groupby('emotion')
        if len(rows) < least
    ]
    return pd.concat([table, *repeated])


# ---- input pipeline ------------------------------------------------------------------------------


def resize(image, size):
    """Scale an image to size x size: by area where it shrinks, linearly where it grows. Inference does the same."""
    shrinks = min(image.shape[:2]) > size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def augment(image, rng, flip=FLIP, rotation=ROTATION, shift=SHIFT, crop=CROP, contrast=CONTRAST, damage=DAMAGE):
    """Flip, rotate, shift and scale in one interpolation, change contrast and brightness, damage; same shape."""
    size = image.shape[0]
    matrix = cv2.getRotationMatrix2D(
        ((size - 1) / 2, (size - 1) / 2), rng.uniform(-rotation, rotation), 1 / rng.uniform(*crop)
    )
    matrix[:, 2] += rng.uniform(-shift, shift, 2) * size
    if flip and rng.random() < 0.5:
        matrix = matrix @ [[-1, 0, size - 1], [0, 1, 0], [0, 0, 1]]
    image = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if contrast:
        gain = 1 + rng.uniform(-contrast, contrast)
        mean = image.mean()
        offset = mean - gain * mean + rng.uniform(-contrast, contrast) * 255 / 2
        image = np.clip(image * np.float32(gain) + np.float32(offset), 0, 255)
    if damage:
        image = image.astype('uint8')
        for damaged in DAMAGES:
            if rng.random() < damage:
                image = damaged(image, rng)
    return image


def blur(image, rng):
    """Out of focus, or in motion: a Gaussian of up to a fortieth of the side."""
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 1) * image.shape[0] / 40)


def shrink(image, rng):
    """A face that was far away: 20 pixels or more, enlarged again."""
    size = image.shape[0]
    side = rng.integers(min(20, size), size + 1)
    return cv2.resize(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), (size, size))


def compress(image, rng):
    """JPEG's blocks, much as video has them."""
    return cv2.imdecode(cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))])[1], 1)


def add_noise(image, rng):
    """A sensor in the dark: the same noise in all three colours, of up to 12 of 255."""
    noise = rng.normal(0, rng.uniform(2, 12), (*image.shape[:2], 1))
    return np.clip(image + noise, 0, 255).astype('uint8')


def change_gamma(image, rng):
    """Shadows lifted or sunk."""
    return (255 * (image / 255) ** np.exp(rng.uniform(-0.6, 0.6))).astype('uint8')


def erase(image, rng):
    """A hand or a cup before the face: a rectangle of one brightness (Zhong et al. 2017, arXiv 1708.04896)."""
    size = image.shape[0]
    height, width = rng.uniform(0.15, 0.45, 2) * size
    top, left = rng.uniform(0, 1, 2) * (size - height, size - width)
    image = image.copy()
    image[round(top) : round(top + height), round(left) : round(left + width)] = rng.integers(0, 256)
    return image


def cut_out(image, rng):
    """The face alone, on black, as some data sets have it: what lies outside an upright oval goes."""
    size = image.shape[0]
    mask = np.zeros((size, size, 1), 'uint8')
    axes = round(size * rng.uniform(0.36, 0.46)), round(size * rng.uniform(0.46, 0.56))
    cv2.ellipse(mask, (size // 2, size // 2), axes, 0, 0, 360, 1, cv2.FILLED)
    return image * mask


DAMAGES = (blur, shrink, compress, add_noise, change_gamma, erase, cut_out)  # (size, size, 3) uint8 RGB -> the same


def view(image, rng, angle, mirror):
    """One view of an image for test-time augmentation; an augmenter without chance. Inference makes the same."""
    if angle:
        size = image.shape[0]
        matrix = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), angle, 1)
        image = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return image[:, ::-1] if mirror else image


class FaceDataset(keras.utils.PyDataset):
    """Batches of (n, S, S, 3) float32 RGB 0..255 with their targets, read by threads as they are needed.

    The order and every random draw follow from the seed, the epoch and the batch, so that a resumed run sees what the
    uninterrupted one would have seen.
    """

    def __init__(
        self,
        paths,
        targets=None,
        *,
        size,
        batch_size=BATCH_SIZE,
        augmenter=None,
        shuffle=False,
        seed=SEED,
        epoch=0,
        workers=WORKERS,
    ):
        super().__init__(workers=workers, max_queue_size=4 * workers)
        self.paths, self.targets = list(paths), targets
        self.size, self.batch_size = size, batch_size
        self.augmenter, self.shuffle, self.seed, self.epoch = augmenter, shuffle, seed, epoch

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
        image = resize(read_image(path), self.size)
        return image if self.augmenter is None else self.augmenter(image, rng)


# ---- network -------------------------------------------------------------------------------------


def build_model(efnet_no=EFNET_NO, weights=WEIGHTS, image_size=None, native_size=None, grayscale=False):
    """EfficientNet + global average pooling + softmax as one flat graph.

    Args:
        efnet_no: 0 to 7.
        weights: 'imagenet' (downloaded by Keras), 'none', or the path of a file: a model.h5 of this project to go on
            from, or the backbone's weights as Keras publishes them (efficientnetb1_notop.h5).
        image_size: side in pixels that the backbone sees; None for its own.
        native_size: side in pixels of the data's own images where that is smaller; it becomes the model's input
            size, and the model enlarges, so that a large face at inference loses the same detail as in training.
        grayscale: let the network see luma only.

    Returns:
        keras.Model: (n, S, S, 3) RGB 0..255 -> (n, 9) float32 probabilities; S = native_size or image_size.

    Raises:
        TrainingError: the weights cannot be downloaded or do not fit.
    """
    image_size = image_size or EFNET_IMAGE_SIZES[efnet_no]
    inputs = x = keras.Input((native_size or image_size,) * 2 + (3,), name='face')
    if grayscale:
        x = keras.layers.Conv2D(3, 1, use_bias=False, trainable=False, dtype='float32', name='grayscale')(x)
    if native_size and native_size != image_size:
        # Its own default is training=True, which in model(images) would pass on to the layers behind it.
        x = keras.layers.Resizing(image_size, image_size, name='enlarge')(x, training=False)
    backbone = backbone_class(efnet_no)(include_top=False, weights=None, input_tensor=x)
    x = keras.layers.GlobalAveragePooling2D(name='pooling')(backbone.output)
    outputs = keras.layers.Dense(len(EMOTIONS), activation='softmax', dtype='float32', name='emotion')(x)
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
        if layer.name.endswith(ADD_LAYER):
            gamma = model.get_layer(layer.name.removesuffix(ADD_LAYER) + PROJECT_LAYER).gamma
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
        raise TrainingError(
            f'{weights}: not weights of EfficientNetB{efnet_no}: {str(error).splitlines()[0]}'
        ) from None
    from_imagenet = 'emotion' not in {layer.name for layer in source.layers}
    if from_imagenet or sum(isinstance(layer, keras.layers.Rescaling) for layer in source.layers) == 2:
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
    if path.suffix == '.keras' or _is_whole_model(path):
        return keras.models.load_model(path, compile=False)
    source = backbone_class(efnet_no)(include_top=False, weights=None)
    source.load_weights(path)
    return source


def _is_whole_model(path):
    with h5py.File(path) as file:
        return 'model_config' in file.attrs


def copy_variables(source, target):
    """Copy all weights between two models of the same network, whatever their input sizes and dtype policies.

    Layers are matched by name, Normalization (whose automatic name counts up) by its class; those that this project
    puts around the backbone may be missing. Layers load their variables by themselves, since Normalization derives
    values from them then, which `set_weights` would not do.

    Raises:
        ValueError: a layer is missing, or a shape differs.
    """
    sources = {_layer_key(layer): layer for layer in source.layers}
    for layer in target.layers:
        if layer.weights and _layer_key(layer) in sources:
            variables = {}
            sources[_layer_key(layer)].save_own_variables(variables)
            layer.load_own_variables({key: keras.ops.convert_to_numpy(value) for key, value in variables.items()})
        elif layer.weights and layer.name not in ('grayscale', 'emotion'):
            raise ValueError(f'it has no layer {layer.name}')


def _layer_key(layer):
    return 'normalization' if isinstance(layer, keras.layers.Normalization) else layer.name


def compile_model(model, options, steps_per_epoch):
    """Attach optimiser, schedule, loss and metric to a model."""
    learning_rate = options.learning_rate
    if options.schedule == 'cosine':
        warmup_steps = round(options.warmup_epochs * steps_per_epoch)
        learning_rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warmup_steps else learning_rate,
            decay_steps=max(1, options.epochs * steps_per_epoch - warmup_steps),
            warmup_target=learning_rate if warmup_steps else None,
            warmup_steps=warmup_steps,
        )
    if options.optimizer == 'adamw':
        optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=options.weight_decay, global_clipnorm=1.0)
        optimizer.exclude_from_weight_decay(var_names=['bias', 'gamma', 'beta'])
    else:
        optimizer = keras.optimizers.Adam(learning_rate)
    soft = options.votes or options.label_smoothing or options.second_labels
    model.compile(
        optimizer,
        loss='categorical_crossentropy' if soft else 'sparse_categorical_crossentropy',
        metrics=['accuracy'],
        # TensorFlow's XLA makes this network several times slower on a CPU and gains little on a GPU.
        jit_compile=False if keras.backend.backend() == 'tensorflow' else 'auto',
    )


def grow(model, options, steps_per_epoch):
    """The same network and optimiser, both trained so far, at the image size of the last epochs (Tan & Le 2021,
    arXiv 2104.00298: small images first save most of the time and cost no accuracy)."""
    grown = build_model(options.efnet_no, 'none', options.grow_to, options.native_size, options.grayscale)
    copy_variables(model, grown)
    compile_model(grown, options, steps_per_epoch)
    grown.optimizer.build(grown.trainable_variables)
    for variable, trained in zip(grown.optimizer.variables, model.optimizer.variables, strict=True):
        variable.assign(trained)
    return grown


def save_model(model, path, class_priors):
    """Write model.h5 whole or not at all: float32, without the optimiser, class names and priors inside."""
    temporary_path = path.with_name(f'.{path.stem}.tmp.h5')
    _as_float32(model).save(temporary_path, include_optimizer=False)
    with h5py.File(temporary_path, 'r+') as file:
        file.attrs['class_names'] = json.dumps(EMOTIONS)
        file.attrs['class_priors'] = json.dumps([float(f'{prior:.6g}') for prior in class_priors])
    os.replace(temporary_path, path)


def _as_float32(model):
    """The same model for any machine, also where training ran in mixed precision."""
    if keras.config.dtype_policy().name == 'float32':
        return model

    def clone_layer(layer):
        return layer.__class__.from_config({**layer.get_config(), 'dtype': 'float32'})

    clone = keras.models.clone_model(model, clone_function=clone_layer)
    copy_variables(model, clone)
    return clone


# ---- training ------------------------------------------------------------------------------------


class EpochEnd(keras.callbacks.Callback):
    """After each epoch: model.h5 if it is the best, history.csv, and all that `--resume` needs.

    The checkpoint counts once state.json names it, so a run that is killed at any moment leaves a whole one.

    Args:
        output_path: where the best model is kept.
        class_priors: (9,) what goes into it, see `find_priors`.
        options: the run's options, kept so that a resumed run can be held to them.
        state: of an earlier part of this run, or None.
        plateau: the ReduceLROnPlateau whose progress is kept too, or None. It must stand before this callback.
    """

    def __init__(self, output_path, class_priors, options, state=None, plateau=None):
        super().__init__()
        self.output_path, self.class_priors, self.options, self.plateau = output_path, class_priors, options, plateau
        self.folder = checkpoint_folder(output_path)
        self.state = state or {'options': options, 'history': [], 'seconds': 0.0, 'plateau': None}

    def on_train_begin(self, logs=None):
        if self.plateau and self.state['plateau']:  # it forgets when training begins
            vars(self.plateau).update(self.state['plateau'])

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self.state['history'].append({'epoch': epoch + 1, **{name: float(value) for name, value in logs.items()}})
        history = pd.DataFrame(self.state['history'])
        if best_epoch(history, self.options['monitor']) == epoch:
            save_model(self.model, self.output_path, self.class_priors)
        history.to_csv(self.output_path.with_name('history.csv'), index=False)

        self.state['seconds'] += time.monotonic() - self.started
        if self.plateau:
            self.state['plateau'] = {key: getattr(self.plateau, key) for key in ('best', 'wait', 'cooldown_counter')}
        self.state['checkpoint'] = f'epoch_{epoch + 1}.keras'
        self.model.save(self.folder / self.state['checkpoint'])
        write_text(self.folder / 'state.json', json.dumps(self.state, indent=1))
        for path in self.folder.glob('epoch_*.keras'):
            if path.name != self.state['checkpoint']:
                path.unlink()


def best_epoch(history, monitor):
    """Number of the best epoch, from 0: of the highest validation accuracy, or of the lowest validation loss."""
    values = -history[monitor] if monitor == 'val_loss' else history[monitor]
    return int(np.nan_to_num(values.to_numpy(), nan=-np.inf).argmax())


def checkpoint_folder(output_path):
    return output_path.with_name('checkpoint')


def write_text(path, text):
    """Write a text file whole or not at all."""
    temporary_path = path.with_name(f'.{path.name}.tmp')
    temporary_path.write_text(text, encoding='utf-8')
    os.replace(temporary_path, path)


def load_checkpoint(output_path, options):
    """The state and the compiled model after the last finished epoch; (None, None) if none is finished.

    Raises:
        TrainingError: the checkpoint was made with other options.
    """
    folder = checkpoint_folder(output_path)
    if not (folder / 'state.json').is_file():
        return None, None
    state = json.loads((folder / 'state.json').read_text(encoding='utf-8'))
    changed = [name for name in options if options[name] != state['options'].get(name)]
    if changed:
        was = ', '.join(f'{name} {state["options"].get(name)} (now {options[name]})' for name in changed)
        raise TrainingError(f'{folder}: the run to resume had {was}; give the same options, or start without --resume')
    return state, keras.models.load_model(folder / state['checkpoint'])


def train(options, training, validation):
    """Fit from the start, or with `--resume` from the last finished epoch. Returns seconds spent in epochs."""
    run_options = {name: str(value) for name, value in vars(options).items() if name not in ('resume', 'workers')}
    state, model = load_checkpoint(options.output, run_options) if options.resume else (None, None)
    if model is None:
        if options.resume:
            print(f'Nothing to resume in {checkpoint_folder(options.output)}; starting anew.')
        shutil.rmtree(checkpoint_folder(options.output), ignore_errors=True)
        checkpoint_folder(options.output).mkdir(parents=True)
        model = build_model(
            options.efnet_no, options.weights, options.image_size, options.native_size, options.grayscale
        )
        compile_model(model, options, steps_per_epoch=len(training))
    epochs_done = len(state['history']) if state else 0
    training.epoch = epochs_done

    plateau = None
    if options.schedule == 'plateau':
        plateau = keras.callbacks.ReduceLROnPlateau(
            'val_accuracy', patience=3, min_lr=3e-7, mode='max', factor=0.1, verbose=1
        )
    epoch_end = EpochEnd(options.output, find_priors(training.targets), run_options, state, plateau)
    grow_epoch = options.epochs - options.grow_epochs if options.grow_to else options.epochs
    for first, last in ((0, grow_epoch), (grow_epoch, options.epochs)):
        if epochs_done >= last:
            continue
        if first and epochs_done == first:
            model = grow(model, options, len(training))
        model.fit(
            training,
            validation_data=validation,
            initial_epoch=epochs_done,
            epochs=last,
            callbacks=[*([plateau] if plateau else []), epoch_end],
            shuffle=False,  # the dataset shuffles by itself
            verbose=1 if sys.stdout.isatty() or 'ipykernel' in sys.modules else 2,
        )
        epochs_done = last
    return epoch_end.state['seconds']


# ---- evaluation ----------------------------------------------------------------------------------


def predict(model, paths, options, views=VIEWS):
    """Probabilities of image files in each view: (views, n, 9) float32.

    Their mean over the views is the test-time augmented answer.
    """
    common = {'size': model.input_shape[1], 'batch_size': options.batch_size, 'workers': options.workers}
    augmenters = [partial(view, angle=angle, mirror=mirror) for angle, mirror in views]
    datasets = [FaceDataset(paths, augmenter=augmenter, **common) for augmenter in augmenters]
    return np.stack([model.predict(dataset, verbose=0) for dataset in datasets])


def balance(probabilities, class_priors, share=BALANCE):
    """Free (..., 9) probabilities of a share of the class priors; inference does the same.

    What was common in training is said too often where it is not as common (logit adjustment, Menon et al. 2021, arXiv
    2007.07314).
    """
    freed = probabilities * np.asarray(class_priors) ** -share
    return freed / freed.sum(axis=-1, keepdims=True)


def calibrate(model, labels, probabilities, class_priors):
    """Make a model's confidence match how often it is right, by one temperature (Guo et al. 2017, arXiv 1706.04599).

    The last layer's weights are divided by the temperature under which the labels are most likely, once the answers
    are balanced.

    Args:
        labels: (n,) class numbers of images that the model was not trained on.
        probabilities: (n, 9), what the model says of them.
        class_priors: (9,), of which the answers will be freed, see `balance`.

    Returns:
        The temperature: above 1, the model was too sure.
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
    """Accuracy and calibration with and without test-time augmentation; macro F1 and figures per class with it."""
    predicted = probabilities_tta.argmax(axis=1)
    classes = range(len(EMOTIONS))
    uncertain = EMOTIONS.index('uncertain')
    certain = labels != uncertain
    report = classification_report(
        labels, predicted, labels=classes, target_names=EMOTIONS, output_dict=True, zero_division=0
    )
    return {
        'accuracy': float(accuracy_score(labels, probabilities.argmax(axis=1))),
        'accuracy_tta': float(accuracy_score(labels, predicted)),
        # Of the images that are not labelled uncertain, the best of the other eight: how FER+ is usually scored.
        'accuracy_without_uncertain': _accuracy_without(uncertain, labels[certain], probabilities[certain]),
        'accuracy_without_uncertain_tta': _accuracy_without(uncertain, labels[certain], probabilities_tta[certain]),
        'mean_recall_tta': float(recall_score(labels, predicted, labels=classes, average='macro', zero_division=0)),
        'macro_f1_tta': float(f1_score(labels, predicted, labels=classes, average='macro', zero_division=0)),
        'expected_calibration_error': expected_calibration_error(labels, probabilities),
        'expected_calibration_error_tta': expected_calibration_error(labels, probabilities_tta),
        'per_class_tta': {emotion: report[emotion] for emotion in EMOTIONS},
    }


def unique_accuracy(table, labels, probabilities, probabilities_tta):
    """How often the answer is right where each picture counts once, and how many there are."""
    first = ~table.picture.duplicated().to_numpy()
    return {
        'images': int(first.sum()),
        'accuracy': float(accuracy_score(labels[first], probabilities[first].argmax(axis=1))),
        'accuracy_tta': float(accuracy_score(labels[first], probabilities_tta[first].argmax(axis=1))),
    }


def _accuracy_without(left_out, labels, probabilities):
    return float(
        accuracy_score(labels, np.where(np.arange(len(EMOTIONS)) == left_out, -1, probabilities).argmax(axis=1))
    )


def describe_run(options, tables, seconds):
    """What it takes to repeat the run and to judge its figures."""
    return {
        'command': shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        'seed': options.seed,
        'split_sizes': {name: len(table) for name, table in tables.items()},
        'training_seconds': round(seconds),
        'machine': {
            'system': f'{platform.system()} {platform.machine()}',
            'processors': os.cpu_count(),
            'backend': keras.backend.backend(),
        },
        'versions': {
            'python': platform.python_version(),
            'keras': keras.__version__,
            keras.backend.backend(): _backend_version(),
            'opencv': cv2.__version__,
            'numpy': np.__version__,
            'scikit-learn': sklearn.__version__,
        },
    }


def _backend_version():
    return getattr(sys.modules.get(keras.backend.backend()), '__version__', 'unknown')


def save_samples(dataset, table, path, columns=8, rows=4):
    """Save a grid of training images as the network receives them, with their labels."""
    figure, axes = plt.subplots(rows, columns, figsize=(columns * 1.4, rows * 1.6), layout='constrained')
    order = dataset._order()
    for axis, row, image in zip(axes.flat, order, dataset[0][0], strict=False):
        axis.imshow(image.astype('uint8'))
        axis.set_title(table.emotion.iloc[row], fontsize=9)
    for axis in axes.flat:
        axis.axis('off')
    figure.savefig(path, dpi=110)
    plt.close(figure)


def save_confusion_matrix(labels, predicted, path):
    """Save the confusion matrix, classes in their order, each row in shares of its true class."""
    figure, axis = plt.subplots(figsize=(7.5, 6.5), layout='constrained')
    display = ConfusionMatrixDisplay.from_predictions(
        labels,
        predicted,
        labels=range(len(EMOTIONS)),
        display_labels=EMOTIONS,
        normalize='true',
        values_format='.2f',
        xticks_rotation=45,
        cmap='Blues',
        ax=axis,
        im_kw={'vmin': 0, 'vmax': 1},
    )
    display.ax_.set(
        title=f'Validation, {len(labels)} images: share of each true class', xlabel='predicted', ylabel='true'
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)


def save_learning_curves(history, monitor, path):
    """Save loss and accuracy over the epochs of history.csv, and which of them was kept."""
    best = history.iloc[best_epoch(history, monitor)]
    figure, (loss, accuracy) = plt.subplots(1, 2, figsize=(10, 4), layout='constrained')
    for axis, metric in ((loss, 'loss'), (accuracy, 'accuracy')):
        axis.plot(history.epoch, history[metric], 'o-', markersize=3, label='training (augmented)')
        axis.plot(history.epoch, history[f'val_{metric}'], 'o-', markersize=3, label='validation')
        axis.axvline(best.epoch, color='0.5', linestyle=':', label=f'kept: {best["val_" + metric]:.3f}')
        axis.set(xlabel='epoch', ylabel=metric)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.margins(y=0.1)
        axis.grid(alpha=0.3)
        axis.legend()
    loss.set_ylabel('cross-entropy (nats)')
    figure.savefig(path, dpi=110)
    plt.close(figure)


def write_submission(sample, bad, probabilities, path):
    """Write labels in the sample's own order and columns; unreadable images keep the sample's label."""
    submission = sample.copy()
    words = np.array(EMOTIONS, dtype=object)[probabilities.argmax(axis=1)]
    submission.loc[~bad, 'emotion'] = words
    temporary_path = path.with_name(f'.{path.name}.tmp')
    submission.to_csv(temporary_path, index=False)
    os.replace(temporary_path, path)


def evaluate(options, tables, class_priors, seconds):
    """Judge model.h5 on the validation images; write metrics, report and pictures beside it. Returns the model."""
    model = keras.models.load_model(options.output, compile=False)
    validation = tables['validation']
    labels = make_targets(validation)
    temperature = None
    if options.calibrate:
        (plain,) = predict(model, validation.path, options, VIEWS[:1])
        temperature = calibrate(model, labels, plain, class_priors)
        save_model(model, options.output, class_priors)
    probabilities = predict(model, validation.path, options)
    augmented = probabilities.mean(axis=0)
    metrics = compute_metrics(labels, probabilities[0], augmented) | {'temperature': temperature}
    balanced = compute_metrics(labels, balance(probabilities[0], class_priors), balance(augmented, class_priors))
    metrics |= {'balance': BALANCE, 'balanced': balanced}
    metrics |= {'unique_pictures': unique_accuracy(validation, labels, probabilities[0], augmented)}
    metrics |= {'copies': describe_copies(tables)} | describe_run(options, tables, seconds)
    predicted = augmented.argmax(axis=1)
    report = classification_report(
        labels, predicted, labels=range(len(EMOTIONS)), target_names=EMOTIONS, digits=3, zero_division=0
    )
    folder = options.output.parent
    write_text(folder / 'metrics.json', json.dumps(metrics, indent=1) + '\n')
    write_text(folder / 'classification_report.txt', report)
    save_confusion_matrix(labels, predicted, folder / 'confusion_matrix.png')
    save_learning_curves(pd.read_csv(folder / 'history.csv'), options.monitor, folder / 'learning_curves.png')
    print(report)
    print(f'Local validation accuracy: {metrics["accuracy"]:.4f}; test-time augmented: {metrics["accuracy_tta"]:.4f}')
    return model


# ---- main ----------------------------------------------------------------------------------------


def parse_options(arguments=None):
    parser = argparse.ArgumentParser(
        description='Train EfficientNet on a Kaggle table of faces.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.error = lambda message: sys.exit(f'model_training.py: {message} (--help lists the options)')
    data = parser.add_argument_group('data')
    data.add_argument('--images', type=Path, default=IMAGES_PATH, help='folder of the training images')
    data.add_argument('--test-images', type=Path, default=TEST_IMAGES_PATH, help='folder of the test images')
    data.add_argument('--train-csv', type=Path, default=TRAIN_CSV_PATH, help='table: image_path, emotion')
    data.add_argument(
        '--sample-submission', type=Path, default=SAMPLE_SUBMISSION_PATH, help='table: image_path, emotion'
    )
    data.add_argument('--second-labels', type=Path, help='table: image_path, and another label of the same images')
    data.add_argument('--output', type=Path, default=OUTPUT_PATH, help='model file; all else is written beside it')
    data.add_argument('--skip-bad-images', action='store_true', help='leave unreadable images out')

    network = parser.add_argument_group('network')
    network.add_argument('--efnet-no', type=int, choices=range(8), default=EFNET_NO, help='EfficientNetB0 to B7')
    network.add_argument('--weights', default=WEIGHTS, help='imagenet, none, or the path of a weights file')
    network.add_argument('--image-size', type=int, help='side that the backbone sees, pixels; its own where not given')
    network.add_argument('--native-size', type=int, help='side of the images where smaller: the model enlarges them')
    network.add_argument('--grow-to', type=int, help='--image-size of the last --grow-epochs; needs --native-size')
    network.add_argument('--grayscale', action='store_true', help='the model looks at luma only')
    network.add_argument(
        '--precision', choices=('float32', 'mixed_float16', 'mixed_bfloat16'), default='float32', help="Keras' policy"
    )
    network.add_argument('--data-parallel', action='store_true', help='all local devices (KERAS_BACKEND=jax only)')

    add_training_options(parser.add_argument_group('training'))
    add_augmentation_options(parser.add_argument_group('augmentation'))
    return parser.parse_args(arguments)


def add_training_options(training):
    training.add_argument('--batch-size', type=int, default=BATCH_SIZE, help='images')
    training.add_argument('--epochs', type=int, default=EPOCHS, help='in all, resumed ones included')
    training.add_argument('--seed', type=int, default=SEED, help='of weights, order and augmentation')
    training.add_argument('--learning-rate', type=float, default=LEARNING_RATE, help='the highest')
    training.add_argument(
        '--optimizer', choices=('adam', 'adamw'), default=OPTIMIZER, help='adamw: decay, norm clipped'
    )
    training.add_argument('--weight-decay', type=float, default=WEIGHT_DECAY, help='of adamw')
    training.add_argument('--schedule', choices=('plateau', 'cosine'), default=SCHEDULE, help='of the learning rate')
    training.add_argument('--warmup-epochs', type=float, default=WARMUP_EPOCHS, help='of the cosine schedule')
    training.add_argument(
        '--label-smoothing', type=float, default=LABEL_SMOOTHING, help='share spread over all classes'
    )
    training.add_argument('--votes', type=float, default=VOTES, help="share of the table's vote columns in the target")
    training.add_argument(
        '--second-share', type=float, default=SECOND_SHARE, help='of the second labels in the target, 0 to 1'
    )
    training.add_argument(
        '--oversample', type=int, default=OVERSAMPLE, help='repeat images of rare emotions: at least so many an epoch'
    )
    training.add_argument(
        '--monitor', choices=('val_accuracy', 'val_loss'), default=MONITOR, help='says which epoch is kept'
    )
    training.add_argument('--grow-epochs', type=int, default=GROW_EPOCHS, help='with --grow-to: how many of --epochs')
    training.add_argument(
        '--calibrate', action='store_true', help='at the end, one temperature so that confidence matches accuracy'
    )
    training.add_argument('--resume', action='store_true', help='go on from the last finished epoch')


def add_augmentation_options(augmentation):
    augmentation.add_argument('--no-augmentation', action='store_true', help='train on the images as they are')
    augmentation.add_argument('--no-flip', action='store_true', default=not FLIP, help='do not mirror')
    augmentation.add_argument('--rotation', type=float, default=ROTATION, help='degrees to either side')
    augmentation.add_argument('--shift', type=float, default=SHIFT, help='share of width and height')
    augmentation.add_argument(
        '--crop', type=float, nargs=2, metavar=('LEAST', 'MOST'), default=CROP, help='share of the side that is seen'
    )
    augmentation.add_argument('--contrast', type=float, default=CONTRAST, help='share, up or down; brightness with it')
    augmentation.add_argument('--damage', type=float, default=DAMAGE, help='share of images for each kind of damage')
    augmentation.add_argument('--workers', type=int, default=WORKERS, help='threads that read and augment')


def check_options(options):
    """Find wrong options before any work.

    Raises:
        TrainingError: one is out of its range, contradicts another one, or asks for what is not here.
    """
    for name, (least, most) in LIMITS.items():
        value = getattr(options, name)
        if value is not None and not (least <= value and (most is None or value <= most)):
            expected = f'{least:g} or more' if most is None else f'{least:g} to {most:g}'
            raise TrainingError(f'--{name.replace("_", "-")} is {value}; expected {expected}')
    if not 0 < options.crop[0] <= options.crop[1]:
        raise TrainingError(
            f'--crop is {options.crop[0]:g} {options.crop[1]:g}; expected two shares above 0, least first'
        )
    if options.output.suffix != '.h5':
        raise TrainingError(f'--output is {options.output}; expected a name that ends in .h5, the format of the model')
    if options.grow_to and not options.native_size:
        raise TrainingError('--grow-to needs --native-size, the size that the images keep while the network grows')
    if options.data_parallel and keras.backend.backend() != 'jax':
        raise TrainingError('--data-parallel needs KERAS_BACKEND=jax, the backend that Keras spreads over devices')


def load_tables(options):
    """Read and check everything that training will need. Returns tables with a `path` column, and bad test images."""
    table = read_training_table(options.train_csv, votes=bool(options.votes))
    sample = read_table(options.sample_submission, ['image_path', 'emotion'])
    if options.second_labels:
        add_second_labels(table, options.second_labels)
    table['path'] = [options.images / image_path for image_path in table.image_path]
    test_paths = [options.test_images / image_path for image_path in sample.image_path]
    check_class_sizes(table, options.train_csv)
    table['picture'] = check_images(list(table.path), 'training', options.skip_bad_images, options.workers)
    table = table[table.picture != '']
    check_class_sizes(table, options.train_csv)
    sample = sample.assign(path=test_paths)
    sample['picture'] = check_images(test_paths, 'test', options.skip_bad_images, options.workers)
    # Whatever --seed says: a model trained further (--weights) must not be measured on faces it has learnt from.
    training, validation = split(table)
    return {'training': training, 'validation': validation, 'test': sample}


def run(options):
    check_options(options)
    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(options.precision)
    if options.data_parallel:
        keras.distribution.set_distribution(keras.distribution.DataParallel())
    tables = load_tables(options)
    print_copies(describe_copies(tables))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    sampled = oversample(tables['training'], options.oversample, options.seed)
    training, validation = make_datasets(options, sampled, tables['validation'])
    save_samples(training, sampled, options.output.with_name('samples.png'))
    seconds = train(options, training, validation)
    class_priors = find_priors(training.targets)
    model = evaluate(options, tables, class_priors, seconds)
    test = tables['test']
    bad = (test.picture == '').to_numpy()
    probabilities = predict(model, test.path[~bad], options).mean(axis=0)
    sample = test.drop(columns=['path', 'picture'])
    write_submission(sample, bad, probabilities, options.output.with_name('submission.csv'))
    balanced = balance(probabilities, class_priors)
    write_submission(sample, bad, balanced, options.output.with_name('submission_balanced.csv'))
    print(f'Wrote {options.output} and, beside it, metrics.json, history.csv, the submissions and the pictures.')


def make_datasets(options, training_table, validation_table):
    """The training and validation images as the options want them; both with labels, or both with distributions."""
    augmenter = partial(
        augment,
        flip=not options.no_flip,
        rotation=options.rotation,
        shift=options.shift,
        crop=options.crop,
        contrast=options.contrast,
        damage=options.damage,
    )
    common = {
        'size': options.native_size or options.image_size or EFNET_IMAGE_SIZES[options.efnet_no],
        'batch_size': options.batch_size,
        'workers': options.workers,
    }
    training = FaceDataset(
        training_table.path,
        make_targets(
            training_table, options.votes, options.label_smoothing, options.second_share * bool(options.second_labels)
        ),
        augmenter=None if options.no_augmentation else augmenter,
        shuffle=True,
        seed=options.seed,
        **common,
    )
    labels = make_targets(validation_table)
    distributions = np.eye(len(EMOTIONS), dtype='float32')[labels]
    validation = FaceDataset(validation_table.path, distributions if training.targets.ndim == 2 else labels, **common)
    return training, validation


@contextmanager
def signals_as_ctrl_c():
    """Let a batch system's SIGTERM and a closed terminal's SIGHUP end the run as Ctrl-C does."""
    signals = [getattr(signal, name) for name in ('SIGTERM', 'SIGHUP') if hasattr(signal, name)]  # Windows lacks one
    signals = [number for number in signals if signal.getsignal(number) == signal.SIG_DFL]  # nohup ignores SIGHUP
    for number in signals:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in signals:
            signal.signal(number, signal.SIG_DFL)


def main(arguments=None):
    options = parse_options(arguments)
    try:
        with signals_as_ctrl_c():
            run(options)
    except (TrainingError, OSError) as error:
        sys.exit(f'model_training.py: {error}')
    except KeyboardInterrupt:
        sys.exit('model_training.py: interrupted; the same command with --resume goes on after the last finished epoch')


if __name__ == '__main__':
    main()
