"""Say hello to everybody who smiles at the camera, until Ctrl-C; or at a video, which plays at its own pace.

Install the project first (pip install .). For your own program, replace what `react` does.
"""

import sys
from contextlib import suppress

from emotion_recognition import Camera, FaceEmotion, analyse_frames

SOURCE = sys.argv[1] if len(sys.argv) > 1 else 0  # video, or number of a camera
MIN_CONFIDENCE = 0.6


def react(face: FaceEmotion, seconds: float) -> None:
    print(f'{seconds:.1f} s: hello, {face.who}! ({face.emotion}, {face.confidence:.0%})', flush=True)


smiling = set()  # numbers of the faces that smiled in the last frame
with suppress(KeyboardInterrupt):
    for frame in analyse_frames(Camera(SOURCE)):
        happy = {face.number for face in frame.faces if face.emotion == 'happy' and face.confidence > MIN_CONFIDENCE}
        for face in frame.faces:
            if face.number and face.number in happy - smiling:  # 0: who it is is not known yet
                react(face, frame.ms / 1000)
        smiling = happy
