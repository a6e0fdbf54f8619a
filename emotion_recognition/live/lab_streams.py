"""Faces and marks of a live run as streams of LabStreamingLayer (LSL), for recording beside other instruments."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

from emotion_recognition.labels import FaceEmotion, InputError, has_valence
from emotion_recognition.results.face_table import FROM_BASELINE

FACES_STREAM, MARKS_STREAM = 'FacialEmotions', 'FacialEmotionsMarks'
FIRST_CHANNELS = ('frame', 'face', 'x', 'y', 'width', 'height')
NOT_KNOWN = float('nan')  # in the channels of a baseline that a face does not have


def import_pylsl() -> ModuleType:
    """Load LSL, which few users need.

    Raises:
        InputError: it is not installed, or only in part.
    """
    install, library = 'install it by: python -m pip install pylsl', 'see https://labstreaminglayer.org'
    try:
        import pylsl
    except ImportError:
        raise InputError(f'--lsl needs the package pylsl; {install}') from None
    except (RuntimeError, OSError):  # pylsl is there, but brings the library for the usual systems only
        raise InputError(f'--lsl needs liblsl, which pylsl does not find here; {library}') from None
    return pylsl


class LabStreams:
    """Two streams of LSL: one sample for each face and frame, and one for each mark.

    Samples bear the time at which their frame was read from the camera, by LSL's clock. Those of one frame have the
    same time. A frame without faces has none.

    Args:
        pylsl: the module, see `import_pylsl`.
        source: the camera, see `Camera`. The streams are known by its name, without the path and the password that an
            address may hold, since the whole network sees it.
        class_names: of the probabilities.
    """

    def __init__(self, pylsl: ModuleType, source: int | str, class_names: Sequence[str]):
        self._pylsl = pylsl
        self._has_valence = has_valence(class_names)
        self._frame_time = time.perf_counter()
        labels = [*FIRST_CHANNELS, *class_names, *(['valence'] if self._has_valence else [])]
        labels += [name + FROM_BASELINE for name in class_names]
        name = _public_name(source)
        faces = pylsl.StreamInfo(
            FACES_STREAM, 'Emotions', len(labels), pylsl.IRREGULAR_RATE, pylsl.cf_float32, f'{FACES_STREAM} {name}'
        )
        faces.set_channel_labels(labels)
        marks = pylsl.StreamInfo(
            MARKS_STREAM, 'Markers', 1, pylsl.IRREGULAR_RATE, pylsl.cf_string, f'{MARKS_STREAM} {name}'
        )
        self._faces, self._marks = pylsl.StreamOutlet(faces), pylsl.StreamOutlet(marks)

    def add(self, frame_number: int, frame_time: float, faces: Sequence[FaceEmotion]) -> None:
        """Send the next frame's faces: its number from 1, when it was read in seconds of `time.perf_counter`."""
        self._frame_time = frame_time
        for face in faces:
            change = face.probabilities_from_baseline
            values = [frame_number, face.track_id, *face.box, *face.probabilities]
            values += [face.valence] * self._has_valence
            values += [NOT_KNOWN] * len(face.class_names) if change is None else list(change)
            self._faces.push_sample([float(value) for value in values], self._on_lsl_clock(frame_time))

    def mark(self, mark: str) -> None:
        """Send a mark of the newest frame."""
        self._marks.push_sample([mark], self._on_lsl_clock(self._frame_time))

    def _on_lsl_clock(self, moment):
        """Both clocks tick alike, but some systems let them begin, or be set right, apart."""
        return self._pylsl.local_clock() - (time.perf_counter() - moment)


def _public_name(source):
    return urlsplit(str(source)).hostname or Path(str(source)).name
