"""Paths of the project's files, and of the shared data, which not every machine has."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / 'shared'
DETECTOR_PATH = ROOT / 'face_detector' / 'face_detection_yunet_2026may.onnx'  # what 'auto' stands for
DEMO_PATH = ROOT / 'examples' / 'demo.mp4'
