"""The model.h5 that comes with the repository: its contract, and its figures if the data is available."""

import json
import shutil
import zipfile
from unittest.mock import Mock

import cv2
import numpy as np
import pandas as pd
import pytest

from emotion_recognition.emotions import conversion
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.emotions.rest import compare_with_rest
from emotion_recognition.emotions.runtimes import OpenVinoNetwork
from model_training import from_rest, split
from tests.clips import demo_frame
from tests.conftest import CLASS_NAMES
from tests.paths import ROOT, SHARED
from tests.training_runs import stored_types

FOLDER = ROOT / 'model_weights'
DATA_PATH = SHARED / 'data' / 'emotions9.zip'


@pytest.fixture(scope='module')
def classifier():
    return EmotionClassifier(FOLDER / 'model.h5')


def test_contract(classifier):
    assert (classifier.image_size, classifier.class_names) == (48, CLASS_NAMES)
    face = np.random.default_rng(0).integers(0, 256, (90, 80, 3)).astype(np.uint8)
    probabilities = classifier.predict([face, face[:, ::-1]])
    assert probabilities.shape == (2, 9)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert classifier.model_file.face_share == 0.92


def test_colour_makes_no_difference(classifier):
    """The model was trained on grey faces, and turns every face grey."""
    colour = np.random.default_rng(0).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    grey = cv2.cvtColor(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    np.testing.assert_allclose(*classifier.predict([colour, grey]), atol=0.02)


@pytest.fixture(scope='module')
def metrics():
    return json.loads((FOLDER / 'metrics.json').read_text())


@pytest.fixture(scope='module')
def validation_faces(metrics):
    """The first 600 of the 3,202 validation images, BGR, and their emotions."""
    if not DATA_PATH.is_file():
        pytest.skip('the training data is not here')
    with zipfile.ZipFile(DATA_PATH) as archive:
        table = pd.read_csv(archive.open('train.csv'))
        table['picture'] = [
            archive.read(path.removeprefix('./')) for path in table.image_path
        ]  # copies are whole files
    _, validation = split(table)
    assert len(validation) == metrics['split_sizes']['validation']
    sample = validation[:600]
    faces = [cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) for content in sample.picture]
    return faces, sample.emotion.to_numpy()


@pytest.fixture(scope='module')
def answers(classifier, validation_faces):
    """What the network says of these images, (600, 9)."""
    return classifier.predict(validation_faces[0])


def accuracy(answers, emotions):
    return (np.array(CLASS_NAMES)[answers.argmax(axis=1)] == emotions).mean()


def test_model_says_what_neutral_faces_look_like_to_it(classifier, metrics, answers):
    rest = metrics['log_odds_at_rest']
    at_rest = classifier.model_file.at_rest
    for name in ('median', 'low', 'high'):
        np.testing.assert_array_equal(getattr(at_rest, name), rest[name])
    shown = compare_with_rest(answers, classifier.model_file.offset)
    np.testing.assert_allclose(shown, from_rest(answers, rest), atol=1e-6)  # as the training script computed it


def test_accuracy_on_validation_images_is_that_of_metrics_json(classifier, metrics, validation_faces, answers):
    plain = accuracy(answers, validation_faces[1])
    from_rest = accuracy(compare_with_rest(answers, classifier.model_file.offset), validation_faces[1])
    assert plain == pytest.approx(452 / 600, abs=0.01)  # counted when the model was made
    assert from_rest == pytest.approx(439 / 600, abs=0.01)
    assert plain == pytest.approx(metrics['accuracy'], abs=0.05)  # three standard errors of 600 images
    assert from_rest == pytest.approx(metrics['from_rest']['accuracy'], abs=0.05)


def test_weights_of_kernels_and_biases_are_stored_in_float16():
    path = FOLDER / 'model.h5'
    assert stored_types(path, 'kernel') == stored_types(path, 'bias') == {np.dtype('float16')}
    assert stored_types(path, 'moving_variance') == stored_types(path, 'gamma') == {np.dtype('float32')}
    assert 13e6 < path.stat().st_size < 14e6
    assert 13e6 < (FOLDER / 'model.openvino.zip').stat().st_size < 14e6


@pytest.fixture(scope='module')
def keras_classifier():
    return EmotionClassifier(FOLDER / 'model.h5', 'keras')


def test_shipped_conversion_answers_as_the_model_does(keras_classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, '_convert', Mock(side_effect=AssertionError))  # the shipped one is taken
    model_path = shutil.copy(FOLDER / 'model.h5', tmp_path / 'model.h5')
    for path in FOLDER.glob('model.openvino.*'):
        shutil.copy(path, tmp_path)
    rng = np.random.default_rng(0)
    faces = [
        cv2.resize(demo_frame(second)[40:280, 180:420], (48, 48), interpolation=cv2.INTER_AREA) for second in (1, 5)
    ]
    faces += [rng.integers(0, 256, (48, 48, 3)), cv2.resize(rng.uniform(0, 255, (6, 6, 3)), (48, 48))]
    batch = np.stack(faces).astype(np.float32)
    answers = OpenVinoNetwork(model_path, 'f32')(batch)
    np.testing.assert_allclose(answers, keras_classifier._network(batch), rtol=0, atol=1e-4)


def test_runtimes_give_the_same_answers(keras_classifier, validation_faces):
    faces = validation_faces[0][:300]
    fours = [keras_classifier.predict(faces[start : start + 4]) for start in range(0, 40, 4)]  # Keras takes its time
    expected = np.concatenate(fours)
    exact = EmotionClassifier(FOLDER / 'model.h5', 'openvino', 'f32').predict(faces)
    fast = EmotionClassifier(FOLDER / 'model.h5', 'openvino', 'auto').predict(faces)
    np.testing.assert_allclose(exact[:40], expected, atol=1e-4)
    np.testing.assert_allclose(fast, exact, atol=0.0199)  # so that it is within 0.02 of Keras
    assert (fast.argmax(axis=1) == exact.argmax(axis=1)).mean() >= 0.995


def as_in_a_video(face_bgr, rng):
    """Returns the face as a large, tinted, slightly shifted crop of a compressed picture."""
    size = int(rng.integers(60, 601))
    large = cv2.resize(face_bgr, (size, size), interpolation=cv2.INTER_CUBIC)
    shift = np.float32([[1, 0, rng.uniform(-0.04, 0.04) * size], [0, 1, rng.uniform(-0.04, 0.04) * size]])
    large = cv2.warpAffine(large, shift, (size, size), borderMode=cv2.BORDER_REPLICATE)
    tinted = np.clip(large * rng.uniform(0.8, 1.1, 3), 0, 255).astype(np.uint8)
    return cv2.imdecode(cv2.imencode('.jpg', tinted, [cv2.IMWRITE_JPEG_QUALITY, 70])[1], cv2.IMREAD_COLOR)


def test_large_tinted_compressed_shifted_faces_lose_little(classifier, validation_faces, answers):
    faces, emotions = validation_faces
    rng = np.random.default_rng(17)
    changed = [as_in_a_video(face, rng) for face in faces]
    # On all validation images, faces as in a video lose about two points (see the model card).
    assert accuracy(classifier.predict(changed), emotions) > accuracy(answers, emotions) - 0.03
