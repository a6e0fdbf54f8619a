"""What both scripts do around their work: read the options, end on signals, report errors in one line."""

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NoReturn, TypeVar

from emotion_recognition.interruption import signals_as_ctrl_c
from emotion_recognition.labels import InputError, describe_error
from emotion_recognition.settings import Settings, option_name

SettingsType = TypeVar('SettingsType', bound=Settings)
REPLACED = {'--balance': '--rest model, which is nearest to it, or --rest none for 0', '--baseline': '--rest START END'}


class Parser(argparse.ArgumentParser):
    """Parser that reports errors in one line and exits with code 1."""

    def error(self, message: str) -> NoReturn:
        if message.startswith('unrecognized arguments: ') and not message.split(': ')[1].startswith('-'):
            message += '; name all files in a row, without options between them'
        for name, replacement in REPLACED.items():
            if name in message:
                message += f'; instead of {name}, write {replacement}'
        sys.exit(f'{self.prog}: {message} (--help lists the options)')


def read_command_line(
    parser: Parser, settings_type: type[SettingsType], arguments: Sequence[str] | None = None
) -> tuple[SettingsType, argparse.Namespace]:
    """Read a command line.

    Args:
        parser: Parser with the arguments that are not settings.
        settings_type: The script's settings class; each of its fields becomes an option.
        arguments: Arguments to read; by default those of the process.

    Returns:
        The settings, and the arguments that are not settings; among them `options`, the names of the settings that were
        given.

    Raises:
        InputError: A value is out of its bounds.
    """
    fields = dataclasses.fields(settings_type)
    for field in fields:
        default = '' if field.default is None else f' (default: {field.default})'.replace('%', '%%')
        kind = {'default': argparse.SUPPRESS, 'help': field.metadata['help'] + default}
        if isinstance(field.default, bool):
            kind['action'] = argparse.BooleanOptionalAction
        else:
            kind |= {'type': field.metadata['parse'], 'choices': field.metadata['choices']}
        if metavar := field.metadata['metavar']:
            kind['metavar'] = metavar
        if (bare := field.metadata['bare']) is not None:
            kind |= {'nargs': '?', 'const': bare}
        parser.add_argument(option_name(field.name), **kind)
    arguments = _separate(sys.argv[1:] if arguments is None else arguments, fields)
    given = vars(parser.parse_args(_join_times(arguments)))
    options = {field.name: given.pop(field.name) for field in fields if field.name in given}
    return settings_type(**options), argparse.Namespace(**given, options=frozenset(options))


def _separate(arguments, fields):
    """Let `--ray videos/` be an option without a value, and a folder: see `accepts` of `option`."""
    options = {option_name(field.name): field.metadata for field in fields if field.metadata['bare'] is not None}
    separated = list(arguments)
    for index, (argument, following) in enumerate(pairwise(arguments)):
        if argument in options and not options[argument]['accepts'](following):
            separated[index] = f'{argument}={options[argument]["bare"]}'
    return separated


def _join_times(arguments):
    """Join the two times of `--rest START END` to one argument: paths may follow them, and a word stands alone."""
    joined: list[str] = []
    for argument in arguments:
        start = joined[-1].removeprefix('--rest=') if joined else ''
        if joined and joined[-1] == '--rest' and _is_number(argument):
            joined[-1] = f'--rest={argument}'
        elif joined and joined[-1].startswith('--rest=') and _is_number(start) and _is_number(argument):
            joined[-1] += f' {argument}'
        else:
            joined.append(argument)
    return joined


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


@contextmanager
def one_line_errors(program: str, when_interrupted: str = 'interrupted') -> Iterator[None]:
    """Run a script's work: SIGTERM and SIGHUP end it as Ctrl-C does, and a user's mistake exits with one line.

    Args:
        program: Name of the script, at the start of the line.
        when_interrupted: What the line says after Ctrl-C.
    """
    if hasattr(sys.stdout, 'reconfigure'):  # notebooks have another kind of stdout
        sys.stdout.reconfigure(errors='backslashreplace')  # file names may have letters that the terminal cannot show
    try:
        with signals_as_ctrl_c():
            yield
    except (InputError, OSError) as error:
        sys.exit(f'{program}: {describe_error(error)}')
    except KeyboardInterrupt:
        sys.exit(f'{program}: {when_interrupted}')
