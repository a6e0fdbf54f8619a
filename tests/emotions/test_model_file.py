import json

import h5py
import numpy as np
import pytest

from emotion_recognition.emotions.model_file import read_model_file
from emotion_recognition.labels import InputError

AT_REST = {'median': [-4, 0, -2], 'low': [-6, 0, -5], 'high': [-1, 0, 1]}


def save(path, class_names=('happy', 'neutral', 'sad'), **attributes):
    with h5py.File(path, 'w') as file:
        for name, value in {'class_names': class_names, **attributes}.items():
            file.attrs[name] = value if isinstance(value, str) else json.dumps(value)
    return path


def test_what_a_model_says_of_neutral_faces(tmp_path):
    path = save(tmp_path / 'm.h5', log_odds_at_rest=AT_REST, class_priors=[0.2, 0.7, 0.1], face_share=0.92)
    model = read_model_file(path)
    assert (model.class_names, model.face_share) == (('happy', 'neutral', 'sad'), 0.92)
    assert [part.tolist() for part in (model.at_rest.median, model.at_rest.low, model.at_rest.high)] == [
        [-4, 0, -2],
        [-6, 0, -5],
        [-1, 0, 1],
    ]
    np.testing.assert_allclose(model.offset, [-1.65, -0.6, -0.7])


def test_a_model_with_priors_alone_is_corrected_for_them(tmp_path):
    model = read_model_file(save(tmp_path / 'm.h5', class_priors=[0.2, 0.7, 0.1]))
    assert (model.face_share, model.at_rest) == (1, None)
    np.testing.assert_allclose(model.offset, 0.75 * np.log([0.2, 0.7, 0.1]))


def test_a_model_that_says_nothing_is_taken_as_it_is(tmp_path):
    model = read_model_file(save(tmp_path / 'm.h5'))
    assert model.at_rest is None and model.offset is None


def test_a_model_without_neutral_has_no_look_at_rest(tmp_path):
    path = save(tmp_path / 'm.h5', ('happy', 'angry', 'sad'), log_odds_at_rest=AT_REST)
    assert read_model_file(path).at_rest is None


@pytest.mark.parametrize('share', ['0', '0.4', '1.5', 'nan', '[1]'])
def test_wrong_share(tmp_path, share):
    with pytest.raises(InputError, match=r'face_share is .*; expected 0.5 to 1'):
        read_model_file(save(tmp_path / 'm.h5', face_share=share))


@pytest.mark.parametrize(
    'at_rest',
    [
        '{"median": [',
        [1, 2, 3],
        {'median': [-4, 0, -2], 'low': [-6, 0, -5]},
        AT_REST | {'median': [-4, 0]},
        AT_REST | {'high': [-7, 0, 1]},
        AT_REST | {'low': [float('nan'), 0, -5]},
        AT_REST | {'low': ['a', 0, -5]},
    ],
)
def test_wrong_look_at_rest(tmp_path, at_rest):
    path = save(tmp_path / 'm.h5', log_odds_at_rest=at_rest)
    expected = r'log_odds_at_rest are .*; expected median, low, high, each 3 numbers, low not above high, as a JSON'
    with pytest.raises(InputError, match=expected) as caught:
        read_model_file(path)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    'priors', [[0.5, 0.3], [0.2, 0.8, 0.0], [1.2, 0.1, -0.3], ['a', 'b', 'c'], [float('nan'), 1, 1], {'a': 1}, 1, '[0.']
)
def test_wrong_priors(tmp_path, priors):
    path = save(tmp_path / 'm.h5', class_priors=priors)
    with pytest.raises(InputError, match=r'class_priors are .*; expected 3 shares above 0, as a JSON list'):
        read_model_file(path)
