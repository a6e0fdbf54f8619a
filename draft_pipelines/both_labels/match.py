"""Learn models' answers to the very images that the network sees: match.py --teachers face_teacher.h5,model.h5 ...

This is distil.py with --teachers, --teachers-weights, --teachers-share and --hint. The answers of distil.py are about
the unchanged images, the same in every epoch. Here the teachers answer in each epoch to the image as it was turned,
damaged and mixed (Beyer et al. 2022, arXiv 2106.05237). A linear layer also learns to predict the features that the
first teacher pools (Romero et al. 2015, arXiv 1412.6550), a thousand numbers instead of nine; model.h5 is without it.
"""

import distil  # the script next to this one
import keras
import numpy as np
import openvino
import run

from model_training import EpochEnd, Option, TrainingError, load_source

MORE_OPTIONS = distil.MORE_OPTIONS | {
    'teachers': Option('model.h5', 'model files, separated by commas; the mean of their answers is learnt'),
    'teachers_weights': Option(
        None, 'weights of their answers; equal if not given', 0, more={'type': float, 'nargs': '+'}
    ),
    'teachers_share': Option(0.75, 'share of the target that comes from these answers', 0, 1),
    'hint': Option(1.0, "weight of the squared error in the first teacher's features, whose deviation is 1", 0),
}
SAMPLE = 25  # batches; the mean and the deviation of the features come from them


class Teachers:
    """Models whose answers any thread may ask for."""

    def __init__(self, paths, weights=None):
        if weights and (len(weights) != len(paths) or not sum(weights)):
            raise TrainingError(f'--teachers-weights {weights}: expected one for each of {len(paths)} teachers')
        self.weights = weights
        models = [load_source(1, path) for path in paths]
        models[0] = keras.Model(models[0].input, [models[0].output, models[0].get_layer('pooling').output])
        core, options = openvino.Core(), {'INFERENCE_NUM_THREADS': 1, 'INFERENCE_PRECISION_HINT': 'f32'}
        parts = [keras.Model(model.input, model(model.input, training=False)) for model in models]
        # Copies: weights that are shared with a Keras model are overwritten once it is gone
        copies = [openvino.convert_model(part, share_weights=False) for part in parts]
        self.networks = [core.compile_model(copy, 'CPU', options) for copy in copies]

    def __call__(self, images):
        """The mean answer to (n, S, S, 3) float32 RGB 0..255, (n, 9), and the features of the first one, (n, F)."""
        results = [network.infer_new_request([images]) for network in self.networks]  # a new one: threads ask at once
        answers = np.average([result[0] for result in results], axis=0, weights=self.weights)
        return answers.astype('float32'), results[0][1]

    def features(self, images):
        """The features that the first one pools of such images, (n, F)."""
        return self.networks[0].infer_new_request([images])[1]


class MatchedFaces(distil.MixedFaces):
    """Batches of images with two targets: probabilities, and features of the first teacher, standardised."""

    teachers = share = mean = deviation = None  # make_datasets sets them

    def __getitem__(self, index):
        batch = super().__getitem__(index)
        if self.teachers is None:
            return batch
        images, targets = batch
        if self.shuffle:
            answers, features = self.teachers(images)
            targets = (1 - self.share) * targets + self.share * answers
        else:
            features = self.teachers.features(images)
        return images, (targets, (features - self.mean) / self.deviation)


def make_datasets(options, tables):
    """Make the data of distil.py and give them the teachers."""
    training, validation = distil.make_datasets(options, tables, MatchedFaces)
    teachers = Teachers(options.teachers.split(','), options.teachers_weights)
    features = np.concatenate([teachers.features(training[index][0]) for index in range(min(SAMPLE, len(training)))])
    for dataset in (training, validation):
        dataset.teachers, dataset.share = teachers, options.teachers_share
        dataset.mean, dataset.deviation = features.mean(axis=0), features.std(axis=0) + 1e-3
    return training, validation


def make_model(options, training):
    """Build and compile the network of distil.py with the linear layer."""
    model = add_hint(distil.build(options), len(training.mean))
    compile_for_both(model, options, len(training))
    return model


def add_hint(model, count):
    """Add a second output to a model: a linear layer for `count` features."""
    hint = keras.layers.Dense(count, name='hint')(model.get_layer('pooling').output)
    return keras.Model(model.input, [model.output, hint], name=model.name)


def compile_for_both(model, options, steps_per_epoch):
    """Compile a model of two outputs as distil.py does, with a loss for each."""
    distil.freeze_and_compile(model, options, steps_per_epoch)
    losses = {'loss': ['categorical_crossentropy', 'mse'], 'loss_weights': [1, options.hint]}
    model.compile(model.optimizer, metrics=[['accuracy'], []], jit_compile=model.jit_compile, **losses)


class EmotionEpochEnd(EpochEnd):
    """Records the emotions' measures under their usual names. The script saves the first output alone.

    The sum of both losses is not recorded.
    """

    def on_epoch_end(self, epoch, logs=None):
        of_sum = ('loss', 'val_loss')
        parts = {name.replace('emotion_', ''): value for name, value in logs.items() if name not in of_sum}
        super().on_epoch_end(epoch, parts)


if __name__ == '__main__':
    distil.main(
        run.DIFFERENCES,
        MORE_OPTIONS,
        make_datasets=make_datasets,
        make_model=make_model,
        epoch_end_type=EmotionEpochEnd,
    )
