"""Record the window of emotions_from_webcam.py at work on the demo clip: webcam.mp4, and a picture of it, webcam.png.

Needs Linux with Xvfb and xdotool, and tests/requirements.txt. The window is a real one, on an X server of its own.
"""

import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
from PIL import ImageGrab

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.screen import Screen, wait_for_window, xdotool  # noqa: E402 (found through the line above)

WIDTH, HEIGHT = 640, 360  # pixels, as the clip
FRAME_RATE = 12
PICTURE_SECONDS = 7.5  # after the window is there


def main():
    script = HERE.parent / 'emotions_from_webcam.py'
    with tempfile.TemporaryDirectory() as folder, Screen(WIDTH, HEIGHT) as display:
        command = [sys.executable, script, '--camera', HERE / 'demo.mp4', '--csv-path', Path(folder) / 'faces.csv']
        process = subprocess.Popen([*command, '--no-mirror'], env={**os.environ, 'DISPLAY': display})
        window = wait_for_window(display, 'emotions_from_webcam', process)
        while process.poll() is None and not ImageGrab.grab(xdisplay=display).getbbox():  # black until it is mapped;
            time.sleep(0.02)  # moved before, it would not stay there
        xdotool(display, 'windowmove', window, '0', '0', 'windowsize', window, str(WIDTH), str(HEIGHT))
        record(display, process)
    print('Wrote webcam.mp4 and webcam.png')


def record(display, process):
    """Grab the screen until the process ends."""
    with av.open(str(HERE / 'webcam.mp4'), 'w', options={'movflags': '+faststart'}) as container:
        stream = container.add_stream('libx264', rate=FRAME_RATE, options={'crf': '26', 'preset': 'slow'})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, 'yuv420p'
        stream.codec_context.time_base = Fraction(1, 1000)
        started, picture = time.monotonic(), None
        for number in range(10_000):
            time.sleep(max(0, started + number / FRAME_RATE - time.monotonic()))
            if process.poll() is not None:
                break
            image = ImageGrab.grab(xdisplay=display).convert('RGB')
            frame = av.VideoFrame.from_image(image)
            frame.pts, frame.time_base = round((time.monotonic() - started) * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
            if number == round(PICTURE_SECONDS * FRAME_RATE):
                picture = image
        container.mux(stream.encode(None))
    picture.save(HERE / 'webcam.png', optimize=True)


if __name__ == '__main__':
    main()
