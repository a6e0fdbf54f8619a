import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import cv2
import h5py
import numpy as np
import pytest

import model_training
from emotion_recognition.emotions.classifier import EmotionClassifier, open_classifier
from emotion_recognition.labels import InputError
from emotion_recognition.settings import Settings
from tests.conftest import CLASS_NAMES, save_classifier


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
    options = SimpleNamespace(batch_size=2, workers=2, seed=1, face_share=face_share)
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
    assert seen.face_share == 0.75
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


@pytest.mark.parametrize('share', ['0', '0.4', '1.5', 'nan', '[1]'])
def test_wrong_share(tmp_path, share):
    path = save_classifier(tmp_path / 'model.h5', np.zeros((3, 2)), ('a', 'b'))
    with h5py.File(path, 'r+') as file:
        file.attrs['face_share'] = share
    with pytest.raises(InputError, match=r'face_share is .*; expected 0.5 to 1'):
        EmotionClassifier(path, 'keras')


@pytest.fixture(scope='module')
def undecided_path(tmp_path_factory):
    """A model that finds its two classes equally likely, though four of five training images were of the first."""
    path = tmp_path_factory.mktemp('undecided') / 'model.h5'
    return save_classifier(path, np.zeros((3, 2)), ('common', 'rare'), class_priors=[0.8, 0.2])


@pytest.mark.parametrize(('balance', 'common'), [(0, 1 / 2), (0.5, 1 / 3), (1, 1 / 5)])
def test_balance_takes_the_priors_off(undecided_path, balance, common):
    classifier = EmotionClassifier(undecided_path, 'keras', balance=balance)
    probabilities = classifier.predict([plain((0, 0, 0))] * 2)
    np.testing.assert_allclose(probabilities, [[common, 1 - common]] * 2, rtol=1e-6)
    assert probabilities.dtype == np.float32
    assert classifier.predict([]).shape == (0, 2)


def test_answers_are_balanced_at_the_default(undecided_path):
    face = [plain((0, 0, 0))]
    default = EmotionClassifier(undecided_path, 'keras').predict(face)
    expected = EmotionClassifier(undecided_path, 'keras', balance=Settings().balance).predict(face)
    np.testing.assert_array_equal(default, expected)


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


def test_views_are_averaged_before_they_are_balanced(sides_path):
    with h5py.File(sides_path, 'r+') as file:
        file.attrs['class_priors'] = '[0.8, 0.2]'
    face = plain((0, 0, 0), 64, 64)
    face[:, :32, 2] = 255
    answer = EmotionClassifier(sides_path, 'keras', balance=1).predict([face], test_time_augmentation=True)
    # 0.6929 on average, as above: 0.6929 / 0.8 against 0.3071 / 0.2; the other way round it would be 0.42
    assert answer[0, 0] == pytest.approx(0.3606, abs=1e-3)


@pytest.mark.parametrize(
    'priors', [[0.5, 0.3, 0.2], [1.0, 0.0], [1.2, -0.2], ['a', 'b'], [float('nan'), 1], {'a': 1}, 1]
)
def test_wrong_priors(tmp_path, priors):
    path = save_classifier(tmp_path / 'model.h5', np.zeros((3, 2)), ('a', 'b'), class_priors=priors)
    with pytest.raises(InputError, match=r'class_priors are .*; expected 2 shares above 0, as a JSON list') as caught:
        EmotionClassifier(path, 'keras')
    assert '\n' not in str(caught.value)


def test_priors_that_are_no_json(tmp_path, undecided_path):
    path = tmp_path / 'model.h5'
    path.write_bytes(undecided_path.read_bytes())
    with h5py.File(path, 'r+') as file:
        file.attrs['class_priors'] = '[0.8, '
    with pytest.raises(InputError, match=r'class_priors are \[0.8, ; expected 2 shares'):
        EmotionClassifier(path, 'keras')


@pytest.mark.parametrize(('balance', 'is_reported'), [(0.9, True), (0, False), (Settings.balance, False)])
def test_balance_that_a_model_cannot_have_is_reported(colour_model_path, capsys, balance, is_reported):
    settings = Settings(model_weights_path=colour_model_path, runtime='keras', balance=balance)
    face = plain((0, 0, 51))
    assert open_classifier(settings).predict([face])[0, 0] == pytest.approx(np.exp(4) / (np.exp(4) + 8), rel=1e-4)
    told = f'{colour_model_path}: names no class priors, which --balance needs; its probabilities are not corrected\n'
    assert capsys.readouterr().err == (told if is_reported else '')


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match='no such model file'):
        EmotionClassifier(tmp_path / 'model.h5')


def test_truncated_file(tmp_path, colour_model_path):
    path = tmp_path / 'model.h5'
    path.write_bytes(colour_model_path.read_bytes()[:5000])
    with pytest.raises(InputError, match='damaged'):
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
