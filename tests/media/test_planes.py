from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from emotion_recognition.labels import InputError
from emotion_recognition.media.endings import FrameError
from emotion_recognition.media.frame_writer import FrameWriter
from emotion_recognition.media.picture import Picture
from emotion_recognition.media.planes import Planes
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from tests.clips import turn_clip, write_clip
from tests.paths import DEMO_PATH, ROOT

UNKNOWN = 2  # FFmpeg's number of a matrix that is not stated


def decode(path, count):
    """Returns Y, U and V of the first frames, as they are in the file."""
    with av.open(str(path)) as container:
        frames = [frame for frame, _ in zip(container.decode(video=0), range(count), strict=False)]
        height, width = frames[0].height, frames[0].width
        flat = [frame.to_ndarray().ravel() for frame in frames]
    size, quarter = height * width, height * width // 4
    return [
        (
            values[:size].reshape(height, width),
            values[size : size + quarter].reshape(height // 2, width // 2),
            values[size + quarter :].reshape(height // 2, width // 2),
        )
        for values in flat
    ]


def read(path, count):
    with VideoReader(path) as reader, VideoWriter(path.with_name('copy.mp4'), reader) as writer:
        pictures = (picture for _, _, picture in reader.read_pictures(lazily=True))
        return [writer.to_planes(picture) for picture, _ in zip(pictures, range(count), strict=False)]


def planes_of(planes):
    return planes.y, planes.u, planes.v


def demo(folder):
    path = folder / 'demo.mp4'
    path.write_bytes(DEMO_PATH.read_bytes())
    return path


def test_what_is_written_has_the_exact_colours_of_the_file(tmp_path):
    clip = demo(tmp_path)
    for planes, decoded in zip(read(clip, 5), decode(clip, 5), strict=True):
        assert planes.shape == (360, 640)
        for plane, expected in zip(planes_of(planes), decoded, strict=True):
            np.testing.assert_array_equal(plane, expected)


def test_a_turned_picture_is_written_upright_with_its_exact_colours(tmp_path):
    clip = turn_clip(demo(tmp_path), (0, 1, -1, 0))
    (planes,) = read(clip, 1)
    assert planes.shape == (640, 360)
    for plane, expected in zip(planes_of(planes), decode(clip, 1)[0], strict=True):
        np.testing.assert_array_equal(plane, np.rot90(expected, -1))


def test_drawing_on_one_frame_does_not_change_the_next_ones(tmp_path):
    """Decoders take what the next frame shares from the frames before it."""
    clip, seen = demo(tmp_path), []
    with VideoReader(clip) as reader, VideoWriter(tmp_path / 'copy.mp4', reader) as writer:
        for _, _, picture in reader.read_pictures(lazily=True):
            planes = writer.to_planes(picture)
            seen.append(planes.y.copy())
            planes.y[:], planes.u[:], planes.v[:] = 16, 200, 50
            if len(seen) == 20:
                break
    np.testing.assert_array_equal(seen, [y for y, _, _ in decode(clip, 20)])


@pytest.mark.parametrize(
    ('pixel_format', 'size', 'expected'),
    [('yuv444p', (65, 47), (48, 66)), ('yuvj420p', (64, 48), (48, 64)), ('yuv422p', (64, 48), (48, 64))],
)
def test_pictures_that_are_stored_otherwise_go_by_bgr(tmp_path, pixel_format, size, expected):
    clip = tmp_path / 'clip.mkv'
    with av.open(str(clip), 'w') as container:
        stream = container.add_stream('ffv1' if pixel_format == 'yuv444p' else 'mjpeg', rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, pixel_format.replace('yuv422p', 'yuvj422p')
        picture = np.full((size[1], size[0], 3), (200, 120, 60), np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format='bgr24').reformat(format=stream.pix_fmt)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    (planes,) = read(clip, 1)
    assert planes.shape == expected
    picture_bgr = planes.frame.reformat(format='bgr24').to_ndarray()
    np.testing.assert_allclose(picture_bgr[20, 20], (200, 120, 60), atol=4)


@pytest.mark.parametrize('matrix', [1, UNKNOWN], ids=['BT.709', 'BT.601, as players take it'])
def test_a_colour_is_converted_as_pictures_are(matrix):
    planes = Planes.of_bgr(np.zeros((4, 4, 3), np.uint8), matrix, VideoReformatter(), 1)
    red = {1: (63, 102, 240), UNKNOWN: (82, 90, 240)}[matrix]  # of limited range, by the standards
    assert planes.to_yuv((0, 0, 255)) == pytest.approx(red, abs=1)
    assert planes.to_yuv((255, 255, 255)) == pytest.approx((235, 128, 128), abs=1)


def test_a_picture_is_converted_when_it_is_asked_for_and_only_once(tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 120, 40), size=(640, 480))
    with VideoReader(clip) as reader:
        pictures = [picture for _, _, picture in reader.read_pictures(lazily=True)]
    picture = pictures[1]
    assert picture.shape == (480, 640)
    assert picture.sample().shape == (120, 160, 3)
    np.testing.assert_allclose(picture.sample(), 30, atol=2)  # the brightness of the second frame
    assert picture.bgr.shape == (480, 640, 3) and picture.bgr is picture.bgr
    np.testing.assert_allclose(picture.bgr, 30, atol=2)


def test_the_demo_as_it_is_written_is_no_darker_than_the_original():
    with VideoReader(ROOT / 'examples' / 'demo.mp4') as reader:
        _, _, picture = next(reader.read_pictures(lazily=True))
        straight = picture.to_planes(reader.colours.matrix, VideoReformatter(), 1)
    by_bgr = Planes.of_bgr(picture.bgr, reader.colours.matrix, VideoReformatter(), 1)
    assert abs(float(straight.y.mean()) - float(by_bgr.y.mean())) < 1.5


def test_a_picture_whose_lowest_row_is_stored_first_is_the_right_way_up(tmp_path):
    clip = tmp_path / 'clip.avi'
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:12, :16] = 200
    with av.open(str(clip), 'w') as container:
        stream = container.add_stream('rawvideo', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'bgr24'
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture[::-1].copy(), format='bgr24')))
    height, negative = ((64).to_bytes(4, 'little') + (sign * 48).to_bytes(4, 'little', signed=True) for sign in (1, -1))
    content = clip.read_bytes()
    assert content.count(negative) == 1
    clip.write_bytes(content.replace(negative, height))  # a positive height says that the lowest row comes first
    with VideoReader(clip) as reader:
        (read_bgr,) = [frame_bgr for _, _, frame_bgr in reader.read_frames()]
    np.testing.assert_array_equal(read_bgr, picture)
    cv2.rectangle(read_bgr, (0, 0), (5, 5), (255, 0, 0))  # does not raise


def test_a_picture_that_cannot_be_converted_names_its_file(tmp_path):
    clip = tmp_path / 'clip.mkv'
    with av.open(str(clip), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        stream.codec_context.colorspace = 8  # YCgCo, which swscale does not convert
        container.mux([*stream.encode(av.VideoFrame(64, 48, 'yuv420p')), *stream.encode(None)])
    with VideoReader(clip) as reader, pytest.raises(FrameError, match=r'clip\.mkv: a picture cannot be converted'):
        next(reader.read_frames())


def test_a_lack_of_memory_for_the_planes_is_reported_in_one_line(tmp_path):
    class TooLarge(Picture):
        def to_planes(self, matrix, reformatter, threads):
            raise MemoryError('no room')

    with (
        FrameWriter(tmp_path / 'copy.mp4', Fraction(1, 1000), Fraction(25)) as writer,
        pytest.raises(InputError, match=r'copy\.mp4: cannot be written \(no room\)'),
    ):
        writer.to_planes(TooLarge(np.zeros((4, 4, 3), np.uint8)))
