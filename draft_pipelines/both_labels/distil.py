"""Learn from models' answers too (Hinton et al. 2015, arXiv 1503.02531): run.py with --answers and --frozen-stages."""

import sys
from pathlib import Path

import pandas as pd
import run  # the script beside this one

import model_training
from model_training import EMOTIONS, Option, TrainingError, compile_model, make_datasets

model_training.OPTIONS |= {
    'answers': Option(None, 'table of answers.py: image_path and a probability for each emotion', parse=Path),
    'answers_share': Option(0.5, 'share of the answers in the target', 0, 1),
    'frozen_stages': Option(0, 'of the seven, from the first: they and the stem stay as they are', 0, 7),
}


def mix_in(targets, paths, options):
    """Targets, (n, 9) float32, of which a share is exchanged for the answers to these images."""
    table = pd.read_csv(options.answers)
    answers = table[list(EMOTIONS)].set_axis([options.images / path for path in table.image_path])
    if missing := set(paths) - set(answers.index):
        raise TrainingError(f'{options.answers}: lacks {len(missing)} of the training images')
    answers = answers.loc[paths].to_numpy('float32')
    share = options.answers_share
    return (1 - share) * targets + share * answers / answers.sum(axis=1, keepdims=True)


def make_datasets_with_answers(options, training_table, validation_table):
    training, validation = make_datasets(options, training_table, validation_table)
    if options.answers:
        training.targets = mix_in(training.targets, training.paths, options)
    return training, validation


def freeze_and_compile(model, options, steps_per_epoch):
    """On two cores, stem and two stages take a third of a step's time to learn what they have long known."""
    stages = [f'block{stage}' for stage in range(1, options.frozen_stages + 1)]
    frozen = ('stem', *stages) if stages else ()
    for layer in model.layers:
        if layer.name.startswith(frozen):
            layer.trainable = False
    compile_model(model, options, steps_per_epoch)


if __name__ == '__main__':
    model_training.make_datasets, model_training.compile_model = make_datasets_with_answers, freeze_and_compile
    model_training.augment, model_training.FaceDataset = run.augment_and_damage, run.ShortEpochs
    model_training.main([*run.DIFFERENCES, *sys.argv[1:]])
