"""Every option that the video script has and the webcam script has not: its default, its help and its bounds.

Edit a default here, or override it on the command line (`timeline_format` is `--timeline-format` there). The options
that both scripts share are in `emotion_recognition/settings.py`.
"""

from dataclasses import dataclass
from pathlib import Path

from emotion_recognition.labels import InputError
from emotion_recognition.media.encoders import DEFAULT_ENCODER, ENCODERS
from emotion_recognition.media.part import Part, check_part
from emotion_recognition.results.output_paths import TIMELINE_FORMATS
from emotion_recognition.runs.people_file import PEOPLE_OF_RUN, is_people_file
from emotion_recognition.runs.ray_connection import LOCAL, is_address
from emotion_recognition.settings import Settings, option, to_path, to_time

MAX_EVERY = 60  # frames that wait for the next one that is analysed: 360 MB at 1920x1080


@dataclass(frozen=True)
class VideoSettings(Settings):
    """The options of both scripts, and those of the video script."""

    output_filename: str | Path | None = option(
        None, 'annotated file, for a single input; default: <stem>_with_emotions.mp4 next to it', parse=to_path
    )
    output_folder: str | Path | None = option(
        None, 'folder for all results, which is made; default: next to each input', parse=to_path, metavar='DIR'
    )
    recursive: bool = option(False, 'search the folders in named folders too')
    compact: bool = option(True, 'table of emotions by periods, otherwise by frames')
    show_process: bool = option(False, 'show the frames in a window; q ends')
    write_video: bool = option(True, 'write the annotated video or photograph, not only the other results')
    blur_faces: bool = option(
        False, 'pixelate all faces in the annotated video or photograph and on the page, to show them to others'
    )
    encoder: str = option(
        DEFAULT_ENCODER,
        'of the annotated video: x264, or one in hardware, if the machine has it (those are not tested by us)',
        choices=tuple(ENCODERS),
    )
    keep_all_sound: bool = option(False, 'keep all sound streams, not only the one that players choose')
    start: float | None = option(
        None, 'analyse and write each video from this time on: seconds, m:ss or h:mm:ss', parse=to_time, metavar='TIME'
    )
    end: float | None = option(None, 'likewise, only until this time', parse=to_time, metavar='TIME')
    every: int = option(
        1, 'analyse every Nth frame only, which is faster; the others are filled in between', 1, maximum=MAX_EVERY
    )
    fill_gaps: bool = option(False, 'fill in faces that the detector misses for up to 0.5 s, 60 frames')
    subtitles: bool = option(False, 'also write the periods as SRT')
    timeline_format: str = option('png', 'of the picture of the emotions over time', choices=TIMELINE_FORMATS)
    review: bool = option(True, 'write a page on which the results can be watched and corrected')
    apply: str | Path | None = option(
        None,
        'corrected table from that page, or a folder of them; more may follow: draw the results again with them',
        parse=to_path,
    )
    elan: bool = option(False, 'also write the periods for ELAN')
    min_quality: float = option(0.5, 'from which a face counts as usable in the summary, 0 to 1', 0, maximum=1)
    decimal_comma: bool = option(False, 'write tables with decimal commas, and semicolons between cells')
    spans: str | Path | None = option(
        None, 'CSV of spans (conditions, stimuli): video, start, end, name', parse=to_path
    )
    people: str | Path | None = option(
        None,
        'give a person the same number in all files; with a FILE.npz, in later runs too: faces are kept in it, and '
        'FILE.csv gives them names',
        parse=to_path,
        bare=PEOPLE_OF_RUN,
        accepts=is_people_file,
        metavar='FILE.npz',
    )
    single_tables: bool = option(False, 'also a table of faces of each photograph in a folder, not only of all')
    whole_picture: bool = option(False, 'take each photograph as one face, as in data sets of cut-out faces')
    skip_done: bool = option(False, 'leave out inputs whose results exist and would be the same')
    ray: str | None = option(
        None,
        'many videos at once: on this machine, or on the Ray cluster at an address',
        parse=str,
        bare=LOCAL,
        accepts=is_address,
    )

    def __post_init__(self):
        super().__post_init__()
        check_part(self.part, None if isinstance(self.rest, str) else self.rest)
        if self.blur_faces and not self.write_video:
            raise InputError('--blur-faces is about the annotated copy; expected no --no-write-video')
        if self.output_filename and self.output_folder:
            raise InputError('--output-filename and --output-folder both say where results go; expected one of them')

    @property
    def part(self) -> Part:
        """The part of each video that is analysed and written."""
        return Part(self.start, self.end)
