import numpy as np
import pytest

from emotion_recognition.classification import EmotionClassifier
from emotion_recognition.labels import InputError
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


def test_augmentation_averages_face_and_mirror_image(tmp_path):
    import keras

    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(2, activation='softmax', use_bias=False)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    kernel = np.zeros((8, 8, 3, 2))
    kernel[:, :4, 0, 0] = 0.001  # red in the left half speaks for the first class
    model.layers[-1].set_weights([kernel.reshape(-1, 2)])
    model.save(tmp_path / 'sides.h5')
    import h5py

    with h5py.File(tmp_path / 'sides.h5', 'r+') as file:
        file.attrs['class_names'] = '["left", "right"]'
    face = plain((0, 0, 0), 8, 8)
    face[:, :4, 2] = 255
    sides = EmotionClassifier(tmp_path / 'sides.h5', 'keras')
    alone = sides.predict([face])[0, 0]
    assert alone == pytest.approx(1 / (1 + np.exp(-32 * 0.255)), rel=1e-4)
    assert sides.predict([face], test_time_augmentation=True)[0, 0] == pytest.approx((alone + 0.5) / 2, rel=1e-4)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match='no such model file'):
        EmotionClassifier(tmp_path / 'model.h5')


def test_truncated_file(tmp_path, colour_model_path):
    path = tmp_path / 'model.h5'
    path.write_bytes(colour_model_path.read_bytes()[:5000])
    with pytest.raises(InputError, match='damaged'):
        EmotionClassifier(path)


def test_file_that_is_no_model(tmp_path):
    import h5py

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
