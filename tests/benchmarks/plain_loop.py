"""The loop that everybody writes, for comparison: one frame after the other, one call per face, the sound at the end.

python tests/benchmarks/plain_loop.py clip.mp4 annotated.mp4 model.h5 faces.csv
"""

import csv
import json
import os
import sys
from pathlib import Path

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

import cv2
import h5py
import keras
import numpy as np
from moviepy import VideoFileClip

CASCADE_PATH = Path(__file__).resolve().parents[2] / 'face_detector' / 'haarcascade_frontalface_default.xml'


def main(video_path, output_path, model_path, csv_path):
    model = keras.models.load_model(model_path, compile=False)
    with h5py.File(model_path) as file:
        class_names = json.loads(file.attrs['class_names'])
    size = model.input_shape[1]
    cascade = cv2.CascadeClassifier(str(CASCADE_PATH))
    video = cv2.VideoCapture(video_path)
    frame_size = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    silent_path = output_path + '.silent.mp4'
    writer = cv2.VideoWriter(silent_path, cv2.VideoWriter_fourcc(*'mp4v'), video.get(cv2.CAP_PROP_FPS), frame_size)
    rows = []
    while True:
        is_read, frame = video.read()
        if not is_read:
            break
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        emotions = []
        for x, y, width, height in sorted(map(tuple, cascade.detectMultiScale(grey, 1.3, 5))):
            face = cv2.cvtColor(cv2.resize(frame[y : y + height, x : x + width], (size, size)), cv2.COLOR_BGR2RGB)
            probabilities = model.predict(face[None].astype(np.float32), verbose=0)[0]
            emotions.append(class_names[int(probabilities.argmax())])
            cv2.rectangle(frame, (x, y), (x + width, y + height), (0, 255, 0), 2)
            cv2.putText(frame, emotions[-1], (x, y - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (0, 255, 0), 2)
        writer.write(frame)
        rows.append([len(rows) + 1, ' '.join(emotions)])
    writer.release()
    with VideoFileClip(video_path) as original, VideoFileClip(silent_path) as silent:
        silent.with_audio(original.audio).write_videofile(output_path, logger=None)
    with open(csv_path, 'w', newline='') as file:
        csv.writer(file).writerows([['frame', 'emotions'], *rows])


if __name__ == '__main__':
    main(*sys.argv[1:])
