from io import BytesIO

import av
import numpy as np
import pytest
from PIL import Image

from emotion_recognition.media.video import VideoReader
from tests.clips import turn_clip


def write_photographs_with_exif(path, matrix):
    """Write a clip of JPEGs with EXIF, as cameras do. The file states the orientation, which is not in the EXIF."""
    exif, content = Image.Exif(), BytesIO()
    exif[0x010F] = 'maker of the camera'
    corners = np.array([[50, 100], [150, 200]], np.uint8)
    Image.fromarray(corners.repeat(24, axis=0).repeat(32, axis=1)).convert('RGB').save(content, 'JPEG', exif=exif)
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('mjpeg', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuvj420p'
        for number in range(3):
            packet = av.Packet(content.getvalue())
            packet.stream, packet.time_base = stream, 1 / stream.average_rate
            packet.pts = packet.dts = number
            container.mux(packet)
    return turn_clip(path, matrix)


@pytest.mark.parametrize(
    ('matrix', 'corners'),
    [((0, 1, -1, 0), [[150, 50], [200, 100]]), ((-1, 0, 0, 1), [[100, 50], [200, 150]])],
    ids=['turned', 'mirrored'],
)
def test_side_data_that_pyav_does_not_know_does_not_hide_the_orientation(tmp_path, matrix, corners):
    clip = write_photographs_with_exif(tmp_path / 'clip.mov', matrix)
    with VideoReader(clip) as reader:
        frames = list(reader.read_frames())
    assert [frame[0] for frame in frames] == [1, 2, 3]
    picture = frames[0][2]
    height, width = picture.shape[:2]
    seen = picture[[height // 4, height * 3 // 4]][:, [width // 4, width * 3 // 4], 1]
    np.testing.assert_allclose(seen, corners, atol=3)
