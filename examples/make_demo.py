"""Make the demo clip, its results in `results/`, and the pictures of the README.

Needs moviepy (requirements.txt) and two packages of tests/requirements.txt: scikit-image, which contains one of the
photographs, and Playwright, which opens the review page in Chromium to take its picture.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import av
import cv2
import matplotlib.cbook
import numpy as np
import skimage.data
from moviepy import AudioClip, VideoClip
from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import emotions_from_video  # noqa: E402 (found through the line above)
from emotion_recognition.emotions.classifier import EmotionClassifier  # noqa: E402
from emotion_recognition.media.photographs import write_photograph  # noqa: E402
from emotion_recognition.results.output_paths import Outputs  # noqa: E402

CLIP_PATH = HERE / 'demo.mp4'
# Not next to the clip, where the script would write by default: users' own runs write there, and git ignores these.
RESULT_PATH = HERE / 'results' / 'demo_with_emotions.mp4'
PORTRAIT_RESULT_PATH = HERE / 'results' / 'portrait_with_emotions.jpg'
PAGE_PICTURE_PATH = HERE / 'review.jpg'
PICTURE_SECONDS = 8.0  # moment of the annotated video that the README's pictures show
WIDTH, HEIGHT = 640, 360  # pixels
FRAME_RATE = 25
SCENE_SECONDS = 3.0  # of each scene: the first photograph, the second, both
FADE_SECONDS = 0.5
ZOOM = 0.12  # share by which each scene grows
NOTES_HZ = (261.63, 329.63, 392.0)  # C, E, G: one for each scene


def main():
    astronaut = skimage.data.astronaut()[:320, 50:410]  # RGB
    with matplotlib.cbook.get_sample_data('grace_hopper.jpg') as file:
        hopper = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)[20:440, :, ::-1]
    halves = [fill(photo, WIDTH // 2, HEIGHT) for photo in (astronaut, hopper)]
    scenes = [fill(astronaut, WIDTH, HEIGHT), fill(hopper, WIDTH, HEIGHT), np.hstack(halves)]
    make_clip(scenes, CLIP_PATH)

    # On any processor nearly the same: tests/runs/test_results_version.py compares with what is made later.
    classifier = EmotionClassifier(emotions_from_video.MODEL_WEIGHTS_PATH, runtime='openvino', precision='f32')
    RESULT_PATH.parent.mkdir(exist_ok=True)
    emotions_from_video.analyse_video(
        CLIP_PATH, classifier, emotions_from_video.DETECTOR_PATH, output_filename=RESULT_PATH
    )
    annotate_portrait(hopper)
    save_picture(RESULT_PATH, PICTURE_SECONDS, RESULT_PATH.with_suffix('.png'))
    save_picture_of_page(Outputs(RESULT_PATH).review, PICTURE_SECONDS, PAGE_PICTURE_PATH)


def annotate_portrait(photo_rgb):
    """Annotate a photograph, (height, width, 3) uint8, RGB, as the script does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'portrait.jpg'
        write_photograph(path, photo_rgb[..., ::-1])
        exact = ['--runtime', 'openvino', '--precision', 'f32']
        emotions_from_video.main([str(path), '--output-filename', str(PORTRAIT_RESULT_PATH), *exact])


def fill(photo_rgb, width, height):
    """Scale a photograph to fit into a frame; a blurred copy of it fills the rest.

    Args:
        photo_rgb: (height, width, 3) uint8, RGB.
        width: Width of the frame in pixels.
        height: Height of the frame in pixels.
    """
    scale = min(width / photo_rgb.shape[1], height / photo_rgb.shape[0])
    photo = cv2.resize(photo_rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    frame = cv2.GaussianBlur(cv2.resize(photo_rgb, (width, height)), (0, 0), 15)
    top, left = (height - photo.shape[0]) // 2, (width - photo.shape[1]) // 2
    frame[top : top + photo.shape[0], left : left + photo.shape[1]] = photo
    return frame


def make_clip(scenes, path):
    """Write a video in which the scenes grow slowly and fade into each other, with a note for each.

    Args:
        scenes: Frames, (HEIGHT, WIDTH, 3) uint8, RGB.
        path: Path of the video.
    """

    def draw(seconds):
        number = min(int(seconds // SCENE_SECONDS), len(scenes) - 1)
        since = seconds - number * SCENE_SECONDS
        frame = zoomed(scenes[number], 1 + ZOOM * since / SCENE_SECONDS)
        if number and since < FADE_SECONDS:
            before = zoomed(scenes[number - 1], 1 + ZOOM)
            frame = cv2.addWeighted(frame, since / FADE_SECONDS, before, 1 - since / FADE_SECONDS, 0)
        return frame

    def play(seconds):
        seconds = np.asarray(seconds)
        number = np.minimum((seconds // SCENE_SECONDS).astype(int), len(NOTES_HZ) - 1)
        loudness = 0.2 * np.exp(-2 * (seconds % SCENE_SECONDS)) * np.minimum(1, (seconds % SCENE_SECONDS) / 0.02)
        wave = loudness * np.sin(2 * np.pi * np.array(NOTES_HZ)[number] * seconds)
        return np.stack([wave, wave], axis=-1)

    duration = SCENE_SECONDS * len(scenes)
    clip = VideoClip(draw, duration=duration).with_audio(AudioClip(play, duration=duration, fps=44100))
    clip.write_videofile(str(path), fps=FRAME_RATE, codec='libx264', audio_codec='aac', logger=None)


def zoomed(frame, scale):
    """Enlarge a frame about its centre by a factor."""
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 0, scale)
    return cv2.warpAffine(frame, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)


def save_picture(video_path, seconds, path):
    """Save the first frame of a video at or after a time in seconds as a picture."""
    with av.open(str(video_path)) as container:
        frame = next(frame for frame in container.decode(video=0) if frame.time >= seconds)
        frame.to_image().save(path, optimize=True)


def save_picture_of_page(page_path, seconds, path):
    """Save a picture of the review page at a time of its video in seconds."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which('chromium'), args=['--no-sandbox'])
        page = browser.new_page(viewport={'width': 1280, 'height': 990})
        page.goto(page_path.as_uri())
        page.locator('.row .u-over').last.wait_for()
        page.evaluate(f'player.showTime({seconds} * 1e6)')
        for key in 'cffc':  # shows the curves of the third face instead of the first
            page.keyboard.press(key)
        page.wait_for_timeout(1000)  # until the frame is shown
        page.screenshot(path=path, type='jpeg', quality=88)
        browser.close()


if __name__ == '__main__':
    main()
