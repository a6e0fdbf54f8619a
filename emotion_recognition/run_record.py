"""What the results of a video were made with, in a small file beside them; and whether they need to be made again."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

from emotion_recognition.detection import path_of_detector
from emotion_recognition.files import Outputs
from emotion_recognition.hashing import hash_file
from emotion_recognition.settings import ROOT, Settings

# Settings that change no result, and those of which the files' contents count instead of their names.
NO_MATTER = {'show_process', 'output_filename', 'apply', 'ray', 'skip_done', 'threads'}
FILES = {'model_weights_path', 'detector_path', 'spans'}
PROGRAM_SUFFIXES = ('.py', '.js', '.css', '.html')
THREADS = 16


def describe_makers(settings: Settings) -> dict[str, Any]:
    """All that the results of a video depend on but the video itself, as JSON knows it.

    Args:
        settings: of the video script.

    Raises:
        InputError: the detector cannot be fetched.
        OSError: the model, the detector or the spans cannot be read.
    """
    paths = {
        'model': settings.model_weights_path,
        'detector': path_of_detector(str(settings.detector_path)),
        'spans': settings.spans,
    }
    values = dataclasses.asdict(settings)
    makers = {
        'version': _version(),
        **{f'{name}_sha256': path and hash_file(path) for name, path in paths.items()},
        'settings': {name: values[name] for name in sorted(values) if name not in NO_MATTER | FILES},
    }
    return json.loads(json.dumps(makers))


def write_record(own: Outputs, video_path: Path, makers: dict[str, Any], stopped: str | None) -> None:
    """Write the record of a run, once all else is written.

    Args:
        own: where the results are.
        video_path: of the video.
        makers: see `describe_makers`.
        stopped: why somebody ended the run early; None if nobody did.
    """
    video = {'name': video_path.name, 'bytes': video_path.stat().st_size}
    record = {'video': video, 'made_with': makers, 'results': own.written(), 'ended_early': stopped}
    own.record.write_text(json.dumps(record, indent=1) + '\n', encoding='utf-8')


def find_left(videos: Sequence[Path], outputs: dict[Path, Outputs], settings: Settings) -> list[Path]:
    """Those of the videos that have no whole results which would be the same if they were made again. Says how many.

    Args:
        videos: their paths.
        outputs: where the results of each are, if it has any.
        settings: of the video script.

    Raises:
        InputError, OSError: see `describe_makers`.
    """
    makers = describe_makers(settings)
    with ThreadPoolExecutor(THREADS) as pool:  # shared folders answer slowly, but many at once
        done = list(pool.map(lambda video: is_done(video, outputs[video], makers), videos))
    print(f'Done before: {sum(done)} of {len(videos)} videos')
    return [video for video, is_it in zip(videos, done, strict=True) if not is_it]


def is_done(video_path: Path, outputs: Outputs, makers: dict[str, Any]) -> bool:
    """Whether a video has such results."""
    try:
        record = json.loads(outputs.record.read_text(encoding='utf-8'))
        results = [outputs.record.with_name(name) for name in record['results']]
        if record['made_with'] != makers or record['ended_early'] is not None:
            return False
        video = video_path.stat()
        is_newer = min(path.stat().st_mtime_ns for path in results) > video.st_mtime_ns
        return is_newer and record['video']['bytes'] == video.st_size
    except (OSError, ValueError, KeyError, TypeError):  # there is no record, or it is none
        return False


def name_run(faces_path: Path) -> str:
    """By what tables of corrections know the run that they are about: a hash of its table of faces.

    Raises:
        OSError: the table cannot be read.
    """
    return f'run-{hash_file(faces_path)[:12]}'


@lru_cache
def _version():
    """Of the program: the hash of its text, which no one can forget to count up."""
    digest = hashlib.sha256()
    parts = sorted(path for path in (ROOT / 'emotion_recognition').rglob('*') if path.suffix in PROGRAM_SUFFIXES)
    for path in [ROOT / 'emotions_from_video.py', *parts]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
