"""Faces and marks of a live run as LabStreamingLayer (LSL) streams, to record them together with other instruments."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

from emotion_recognition.labels import FaceEmotion, InputError, has_valence
from emotion_recognition.results.face_table import FROM_REST

FACES_STREAM, MARKS_STREAM = 'FacialEmotions', 'FacialEmotionsMarks'
FIRST_CHANNELS = ('frame', 'face', 'person', 'x', 'y', 'width', 'height')
CLOCK_READINGS = 5  # of which the closest together count: on a busy machine, milliseconds may pass within one of them
NOT_KNOWN = float('nan')  # in the channel of the person, and in those of a reference at rest that a face does not have


def import_pylsl() -> ModuleType:
    """Import pylsl, the Python package of LSL, which is an optional requirement.

    Raises:
        InputError: It is not installed, or its library is missing.
    """
    install, library = 'install it with: python -m pip install pylsl', 'see https://labstreaminglayer.org'
    try:
        import pylsl
    except ImportError:
        raise InputError(f'--lsl needs the package pylsl; {install}') from None
    except (RuntimeError, OSError):  # pylsl brings the library along for the usual systems only
        raise InputError(f'--lsl needs liblsl, which pylsl does not find here; {library}') from None
    return pylsl


class LabStreams:
    """Two LSL streams: one with a sample for each face and frame, and one with a sample for each mark.

    The time of a sample is when its frame was read from the camera, by LSL's clock; all samples of a frame have the
    same time. A frame without faces has no sample.

    Args:
        pylsl: The module, see `import_pylsl`.
        source: Camera, see `Camera`. The streams' identifiers contain its name, but not the path or the password of an
            address, since they are visible in the whole network.
        class_names: Names of the classes that the probabilities belong to.
    """

    def __init__(self, pylsl: ModuleType, source: int | str, class_names: Sequence[str]):
        self._pylsl = pylsl
        self._has_valence = has_valence(class_names)
        self._frame_time = time.perf_counter()
        labels = [*FIRST_CHANNELS, *class_names, *(['valence'] if self._has_valence else [])]
        labels += [name + FROM_REST for name in class_names]
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
        """Send the faces of the next frame.

        Args:
            frame_number: Its number, from 1.
            frame_time: When it was read, in seconds of `time.perf_counter`.
            faces: Its faces, in the order of their numbers.
        """
        self._frame_time = frame_time
        lsl_time = self._on_lsl_clock(frame_time) if faces else None
        for face in faces:
            compared = face.probabilities_from_rest
            person = face.number if face.person and face.number else NOT_KNOWN
            values = [frame_number, face.track_id, person, *face.box, *face.probabilities]
            values += [face.valence] * self._has_valence
            values += [NOT_KNOWN] * len(face.class_names) if compared is None else list(compared)
            self._faces.push_sample([float(value) for value in values], lsl_time)

    def mark(self, mark: str) -> None:
        """Send a mark for the newest frame."""
        self._marks.push_sample([mark], self._on_lsl_clock(self._frame_time))

    def _on_lsl_clock(self, moment):
        """Convert a time of `time.perf_counter` to LSL's clock. Both run at the same speed, but on some systems they
        start or are adjusted separately."""
        return moment + min(self._read_clocks() for _ in range(CLOCK_READINGS))[1]

    def _read_clocks(self):
        """Read both clocks. Returns how long it took, in seconds, and how far LSL's clock is ahead."""
        before, lsl_time, after = time.perf_counter(), self._pylsl.local_clock(), time.perf_counter()
        return after - before, lsl_time - (before + after) / 2


def _public_name(source):
    return urlsplit(str(source)).hostname or Path(str(source)).name
