"""Which videos come in, and where their results go."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from emotion_recognition.labels import InputError

# fmt: off
VIDEO_SUFFIXES = [  # of the files in a folder that are taken
    '.3gp', '.avi', '.flv', '.m2ts', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.mts', '.ogv', '.ts', '.webm',
    '.wmv',
]
# fmt: on
OUTPUT_SUFFIX = '_with_emotions'  # of annotated videos, which are not taken


@dataclass(frozen=True)
class Outputs:
    """Paths of what is written: the annotated mp4, and beside it all that is named after it."""

    video: Path

    @property
    def emotions(self) -> Path:
        """Table of emotions, by periods or frames."""
        return self._named('_emotions_data.csv')

    @property
    def faces(self) -> Path:
        """Table of faces: one row per face and frame."""
        return self._named('_faces_data.csv')

    @property
    def timeline(self) -> Path:
        """Picture of each face's emotions over time."""
        return self._named('_timeline.png')

    @property
    def subtitles(self) -> Path:
        """The periods as subtitles."""
        return self._named('_periods.srt')

    def written(self, write_video: bool, subtitles: bool) -> list[Path]:
        """Those that a run with these options writes."""
        always = [self.emotions, self.faces, self.timeline]
        return [self.video] * write_video + always + [self.subtitles] * subtitles

    def _named(self, ending):
        return self.video.with_name(self.video.stem + ending)


def name_outputs(video_path: Path, output_filename: str | Path | None) -> Outputs:
    """Where the results of a video go."""
    return Outputs(Path(output_filename or video_path.with_name(f'{video_path.stem}{OUTPUT_SUFFIX}.mp4')))


def check_outputs(video_path: Path, outputs: Outputs) -> None:
    """Find out before the work whether its results can be written.

    Raises:
        InputError: they cannot, or would overwrite the video.
    """
    folder = outputs.video.parent
    if outputs.video.resolve() == video_path.resolve():
        raise InputError(f'{outputs.video}: would overwrite the video itself; give another output name')
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder for the output')
    for path in outputs.written(write_video=True, subtitles=True):
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
            if path.exists():
                with path.open('r+b'):  # on Windows a program that has it open forbids this
                    pass
        except OSError as error:
            raise InputError(f'{path}: cannot be written ({error.strerror})') from None


def find_videos(paths: Iterable[Path]) -> list[Path]:
    """The videos among paths: files as they are, of folders the videos in them that are no output of this script.

    Raises:
        InputError: a folder holds no video.
    """
    videos = []
    for path in paths:
        found = sorted(path.iterdir()) if path.is_dir() else [path]
        if path.is_dir():
            found = [file for file in found if file.suffix.lower() in VIDEO_SUFFIXES and file.name[0] != '.']
            found = [file for file in found if not file.stem.endswith(OUTPUT_SUFFIX)]
            if not found:
                raise InputError(f'{path}: holds no video ({" ".join(VIDEO_SUFFIXES)})')
        videos += found
    return videos
