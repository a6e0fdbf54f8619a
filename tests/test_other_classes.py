"""Models with other classes than the nine, from a clip to every output: seven of the nine, and three of other names."""

from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from pympi.Elan import Eaf

import emotions_from_video
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import emotion_colour_bgr
from emotion_recognition.live.live_table import LiveFaceTable
from emotion_recognition.live.live_view import LiveView
from emotion_recognition.live.session import LiveSession
from emotion_recognition.live.watching import Watch
from emotion_recognition.media.camera import CameraFrame
from emotion_recognition.pipeline import EmotionPipeline, open_models
from emotion_recognition.results.face_table import QUALITY_COLUMNS
from emotion_recognition.results.output_paths import Outputs
from emotions_from_webcam import WebcamSettings
from tests.clips import copy_packets, demo_frame
from tests.conftest import save_classifier
from tests.paths import DEMO_PATH

SEVEN = ('anger', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise')
THREE = ('amused', 'bored', 'tense')
FRAME_COUNT = 8  # in 0.3 s
HEAD = 'frame_start,frame_end,emotions,person,found_as,by\n'


@pytest.fixture(scope='module', params=[SEVEN, THREE], ids=['seven', 'three'])
def run(request, tmp_path_factory):
    """A run of the video script on the demo's first face, with a model to which red is happy or amused."""
    names, folder = request.param, tmp_path_factory.mktemp('classes')
    answer, kernel = ('happy' if 'happy' in names else 'amused'), np.zeros((3, len(names)))
    kernel[0, names.index(answer)] = 8
    looks = {'median': [0] * 7, 'low': [-4] * 7, 'high': [4] * 7}
    more = {'log_odds_at_rest': looks} if 'neutral' in names else {'class_priors': [1 / 3] * 3}
    model_path = save_classifier(folder / 'model.h5', kernel, names, **more)
    clip = copy_packets(DEMO_PATH, folder / 'clip.mp4', seconds=0.3)
    options = ['--model-weights-path', str(model_path), '--subtitles', '--elan']
    emotions_from_video.main([str(clip), *options])
    outputs = Outputs(folder / 'clip_with_emotions.mp4')
    return SimpleNamespace(names=names, answer=answer, model_path=model_path, clip=clip, outputs=outputs)


def test_tables_have_the_columns_of_the_classes_and_valence_where_it_is_known(run):
    faces, summary = pd.read_csv(run.outputs.faces), pd.read_csv(run.outputs.summary)
    assert len(faces) == FRAME_COUNT and (faces.emotion == run.answer).all()
    start = list(faces.columns).index('confidence') + 1
    from_rest = [f'{name}_from_rest' for name in run.names]
    valence = ['valence'] if 'happy' in run.names else []
    assert list(faces.columns[start:]) == [*run.names, *valence, *from_rest, *QUALITY_COLUMNS]
    assert ('valence_mean' in summary) == bool(valence)
    np.testing.assert_allclose(faces[from_rest].sum(axis=1), 1, atol=1e-3)
    if valence:
        negative = faces[[f'{name}_from_rest' for name in ('anger', 'disgust', 'fear', 'sad')]].max(axis=1)
        np.testing.assert_allclose(faces.valence, faces.happy_from_rest - negative, atol=2e-4)


def test_periods_subtitles_and_elan_have_the_classes_words(run):
    assert pd.read_csv(run.outputs.emotions).emotions.tolist() == [run.answer]
    assert f'\n{run.answer}\n' in run.outputs.subtitles.read_text()
    ((_, _, word, *_),) = Eaf(str(run.outputs.elan)).get_annotation_data_for_tier('person 1')
    assert word == run.answer


def test_the_review_page_lists_the_classes_in_their_colours(run, open_page):
    page = open_page(run.outputs.review)
    assert page.evaluate('classNames') == list(run.names)
    assert page.locator('#legend').inner_text().split()[0] == run.names[0]
    colours = {'#{2:02x}{1:02x}{0:02x}'.format(*emotion_colour_bgr(name, run.names)) for name in run.names}
    assert set(page.evaluate('classes.map(({colour}) => colour)')) == colours and len(colours) == len(run.names)


def test_corrections_may_name_any_class_of_the_model_and_no_other(run, tmp_path):
    path, another = tmp_path / 'corrected.csv', run.names[-1]
    path.write_text(f'{HEAD}1,{FRAME_COUNT},{another},1,1,person\n')
    emotions_from_video.main([str(run.clip), '--apply', str(path)])
    assert (pd.read_csv(run.outputs.corrected().faces).emotion == another).all()
    assert (
        (cv2.imread(str(run.outputs.corrected().timeline('png'))) == emotion_colour_bgr(another, run.names))
        .all(axis=2)
        .any()
    )
    path.write_text(f'{HEAD}1,{FRAME_COUNT},contempt,1,1,person\n')
    with pytest.raises(SystemExit, match=f'expected one of {", ".join(run.names)}'):
        emotions_from_video.main([str(run.clip), '--apply', str(path)])


def test_the_webcam_script_shows_and_notes_the_classes(run, tmp_path):
    frames = [CameraFrame(number, number / 25, demo_frame(0)) for number in range(1, FRAME_COUNT + 1)]
    camera = SimpleNamespace(ended=False)

    def read_newest(_):
        camera.ended = len(frames) == 1
        return frames.pop(0)

    camera.read_newest, shown = read_newest, []
    window = SimpleNamespace(key=None, show=lambda picture_bgr: shown.append(picture_bgr))
    settings = WebcamSettings(model_weights_path=run.model_path)
    pipeline = EmotionPipeline(open_models(settings), settings)
    with LiveFaceTable(tmp_path / 'faces.csv', pipeline.class_names) as table:
        watch = Watch(pipeline, LiveSession(table), window, LiveView(mirror=True), tmp_path / 'faces.csv')
        watch.run(camera, Interruption())
    faces = pd.read_csv(tmp_path / 'faces.csv')
    assert set(run.names) <= set(faces) and (faces.emotion == run.answer).all() and len(faces) > 2
    assert (shown[-1] == emotion_colour_bgr(run.answer, run.names)).all(axis=2).sum() > 300  # its label
