"""Damages as faces in videos have them: (size, size, 3) uint8 RGB and a random generator -> the same, damaged."""

import cv2
import numpy as np


def blur(image, rng):
    """Blur like a face out of focus or in motion: a Gaussian of up to a fortieth of the side."""
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 1) * image.shape[0] / 40)


def shrink(image, rng):
    """Lose the detail that a distant face lacks: shrink to 20 pixels or more, and enlarge again."""
    size = image.shape[0]
    side = rng.integers(min(20, size), size + 1)
    return cv2.resize(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), (size, size))


def compress(image, rng):
    """Add the blocks of JPEG, which resemble those of video."""
    return cv2.imdecode(cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))])[1], 1)


def add_noise(image, rng):
    """Add the noise of a sensor in the dark: the same in all three colours, with a deviation of up to 12 of 255."""
    return np.clip(image + rng.normal(0, rng.uniform(2, 12), (*image.shape[:2], 1)), 0, 255).astype('uint8')


def change_gamma(image, rng):
    """Make shadows lighter or darker."""
    return (255 * (image / 255) ** np.exp(rng.uniform(-0.6, 0.6))).astype('uint8')


def erase(image, rng):
    """Hide a part, like a hand or a cup does: a rectangle of one brightness (Zhong et al. 2017, arXiv 1708.04896)."""
    size = image.shape[0]
    height, width = rng.uniform(0.15, 0.45, 2) * size
    top, left = rng.uniform(0, 1, 2) * (size - height, size - width)
    image = image.copy()
    image[round(top) : round(top + height), round(left) : round(left + width)] = rng.integers(0, 256)
    return image


def cut_out(image, rng):
    """Show the face alone, on black, as some data sets do: remove what is outside an upright oval."""
    size = image.shape[0]
    axes = round(size * rng.uniform(0.36, 0.46)), round(size * rng.uniform(0.46, 0.56))
    mask = np.zeros((size, size, 1), 'uint8')
    return image * cv2.ellipse(mask, (size // 2, size // 2), axes, 0, 0, 360, 1, cv2.FILLED)


DAMAGES = (blur, shrink, compress, add_noise, change_gamma, erase, cut_out)
