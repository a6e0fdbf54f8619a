"""Compare Keras' own calls with EmotionClassifier: milliseconds for the faces of a frame, and their answers.

    python tests/benchmarks/benchmark_classifier.py --faces-zip emotions9.zip

All ways are measured in turn, several times. With --faces-zip (training images as Kaggle packs them), the answers are
also compared on every tenth of its training images.
"""

import argparse
import os
import sys
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

from emotion_recognition.emotions.classifier import EmotionClassifier  # noqa: E402 (found through the line above)

MODEL_PATH = ROOT / 'model_weights' / 'model.h5'
FACE_COUNTS = (1, 4)
FACE_SIZE = 200  # pixels
CALLS = 20
COMPARED_TOGETHER = 100


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--model-weights-path', type=Path, default=MODEL_PATH)
    parser.add_argument('--faces-zip', type=Path)
    options = parser.parse_args()
    import keras

    model = keras.models.load_model(options.model_weights_path, compile=False)
    classifiers = {
        f'EmotionClassifier, {name}': EmotionClassifier(options.model_weights_path, *runtime)
        for name, runtime in (
            ('Keras', ('keras',)),
            ('OpenVINO f32', ('openvino', 'f32')),
            ('OpenVINO auto', ('openvino', 'auto')),
        )
    }
    size = model.input_shape[1]

    def predict_each(faces):
        for face in faces:
            model.predict(cv2.resize(face, (size, size))[None, :, :, ::-1].astype(np.float32), verbose=0)

    ways = {'model.predict, each face': predict_each, **{name: way.predict for name, way in classifiers.items()}}
    for face_count in FACE_COUNTS:
        measure(ways, face_count, options.rounds)
    if options.faces_zip:
        compare(classifiers, options.faces_zip)


def measure(ways, face_count, rounds):
    faces = list(np.random.default_rng(0).integers(0, 256, (face_count, FACE_SIZE, FACE_SIZE, 3)).astype(np.uint8))
    times = {name: [] for name in ways}
    for round_number in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            for _ in range(CALLS):
                way(faces)
            if round_number:  # the first round compiles
                times[name].append((time.perf_counter() - started) / CALLS * 1000)
    print(f'Faces in the frame: {face_count}')
    first = np.median(next(iter(times.values())))
    for name, values in times.items():
        median = np.median(values)
        spread = f'({min(values):.1f} to {max(values):.1f})'
        print(f'  {name:33} {median:6.1f} ms {spread:18} {first / median:5.1f} times as fast')


def compare(classifiers, zip_path):
    with zipfile.ZipFile(zip_path) as archive:
        names = [name for name in archive.namelist() if name.endswith(('.png', '.jpg')) and 'test' not in name][::10]
        faces = [cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR) for name in names]
    batches = [faces[start : start + COMPARED_TOGETHER] for start in range(0, len(faces), COMPARED_TOGETHER)]
    answers = {name: np.concatenate([way.predict(batch) for batch in batches]) for name, way in classifiers.items()}
    keras_answer, *_ = answers.values()
    for name, answer in answers.items():
        same = (answer.argmax(axis=1) == keras_answer.argmax(axis=1)).mean()
        difference = np.abs(answer - keras_answer).max()
        print(f'{name:33} same emotion as Keras for {same:.2%} of {len(faces)}, largest difference {difference:.1e}')


if __name__ == '__main__':
    main()
