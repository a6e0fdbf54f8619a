"""Finding where a video cuts from one scene to the next."""

import cv2
import numpy as np

from emotion_recognition.media.picture import sampling_step

SCENE_CUT = 25  # mean difference, 0..255, between the pixels of two frames; within a shot it is below about 10
THUMBNAIL_SIZE = (32, 18)  # pixels, width and height, at which frames are compared


class SceneCuts:
    """Compares each frame of a video with the one before."""

    def __init__(self):
        self._thumbnail: np.ndarray | None = None

    def is_cut(self, frame_bgr: np.ndarray) -> bool:
        """Whether the next frame, (height, width, 3) uint8, begins another scene. The first frame does."""
        step = sampling_step(len(frame_bgr))
        sampled = np.ascontiguousarray(frame_bgr[::step, ::step])
        before, self._thumbnail = self._thumbnail, cv2.resize(sampled, THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA)
        return before is None or cv2.absdiff(before, self._thumbnail).mean() > SCENE_CUT
