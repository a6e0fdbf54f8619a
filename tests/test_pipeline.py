from dataclasses import replace

import numpy as np
import pytest

from emotion_recognition.emotions.model_file import ModelFile
from emotion_recognition.faces.boxes import FoundFace
from emotion_recognition.faces.haar import HaarFaceDetector
from emotion_recognition.faces.scene_cuts import SceneCuts
from emotion_recognition.labels import InputError
from emotion_recognition.media.picture import Picture
from emotion_recognition.pipeline import EmotionPipeline, Models
from emotion_recognition.settings import Settings

SETTINGS = Settings(confirm_seconds=0, whole_frame_every=1)


class Detector:
    def __init__(self, boxes, angle=0.0):
        self.boxes, self.angle = boxes, angle

    def prepare(self, frame_bgr):
        return frame_bgr

    def search(self, picture):
        return [FoundFace(box, self.angle) for box in self.boxes]

    def search_near(self, picture, known, distance, scale):
        raise AssertionError('SETTINGS ask for whole frames')


class Leaving(Detector):
    """Sees a face in the first frames only."""

    def __init__(self, frames):
        super().__init__([(0, 0, 20, 20)])
        self.frames_left = frames

    def search(self, picture):
        self.frames_left -= 1
        return super().search(picture) if self.frames_left >= 0 else []


class Classifier:
    """Calls bright faces happy and dark faces sad, and records the shapes of the faces that it gets."""

    class_names = ('happy', 'sad')

    @property
    def model_file(self):
        return ModelFile(self.class_names)

    def predict(self, faces_bgr, test_time_augmentation):
        self.shapes = [face.shape for face in faces_bgr]
        bright = np.array([face.mean() for face in faces_bgr], np.float32).reshape(-1) / 255
        return np.stack([bright, 1 - bright], axis=1)


def open_pipeline(detector, classifier, settings, **how):
    return EmotionPipeline(Models(detector, classifier), settings, **how)


def lit(brightness):
    """Returns a picture whose upper left corner, a face, has a given brightness."""
    picture = np.full((90, 160, 3), 100, np.uint8)
    picture[:20, :20] = brightness
    return picture


def test_all_faces_in_one_batch_and_the_frame_unchanged():
    frame = np.zeros((40, 60, 3), np.uint8)
    frame[5:15, 20:30] = 204
    before = frame.copy()
    classifier = Classifier()
    faces = open_pipeline(Detector([(0, 30, 10, 10), (20, 5, 10, 10)]), classifier, SETTINGS).process(frame, 0.0)
    assert classifier.shapes == [(10, 10, 3), (10, 10, 3)]
    assert [(face.box, face.emotion) for face in faces] == [((0, 30, 10, 10), 'sad'), ((20, 5, 10, 10), 'happy')]
    assert faces[1].confidence == np.float32(0.8)
    assert (frame == before).all()


def test_tilted_face_is_classified_upright_and_its_box_stays():
    frame = np.full((60, 60, 3), 51, np.uint8)
    frame[:, 30:] = 204
    seen = []

    class Upper(Classifier):
        def predict(self, faces_bgr, test_time_augmentation):
            seen.extend(face[: len(face) // 2].mean() for face in faces_bgr)
            return super().predict(faces_bgr, test_time_augmentation)

    (face,) = open_pipeline(Detector([(20, 20, 20, 20)], angle=90.0), Upper(), SETTINGS).process(frame, 0.0)
    assert seen == [204]
    assert face.box == (20, 20, 20, 20)


def test_faces_stand_in_the_order_of_their_numbers():
    frame = np.zeros((40, 60, 3), np.uint8)
    detector = Detector([(0, 0, 20, 20), (30, 0, 20, 20)])
    pipeline = open_pipeline(detector, Classifier(), SETTINGS)
    pipeline.process(frame, 0.0)
    detector.boxes = detector.boxes[::-1]
    faces = pipeline.process(frame, 40.0)
    assert [(face.track_id, face.box[0]) for face in faces] == [(1, 0), (2, 30)]


def shown(frames):
    """Frames as a reader gives them, of number, time and BGR picture."""
    return ((number, ms, Picture(frame_bgr)) for number, ms, frame_bgr in frames)


def test_smoothing_keeps_the_label_through_one_odd_frame():
    labels = []
    for smoothing_seconds in (0.3, 0.0):
        settings = replace(SETTINGS, smoothing_seconds=smoothing_seconds)
        pipeline = open_pipeline(Detector([(0, 0, 20, 20)]), Classifier(), settings)
        frames = [lit(brightness) for brightness in (230, 230, 20, 230)]
        labels.append([pipeline.process(frame, number * 40.0)[0].emotion for number, frame in enumerate(frames)])
    assert labels == [['happy'] * 4, ['happy', 'happy', 'sad', 'happy']]


def test_after_a_scene_cut_another_face_in_the_same_place_has_a_new_number():
    anna, bert = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), np.uint8)
    pipeline = open_pipeline(Detector([(20, 10, 20, 20)]), Classifier(), SETTINGS)
    numbers = []
    for step, (face, ground) in enumerate([(anna, 200), (anna, 200), (bert, 200), (anna, 40), (anna, 200), (bert, 40)]):
        frame = np.full((90, 160, 3), ground, np.uint8)
        frame[10:30, 20:40] = face
        numbers += [face.track_id for face in pipeline.process(frame, step * 40.0)]
    assert numbers == [1, 1, 1, 2, 2, 1]  # within a scene, looks do not count; Bert was away only for a moment


@pytest.mark.parametrize('is_live', [False, True], ids=['file', 'camera'])
def test_a_scene_cut_is_decided_once_a_frame(is_live, monkeypatch):
    """All stages take the same answer: asked twice, it would compare a frame with itself."""
    decided, real_is_cut = [], SceneCuts.is_cut

    def is_cut(self, frame_bgr):
        decided.append(real_is_cut(self, frame_bgr))
        return decided[-1]

    monkeypatch.setattr(SceneCuts, 'is_cut', is_cut)
    dark, bright = np.full((90, 160, 3), 20, np.uint8), np.full((90, 160, 3), 220, np.uint8)
    frames = [(number, number * 40.0, picture) for number, picture in enumerate([dark] * 5 + [bright] * 5)]
    pipeline = open_pipeline(HaarFaceDetector(), Classifier(), Settings())
    if is_live:
        for _, timestamp_ms, picture in frames:
            pipeline.process(picture, timestamp_ms)
    else:
        assert len(list(pipeline.run(shown(frames)))) == 10
    assert decided == [True, False, False, False, False, True, False, False, False, False]


def test_no_faces():
    assert open_pipeline(Detector([]), Classifier(), SETTINGS).process(np.zeros((40, 60, 3), np.uint8), 0.0) == []


def test_stills_have_nothing_to_do_with_each_other():
    bright, dark = np.full((40, 60, 3), 230, np.uint8), np.full((40, 60, 3), 20, np.uint8)
    detector = Detector([(0, 0, 20, 20), (30, 0, 20, 20)])
    pipeline = open_pipeline(detector, Classifier(), SETTINGS, stills=True)
    seen = [
        [(face.track_id, face.box[0], face.emotion) for face in faces]
        for _, _, _, faces in pipeline.run(shown([(0, 0.0, bright), (1, 0.0, dark)]))
    ]
    assert seen == [[(1, 0, 'happy'), (2, 30, 'happy')], [(1, 0, 'sad'), (2, 30, 'sad')]]


@pytest.mark.parametrize(
    ('seen_in', 'confirm_seconds', 'fill_gaps'),
    [(20, 2, False), (15, 0, True)],
    ids=['not yet confirmed', 'perhaps a gap'],
)
def test_frames_that_wait_are_not_lost_with_an_error_after_them(seen_in, confirm_seconds, fill_gaps):
    picture = Picture(np.zeros((40, 60, 3), np.uint8))

    def break_off():
        yield from ((number, number * 40.0, picture) for number in range(20))
        raise InputError('the file breaks off')

    settings = replace(SETTINGS, confirm_seconds=confirm_seconds)
    pipeline, numbers = open_pipeline(Leaving(seen_in), Classifier(), settings, fill_gaps=fill_gaps), []
    with pytest.raises(InputError, match='breaks off'):
        for number, *_ in pipeline.run(break_off()):
            numbers.append(number)
    assert numbers == list(range(20))


class RestingClassifier(Classifier):
    class_names = ('neutral', 'sad')


def test_faces_are_compared_under_the_numbers_that_are_shown():
    frames = [(n, n * 20.0, lit(brightness)) for n, brightness in enumerate((50, 50, 50, 50, 20))]
    settings = replace(SETTINGS, smoothing_seconds=0, confirm_seconds=0.05, rest=(0, 0.05))
    pipeline = open_pipeline(Detector([(0, 0, 20, 20)]), RestingClassifier(), settings)
    live = [[face.emotion for face in pipeline.process(frame, ms)] for _, ms, frame in frames]
    assert live == [[], [], ['sad'], ['neutral'], ['sad']]
    # Looking ahead, faces are compared with what is known before: here, with what was seen live
    known, pipeline = pipeline.references, open_pipeline(Detector([(0, 0, 20, 20)]), RestingClassifier(), settings)
    pipeline.references = known
    assert [[face.emotion for face in faces] for *_, faces in pipeline.run(shown(frames))] == [['neutral']] * 4 + [
        ['sad']
    ]


def test_photographs_are_compared_with_everybodys_rest_alone():
    class Judging(RestingClassifier):
        model_file = ModelFile(('neutral', 'sad'), 1.0, None, np.log([0.4, 0.6]))

    for rest, kind in (('auto', 'model'), ('model', 'model'), ((0, 1), 'model'), ('none', 'none')):
        pipeline = open_pipeline(Detector([(0, 0, 20, 20)]), Judging(), replace(SETTINGS, rest=rest), stills=True)
        pipeline.process(lit(50), 0.0)
        assert pipeline.references.find(1).kind == kind


class Counting(Detector):
    """Sees a face that moves 2 pixels to the right a frame, and notes in which frames it was asked."""

    def __init__(self):
        super().__init__([])
        self.asked = []

    def search(self, picture):
        number = int(picture[80, 150, 0])
        self.asked.append(number)
        return [FoundFace((2 * number, 0, 20, 20))]


def numbered(number, brightness):
    """A picture that tells its number."""
    picture = np.full((90, 160, 3), brightness, np.uint8)
    picture[70:, 140:] = number
    return picture


def test_every_nth_frame_and_the_first_of_a_scene_are_analysed():
    frames = [(number, number * 40.0, numbered(number, 100 if number < 9 else 200)) for number in range(1, 13)]
    detector = Counting()
    pipeline = open_pipeline(detector, Classifier(), SETTINGS, every=3)
    faces = [faces for *_, faces in pipeline.run(shown(frames))]
    assert detector.asked == [1, 4, 7, 9, 12]
    assert [face.box[0] for (face,) in faces] == [2, 4, 6, 8, 10, 12, 14, 14, 18, 20, 22, 24]
    assert [number for number, (face,) in enumerate(faces, start=1) if face.detected] == [1, 4, 7, 9, 12]


def test_the_whole_frame_is_searched_as_often_however_many_frames_are_analysed():
    class Nearby(Counting):
        def search_near(self, picture, known, distance, scale):
            return [known]

    detector = Nearby()
    frames = [(number, number * 40.0, numbered(number, 100)) for number in range(1, 32)]
    list(open_pipeline(detector, Classifier(), replace(SETTINGS, whole_frame_every=10), every=5).run(shown(frames)))
    assert detector.asked == [1, 11, 21, 31]
