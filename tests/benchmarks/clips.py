"""Make clips for the benchmarks: faces of the demo clip that drift over a large frame."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DEMO_PATH = ROOT / 'examples' / 'demo.mp4'
PORTRAIT_SECONDS = (1.0, 4.5)  # when the demo clip shows each of its two faces
PORTRAIT_COLUMNS = slice(140, 500)  # pixels: the part of those frames that is used
DRIFT = 0.1  # how far a portrait moves to each side, as a share of its size
DRIFT_SECONDS = 5  # for one round of this movement
NOTE_HZ = 440


def make_clip(
    path: Path, width: int, height: int, face_count: int, seconds: float, frame_rate: int = 30, noise: int = 0
) -> int:
    """Write an H.264 clip with a tone. Returns the number of frames.

    Args:
        path: Path of the clip.
        width, height: Size in pixels.
        face_count: Number of portraits side by side, each at most 0.6 of the frame's height.
        seconds: Length of the clip.
        frame_rate: Frames a second.
        noise: How much is added to each pixel at most, by chance, which makes the file large.
    """
    generator = np.random.default_rng(0)
    portraits = _read_portraits()
    size = min(height * 6 // 10, width // face_count * 9 // 10)
    portraits = [cv2.resize(portrait, (size, size), interpolation=cv2.INTER_AREA) for portrait in portraits]
    ground = cv2.resize(_read_frame(PORTRAIT_SECONDS[0]), (width, height), interpolation=cv2.INTER_CUBIC)
    ground = cv2.GaussianBlur(ground, (0, 0), height / 60)
    frame_count = round(seconds * frame_rate)
    with av.open(str(path), 'w') as container:
        video = container.add_stream('libx264', rate=frame_rate, options={'preset': 'veryfast'})
        video.width, video.height, video.pix_fmt = width, height, 'yuv420p'
        sound = container.add_stream('aac', rate=44100, layout='mono')
        for number in range(frame_count):
            frame = ground.copy()
            for face in range(face_count):
                angle = 2 * np.pi * (number / frame_rate / DRIFT_SECONDS + face / face_count)
                left = round((face + 0.5) * width / face_count - size / 2 + DRIFT * size * np.sin(angle))
                top = round((height - size) / 2 + DRIFT * size * np.cos(angle))
                left = min(max(left, 0), width - size)
                frame[top : top + size, left : left + size] = portraits[face % len(portraits)]
            frame = cv2.add(frame, generator.integers(0, noise, frame.shape, np.uint8, endpoint=True))
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format='bgr24')))
        container.mux(video.encode(None))
        _write_tone(container, sound, seconds)
    return frame_count


def _read_portraits():
    return [_read_frame(seconds)[:, PORTRAIT_COLUMNS] for seconds in PORTRAIT_SECONDS]


def _read_frame(seconds):
    with av.open(str(DEMO_PATH)) as container:
        return next(frame for frame in container.decode(video=0) if frame.time >= seconds).to_ndarray(format='bgr24')


def _write_tone(container, stream, seconds):
    wave = np.sin(2 * np.pi * NOTE_HZ * np.arange(int(seconds * 44100)) / 44100).astype(np.float32)
    for start in range(0, len(wave), 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format='fltp', layout='mono')
        frame.rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
