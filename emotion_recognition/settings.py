"""Every option that both scripts share, once: its default, its help, its bounds; and how options are read.

Edit a default here, or override it on the command line (`smoothing_seconds` is `--smoothing-seconds` there). A new
option is a field here and what its stage does with it: the settings travel as one value to all of them.
"""

import argparse
import dataclasses
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from emotion_recognition.labels import InputError

ROOT = Path(__file__).resolve().parent.parent

MODEL_WEIGHTS_PATH = ROOT / 'model_weights' / 'model.h5'
DETECTOR_PATH = 'haar'  # frontal faces, offline; 'yunet' for all faces, fetched once; or the path of either's file
RUNTIMES = ('auto', 'openvino', 'keras')
PRECISIONS = ('auto', 'f32')


def option(
    default: Any,
    help_text: str,
    least: float | None = None,
    choices: Sequence[str] | None = None,
    parse: Callable[[str], Any] | None = None,
    most: float | None = None,
    parts: tuple[str, ...] | None = None,
    bare: Any = None,
) -> Any:
    """A field of settings.

    Args:
        default: its value where nothing else is said.
        help_text: for the command line.
        least: the smallest value that makes sense.
        choices: the only values that make sense.
        parse: from the command line's text; by default the default's own type.
        most: the largest value that makes sense, beside the smallest.
        parts: what its values are called on the command line, where it takes several.
        bare: its value where it stands on the command line without one.
    """
    metadata = {'help': help_text, 'least': least, 'choices': choices, 'parse': parse or type(default)}
    return dataclasses.field(default=default, metadata={**metadata, 'most': most, 'parts': parts, 'bare': bare})


def to_path(text: str) -> Path:
    """A path as the user names it. No name is not the current folder, but mostly an empty variable of the shell."""
    if not text:
        raise argparse.ArgumentTypeError('expected a path, not an empty name')
    return Path(text)


@dataclass(frozen=True)
class Settings:
    """Options of both scripts.

    Raises:
        InputError: a value is out of its bounds.
    """

    model_weights_path: str | Path = option(MODEL_WEIGHTS_PATH, 'model.h5', parse=to_path)
    detector_path: str | Path = option(DETECTOR_PATH, 'haar, yunet, or the path of a detector')
    test_time_augmentation: bool = option(False, 'average six views of each face: more often right, slower')
    balance: float = option(0.75, 'how far to forget how common each emotion was in training, 0 to 1', least=0, most=1)
    smoothing_seconds: float = option(0.3, "over which a face's probabilities are averaged; 0 turns it off", least=0)
    confirm_seconds: float = option(0.1, 'for which a face must be seen without a break to count; 0: at once', least=0)
    fill_gaps: bool = option(False, 'in files: fill in faces that the detector misses for up to 0.5 s, 60 frames')
    min_face_size: int = option(48, 'pixels; smaller faces hold less than the network was trained on', 0, most=65535)
    whole_frame_every: int = option(10, 'frames: how often all of it is searched, not only near known faces', least=1)
    runtime: str = option('auto', 'of the network; auto: Keras where it has a GPU, else OpenVINO', choices=RUNTIMES)
    precision: str = option('auto', 'of OpenVINO; auto: bfloat16 where the processor has it', choices=PRECISIONS)
    threads: int = option(0, 'that each library may use: OpenVINO, OpenCV, the codecs; 0: as they choose', 0, most=1024)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value, choices = getattr(self, field.name), field.metadata['choices']
            if field.metadata['parts'] and value is not None:
                object.__setattr__(self, field.name, tuple(value))  # so that settings can be remembered by
            least, most = field.metadata['least'], field.metadata['most']
            if least is not None and not least <= value <= (math.inf if most is None else most):
                expected = f'{least} or more' if most is None else f'{least} to {most}'
                raise InputError(f'{_as_option(field.name)} is {value}; expected {expected}')
            if choices and value not in choices:
                raise InputError(f'{_as_option(field.name)} is {value}; expected {", ".join(choices)}')


class Parser(argparse.ArgumentParser):
    """A command line whose mistakes are told as all others are: in one line, with exit code 1."""

    def error(self, message: str) -> NoReturn:
        if message.startswith('unrecognized arguments: ') and not message.split(': ')[1].startswith('-'):
            message += '; name all files in a row, without options between them'
        sys.exit(f'{self.prog}: {message} (--help lists the options)')


SettingsType = TypeVar('SettingsType', bound=Settings)


def read_command_line(
    parser: Parser, settings_type: type[SettingsType], arguments: Sequence[str] | None = None
) -> tuple[SettingsType, argparse.Namespace]:
    """Read a command line.

    Args:
        parser: with the arguments that are no settings.
        settings_type: the script's own kind of settings; each field becomes an option.
        arguments: by default those of the process.

    Returns:
        The settings, and the arguments that are none.

    Raises:
        InputError: a value is out of its bounds.
    """
    fields = dataclasses.fields(settings_type)
    for field in fields:
        default = '' if field.default is None else ' (default: %(default)s)'
        kind = {'default': field.default, 'help': field.metadata['help'] + default}
        if isinstance(field.default, bool):
            kind['action'] = argparse.BooleanOptionalAction
        else:
            kind |= {'type': field.metadata['parse'], 'choices': field.metadata['choices']}
        if (bare := field.metadata['bare']) is not None:
            kind |= {'nargs': '?', 'const': bare}
        if parts := field.metadata['parts']:
            kind |= {'nargs': len(parts), 'metavar': parts}
        parser.add_argument(_as_option(field.name), **kind)
    given = vars(parser.parse_args(arguments))
    settings = settings_type(**{field.name: given.pop(field.name) for field in fields})
    return settings, argparse.Namespace(**given)


def _as_option(name):
    return '--' + name.replace('_', '-')
