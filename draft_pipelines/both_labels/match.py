"""Learn what models say of the very images that the network sees: match.py --teachers face_teacher.h5,model.h5 ...

distil.py with --teachers, their --teachers-weights and --teachers-share, and --hint. Its answers are to the images as
they are, and the same in every epoch; here the teachers answer anew to each image as it was turned, damaged and mixed
(Beyer et al. 2022, arXiv 2106.05237). And a linear layer, which model.h5 goes without, learns to give what the first
teacher pools (Romero et al. 2015, arXiv 1412.6550): a thousand numbers in place of nine.
"""

import distil  # the script beside this one
import keras
import numpy as np
import openvino
import run

import model_training
from model_training import EpochEnd, Option, TrainingError, build_model, load_source, save_model

model_training.OPTIONS |= {
    'teachers': Option('model.h5', 'model files, a comma between them; what they answer in the mean is learnt'),
    'teachers_weights': Option(None, 'of their answers; equal if not given', 0, None, float, {'nargs': '+'}),
    'teachers_share': Option(0.75, 'share of these answers in the target', 0, 1),
    'hint': Option(1.0, "weight of the squared error in the first teacher's features, which vary by 1", 0),
}
SAMPLE = 25  # batches that tell how much the features vary


class Teachers:
    """Models that any thread may ask."""

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
        """Their mean answer to (n, S, S, 3) float32 RGB 0..255, (n, 9), and what the first one pools, (n, F)."""
        results = [network.infer_new_request([images]) for network in self.networks]  # a new one: threads ask at once
        answers = np.average([result[0] for result in results], axis=0, weights=self.weights)
        return answers.astype('float32'), results[0][1]

    def features(self, images):
        """What the first one pools of such images, (n, F)."""
        return self.networks[0].infer_new_request([images])[1]


class MatchedFaces(distil.MixedFaces):
    """Batches of images with two targets: probabilities, and features of the first teacher, standardised."""

    teachers = share = mean = deviation = None  # the script's own, see below

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


def make_matched_datasets(options, training_table, validation_table):
    training, validation = distil.make_datasets_with_answers(options, training_table, validation_table)
    teachers = Teachers(options.teachers.split(','), options.teachers_weights)
    features = np.concatenate([teachers.features(training[index][0]) for index in range(min(SAMPLE, len(training)))])
    for dataset in (training, validation):
        dataset.teachers, dataset.share = teachers, options.teachers_share
        dataset.mean, dataset.deviation = features.mean(axis=0), features.std(axis=0) + 1e-3
    model_training.build_model = lambda *network: add_hint(build_model(*network), features.shape[1])
    return training, validation


def add_hint(model, count):
    hint = keras.layers.Dense(count, name='hint')(model.get_layer('pooling').output)
    return keras.Model(model.input, [model.output, hint], name=model.name)


def compile_for_both(model, options, steps_per_epoch):
    distil.freeze_and_compile(model, options, steps_per_epoch)
    losses = {'loss': ['categorical_crossentropy', 'mse'], 'loss_weights': [1, options.hint]}
    model.compile(model.optimizer, metrics=[['accuracy'], []], jit_compile=model.jit_compile, **losses)


def save_without_hint(model, *others):
    save_model(keras.Model(model.input, model.outputs[0], name=model.name), *others)


class EmotionEpochEnd(EpochEnd):
    """What is learnt of the emotions has the names that it has without a hint; the sum of both losses has none."""

    def on_epoch_end(self, epoch, logs=None):
        parts = {
            name.replace('emotion_', ''): value for name, value in logs.items() if name not in ('loss', 'val_loss')
        }
        super().on_epoch_end(epoch, parts)


if __name__ == '__main__':
    distil.main(
        run.DIFFERENCES,
        FaceDataset=MatchedFaces,
        EpochEnd=EmotionEpochEnd,
        make_datasets=make_matched_datasets,
        compile_model=compile_for_both,
        save_model=save_without_hint,
    )
