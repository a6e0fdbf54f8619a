"""Whether results can be written, and replace nothing but earlier results of the same input.

What may be replaced: files whose names end in `_with_emotions` and what follows it, which belong to this program; under
other names, what the record of an earlier run claims; and where no record is written, as for photographs and corrected
results, what stands next to a table of faces of this program.
"""

import errno
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from emotion_recognition.labels import InputError, reason
from emotion_recognition.media.photographs import PHOTOGRAPH_SUFFIXES, is_photograph
from emotion_recognition.results.face_table import FACE_COLUMNS
from emotion_recognition.results.output_paths import CORRECTED_SUFFIX, OUTPUT_SUFFIX, Outputs
from emotion_recognition.runs.people_file import is_people_file
from emotion_recognition.runs.record_file import claimed_names, path_of_video, read_record
from emotion_recognition.runs.run_folder import RunFolder, remove_dead_runs
from emotion_recognition.settings import Settings

FILE_SETTINGS = ('spans', 'apply', 'people', 'model_weights_path', 'detector_path')  # that may name files to read


def prepare_outputs(path: Path, outputs: Outputs, settings: Settings) -> RunFolder:
    """Check that results can be written, and remove what killed runs left there. Returns the folder to write them to.

    Raises:
        InputError: See `check_outputs`.
    """
    check_outputs(path, outputs, settings)
    remove_dead_runs(outputs.annotated.parent)
    return RunFolder(outputs)


def check_outputs(path: Path, outputs: Outputs, settings: Settings) -> None:
    """Check that results can be written, before the work begins.

    Args:
        path: Path of the video or photograph.
        outputs: Where its results go.
        settings: Settings of the video script.

    Raises:
        InputError: They cannot be written, or would overwrite a file that is no earlier result of this input.
    """
    folder = outputs.annotated.parent
    if outputs.annotated.resolve() == path.resolve():
        raise InputError(f'{outputs.annotated}: would overwrite the input itself; choose another output name')
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder for the output')
    wanted = _choose_wanted(path, outputs, settings)
    _check_writable(path, folder, wanted)
    check_inputs_stay([path], wanted, settings)
    _check_own(outputs, wanted)
    if other := _find_other_input(path, outputs):
        raise InputError(
            f'{outputs.faces}: belongs to the results of {other}, which those of {path} would overwrite; move them or '
            'rename the file'
        )


def check_inputs_stay(inputs: Iterable[Path], results: Iterable[Path], settings: Settings) -> None:
    """Check that results overwrite none of the files that the run reads.

    Args:
        inputs: Paths of videos and photographs.
        results: Paths of files that may be written.
        settings: Settings of the video script, which name further files.

    Raises:
        InputError: One of them would be overwritten.
    """
    named = [Path(value) for name in FILE_SETTINGS if (value := getattr(settings, name))]
    names_of_people = [path.with_suffix('.csv') for path in named if is_people_file(path.name)]
    read = [*inputs, *named, *names_of_people]
    for result in results:
        for path in read:
            if path.absolute() == result.absolute() or (result.exists() and path.exists() and result.samefile(path)):
                raise InputError(f'{path}: would be overwritten by a result of this name; rename it')


def _choose_wanted(path, outputs, settings):
    """Paths of the results that are going to be written."""
    annotated = [outputs.annotated] if settings.write_video else []
    if is_photograph(path):
        return [*annotated, outputs.faces]
    optional = {'subtitles': outputs.subtitles, 'elan': outputs.elan, 'review': outputs.review}
    chosen = [result for name, result in optional.items() if getattr(settings, name)]
    tables = [outputs.emotions, outputs.faces, outputs.summary]
    return [*annotated, *tables, outputs.timeline(settings.timeline_format), *chosen, outputs.record]


def _check_writable(path, folder, results):
    checked = folder
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        for checked in results:
            # fails for a folder of this name; on Windows, if a program has the file open
            with suppress(FileNotFoundError), checked.open('r+b'):
                pass
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            too_long = f'too long for a result that is called {checked.name}'
            raise InputError(f'{path}: its name is {too_long}; rename it, or choose a shorter output name') from None
        raise InputError(f'{checked}: cannot be written ({reason(error)})') from None


def _check_own(outputs, results):
    """Check that what stands where results go is this program's own."""
    if outputs.annotated.stem.removesuffix(CORRECTED_SUFFIX).endswith(OUTPUT_SUFFIX):
        return
    claimed = claimed_names(read_record(outputs.record))
    if not claimed and _is_face_table(outputs.faces):
        return
    own = claimed | ({outputs.record.name} if claimed else set())
    for result in results:
        if result.exists() and result.name not in own:
            raise InputError(
                f'{result}: is in the way and is not an earlier result; move it, or choose another output name'
            )


def _is_face_table(path):
    try:
        with path.open('rb') as file:
            return file.readline().startswith(','.join(FACE_COLUMNS[:3]).encode())
    except OSError:
        return False


def _find_other_input(path, outputs):
    """The other video or photograph whose results stand there, if it still stands next to them."""
    record = read_record(outputs.record)
    if record:
        video = path_of_video(outputs.record)
        others = [video] if video else []
    elif not is_photograph(path) and outputs.faces.exists():  # a photograph has no record: its copy shows whose it is
        suffixes = {suffix for lower in PHOTOGRAPH_SUFFIXES for suffix in (lower, lower.upper())} - {path.suffix}
        others = [path.with_suffix(suffix) for suffix in suffixes if outputs.annotated.with_suffix(suffix).exists()]
    else:
        others = []
    return next((other for other in others if path.exists() and other.is_file() and not other.samefile(path)), None)
