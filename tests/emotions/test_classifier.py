import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import cv2
import h5py
import numpy as np
import pytest

import model_training
from emotion_recognition.emotions import conversion
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.labels import InputError
from tests.conftest import CLASS_NAMES, locked, save_classifier


@pytest.fixture(scope='module', params=['openvino', 'keras'])
def classifier(colour_model_path, request):
    return EmotionClassifier(colour_model_path, request.param, 'f32')


def plain(colour_bgr, height=20, width=20):
    return np.full((height, width, 3), colour_bgr, np.uint8)


def test_reads_size_and_names_from_the_file(classifier):
    assert (classifier.image_size, classifier.class_names) == (8, CLASS_NAMES)


def test_faces_of_any_size_reach_the_network_as_rgb(classifier):
    faces = [plain((0, 0, 255)), plain((0, 255, 0), 7, 5), plain((255, 0, 0), 300, 200)]
    probabilities = classifier.predict(faces)
    assert [CLASS_NAMES[number] for number in probabilities.argmax(axis=1)] == ['anger', 'disgust', 'sad']
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_a_data_set_of_faces_goes_through_the_network_in_batches(classifier, monkeypatch):
    sizes, network = [], classifier._network
    monkeypatch.setattr(classifier, '_network', lambda batch: sizes.append(len(batch)) or network(batch))
    reds = np.arange(150, dtype=np.uint8)
    faces = np.zeros((150, 12, 12, 3), np.uint8)
    faces[..., 2] = reds[:, None, None]
    probabilities = classifier.predict(faces)
    assert sizes == [64, 64, 22]
    logits = reds * (20 / 255)
    np.testing.assert_allclose(probabilities[:, 0], np.exp(logits) / (np.exp(logits) + 8), rtol=1e-4)


def test_a_face_that_is_no_picture_is_named(classifier):
    grey = np.zeros((20, 20), np.uint8)
    with pytest.raises(InputError, match=r'^crop 2 is \(20, 20\) uint8; expected \(height, width, 3\) uint8'):
        classifier.predict([plain((0, 0, 255)), grey])


def test_input_is_0_to_255(classifier):
    half_red = classifier.predict([plain((0, 0, 51))])[0]  # logit 20 * 51 / 255 = 4 against eight zeros
    assert half_red[0] == pytest.approx(np.exp(4) / (np.exp(4) + 8), rel=1e-4)


def test_no_faces(classifier):
    assert classifier.predict([]).shape == (0, 9)
    assert classifier.predict([], test_time_augmentation=True).shape == (0, 9)


@pytest.fixture
def sides_path(tmp_path):
    """A model whose first class is the likelier, the more red there is in the left half: logit 2 if it is all red."""
    import keras

    inputs = keras.Input((64, 64, 3))
    outputs = keras.layers.Dense(2, activation='softmax', use_bias=False)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    kernel = np.zeros((64, 64, 3, 2))
    kernel[:, :32, 0, 0] = 2 / (255 * 64 * 32)
    model.layers[-1].set_weights([kernel.reshape(-1, 2)])
    model.save(tmp_path / 'sides.h5')
    with h5py.File(tmp_path / 'sides.h5', 'r+') as file:
        file.attrs['class_names'] = '["left", "right"]'
    return tmp_path / 'sides.h5'


def test_augmentation_averages_turned_and_mirrored_views(sides_path):
    face = plain((0, 0, 0), 64, 64)
    face[:, :32, 2] = 255
    classifier = EmotionClassifier(sides_path, 'keras')
    assert classifier.predict([face])[0, 0] == pytest.approx(0.8808, abs=1e-4)  # 1 / (1 + exp(-2))
    # Turned by 6 degrees, a triangle of 32 * 32 * tan(6 degrees) / 2 pixels changes sides, 2.63 % of the half:
    # (0.8808 + 2 * 0.8752) / 3, and mirrored (0.5 + 2 * 0.5131) / 3
    assert classifier.predict([face], test_time_augmentation=True)[0, 0] == pytest.approx(0.6929, abs=3e-4)
    both = classifier.predict([face, face[:, ::-1]], test_time_augmentation=True)
    np.testing.assert_allclose(both[0], both[1], atol=1e-6)


@pytest.mark.parametrize('face_share', [1, 0.8, 0.6])
def test_views_are_those_of_training(tmp_path, sides_path, face_share):
    import keras

    with h5py.File(sides_path, 'r+') as file:
        file.attrs['face_share'] = str(face_share)
    faces = np.random.default_rng(5).integers(0, 256, (3, 64, 50, 3), np.uint8)
    paths = [tmp_path / f'{number}.png' for number in range(3)]
    for path, face in zip(paths, faces, strict=True):
        cv2.imwrite(str(path), face)
    options = SimpleNamespace(output='model.h5', batch_size=2, workers=2, seed=1, face_share=face_share)
    trained = model_training.predict(keras.models.load_model(sides_path, compile=False), paths, options)
    classifier = EmotionClassifier(sides_path, 'keras')
    assert trained.shape == (6, 3, 2)
    np.testing.assert_allclose(classifier.predict(faces), trained[0], atol=1e-6)
    np.testing.assert_allclose(classifier.predict(faces, True), trained.mean(axis=0), atol=1e-6)


def test_only_the_middle_of_a_face_is_seen_where_the_model_wants_it(tmp_path, colour_model_path):
    path = tmp_path / 'model.h5'
    path.write_bytes(colour_model_path.read_bytes())
    with h5py.File(path, 'r+') as file:
        file.attrs['face_share'] = '0.75'
    face = plain((0, 0, 255), 40, 80)
    face[:5] = face[35:] = face[:, :10] = face[:, 70:] = (255, 0, 0)  # a blue border of an eighth
    seen = EmotionClassifier(path, 'keras')
    assert seen.model_file.face_share == 0.75
    assert seen.predict([face])[0, 0] == pytest.approx(1, abs=1e-3)
    assert EmotionClassifier(colour_model_path, 'keras').predict([face])[0, 0] < 0.99
    for size in (1, 2, 3):
        assert seen.predict([plain((0, 0, 255), size, size)])[0, 0] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize('size', [1, 2, 3])
def test_all_views_of_a_tiny_face_have_pixels(tmp_path, sides_path, size):
    with h5py.File(sides_path, 'r+') as file:
        file.attrs['face_share'] = '0.5'
    face = plain((0, 0, 0), size, size)
    assert EmotionClassifier(sides_path, 'keras').predict([face], True)[0, 0] == pytest.approx(0.5)


def test_threads_may_ask_at_once(sides_path, monkeypatch):
    classifier, at_work = EmotionClassifier(sides_path), []
    network = classifier._network

    def slow_network(batch):
        at_work.append(True)
        time.sleep(0.02)
        answers = network(batch)
        assert at_work.pop() and not at_work, 'another thread came in between'
        return answers

    monkeypatch.setattr(classifier, '_network', slow_network)
    faces = [np.full((8, 8, 3), value, np.uint8) for value in range(0, 250, 25)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda face: classifier.predict([face])[0], faces))
    np.testing.assert_array_equal(answers, [classifier.predict([face])[0] for face in faces])


def test_answers_are_those_of_the_network_whatever_the_file_says_of_rest(tmp_path):
    says = {'class_priors': [0.8, 0.2], 'log_odds_at_rest': {'median': [0, -3], 'low': [0, -5], 'high': [0, 0]}}
    path = save_classifier(tmp_path / 'model.h5', np.zeros((3, 2)), ('neutral', 'rare'), **says)
    classifier = EmotionClassifier(path, 'keras')
    np.testing.assert_allclose(classifier.predict([plain((0, 0, 0))] * 2), [[0.5, 0.5]] * 2, rtol=1e-6)
    assert classifier.model_file.at_rest.median.tolist() == [0, -3]


@pytest.mark.parametrize(('runtime', 'precision'), [('keras', 'auto'), ('openvino', 'auto'), ('openvino', 'f32')])
def test_a_model_whose_weights_are_no_numbers_is_refused(tmp_path, monkeypatch, runtime, precision):
    monkeypatch.setattr(
        conversion, 'CONVERSION', conversion.CONVERSION.replace('atol=1e-4', 'atol=1e-4, equal_nan=True')
    )
    kernel = np.zeros((3, 9))
    kernel[1, 4] = np.nan
    path = save_classifier(tmp_path / 'model.h5', kernel)
    with pytest.raises(InputError, match=r'model\.h5: its answers are not finite numbers; train it again'):
        EmotionClassifier(path, runtime, precision)


def test_answers_that_are_no_numbers_are_refused_whenever_they_come(classifier, monkeypatch):
    network = classifier._network
    monkeypatch.setattr(classifier, '_network', lambda batch: network(batch) / (batch.max() < 255))
    assert classifier.predict([plain((0, 0, 200))]).shape == (1, 9)
    with np.errstate(divide='ignore', invalid='ignore'), pytest.raises(InputError, match='answers are not finite'):
        classifier.predict([plain((0, 0, 255)), plain((0, 0, 200))])


def test_keras_opens_a_model_that_is_locked_elsewhere(tmp_path):
    path = save_classifier(tmp_path / 'model.h5', np.zeros((3, 9)))
    with locked(path):
        assert EmotionClassifier(path, 'keras').image_size == 8


def test_the_conversion_that_runs_is_named(colour_model_path):
    shipped = conversion.shipped_path(colour_model_path)
    classifier = EmotionClassifier(colour_model_path, 'openvino')
    assert classifier.conversion_sha256 == hashlib.sha256(shipped.read_bytes()).hexdigest()
    assert EmotionClassifier(colour_model_path, 'keras').conversion_sha256 is None


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match='no such model file'):
        EmotionClassifier(tmp_path / 'model.h5')


def test_truncated_file(tmp_path, colour_model_path):
    path = tmp_path / 'model.h5'
    path.write_bytes(colour_model_path.read_bytes()[:5000])
    with pytest.raises(
        InputError, match=r'cannot be read as an HDF5 file: .*\(truncated file: .*; expected a model\.h5'
    ):
        EmotionClassifier(path)


def test_file_that_is_no_model(tmp_path):
    with h5py.File(tmp_path / 'model.h5', 'w') as file:
        file.attrs['class_names'] = '["a"]'
    for runtime in ('auto', 'openvino', 'keras'):
        with pytest.raises(InputError, match='not a Keras model'):
            EmotionClassifier(tmp_path / 'model.h5', runtime)


@pytest.mark.parametrize(
    ('model', 'message'),
    [
        ({'kernel': np.zeros((3, 9)), 'class_names': None}, 'names no classes'),
        ({'kernel': np.zeros((3, 9)), 'class_names': ('anger', 'happy')}, 'for its 2 class names'),
        ({'kernel': np.zeros((1, 9)), 'input_shape': (8, 8, 1)}, 'expected square RGB'),
        ({'kernel': np.zeros((3, 9)), 'input_shape': (8, 9, 3)}, 'expected square RGB'),
        ({'kernel': np.zeros((3, 9)), 'input_shape': (None, None, 3)}, 'expected square RGB'),
    ],
)
def test_model_of_the_wrong_shape(tmp_path, model, message):
    path = save_classifier(tmp_path / 'model.h5', **model)
    with pytest.raises(InputError, match=message):
        EmotionClassifier(path, 'keras')
