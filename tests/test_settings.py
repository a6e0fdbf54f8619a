from collections.abc import Sequence
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import pytest

from emotion_recognition.command_line import Parser, read_command_line
from emotion_recognition.labels import InputError
from emotion_recognition.settings import Settings, option


@dataclass(frozen=True)
class ScriptSettings(Settings):
    compact: bool = option(True, 'periods')
    output: Path | None = option(None, 'where to', parse=Path)
    size: Sequence[int] = option((4, 3), 'of pictures', parse=int, parts=('WIDTH', 'HEIGHT'))


def read(*arguments):
    parser = Parser(prog='script.py')
    parser.add_argument('paths', nargs='*')
    return read_command_line(parser, ScriptSettings, arguments)


def test_defaults_stand_where_nothing_is_said():
    settings, given = read()
    assert settings == ScriptSettings()
    assert (settings.smoothing_seconds, settings.min_face_size, settings.whole_frame_every) == (0.3, 48, 10)
    assert given.paths == []


def test_command_line_overrides_each():
    settings, given = read(
        'a.mp4', '--smoothing-seconds', '0', '--no-compact', '--output', 'b.mp4', '--runtime', 'keras'
    )
    assert (settings.smoothing_seconds, settings.compact, settings.output) == (0.0, False, Path('b.mp4'))
    assert (settings.runtime, settings.min_face_size) == ('keras', 48)
    assert given.paths == ['a.mp4']


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


@pytest.mark.parametrize(
    'arguments', [['--min-face-size', 'many'], ['--size', '16'], ['--no-such-option'], ['--runtime', 'onnx']]
)
def test_wrong_command_lines_are_told_in_one_line(arguments):
    with pytest.raises(SystemExit) as caught:
        read(*arguments)
    assert caught.value.code.startswith('script.py: ') and '\n' not in caught.value.code
    assert caught.value.code.endswith('(--help lists the options)')


def test_option_of_several_values():
    assert read()[0].size == (4, 3)
    settings, given = read('--size', '16', '9', 'a.mp4')
    assert list(settings.size) == [16, 9]
    assert given.paths == ['a.mp4']
    assert hash(settings) == hash(ScriptSettings(size=[16, 9]))


def test_settings_do_not_change():
    with pytest.raises(FrozenInstanceError):
        Settings().runtime = 'keras'
