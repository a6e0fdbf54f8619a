"""The encoders of H.264 that a video can be written with: x264, and those in hardware that some machines have."""

import io
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
from av.codec.codec import UnknownCodecError

from emotion_recognition.labels import reason

DEFAULT_ENCODER = 'x264'
# Looking ahead makes the files of this preset small; crf is 0, lossless, to 51, worst. See tests/benchmarks/README.md
OF_X264 = {'preset': 'superfast', 'mbtree': '1', 'rc-lookahead': '10', 'crf': '20'}
# Key frames as often as those of x264. No frame waits for a later one (B-frames): encoders in hardware reckon with a
# constant frame rate when they say in which order to decode those, and a video may have any.
OF_HARDWARE = {'g': '250', 'bf': '0'}
LAMBDA_PER_QUALITY = 118  # what FFmpeg multiplies its -q:v by


@dataclass(frozen=True)
class Encoder:
    """One encoder of FFmpeg.

    Attributes:
        codec: FFmpeg's name of it.
        pixel_format: FFmpeg's name of how its frames are stored; always 4:2:0 with 8 bits.
        options: FFmpeg's options of it. All encoders have about the quality of x264.
    """

    codec: str
    pixel_format: str = 'yuv420p'
    options: Mapping[str, str] = field(default_factory=dict)


ENCODERS = {
    DEFAULT_ENCODER: Encoder('libx264', options=OF_X264),
    'nvenc': Encoder('h264_nvenc', options={'preset': 'p4', 'rc': 'vbr', 'cq': '20', **OF_HARDWARE}),
    'quicksync': Encoder('h264_qsv', 'nv12', {'preset': 'veryfast', 'global_quality': '20', **OF_HARDWARE}),
    'videotoolbox': Encoder(  # its quality is 1, the worst, to 100; only Macs with Apple silicon have it
        'h264_videotoolbox', options={'flags': '+qscale', 'global_quality': str(65 * LAMBDA_PER_QUALITY), **OF_HARDWARE}
    ),
    'amf': Encoder('h264_amf', options={'quality': 'balanced', 'rc': 'cqp', 'qp_i': '20', 'qp_p': '20', **OF_HARDWARE}),
}


def add_stream(
    container: av.container.OutputContainer,
    name: str,
    width: int,
    height: int,
    rate: Fraction | int,
    options: Mapping[str, str] | None = None,
) -> av.VideoStream:
    """Add a stream of pictures to a file.

    Args:
        container: The file.
        name: Name of the encoder in `ENCODERS`. It is opened with the first frame. Frames of other formats than its own
            are converted.
        width, height: Size in pixels, both even.
        rate: Frames per second, for the header.
        options: Further options of the encoder.

    Raises:
        UnknownCodecError: FFmpeg was built without it.
    """
    encoder = ENCODERS[name]
    stream = container.add_stream(encoder.codec, rate=rate, options={**encoder.options, **(options or {})})
    stream.width, stream.height, stream.pix_fmt = width, height, encoder.pixel_format
    return stream


def find_problem(name: str, width: int = 640, height: int = 360) -> str | None:
    """Find out whether this machine can encode pictures with an encoder, by encoding one.

    Args:
        name: Name of the encoder in `ENCODERS`.
        width, height: Size of the pictures in pixels; by default one that all encoders take.

    Returns:
        Why it cannot, and what to do, in one line; None if it can, as x264 always can.
    """
    if name == DEFAULT_ENCODER:
        return None
    why = _try(name, width, height)
    on_what = f'pictures of {width} x {height} pixels on this machine'
    return why and f'--encoder {name} cannot encode {on_what} ({why}); use --encoder {DEFAULT_ENCODER}'


def _try(name, width, height):
    """Encode a black picture. Returns why that cannot be done, or None."""
    width, height = width + width % 2, height + height % 2
    frame = av.VideoFrame.from_ndarray(np.zeros((height * 3 // 2, width), np.uint8), format='yuv420p')
    try:
        with _capture_errors() as errors, av.open(io.BytesIO(), 'w', format='mp4') as container:
            stream = add_stream(container, name, width, height, rate=25)
            container.mux([*stream.encode(frame), *stream.encode(None)])
    except UnknownCodecError:
        return f'FFmpeg was built without {ENCODERS[name].codec}'
    except (av.error.FFmpegError, ValueError, ArithmeticError, MemoryError) as error:
        return errors[0][2].strip().rstrip('.') if errors else reason(error)
    return None


@contextmanager
def _capture_errors():
    """Collect what FFmpeg logs about errors: it says what is missing, where the error is only `not permitted`."""
    level, skips_repeated = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture() as errors:
            yield errors
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(skips_repeated)
