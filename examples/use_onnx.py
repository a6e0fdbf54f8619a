"""Say what a model.onnx sees in a face that was cut out, with onnxruntime alone: use_onnx.py model.onnx face.jpg"""

import json
import sys

import cv2
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1])
known = {name: json.loads(text) for name, text in session.get_modelmeta().custom_metadata_map.items()}
(face,) = session.get_inputs()
picture = cv2.cvtColor(cv2.imread(sys.argv[2]), cv2.COLOR_BGR2RGB)
height, width = picture.shape[:2]
top, left = (round(side * (1 - known['face_share']) / 2) for side in (height, width))
picture = cv2.resize(picture[top : height - top, left : width - left], face.shape[1:3], interpolation=cv2.INTER_AREA)
(answers,) = session.run(None, {face.name: picture[None].astype('float32')})
for name, probability in zip(known['class_names'], answers[0], strict=True):
    print(f'{name} {probability:.4f}')
