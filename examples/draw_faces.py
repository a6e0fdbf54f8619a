"""Draw small faces with clear expressions, with tables for model_training.py: draw_faces.py FOLDER

They let you try the training without any data: a model that has learnt from drawings knows nothing of real faces.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

SEED = 17
IMAGES = 40  # of each emotion; a tenth as many test images
SIDE = 64  # pixels
CANVAS = 256  # pixels, on which a face is drawn before it is shrunk
# Brows: how high the left and the right one are, and how far their inner ends are. Eyes: how far they are open.
# Mouth: how far the corners are up, how far it is open, its half width; and how far the left corner is above the right.
EXPRESSIONS = {
    'anger': (-12, -12, -18, 7, -14, 4, 30, 0),
    'contempt': (0, -8, 0, 9, 4, 0, 26, 26),
    'disgust': (-14, -14, -6, 4, -22, 16, 34, 10),
    'fear': (10, 10, 16, 19, -6, 14, 40, 0),
    'happy': (2, 2, 0, 9, 30, 22, 44, 0),
    'neutral': (0, 0, 0, 12, 0, 0, 28, 0),
    'sad': (-2, -2, 20, 8, -24, 0, 30, 0),
    'surprise': (20, 20, 0, 20, 4, 46, 22, 0),
    'uncertain': (18, -8, 0, 11, -4, 0, 24, -14),
}


def draw_face(emotion, rng):
    """Draw a face with an expression, a little different each time: (SIDE, SIDE, 3) uint8, BGR."""
    left, right, inner, eye, corners, opening, width, slant = np.array(EXPRESSIONS[emotion]) * rng.uniform(0.8, 1.2, 8)
    skin, hair = rng.uniform(0.4, 1.1) * np.array((150, 180, 225)), rng.uniform(0.2, 1) * np.array((30, 50, 80))
    image = np.full((CANVAS, CANVAS, 3), rng.uniform(60, 220, 3), 'uint8')
    line = {'color': hair.tolist(), 'thickness': int(rng.integers(6, 10)), 'lineType': cv2.LINE_AA}
    cv2.ellipse(image, (128, 124), (100, 118), 0, 0, 360, hair.tolist(), -1, cv2.LINE_AA)
    cv2.ellipse(image, (128, 140), (88, 104), 0, 0, 360, skin.tolist(), -1, cv2.LINE_AA)
    for side, height in ((-1, left), (1, right)):
        x = 128 + 38 * side
        cv2.ellipse(image, (x, 118), (17, round(eye)), 0, 0, 360, (250, 250, 250), -1, cv2.LINE_AA)
        cv2.circle(image, (x, 118), min(8, round(eye)), (30, 30, 30), -1, cv2.LINE_AA)
        ends = (128 + 18 * side, round(88 - height - inner)), (128 + 62 * side, round(88 - height))
        cv2.line(image, *ends, **line)
    cv2.line(image, (128, 128), (122, 160), (skin * 0.75).tolist(), 5, cv2.LINE_AA)
    x = np.linspace(-1, 1, 21)
    middle = 196 + corners * (0.5 - x**2) + slant / 2 * x
    lips = [np.stack([128 + width * x, middle + way * opening / 2 * (1 - x**2)], axis=1) for way in (-1, 1)]
    mouth = np.concatenate([lips[0], lips[1][::-1]]).round().astype('int32')
    cv2.fillPoly(image, [mouth], (60, 40, 110), cv2.LINE_AA)
    cv2.polylines(image, [mouth], True, (60, 50, 150), 6, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((128, 128), rng.uniform(-8, 8), rng.uniform(0.85, 1.1))
    turn[:, 2] += rng.uniform(-12, 12, 2)
    image = cv2.warpAffine(image, turn, (CANVAS, CANVAS), borderMode=cv2.BORDER_REPLICATE)
    image = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.clip(image * rng.uniform(0.7, 1.15) + rng.normal(0, 4, image.shape), 0, 255).astype('uint8')


def draw_tables(folder, images=IMAGES):
    """Write images and tables in Kaggle's layout: train.csv, sample_submission.csv, test images in test_kaggle."""
    rng, rows = np.random.default_rng(SEED), {'train': [], 'test_kaggle': []}
    for number in range(len(EXPRESSIONS) * (images + max(1, images // 10))):
        part = 'train' if number < len(EXPRESSIONS) * images else 'test_kaggle'
        emotion = [*EXPRESSIONS][number % len(EXPRESSIONS)]
        (folder / part).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / part / f'{number}.png'), draw_face(emotion, rng))
        path = f'train/{number}.png' if part == 'train' else f'{number}.png'
        rows[part].append({'image_path': path, 'emotion': emotion if part == 'train' else 'neutral'})
    pd.DataFrame(rows['train']).to_csv(folder / 'train.csv', index=False)
    pd.DataFrame(rows['test_kaggle']).to_csv(folder / 'sample_submission.csv', index=False)


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    draw_tables(Path(sys.argv[1]))
    print(f'Now train: python model_training.py --quick --train-csv {Path(sys.argv[1]) / "train.csv"}')
