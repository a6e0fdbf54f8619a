"""Nothing that a run with `--blur-faces` writes shows whose the faces are."""

import base64
import csv
import json
import re
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.faces.embedding import FaceEmbedder, cut_face
from emotion_recognition.faces.people import SAME_PERSON_DISTANCE
from emotion_recognition.faces.yunet import YuNetFaceDetector
from emotion_recognition.media.photographs import write_photograph
from emotion_recognition.media.video import VideoReader
from tests.clips import demo_frame
from tests.conftest import find_faces
from tests.paths import DEMO_PATH
from tests.review_pages import read_download

DETAIL_SIDE = 48  # pixels, at which the detail of two faces is compared


@pytest.fixture(scope='module')
def eyes():
    return YuNetFaceDetector(), FaceEmbedder()


def run(path, model_path, *options):
    emotions_from_video.main([str(path), '--model-weights-path', str(model_path), *map(str, options)])


@pytest.fixture(scope='module')
def folder(tmp_path_factory, colour_model_path):
    """Results of the demo from 6.3 to 7 s, where a second face fades in beside the first."""
    folder = tmp_path_factory.mktemp('blurred')
    shutil.copy(DEMO_PATH, folder / 'demo.mp4')
    run(folder / 'demo.mp4', colour_model_path, '--blur-faces', '--people', '--start', 6.3, '--end', 7)
    return folder


def detail(picture_bgr):
    """What is left of a picture without its coarse parts, as a vector of mean 0 and length 1."""
    grey = cv2.cvtColor(picture_bgr, cv2.COLOR_BGR2GRAY).astype(np.float32)
    grey = cv2.resize(grey, (DETAIL_SIDE, DETAIL_SIDE), interpolation=cv2.INTER_AREA)
    vector = (grey - cv2.GaussianBlur(grey, (0, 0), 1.5)).ravel()
    return vector / np.linalg.norm(vector)


def who_is_seen(picture_bgr, original_bgr, eyes):
    """Of each face of the original: how like its detail is at this place, and how far its vector is from the nearest of
    both people of the demo."""
    detector, embedder = eyes
    clear, seen = demo_frame(8), []
    known = embedder.embed([cut_face(clear, face.points)[0] for face in find_faces(detector, clear)])
    for face in find_faces(detector, original_bgr):
        x, y, width, height = face.box
        place = (slice(y, y + height), slice(x, x + width))
        (vector,) = embedder.embed([cut_face(picture_bgr, face.points)[0]])
        distance = ((known - vector) ** 2).sum(axis=1).min()
        seen.append((detail(picture_bgr[place]) @ detail(original_bgr[place]), distance))
    return seen


def read(path, start=None, end=None):
    with VideoReader(path) as reader:
        return [p for _, ms, p in reader.read_frames() if start is None or start * 1000 <= ms < end * 1000]


def test_nobody_is_known_in_the_annotated_video(folder, eyes):
    shown, originals = read(folder / 'demo_with_emotions.mp4'), read(DEMO_PATH, 6.3, 7)
    seen = [one for pair in zip(shown, originals, strict=True) for one in who_is_seen(*pair, eyes)]
    assert len(seen) > 25
    assert max(correlation for correlation, _ in seen) < 0.3
    both_are_there = who_is_seen(shown[-1], originals[-1], eyes)
    assert min(distance for _, distance in both_are_there) > SAME_PERSON_DISTANCE
    unhidden = who_is_seen(originals[-1], originals[-1], eyes)
    assert len(unhidden) == 2  # the measures do know faces that are there
    assert all(correlation > 0.99 and distance < SAME_PERSON_DISTANCE for correlation, distance in unhidden)


def test_the_faces_are_analysed_as_ever_and_their_labels_can_be_read(folder):
    faces = pd.read_csv(folder / 'demo_with_emotions_faces_data.csv')
    assert (faces.groupby('frame').size() > 0).all() and faces.person.nunique() == 2
    last = read(folder / 'demo_with_emotions.mp4')[-1]
    x, y, width, _ = faces[faces.frame == faces.frame.max()].iloc[0][['x', 'y', 'width', 'height']].astype(int)
    label = last[max(0, y - 20) : y, x : x + width]
    assert (label.max(axis=2) > 150).mean() > 0.5 and (label.max(axis=2) < 130).mean() > 0.02  # dark letters on colour


def test_the_page_and_the_picture_of_the_people_show_nobody(folder, eyes):
    page = (folder / 'demo_with_emotions_review.html').read_text()
    content = json.loads(re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.S)[1])
    assert content['video'] == 'demo_with_emotions.mp4' and len(content['pictures']) >= 2
    originals = read(DEMO_PATH, 6.3, 7)
    for _, frame, jpeg in content['pictures']:
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(jpeg), np.uint8), cv2.IMREAD_COLOR)
        assert find_faces(eyes[0], cv2.resize(picture, (256, 256))) == []
        for face in find_faces(eyes[0], originals[frame]):
            x, y, width, height = face.box
            assert abs(detail(picture) @ detail(originals[frame][y : y + height, x : x + width])) < 0.3
    (path,) = folder.glob('*_all_people.png')
    assert find_faces(eyes[0], cv2.resize(cv2.imread(str(path)), None, fx=3, fy=3)) == []


def test_corrected_results_stay_hidden(folder, colour_model_path, open_page, eyes):
    rows = read_download(open_page(folder / 'demo_with_emotions_review.html'))
    with (folder / 'corrected.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows([row | {'use': 'no'} for row in rows])
    run(folder / 'demo.mp4', colour_model_path, '--apply', folder / 'corrected.csv')
    shown, originals = read(folder / 'demo_with_emotions_corrected.mp4'), read(DEMO_PATH, 6.3, 7)
    seen = [one for pair in zip(shown[::4], originals[::4], strict=True) for one in who_is_seen(*pair, eyes)]
    assert max(correlation for correlation, _ in seen) < 0.3


def test_nobody_is_known_in_an_annotated_photograph(tmp_path, colour_model_path, eyes):
    original = demo_frame(8)
    write_photograph(tmp_path / 'photo.png', original)
    run(tmp_path / 'photo.png', colour_model_path, '--blur-faces', '--min-face-size', 130)  # larger than the faces
    shown = cv2.imread(str(tmp_path / 'photo_with_emotions.png'))
    seen = who_is_seen(shown, original, eyes)
    assert len(seen) == 2
    assert max(correlation for correlation, _ in seen) < 0.3
    assert min(distance for _, distance in seen) > SAME_PERSON_DISTANCE


def test_a_copy_that_is_not_written_cannot_be_private():
    with pytest.raises(SystemExit, match=r'--blur-faces is about the annotated copy; expected no --no-write-video'):
        emotions_from_video.main([str(DEMO_PATH), '--blur-faces', '--no-write-video'])
