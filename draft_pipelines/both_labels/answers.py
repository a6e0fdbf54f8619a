"""Write models' answers to the images of a table: answers.py FOLDER TABLE one.h5 other.h5 ... answers.csv

distil.py learns from them. The answer to an image is the mean over the models, two sizes of the face and their mirror
images, as the networks give them, not yet compared with a reference at rest. A model that is named twice counts twice.
"""

import os
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.labels import InputError
from emotion_recognition.media.photographs import read_photograph

BATCH = 64  # images
SIZES = (1, 0.85)  # shares of the face's sides


def answer_in_views(classifier, faces):
    """Probabilities of faces, (height, width, 3) uint8 BGR: (n, K) float64, the mean over the views."""
    total = 0
    for share in SIZES:
        classifier.model_file = replace(classifier.model_file, face_share=share)
        for view in (faces, [face[:, ::-1] for face in faces]):
            total = total + classifier.predict(view).astype('float64')
    return total / (2 * len(SIZES))


def answer(model_paths, image_paths):
    """Probabilities of image files: (n, K) float64, the mean over the models."""
    total = 0
    for model_path, times in Counter(model_paths).items():
        classifier, answers = EmotionClassifier(model_path, precision='f32', threads=os.cpu_count()), []
        for start in tqdm(range(0, len(image_paths), BATCH), str(model_path), unit='batch'):
            faces = [read_photograph(path) for path in image_paths[start : start + BATCH]]
            answers += [*answer_in_views(classifier, faces)]
        total = total + times * pd.DataFrame(answers, columns=classifier.class_names)
    return total / len(model_paths)


if __name__ == '__main__':
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    folder, table, *models, output = sys.argv[1:]
    try:
        images = pd.read_csv(table, usecols=['image_path']).image_path
        answers = answer(models, [Path(folder) / image for image in images])
    except (InputError, OSError, ValueError) as error:  # pandas' are ValueErrors
        sys.exit(f'answers.py: {error}')
    answers.round(5).assign(image_path=images).set_index('image_path').to_csv(output)
