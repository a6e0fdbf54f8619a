import numpy as np

from emotion_recognition.pipeline import EmotionPipeline


class Detector:
    def __init__(self, boxes):
        self.boxes = np.array(boxes, int).reshape(-1, 4)

    def detect(self, frame_bgr):
        return self.boxes


class Classifier:
    """Calls a face happy or sad by its brightness, and notes what it was given."""

    class_names = ('happy', 'sad')

    def predict(self, faces_bgr, test_time_augmentation):
        self.shapes = [face.shape for face in faces_bgr]
        bright = np.array([face.mean() for face in faces_bgr], np.float32).reshape(-1) / 255
        return np.stack([bright, 1 - bright], axis=1)


def test_all_faces_in_one_batch_and_the_frame_unchanged():
    frame = np.zeros((40, 60, 3), np.uint8)
    frame[5:15, 20:30] = 204
    before = frame.copy()
    classifier = Classifier()
    faces = EmotionPipeline(Detector([(0, 30, 10, 10), (20, 5, 10, 10)]), classifier).process(frame, 0.0)
    assert classifier.shapes == [(10, 10, 3), (10, 10, 3)]
    assert [(face.box, face.emotion) for face in faces] == [((0, 30, 10, 10), 'sad'), ((20, 5, 10, 10), 'happy')]
    assert faces[1].confidence == np.float32(0.8)
    assert (frame == before).all()


def test_faces_stand_in_the_order_of_their_numbers():
    frame = np.zeros((40, 60, 3), np.uint8)
    detector = Detector([(0, 0, 20, 20), (30, 0, 20, 20)])
    pipeline = EmotionPipeline(detector, Classifier())
    pipeline.process(frame, 0.0)
    detector.boxes = detector.boxes[::-1]
    faces = pipeline.process(frame, 40.0)
    assert [(face.track_id, face.box[0]) for face in faces] == [(1, 0), (2, 30)]


def test_smoothing_keeps_the_label_through_one_odd_frame():
    labels = []
    for smoothing_seconds in (0.3, 0.0):
        pipeline = EmotionPipeline(Detector([(0, 0, 20, 20)]), Classifier(), smoothing_seconds=smoothing_seconds)
        frames = [np.full((40, 60, 3), brightness, np.uint8) for brightness in (230, 230, 20, 230)]
        labels.append([pipeline.process(frame, number * 40.0)[0].emotion for number, frame in enumerate(frames)])
    assert labels == [['happy'] * 4, ['happy', 'happy', 'sad', 'happy']]


def test_no_faces():
    assert EmotionPipeline(Detector([]), Classifier()).process(np.zeros((40, 60, 3), np.uint8), 0.0) == []
