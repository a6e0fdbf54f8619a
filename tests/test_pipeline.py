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
    faces = EmotionPipeline(Detector([(0, 30, 10, 10), (20, 5, 10, 10)]), classifier).process(frame)
    assert classifier.shapes == [(10, 10, 3), (10, 10, 3)]
    assert [(face.box, face.emotion) for face in faces] == [((0, 30, 10, 10), 'sad'), ((20, 5, 10, 10), 'happy')]
    assert faces[1].confidence == np.float32(0.8)
    assert (frame == before).all()


def test_no_faces():
    assert EmotionPipeline(Detector([]), Classifier()).process(np.zeros((40, 60, 3), np.uint8)) == []
