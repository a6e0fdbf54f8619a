"""Record the window of emotions_from_webcam.py while it plays the demo clip: webcam.mp4, and a picture, webcam.png.

Needs Linux with Xvfb and xdotool, and tests/requirements.txt. It is the real window, on a separate X server.
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

WIDTH, HEIGHT = 640, 360  # pixels, the size of the clip
FRAME_RATE = 12  # per second
PICTURE_SECONDS = 7.5  # after the window has appeared


def main():
    script = HERE.parent / 'emotions_from_webcam.py'
    with tempfile.TemporaryDirectory() as folder, Screen(WIDTH, HEIGHT) as display:
        command = [sys.executable, script, '--camera', HERE / 'demo.mp4', '--csv-path', Path(folder) / 'faces.csv']
        process = subprocess.Popen([*command, '--no-mirror'], env={**os.environ, 'DISPLAY': display})
        window = wait_for_window(display, 'emotions_from_webcam', process)
        # The screen is black until the window is mapped. If it were moved earlier, it would not stay there.
        while process.poll() is None and not ImageGrab.grab(xdisplay=display).getbbox():
            time.sleep(0.02)
        xdotool(display, 'windowmove', window, '0', '0', 'windowsize', window, str(WIDTH), str(HEIGHT))
        record(display, process)
    print('Wrote webcam.mp4 and webcam.png')


def record(display, process):
    """Record the screen until the process ends.

    Args:
        display: Name of the X display.
        process: The webcam script.
    """
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
