"""Where a video cuts from one scene to the next."""

import cv2
import numpy as np

SCENE_CUT = 25  # mean difference, 0..255, between the pixels of two frames: in a shot it is below 10 or so
THUMBNAIL_SIZE = (32, 18)  # pixels, for that difference
SAMPLED_ROWS = 120  # at least, that a thumbnail is made of: all of a large picture would take a sixth of its search


class SceneCuts:
    """Compares each frame of a video with the one before."""

    def __init__(self):
        self._thumbnail: np.ndarray | None = None

    def is_cut(self, picture: np.ndarray) -> bool:
        """Whether the next frame, (height, width) or (height, width, 3) uint8, begins another scene; the first does."""
        step = max(1, len(picture) // SAMPLED_ROWS)
        sampled = np.ascontiguousarray(picture[::step, ::step])
        before, self._thumbnail = self._thumbnail, cv2.resize(sampled, THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA)
        return before is None or cv2.absdiff(before, self._thumbnail).mean() > SCENE_CUT
