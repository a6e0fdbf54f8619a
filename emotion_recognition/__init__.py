"""Faces and their emotions, from Python: the names below. README.md follows a frame through the modules.

Each name is imported when it is first used: OpenCV, FFmpeg and the rest take a second or two.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emotion_recognition.api import Frame as Frame
    from emotion_recognition.api import analyse_frames as analyse_frames
    from emotion_recognition.api import analyse_image as analyse_image
    from emotion_recognition.api import table_of_faces as table_of_faces
    from emotion_recognition.emotions.classifier import EmotionClassifier as EmotionClassifier
    from emotion_recognition.labels import FaceEmotion as FaceEmotion
    from emotion_recognition.labels import InputError as InputError
    from emotion_recognition.media.camera import Camera as Camera
    from emotion_recognition.results.drawing import draw_faces as draw_faces
    from emotions_from_video import analyse_video as analyse_video

_MODULES = {  # in which each name is
    'Camera': 'emotion_recognition.media.camera',
    'EmotionClassifier': 'emotion_recognition.emotions.classifier',
    'FaceEmotion': 'emotion_recognition.labels',
    'Frame': 'emotion_recognition.api',
    'InputError': 'emotion_recognition.labels',
    'analyse_frames': 'emotion_recognition.api',
    'analyse_image': 'emotion_recognition.api',
    'analyse_video': 'emotions_from_video',
    'draw_faces': 'emotion_recognition.results.drawing',
    'table_of_faces': 'emotion_recognition.api',
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
