from dataclasses import FrozenInstanceError

import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.settings import Settings

REST = 'expected auto, model, none, or two times in seconds, START before END'


def test_defaults():
    settings = Settings()
    assert (settings.smoothing_seconds, settings.min_face_size, settings.whole_frame_every) == (0.3, 48, 10)
    assert (settings.rest, settings.identity) == ('auto', True)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'smoothing_seconds': -1}, '--smoothing-seconds is -1; expected 0 or more'),
        ({'smoothing_seconds': float('nan')}, '--smoothing-seconds is nan; expected 0 or more'),
        ({'smoothing_seconds': float('inf')}, '--smoothing-seconds is inf; expected 0 to 1000000000'),
        (
            {'whole_frame_every': int('9' * 4000)},
            '--whole-frame-every is 999999999999999999...9999999999999999999; expected 1 to 1000000000',
        ),
        ({'rest': (0, 1e305)}, f'--rest is 0 1e+305; {REST}'),
        ({'rest': 'always'}, f'--rest is always; {REST}'),
        ({'rest': (3, 1)}, f'--rest is 3 1; {REST}'),
        ({'rest': (1.0, 1.0)}, f'--rest is 1.0 1.0; {REST}'),
        ({'rest': (0, float('nan'))}, f'--rest is 0 nan; {REST}'),
        ({'rest': (0, 1, 2)}, f'--rest is 0 1 2; {REST}'),
        ({'rest': ('0', '2')}, f'--rest is 0 2; {REST}'),
        ({'rest': None}, f'--rest is None; {REST}'),
        ({'rest': 5}, f'--rest is 5; {REST}'),
        ({'rest': {0, 2}}, f'--rest is {{0, 2}}; {REST}'),
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


def test_a_span_at_rest_can_be_a_list():
    assert Settings(rest=[0, 3]).rest == (0, 3)
    assert hash(Settings(rest=[0, 3])) == hash(Settings(rest=(0, 3)))
