import pytest

import emotions_from_video
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.faces.embedding import FaceEmbedder
from emotion_recognition.faces.yunet import YuNetFaceDetector
from tests.clips import write_clip


@pytest.fixture
def opened(monkeypatch):
    """The names of the kinds of models that were opened."""
    names = []
    for kind in (EmotionClassifier, FaceEmbedder, YuNetFaceDetector):

        def open_and_note(self, *arguments, real=kind.__init__, name=kind.__name__, **options):
            names.append(name)
            real(self, *arguments, **options)

        monkeypatch.setattr(kind, '__init__', open_and_note)
    return names


def test_models_are_opened_once_for_a_folder_of_videos(tmp_path, colour_model_path, opened):
    for name in ('a.mp4', 'b.mp4', 'c.mp4'):
        write_clip(tmp_path / name, [0, 40])
    emotions_from_video.main([str(tmp_path), '--model-weights-path', str(colour_model_path), '--no-write-video'])
    assert len(list(tmp_path.glob('*_with_emotions_run.json'))) == 3
    assert sorted(opened) == ['EmotionClassifier', 'FaceEmbedder', 'YuNetFaceDetector']


@pytest.mark.parametrize('options', [['--no-identity'], ['--detector-path', 'haar']])
def test_what_tells_people_apart_is_opened_only_if_it_can_and_shall(tmp_path, colour_model_path, opened, options):
    clip = write_clip(tmp_path / 'a.mp4', [0, 40])
    emotions_from_video.main([str(clip), '--model-weights-path', str(colour_model_path), '--no-write-video', *options])
    assert 'EmotionClassifier' in opened and 'FaceEmbedder' not in opened


def test_models_are_not_opened_if_all_is_done(tmp_path, colour_model_path, opened):
    write_clip(tmp_path / 'a.mp4', [0, 40])
    arguments = [str(tmp_path), '--model-weights-path', str(colour_model_path), '--no-write-video']
    emotions_from_video.main(arguments)
    opened.clear()
    emotions_from_video.main([*arguments, '--skip-done'])
    assert opened == []
