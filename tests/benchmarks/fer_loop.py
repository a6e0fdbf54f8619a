"""Analyse a video with the fer package as its documentation says, for comparison.

    PYTHON tests/benchmarks/fer_loop.py clip.mp4 folder [mtcnn]

PYTHON is that of an environment in which `pip install fer==25.10.3` was done. Writes clip_output.mp4, which has no
sound, and data.csv to the folder. All is left as the package has it, with its faster detector (Haar) and network
(TensorFlow Lite), but for the picture of each frame in a ZIP, which is not written. With `mtcnn`, it uses the more
accurate detector, which the documentation's example of a video names.
"""

import os
import sys

import cv2
from fer.classes import Video  # the documentation imports both from fer, which does not work with this version
from fer.fer import FER


def main(video_path, folder, detector='haar'):
    os.chdir(folder)  # the name of the table cannot be chosen
    video = Video(video_path, outdir=folder)
    video.analyze(FER(mtcnn=detector == 'mtcnn'), display=False, save_frames=False)
    frame_count = int(cv2.VideoCapture(video_path).get(cv2.CAP_PROP_FRAME_COUNT))
    if video.frameCount != frame_count:  # it stops at a frame that it cannot analyse, and does not fail
        sys.exit(f'fer analysed {video.frameCount} of {frame_count} frames')


if __name__ == '__main__':
    main(*sys.argv[1:])
