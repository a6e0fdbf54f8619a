import json
import re
import sys
import time

import numpy as np
import pandas as pd

from emotion_recognition import results as package
from emotion_recognition.labels import FaceEmotion
from emotion_recognition.media.video import VideoReader
from emotion_recognition.results import timeline
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.results.video_results import TIMELINE, VideoResults
from emotions_from_video import VideoSettings
from tests.clips import write_clip
from tests.conftest import CLASS_NAMES


def test_spans_stand_in_the_summary_the_page_and_the_file_for_elan(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 400, 40))
    (tmp_path / 'spans.csv').write_text('video,start,end,name\nclip.mp4,0.1,0.2,stimulus & <b>\n')
    settings = VideoSettings(spans=tmp_path / 'spans.csv', elan=True, write_video=False)
    results = VideoResults(clip, CLASS_NAMES, settings)
    happy = np.eye(9, dtype=np.float32)[CLASS_NAMES.index('happy')]
    for number in range(1, 11):
        results.add(number, number * 40.0 - 40, [FaceEmotion(1, (0, 0, 9, 9), happy)])
    own, outputs = Outputs(tmp_path / 'own.mp4'), Outputs(tmp_path / 'clip_with_emotions.mp4')
    own.faces.write_text('the table of faces')
    with VideoReader(clip) as reader:
        results.write(reader, own, outputs)
    summary = pd.read_csv(own.summary, keep_default_na=False)
    assert summary.span.tolist() == ['', 'stimulus & <b>']
    assert summary.seconds.tolist() == [0.4, 0.1]
    data = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', own.review.read_text('utf-8'), re.S)[1]
    content = json.loads(data)
    assert content['spans'] == [['stimulus & <b>', 100_000, 200_000]]
    assert (content['video'], len(content['times'])) == ('clip.mp4', 10)
    assert 'stimulus &amp; &lt;b&gt;' in own.elan.read_text('utf-8')


def test_a_page_that_is_not_wanted_is_not_written(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 120, 40))
    results = VideoResults(clip, CLASS_NAMES, VideoSettings(review=False))
    for number in (1, 2, 3):
        results.add(number, number * 40.0 - 40, [])
    own = Outputs(tmp_path / 'own.mp4')
    own.faces.write_text('a run is named by its table of faces')
    with VideoReader(clip) as reader:
        results.write(reader, own, own)
    assert own.summary.exists() and not own.review.exists()


def test_the_timeline_is_imported_beside_the_frames(tmp_path, monkeypatch):
    monkeypatch.setattr(package, 'timeline', timeline)  # which the import below would replace
    monkeypatch.delitem(sys.modules, TIMELINE)
    VideoResults(tmp_path / 'clip.mp4', CLASS_NAMES, VideoSettings())
    started = time.monotonic()
    while TIMELINE not in sys.modules and time.monotonic() < started + 20:
        time.sleep(0.01)
    assert TIMELINE in sys.modules
