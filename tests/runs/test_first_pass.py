"""Whole runs in which every face is compared with its reference at rest."""

import json
import pickle
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.emotions.model_file import ModelFile
from emotion_recognition.emotions.references import References
from emotion_recognition.faces.boxes import FoundFace
from emotion_recognition.faces.people import VideoPeople
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import FaceEmotion, InputError, Person
from emotion_recognition.media.endings import FrameError, ReadError
from emotion_recognition.media.input_file import FileStatus
from emotion_recognition.media.photographs import write_photograph
from emotion_recognition.media.video import VideoReader
from emotion_recognition.pipeline import EmotionPipeline, Models
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.first_pass import see_before_drawing
from emotion_recognition.runs.seen_faces import SeenFaces, SeenVideo
from emotions_from_video import VideoSettings
from tests.clips import picture_times_ms, write_clip
from tests.conftest import CLASS_NAMES, save_classifier
from tests.paths import DEMO_PATH, ROOT

PRIORS = [0.08, 0.01, 0.01, 0.02, 0.26, 0.31, 0.1, 0.11, 0.1]
NEUTRAL = CLASS_NAMES.index('neutral')
AT_REST = {'median': [-3.0] * 9, 'low': [-8.0] * 9, 'high': [12.0] * 9}
FROM_REST = [f'{name}_from_rest' for name in CLASS_NAMES]


@pytest.fixture(scope='module')
def model_path(tmp_path_factory):
    """A model that calls every face sad, the brighter the surer."""
    kernel = np.zeros((3, 9))
    kernel[:, 6] = 4
    for numbers in AT_REST.values():
        numbers[NEUTRAL] = 0.0
    path = tmp_path_factory.mktemp('model') / 'model.h5'
    return save_classifier(path, kernel, class_priors=PRIORS, log_odds_at_rest=AT_REST)


@pytest.fixture(scope='module')
def older_model_path(tmp_path_factory):
    """The same model, which says nothing of neutral faces."""
    kernel = np.zeros((3, 9))
    kernel[:, 6] = 4
    return save_classifier(tmp_path_factory.mktemp('older') / 'model.h5', kernel, class_priors=PRIORS)


def run(model_path, video_path, *options):
    emotions_from_video.main([str(video_path), '--model-weights-path', str(model_path), *map(str, options)])


def run_demo(model_path, folder, *options):
    """Run on the demo clip without smoothing.

    Returns:
        The table of faces, that of emotions by frames, and the record.
    """
    common = ['--no-write-video', '--no-compact', '--no-review', '--smoothing-seconds', 0]
    common += ['--detector-path', 'haar', '--min-face-size', 100]  # the latter halves its time
    name = '_'.join(map(str, options)) or 'default'
    run(model_path, DEMO_PATH, *common, '--output-filename', folder / f'{name}.mp4', *options)
    record = json.loads((folder / f'{name}_run.json').read_text())
    return *(pd.read_csv(folder / f'{name}_{kind}_data.csv') for kind in ('faces', 'emotions')), record


def normalised(table):
    return table.div(table.sum(axis=1), axis=0)


def test_each_face_of_a_video_is_compared_with_its_own_rest_from_its_first_frame(tmp_path, model_path):
    plain, _, record = run_demo(model_path, tmp_path, '--rest', 'none')
    assert list(plain.columns[9:]) == [*CLASS_NAMES, 'valence']
    assert set(plain.emotion) == {'sad'}
    assert {face['reference'] for face in record['references_at_rest']} == {'none'}

    faces, emotions, record = run_demo(model_path, tmp_path)
    assert list(faces.columns[9:]) == [*CLASS_NAMES, 'valence', *FROM_REST]
    assert faces[['frame', 'face', 'x', *CLASS_NAMES]].equals(plain[['frame', 'face', 'x', *CLASS_NAMES]])
    seconds = faces.groupby('face').ms.agg(lambda times: (times.max() - times.min()) / 1000)
    described = {face['face']: face for face in record['references_at_rest']}
    assert set(described) == set(seconds.index)
    for face, seen in seconds.items():
        share = 0.75 * np.clip((seen - 2) / 8, 0, 1)  # but a face that is lost for a moment has been seen for less
        assert described[face]['reference'] == ('own' if described[face]['own_share'] else 'model')
        assert described[face]['own_share'] == pytest.approx(share, abs=0.02)
    share = described[seconds.idxmax()]['own_share']
    assert share > 0.1

    longest = faces[faces.face == seconds.idxmax()]
    odds = np.log(longest[list(CLASS_NAMES)].to_numpy())
    own = np.clip(np.median(odds - odds[:, [NEUTRAL]], axis=0), -8, 12)
    everybodys = np.full(9, -1.05)  # 0.35 of -3
    everybodys[CLASS_NAMES.index('happy')] -= 0.25
    everybodys[NEUTRAL], own[NEUTRAL] = -0.6, -0.4
    expected = np.exp(odds - (1 - share) * everybodys - share * own)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(longest[FROM_REST], expected, atol=0.01)  # every second or third frame makes the median
    np.testing.assert_allclose(longest.confidence, longest[FROM_REST].max(axis=1), atol=1e-4)

    shown = faces.emotion.groupby(faces.frame).agg(list)
    for frame, cell in emotions[['frame', 'emotions']].itertuples(index=False):
        words = shown.get(frame, [])
        assert cell == (words[0] if len(words) == 1 else str(words))


def test_an_older_model_is_corrected_for_its_priors_in_a_single_pass(tmp_path, older_model_path, capsys):
    faces, _, record = run_demo(older_model_path, tmp_path)
    assert 'finding faces' not in capsys.readouterr().err
    assert {face['reference'] for face in record['references_at_rest']} == {'model'}
    balanced = normalised(faces[list(CLASS_NAMES)] / np.array(PRIORS) ** 0.75)
    np.testing.assert_allclose(faces[FROM_REST], balanced, atol=0.002)  # of four digits
    valence = faces.happy_from_rest - faces[[f'{name}_from_rest' for name in ('anger', 'fear', 'sad')]].max(axis=1)
    assert (faces.valence <= valence + 2e-4).all() and set(faces.emotion) <= {'sad', 'contempt', 'disgust', 'fear'}


def test_a_span_is_each_faces_rest_and_others_have_everybodys(tmp_path, older_model_path):
    faces, _, record = run_demo(older_model_path, tmp_path, '--rest', 0, 1)
    at_rest = faces.face.isin(faces.face[faces.ms <= 1000])
    assert 0 < at_rest.sum() < len(faces)  # the demo's last faces are not there at its start
    kinds = {face['face']: face['reference'] for face in record['references_at_rest']}
    assert [kinds[face] == 'span' for face in faces.face] == at_rest.tolist()
    assert set(kinds.values()) == {'span', 'model'}
    assert (faces.emotion[faces.ms <= 1000] == 'neutral').all()
    np.testing.assert_allclose(faces[FROM_REST].sum(axis=1), 1, atol=1e-3)


def test_a_span_that_reaches_beyond_the_video(tmp_path, model_path):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 200, 40))
    with pytest.raises(SystemExit) as caught:
        run(model_path, clip, '--rest', 0, 0.21)
    expected = 'clip.mp4: --rest is 0 0.21, but the video ends at 0.20 s; expected times within it'
    assert caught.value.code.startswith('emotions_from_video.py: ') and caught.value.code.endswith(expected)
    assert [path.name for path in tmp_path.iterdir()] == ['clip.mp4']


def test_a_span_without_faces_is_refused(tmp_path, model_path):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 200, 40))
    with pytest.raises(SystemExit) as caught:
        run(model_path, clip, '--rest', 0, 0.2)  # the video's end
    expected = f'{clip}: --rest is 0 0.2, but no face is seen there; expected times at which faces are at rest'
    assert caught.value.code == f'emotions_from_video.py: {expected}'
    assert [path.name for path in tmp_path.iterdir()] == ['clip.mp4']


def test_photographs_have_no_span(tmp_path, model_path):
    write_photograph(tmp_path / 'a.jpg', np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(SystemExit, match=r'--rest START END is about a video; expected a video among the inputs'):
        run(model_path, tmp_path / 'a.jpg', '--rest', 0, 1)


class NoFaces:
    finds_points = True

    def prepare(self, frame_bgr):
        return frame_bgr

    def search(self, picture):
        return []


class OneFace(NoFaces):
    def search(self, picture):
        return [FoundFace((0, 0, 48, 48))]

    def search_near(self, picture, *_):
        return self.search(picture)


class NoModel:
    class_names = ('neutral', 'sad')
    model_file = ModelFile(class_names)

    def predict(self, faces_bgr, test_time_augmentation):
        return np.full((len(faces_bgr), 2), 0.5, np.float32)


def see(clip, folder, interruption, embedder=None, detector=None, **options):
    settings = VideoSettings(**{'rest': (0, 1)} | options)
    models = Models(detector or NoFaces(), NoModel(), embedder)
    pipeline, own = EmotionPipeline(models, settings), Outputs(folder / 'clip_with_emotions.mp4')
    return pipeline, see_before_drawing(clip, models, pipeline, settings, own, interruption)


def test_frames_before_an_interruption_are_drawn_and_nothing_stays_in_the_folder(tmp_path, capsys):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 2000, 40))
    interruption = Interruption()
    interruption.request('Ctrl-C was pressed')
    with see(clip, tmp_path, interruption)[1] as recogniser:
        assert not interruption.is_pending  # the second pass goes on
        frames = recogniser.run((number, (number - 1) * 40.0, None) for number in range(1, 51))
        assert next(frames) == (1, 0.0, None, [])
        with pytest.raises(FrameError, match=r'^Ctrl-C was pressed$'):
            next(frames)
    messages = capsys.readouterr().err
    assert f'{clip}: Ctrl-C was pressed; writing the first 0.04 s, which another Ctrl-C discards\n' in messages
    assert f'{clip}: --rest is 0 1, but no face is seen there\n' in messages
    assert list(tmp_path.iterdir()) == [clip]


def test_a_disk_that_fails_is_not_taken_for_the_end_of_the_video(tmp_path, monkeypatch, capsys):
    clip, read_pictures = write_clip(tmp_path / 'clip.mp4', range(0, 200, 40)), VideoReader.read_pictures

    def fail_at_the_end(self, **options):
        yield from read_pictures(self, **options)
        raise ReadError('clip.mp4: could not be read after 0.16 s')

    monkeypatch.setattr(VideoReader, 'read_pictures', fail_at_the_end)
    with see(clip, tmp_path, Interruption())[1] as recogniser, pytest.raises(ReadError):
        list(recogniser.run((number, (number - 1) * 40.0, None) for number in range(1, 7)))
    assert f'{clip}: --rest is 0 1, but no face is seen there\n' in capsys.readouterr().err


def test_pictures_that_cannot_be_written_are_refused_before_the_first_pass(tmp_path):
    clip = write_clip(tmp_path / 'clip.mkv', [0], size=(16400, 16), codec='ffv1')
    with pytest.raises(InputError, match=r'clip.mkv: its pictures are 16400 x 16 pixels'):
        see(clip, tmp_path, Interruption())[1].__enter__()
    with see(clip, tmp_path, Interruption(), rest='auto', write_video=False)[1]:
        pass


def test_a_video_that_changes_between_the_passes_is_refused(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 1200, 40))
    with see(clip, tmp_path, Interruption(), detector=OneFace())[1] as recogniser:
        frames = recogniser.run([(1, 0.0, None), (2, 41.0, None)])
        assert next(frames)[0] == 1
        with pytest.raises(InputError, match=r'clip.mp4: changed at frame 2 while it was analysed'):
            next(frames)


@pytest.mark.parametrize(
    ('options', 'embedder', 'detector', 'passes'),
    [
        ({'rest': 'none'}, None, NoFaces(), 1),
        ({'rest': 'none'}, 'any', NoFaces(), 2),
        ({'rest': (0, 0.4)}, None, OneFace(), 2),
    ],
    ids=['nothing to learn', 'people', 'a span'],
)
def test_a_video_is_seen_before_only_if_there_is_something_to_learn(tmp_path, options, embedder, detector, passes):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 400, 40))
    pipeline, seeing = see(clip, tmp_path, Interruption(), embedder, detector, **options)
    with seeing as recogniser:
        assert (recogniser is pipeline) == (passes == 1)
        assert ((tmp_path / '.faces').stat().st_size > 0) if passes == 2 else not (tmp_path / '.faces').exists()
    assert list(tmp_path.iterdir()) == [clip]


def seen_video(folder, frames, references, ended=None):
    """What the first pass saw: of each frame, 40 ms apart, its faces."""
    path = folder / 'records'
    path.write_bytes(b''.join(pickle.dumps((n, n * 40.0 - 40, faces)) for n, faces in enumerate(frames, start=1)))
    return SeenVideo(folder / 'clip.mp4', path, len(frames), ended, references, None, FileStatus(0, 0))


def test_faces_come_back_with_all_that_was_learnt(tmp_path):
    face = FaceEmotion(1, (1, 2, 30, 40), np.float32([0.2, 0.8]), ('sad', 'neutral'), angle=9.5, detected=False)
    references = References(ModelFile(('sad', 'neutral')), (0, 1))
    references.add(0, [face])
    references.end_span()
    video = seen_video(tmp_path, [[face], []], references)
    seen = list(SeenFaces(video).run([(n, (n - 1) * 40.0, n) for n in (1, 2, 3)]))
    assert [frame[:3] for frame in seen] == [(1, 0.0, 1), (2, 40.0, 2)]
    (back,), nobody = seen[0][3], seen[1][3]
    assert (back.track_id, back.box, back.angle, back.detected, nobody) == (1, (1, 2, 30, 40), 9.5, False, [])
    assert back.emotion == 'neutral' and back.probabilities.tolist() == face.probabilities.tolist()
    assert back.person is None


def test_faces_come_back_as_the_people_they_belong_to_in_the_order_of_their_numbers(tmp_path):
    """Track 1 is person 2, from the second frame on person 1; track 2 is person 3, who has a reference of the own."""
    names, anna, bert, carl = ('sad', 'neutral'), Person(2, 'Anna'), Person(1), Person(3)
    one, other = (FaceEmotion(track, (track, 0, 9, 9), np.float32([0.8, 0.2]), names) for track in (1, 2))
    references = References(ModelFile(names), (0, 0.03))
    references.add(0.0, [other])
    references.add(40.0, [])
    people = VideoPeople({1: [(0.0, anna), (40.0, bert)], 2: [(0.0, carl)]})
    seen = SeenFaces(seen_video(tmp_path, [[one, other], [one, other]], references), people)
    frames = [faces for *_, faces in seen.run([(1, 0.0, None), (2, 40.0, None)])]
    assert [[(face.number, face.track_id) for face in faces] for faces in frames] == [
        [(2, 1), (3, 2)],
        [(1, 1), (3, 2)],
    ]
    assert [[face.who for face in faces] for faces in frames] == [['Anna', 'person 3'], ['person 1', 'person 3']]
    assert [face.emotion for face in frames[0]] == ['sad', 'neutral']
    assert seen.references.describe([2, 3], 'person') == [
        {'person': 2, 'reference': 'none', 'own_share': 0},
        {'person': 3, 'reference': 'span', 'own_share': 0},
    ]


def test_why_the_first_pass_ended_is_told_after_the_frames_that_it_saw(tmp_path):
    video = seen_video(tmp_path, [[]], References(ModelFile(('sad', 'neutral'))), FrameError('clip.mp4: ends early'))
    frames = SeenFaces(video).run([(1, 0.0, None), (2, 40.0, None)])
    assert next(frames)[0] == 1
    with pytest.raises(FrameError, match=r'^clip.mp4: ends early$'):
        next(frames)


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no SIGTERM')
def test_a_run_that_is_asked_to_end_while_it_finds_faces_keeps_them(tmp_path, model_path, long_clip):
    command = [sys.executable, ROOT / 'emotions_from_video.py', long_clip, '--model-weights-path', model_path]
    with subprocess.Popen([*map(str, command), '--no-review'], stderr=subprocess.PIPE, text=True) as process:
        messages = ''
        while 'finding faces' not in messages or '/' not in messages or ' 0/' in messages[-80:]:
            messages += process.stderr.read(40)
        process.send_signal(signal.SIGTERM)
        messages += process.stderr.read()
    assert process.returncode == 0
    frame_count = len(picture_times_ms(long_clip.with_name(f'{long_clip.stem}_with_emotions.mp4')))
    assert 'it was asked to end (SIGTERM); writing the first ' in messages
    assert ' s: it was asked to end (SIGTERM)' in messages
    assert 0 < frame_count < len(picture_times_ms(long_clip))


@pytest.mark.parametrize(
    ('options', 'times'),
    [({'write_video': False}, 1), ({}, 2), ({'blur_faces': True}, 2)],
    ids=['without the video', 'with it', 'with hidden faces'],
)
def test_a_video_is_decoded_again_only_for_its_pictures(tmp_path, model_path, monkeypatch, options, times):
    read, counted = VideoReader.read_pictures, []

    def count(self, **lazily):
        counted.append(self)
        return read(self, **lazily)

    monkeypatch.setattr(VideoReader, 'read_pictures', count)
    folder = tmp_path / 'results'
    folder.mkdir()
    settings = {'model_weights_path': model_path, 'output_filename': folder / 'demo.mp4', 'end': 1.0, **options}
    emotions_from_video.analyse_video(DEMO_PATH, **settings)
    assert len(counted) == times
    assert '"pictures":[[1,' in (folder / 'demo_review.html').read_text(encoding='utf-8').replace(' ', '')
