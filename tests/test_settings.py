from dataclasses import FrozenInstanceError

import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.settings import Settings


def test_defaults():
    settings = Settings()
    assert (settings.smoothing_seconds, settings.min_face_size, settings.whole_frame_every) == (0.3, 48, 10)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'smoothing_seconds': -1}, '--smoothing-seconds is -1; expected 0 or more'),
        ({'smoothing_seconds': float('nan')}, '--smoothing-seconds is nan; expected 0 or more'),
        ({'balance': 1.5}, '--balance is 1.5; expected 0 to 1'),
        ({'balance': -0.1}, '--balance is -0.1; expected 0 to 1'),
        ({'balance': float('nan')}, '--balance is nan; expected 0 to 1'),
        ({'whole_frame_every': 0}, '--whole-frame-every is 0; expected 1 or more'),
        ({'runtime': 'onnx'}, '--runtime is onnx; expected auto, openvino, keras'),
    ],
)
def test_values_out_of_bounds(values, message):
    with pytest.raises(InputError) as caught:
        Settings(**values)
    assert str(caught.value) == message


def test_settings_do_not_change():
    with pytest.raises(FrozenInstanceError):
        Settings().runtime = 'keras'
