"""What both scripts do around their work: options, signals, and errors in one line."""

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from emotion_recognition.command_line import Parser, one_line_errors, read_command_line
from emotion_recognition.settings import Settings, option
from emotions_from_video import VideoSettings
from tests.paths import ROOT


@dataclass(frozen=True)
class ScriptSettings(Settings):
    compact: bool = option(True, 'periods')
    output: Path | None = option(None, 'where to', parse=Path)
    note: str | None = option(None, 'a note', parse=str, bare='short', accepts=lambda text: text.endswith('.txt'))


def read(*arguments):
    parser = Parser(prog='script.py')
    parser.add_argument('paths', nargs='*')
    return read_command_line(parser, ScriptSettings, arguments)


def test_defaults_stand_where_nothing_is_said():
    settings, given = read()
    assert settings == ScriptSettings()
    assert given.paths == []


def test_command_line_overrides_each():
    settings, given = read(
        'a.mp4', '--smoothing-seconds', '0', '--no-compact', '--output', 'b.mp4', '--runtime', 'keras'
    )
    assert (settings.smoothing_seconds, settings.compact, settings.output) == (0.0, False, Path('b.mp4'))
    assert (settings.runtime, settings.min_face_size) == ('keras', 48)
    assert given.paths == ['a.mp4']


@pytest.mark.parametrize(
    'arguments', [['--min-face-size', 'many'], ['--min-face-size'], ['--no-such-option'], ['--runtime', 'onnx']]
)
def test_wrong_command_lines_are_reported_in_one_line(arguments):
    with pytest.raises(SystemExit) as caught:
        read(*arguments)
    assert caught.value.code.startswith('script.py: ') and '\n' not in caught.value.code
    assert caught.value.code.endswith('(--help lists the options)')


@pytest.mark.parametrize(
    ('arguments', 'note', 'paths'),
    [
        (['a.mp4'], None, ['a.mp4']),
        (['--note', 'b.txt', 'a.mp4'], 'b.txt', ['a.mp4']),
        (['--note', 'a.mp4', 'b.txt'], 'short', ['a.mp4', 'b.txt']),
        (['--note=a.mp4', 'b.txt'], 'a.mp4', ['b.txt']),
        (['a.mp4', '--note'], 'short', ['a.mp4']),
        (['--note', '--no-compact', 'a.mp4'], 'short', ['a.mp4']),
    ],
)
def test_an_option_that_may_stand_alone_takes_only_what_looks_like_its_value(arguments, note, paths):
    settings, given = read(*arguments)
    assert (settings.note, given.paths) == (note, paths)


@pytest.mark.parametrize(
    ('arguments', 'ray', 'people', 'paths'),
    [
        (['--ray', 'videos/', 'a.mp4'], 'local', None, ['videos/', 'a.mp4']),
        (['--ray', 'auto', 'a.mp4'], 'auto', None, ['a.mp4']),
        (['--ray', 'ray://head:10001', 'a.mp4'], 'ray://head:10001', None, ['a.mp4']),
        (['--ray', '10.0.0.1:6379', 'a.mp4'], '10.0.0.1:6379', None, ['a.mp4']),
        (['--ray', '[fe80::1]:6379', 'a.mp4'], '[fe80::1]:6379', None, ['a.mp4']),
        (['a.mp4', '--ray'], 'local', None, ['a.mp4']),
        (['--ray', '--elan', 'a.mp4'], 'local', None, ['a.mp4']),
        (['--ray', r'C:\videos'], 'local', None, [r'C:\videos']),
        (['--people', 'videos/', 'a.mp4'], None, Path('run'), ['videos/', 'a.mp4']),
        (['--people', 'study.npz', 'a.mp4'], None, Path('study.npz'), ['a.mp4']),
        (['--people', 'STUDY.NPZ', 'a.mp4'], None, Path('STUDY.NPZ'), ['a.mp4']),
        (['a.mp4', '--people'], None, Path('run'), ['a.mp4']),
        (['--people', '--ray', 'a.mp4'], 'local', Path('run'), ['a.mp4']),
    ],
)
def test_what_follows_ray_is_an_address_and_what_follows_people_a_file_of_people(arguments, ray, people, paths):
    parser = Parser(prog='script.py')
    parser.add_argument('paths', nargs='*')
    settings, given = read_command_line(parser, VideoSettings, arguments)
    assert (settings.ray, settings.people and Path(settings.people), given.paths) == (ray, people, paths)


@pytest.mark.parametrize(
    ('arguments', 'rest'),
    [
        ([], 'auto'),
        (['--rest', 'model'], 'model'),
        (['--rest=none'], 'none'),
        (['--rest', '0', '2.5'], (0, 2.5)),
        (['--rest', '-1', '2'], (-1, 2)),
        (['--rest=0 2.5'], (0, 2.5)),
        (['--rest=0', '2.5'], (0, 2.5)),
        (['--rest', 'auto', '--rest', '0', '2.5'], (0, 2.5)),
    ],
)
def test_the_reference_at_rest_is_a_word_or_two_times_and_takes_no_path(arguments, rest):
    settings, given = read(*arguments, 'a.mp4', '3.mp4')
    assert settings.rest == rest
    assert given.paths == ['a.mp4', '3.mp4']


@pytest.mark.parametrize(
    ('arguments', 'advice'),
    [
        (
            ['--balance', '0.5'],
            'instead of --balance, write --rest model, which is nearest to it, or --rest none for 0',
        ),
        (['--baseline', '0', '3'], 'instead of --baseline, write --rest START END'),
    ],
)
def test_options_of_before_say_what_replaced_them(arguments, advice):
    with pytest.raises(SystemExit) as caught:
        read('a.mp4', *arguments)
    assert f'; {advice} (--help' in caught.value.code


@pytest.mark.parametrize(
    ('statement', 'line'),
    [
        ("raise InputError('a.mp4: no such file')", 'a.mp4: no such file'),
        ("open('none.csv')", 'none.csv: No such file or directory'),
        ('raise KeyboardInterrupt', 'broken off; nothing is written'),
        ('signal.raise_signal(signal.SIGTERM)', 'broken off; nothing is written'),
        ('signal.raise_signal(getattr(signal, "SIGHUP", signal.SIGTERM))', 'broken off; nothing is written'),
    ],
    ids=['InputError', 'OSError', 'KeyboardInterrupt', 'SIGTERM', 'SIGHUP'],
)
def test_what_ends_a_script_is_reported_in_one_line(tmp_path, statement, line):
    code = f"""
import signal, sys
sys.path.insert(0, {str(ROOT)!r})
from emotion_recognition.command_line import one_line_errors
from emotion_recognition.labels import InputError
with one_line_errors('script.py', 'broken off; nothing is written'):
    print('begun', flush=True)
    {statement}
    print('went on')
"""
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, 'begun\n', f'script.py: {line}\n')


def test_a_mistake_of_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), one_line_errors('script.py'):
        1 / 0  # noqa: B018


def test_after_the_block_signals_do_what_they_did_before():
    before = signal.getsignal(signal.SIGTERM)
    with one_line_errors('script.py'):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
