import errno
import json
import os

import h5py
import numpy as np
import pytest

from emotion_recognition.emotions import model_file
from emotion_recognition.emotions.model_file import COLUMN_NAMES, read_model_file
from emotion_recognition.labels import EMOTIONS, InputError
from emotion_recognition.live.live_table import LiveFaceTable
from emotion_recognition.results.face_table import FaceColumns
from emotion_recognition.results.summary import VideoSummary
from tests.conftest import locked

AT_REST = {'median': [-4, 0, -2], 'low': [-6, 0, -5], 'high': [-1, 0, 1]}


def save(path, class_names=('happy', 'neutral', 'sad'), **attributes):
    with h5py.File(path, 'w') as file:
        for name, value in {'class_names': class_names, **attributes}.items():
            file.attrs[name] = value if isinstance(value, str | bytes) else json.dumps(value)
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


@pytest.mark.parametrize('share', ['0', '0.4', '1.5', 'nan', 'NaN', 'null', '[1]'])
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


@pytest.mark.parametrize(
    'names',
    [
        *('', 'null', '3', '"happy"', '{"happy": 1}', '[]', '["happy", null]', '[["happy"], ["sad"]]', '["happy"'),
        *('["happy", ""]', '["happy", " sad"]', '["happy", "very\\nsad"]', '["\\ud800"]', b'["\xff"]'),
        *('[' * 100_000, '9' * 5000),
    ],
    ids=lambda names: repr(names[:20]),
)
def test_class_names_that_are_none(tmp_path, names):
    with pytest.raises(InputError, match=r'class_names are .*; expected a JSON list of names') as caught:
        read_model_file(save(tmp_path / 'm.h5', names))
    assert len(str(caught.value)) < len(str(tmp_path)) + 200 and '\n' not in str(caught.value)


@pytest.mark.parametrize('name', ['class_names', 'face_share', 'log_odds_at_rest', 'class_priors'])
@pytest.mark.parametrize('value', [3, 0.9, [0.9], ['happy', 'sad'], h5py.Empty('f')], ids=repr)
def test_attributes_that_are_no_text(tmp_path, name, value):
    path = save(tmp_path / 'm.h5')
    with h5py.File(path, 'r+') as file:
        file.attrs[name] = value
    with pytest.raises(InputError, match=rf'its {name} has the type \w+; expected a JSON text'):
        read_model_file(path)


@pytest.mark.parametrize('attribute', ['log_odds_at_rest', 'class_priors'])
def test_numbers_that_are_too_deep_or_too_long(tmp_path, attribute):
    for text in ('[' * 100_000, f'[{"9" * 400}, 1, 1]', f'{{"median": {"9" * 400}, "low": 0, "high": 1}}'):
        with pytest.raises(InputError, match=f'its {attribute} are'):
            read_model_file(save(tmp_path / 'm.h5', **{attribute: text}))


@pytest.mark.parametrize(
    ('names', 'reason'),
    [
        (('happy', 'sad', 'happy'), "class 'happy' has the name of another class"),
        (('happy', 'Happy'), "class 'happy' has the name of another class"),
        (('happy', 'valence'), "class 'valence' has the name of a column of the tables"),
        (('happy', 'By'), "class 'By' has the name of a column of the tables"),
        (('frame', 'sad'), "class 'frame' has the name of a column of the tables"),
        (('happy', 'happy_from_rest'), "class 'happy_from_rest' has the name of a column of the tables"),
    ],
)
def test_class_names_by_which_columns_could_not_be_told_apart(tmp_path, names, reason):
    with pytest.raises(InputError, match=f'its {reason}; expected another one'):
        read_model_file(save(tmp_path / 'm.h5', names))


def test_names_of_all_columns_are_known(tmp_path):
    """A column that a table gets one day must not be the name of a class."""
    columns = FaceColumns(EMOTIONS, *[True] * 5)
    with LiveFaceTable(tmp_path / 'live.csv', EMOTIONS, with_people=True):
        pass
    live = (tmp_path / 'live.csv').read_text().split('\n')[0].split(',')
    of_classes = {*EMOTIONS, *(f'{name}_from_rest' for name in EMOTIONS)}
    assert {*columns.names, *live, 'file'} - of_classes == COLUMN_NAMES  # `file` is that of photographs
    # In the summary, each name has an ending, which none of its other columns has but that of valence
    summary = VideoSummary('clip.mp4', EMOTIONS).to_table(0).columns
    others = [
        name for name in summary if name.endswith(('_share', '_mean')) and name.rpartition('_')[0] not in EMOTIONS
    ]
    assert others == ['valence_mean']


def test_a_model_that_is_locked_elsewhere_is_read(tmp_path):
    path = save(tmp_path / 'm.h5')
    with locked(path):
        assert read_model_file(path).class_names == ('happy', 'neutral', 'sad')


def test_a_model_that_cannot_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    path = save(tmp_path / 'm.h5')

    def fail(*_, **__):
        raise OSError(errno.EIO, 'Unable to synchronously open file (file read failed: errno = 5)')

    monkeypatch.setattr(model_file.h5py, 'File', fail)
    with pytest.raises(InputError, match=f'm.h5: cannot be read: {os.strerror(errno.EIO)}$'):
        read_model_file(path)


def test_what_is_no_hdf5_file(tmp_path):
    (tmp_path / 'm.h5').write_bytes(b'no model' * 1000)
    with pytest.raises(InputError, match=r'cannot be read as an HDF5 file: .*\(file signature not found\); expected'):
        read_model_file(tmp_path / 'm.h5')
