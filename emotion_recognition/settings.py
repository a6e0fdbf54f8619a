"""Every option that both scripts share, once: its default, its help and its bounds.

Edit a default here, or override it on the command line (`smoothing_seconds` is `--smoothing-seconds` there). A new
option is a field here and the code of the stage that uses it: the settings travel to all stages as one value.
"""

import argparse
import dataclasses
import re
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion_recognition.labels import InputError

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
# Where the models and detectors are: in the repository next to the package, where that was installed in it.
SHIPPED = PACKAGE if (PACKAGE / 'model_weights').is_dir() else ROOT

MODEL_WEIGHTS_PATH = SHIPPED / 'model_weights' / 'model.h5'
DETECTOR_PATH = 'auto'  # YuNet if OpenVINO can load it, else Haar; 'yunet', 'haar', or the path of a file
REST_WORDS = REST_AUTO, REST_MODEL, REST_NONE = ('auto', 'model', 'none')
RUNTIMES = ('auto', 'openvino', 'keras')
PRECISIONS = ('auto', 'f32')
CLOCK = re.compile(r'(?:(\d+):(?=\d\d:))?([0-5]?\d):([0-5]\d(?:\.\d*)?)')  # hours, minutes and seconds
MAX_NUMBER = 10**9  # in options without a maximum of their own, and in tables; as seconds, thirty years


def option(
    default: Any,
    help_text: str,
    minimum: float | None = None,
    choices: Sequence[str] | None = None,
    parse: Callable[[str], Any] | None = None,
    maximum: float | None = None,
    bare: Any = None,
    accepts: Callable[[str], Any] = bool,
    metavar: str | None = None,
) -> Any:
    """Define a field of a settings class.

    Args:
        default: Value if nothing else is given.
        help_text: Help on the command line.
        minimum: Smallest allowed value.
        choices: The only allowed values.
        parse: Converts the command line's text; by default the type of `default`.
        maximum: Largest allowed value; it needs a minimum. By default MAX_NUMBER.
        bare: Value if the option is given without one.
        accepts: If it may be given without one: whether the argument after it looks like its value, or, such as a
            video, stands for itself.
        metavar: What the help shows in place of the value; by default the option's name.
    """
    metadata = {'help': help_text, 'choices': choices, 'parse': parse or type(default), 'metavar': metavar}
    metadata |= {'bare': bare, 'accepts': accepts, 'minimum': minimum, 'maximum': maximum}
    return dataclasses.field(default=default, metadata=metadata)


def to_path(text: str) -> Path:
    """Convert a path from the command line. An empty text is refused: it is usually an unset shell variable."""
    if not text:
        raise argparse.ArgumentTypeError('expected a path, not an empty name')
    return Path(text)


def to_seconds(text: str) -> float:
    """Convert a time: seconds, m:ss or h:mm:ss.

    Raises:
        ValueError: It is none.
    """
    clock = CLOCK.fullmatch(text.strip())
    if not clock:
        return float(text)
    hours, minutes, seconds = clock.groups('0')
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def to_time(text: str) -> float:
    """Convert a time from the command line, see `to_seconds`."""
    try:
        return to_seconds(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is no time; expected seconds, m:ss or h:mm:ss') from None


def to_rest(text: str) -> str | tuple[float, float]:
    """Convert `--rest` from the command line: a word as it is, or two times, separated by a space."""
    try:
        start, end = (float(second) for second in text.split())
        return start, end
    except ValueError:
        return text


def option_name(field_name: str) -> str:
    """Name of a field on the command line, such as `--smoothing-seconds`."""
    return '--' + field_name.replace('_', '-')


@dataclass(frozen=True)
class Settings:
    """The options of both scripts.

    Raises:
        InputError: A value is out of its bounds.
    """

    model_weights_path: str | Path = option(MODEL_WEIGHTS_PATH, 'model.h5', parse=to_path)
    detector_path: str | Path = option(
        DETECTOR_PATH, 'yunet, haar or a path; auto: YuNet if it can be loaded, else Haar'
    )
    test_time_augmentation: bool = option(
        False, 'in videos too, average six views of each face: more accurate, slower; photographs always get them'
    )
    rest: str | Sequence[float] = option(
        REST_AUTO,
        "what each face is compared with: auto (everybody's rest and, in videos, its own), model (everybody's), none, "
        'or START END (its rest between two times of a video, in seconds)',
        parse=to_rest,
        metavar='WORD | START END',
    )
    smoothing_seconds: float = option(0.3, "time constant for averaging a face's probabilities; 0: off", minimum=0)
    confirm_seconds: float = option(0.1, 'how long and in 3 frames at least a face must be seen; 0: at once', minimum=0)
    identity: bool = option(True, 'tell people apart, so that who leaves and comes back keeps the number (YuNet only)')
    min_face_size: int = option(48, 'pixels; smaller faces are left out', minimum=0, maximum=65535)
    whole_frame_every: int = option(10, 'frames between two searches of the whole frame, not only near known faces', 1)
    runtime: str = option('auto', 'runs the network; auto: Keras if it has a GPU, else OpenVINO', choices=RUNTIMES)
    precision: str = option('auto', 'of OpenVINO; auto: bfloat16 if the processor supports it', choices=PRECISIONS)
    threads: int = option(0, 'threads each for OpenVINO, OpenCV and the codecs; 0: they choose', 0, maximum=1024)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value, choices = getattr(self, field.name), field.metadata['choices']
            minimum, maximum = field.metadata['minimum'], field.metadata['maximum']
            limit = MAX_NUMBER if maximum is None else maximum
            if minimum is not None and not minimum <= value <= limit:
                expected = f'{minimum} to {limit}' if maximum or value > limit else f'{minimum} or more'
                value = reprlib.repr(value)  # which shortens thousands of digits
                raise InputError(f'{option_name(field.name)} is {value}; expected {expected}')
            if choices and value not in choices:
                raise InputError(f'{option_name(field.name)} is {value}; expected {", ".join(choices)}')
        if isinstance(self.rest, list):
            object.__setattr__(self, 'rest', tuple(self.rest))  # so that settings are hashable
        if self.rest not in REST_WORDS and not _is_span(self.rest):
            value = ' '.join(map(str, self.rest)) if isinstance(self.rest, tuple) else self.rest
            expected = f'{", ".join(REST_WORDS)}, or two times in seconds, START before END'
            raise InputError(f'--rest is {value}; expected {expected}')


def _is_span(value):
    is_pair = isinstance(value, tuple) and len(value) == 2 and all(isinstance(second, int | float) for second in value)
    return is_pair and -MAX_NUMBER <= value[0] < value[1] <= MAX_NUMBER
