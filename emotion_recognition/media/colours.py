"""Mapping HDR and wide-gamut pictures to BT.709, the colours of ordinary video.

Phones record HDR with the curves PQ or HLG and the primaries of BT.2020. Shown as they are, such pictures look flat.
The mapping is that of FFmpeg's filters zscale and tonemap=mobius, by tables, since PyAV comes without zscale.
"""

from typing import NamedTuple

import av
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

PQ, HLG = ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67
WHITE_NITS = 203  # of a white sheet of paper in HDR, by ITU-R BT.2408
PEAK_NITS = 1000  # what is brighter becomes white; also the nominal peak of HLG
KNEE = 0.9  # of white; linear light above it is compressed, to keep highlights apart
GAMMA = 2.4  # of an SDR display, as zscale has it
HLG_SYSTEM_GAMMA = 1.2  # from light before the camera to light on a display of PEAK_NITS
# Of pictures in HLG whose white is PEAK_NITS, the mean and the brightest hundredth are at least this bright
STRETCHED_MEAN_NITS, STRETCHED_BRIGHT_NITS = 110, 450
STRIP_HEIGHT = 8  # rows that are mapped at a time, so that all steps find them in the processor's cache

# Linear RGB with other primaries to linear RGB with those of BT.709
TO_BT709 = {
    ColorPrimaries.BT2020: [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    ColorPrimaries.SMPTE432: [[1.2249, -0.2249, 0], [-0.0421, 1.0421, 0], [-0.0196, -0.0786, 1.0983]],  # Display P3
}


class Colours(NamedTuple):
    """How a video's numbers stand for colours, in FFmpeg's numbers.

    Attributes:
        matrix: YUV matrix; 2 if it is not known.
        primaries: Primaries; 2 if they are not known.
        transfer: Transfer characteristic; 2 if it is not known.
    """

    matrix: int
    primaries: int
    transfer: int

    @classmethod
    def of(cls, source: av.VideoFrame | av.VideoCodecContext) -> 'Colours':
        """Read what a frame or a decoder says of its colours."""
        return cls(int(source.colorspace), int(source.color_primaries), int(source.color_trc))

    @property
    def are_mapped(self) -> bool:
        """Whether they are mapped to BT.709, being HDR or wide-gamut; all others stay as they are."""
        return self.transfer in (PQ, HLG) or self.primaries in TO_BT709


BT709 = Colours(Colorspace.ITU709, ColorPrimaries.BT709, ColorTrc.BT709)


class ColourMapping:
    """Maps the pictures of one video.

    PQ states brightness in nits, and 203 of them become white. HLG does not say where white is: cameras put it at 203
    nits, converters that stretch SDR at 1000. So the brightness of the first picture decides between the two, and all
    others are mapped alike.

    Args:
        colours: Colours of the pictures.
    """

    def __init__(self, colours: Colours):
        is_untagged = colours.primaries == ColorPrimaries.UNSPECIFIED
        primaries = ColorPrimaries.BT2020 if is_untagged else colours.primaries
        self._to_bgr = np.array(TO_BT709.get(primaries, np.eye(3)), np.float32)[::-1]
        self._to_linear = _tabulate_linear_light(colours.transfer)
        white_nits = {PQ: WHITE_NITS, HLG: None}.get(colours.transfer, PEAK_NITS)  # in SDR, the peak is white
        self._to_output = white_nits and _tabulate_output(white_nits)

    def apply(self, picture_rgb: np.ndarray) -> np.ndarray:
        """Map a picture.

        Args:
            picture_rgb: (height, width, 3) uint16, RGB, in full range, not linear.

        Returns:
            (height, width, 3) uint8, BGR.
        """
        if self._to_output is None:
            self._to_output = _tabulate_output(self._find_white_of_hlg(picture_rgb))
        strips = [picture_rgb[top : top + STRIP_HEIGHT] for top in range(0, len(picture_rgb), STRIP_HEIGHT)]
        return np.concatenate([self._apply(strip) for strip in strips])

    def _apply(self, picture_rgb):
        linear = np.take(self._to_linear, picture_rgb)
        linear = cv2.max(cv2.transform(linear, self._to_bgr), 0)
        roots = cv2.multiply(cv2.sqrt(linear), (65535,) * 4, dtype=cv2.CV_16U)  # more steps in the dark, as eyes have
        return np.take(self._to_output, roots)

    def _find_white_of_hlg(self, picture_rgb):
        nits = PEAK_NITS * np.take(self._to_linear, picture_rgb)
        is_stretched = nits.mean() > STRETCHED_MEAN_NITS and np.percentile(nits, 99) > STRETCHED_BRIGHT_NITS
        return PEAK_NITS if is_stretched else WHITE_NITS


def _tabulate_linear_light(transfer):
    """Tabulate the light of a display for each value of 16 bits. 1 is PEAK_NITS for HDR, white for SDR."""
    value = np.linspace(0, 1, 65536)
    if transfer == PQ:
        root = value ** (1 / 78.84375)
        light = (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
        light = np.minimum(light * 10_000 / PEAK_NITS, 1)
    elif transfer == HLG:
        scene = np.where(value <= 0.5, value**2 / 3, (np.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12)
        light = scene**HLG_SYSTEM_GAMMA  # for each channel, as zscale does
    else:
        light = value**GAMMA
    return light.astype(np.float32)


def _tabulate_output(white_nits):
    """Tabulate the output of the square root, as 16 bits, of linear light in which 1 is PEAK_NITS."""
    light = np.linspace(0, 1, 65536) ** 2 * PEAK_NITS / white_nits
    peak = PEAK_NITS / white_nits
    if peak > 1:  # FFmpeg's curve 'mobius': straight up to the knee, then on without a bend to 1 at the peak
        a = -(KNEE**2) * (peak - 1) / (KNEE**2 - 2 * KNEE + peak)
        b = (KNEE**2 - 2 * KNEE * peak + peak) / (peak - 1)
        curve = (b**2 + 2 * b * KNEE + KNEE**2) / (b - a) * (light + a) / (light + b)
        light = np.where(light <= KNEE, light, curve)
    return np.rint(255 * np.clip(light, 0, 1) ** (1 / GAMMA)).astype(np.uint8)
