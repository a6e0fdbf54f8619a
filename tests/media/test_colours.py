from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.media.colours import HLG, PQ, ColourMapping, Colours
from emotion_recognition.media.frame_conversion import FrameConverter
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from tests.clips import copy_video, write_clip

BT2020, BT2020_SDR = 9, 14  # FFmpeg's number of both matrix and primaries, and of the transfer
DISPLAY_P3 = 12  # of the primaries

# Y, U and V of 10 bits, and the BGR that zscale and tonemap of FFmpeg 5.1 make of them:
# zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=mobius:param=0.9:peak=4.926:desat=0,
# zscale=t=bt709:m=gbr:r=pc. For a bright picture in HLG, npl is 1000 without tonemap; for SDR, zscale is
# p=bt709:t=bt709:m=gbr:r=pc.
COLOURS_IN_FFMPEG = [
    (PQ, (400, 512, 512), (110, 110, 110)),
    (PQ, (300, 600, 480), (158, 63, 0)),
    (PQ, (420, 480, 540), (84, 111, 169)),
    (PQ, (900, 512, 512), (255, 255, 255)),
    (HLG, (300, 600, 480), (134, 79, 32)),
    (HLG, (900, 512, 512), (225, 225, 225)),
    (BT2020_SDR, (480, 470, 560), (96, 112, 156)),
    (BT2020_SDR, (300, 600, 480), (120, 71, 28)),
]


def write_colour(path, yuv, transfer, primaries=BT2020):
    """Write a clip of one colour in BT.2020 with 10 bits."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('ffv1', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p10le'
        tags = {'colorspace': BT2020, 'color_primaries': primaries, 'color_trc': transfer, 'color_range': 1}
        frame = av.VideoFrame(64, 48, 'yuv420p10le')
        for plane, value in zip(frame.planes, yuv, strict=True):
            plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
            setattr(frame, name, value)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


@pytest.mark.parametrize(('transfer', 'yuv', 'expected_bgr'), COLOURS_IN_FFMPEG)
def test_hdr_and_wide_gamut_become_what_ffmpeg_makes_of_them(tmp_path, transfer, yuv, expected_bgr):
    with VideoReader(write_colour(tmp_path / 'clip.mkv', yuv, transfer)) as reader:
        (frame,) = reader.read_frames()
    np.testing.assert_allclose(frame[2], np.broadcast_to(expected_bgr, (48, 64, 3)), atol=2)


def test_hdr_without_primaries_has_those_of_bt2020(tmp_path):
    with VideoReader(write_colour(tmp_path / 'clip.mkv', (300, 600, 480), PQ, primaries=2)) as reader:
        (frame,) = reader.read_frames()
    np.testing.assert_allclose(frame[2][20, 20], (158, 63, 0), atol=4)


def test_white_of_hlg_stays_that_of_the_first_picture():
    dark, bright = (np.full((48, 64, 3), value, np.uint16) for value in (20_000, 60_000))
    mapping = ColourMapping(Colours(BT2020, BT2020, HLG))
    assert (mapping.apply(dark)[0, 0, 0], mapping.apply(bright)[0, 0, 0]) == (87, 255)
    mapping = ColourMapping(Colours(BT2020, BT2020, HLG))
    assert (mapping.apply(bright)[0, 0, 0], mapping.apply(dark)[0, 0, 0]) == (203, 45)


def test_white_of_hlg_is_that_of_cameras_in_bright_scenes_and_with_small_lights():
    white_wall = np.full((48, 64, 3), 49_152, np.uint16)  # 203 nits
    assert ColourMapping(Colours(BT2020, BT2020, HLG)).apply(white_wall)[0, 0].tolist() == [250, 250, 250]
    face_and_lamp = np.full((48, 64, 3), 30_000, np.uint16)
    face_and_lamp[:3] = 64_000
    mapped = ColourMapping(Colours(BT2020, BT2020, HLG)).apply(face_and_lamp)
    assert mapped[[0, 40], 0, 0].tolist() == [255, 131]


# Y, U and V of 8 bits, and what zscale makes of them, as above
@pytest.mark.parametrize(('yuv', 'expected_bgr'), [((150, 120, 140), (137, 150, 183)), ((90, 140, 120), (114, 88, 67))])
def test_wide_gamut_of_8_bits_is_not_darkened(yuv, expected_bgr):
    frame = av.VideoFrame(64, 48, 'yuv420p')
    for plane, value in zip(frame.planes, yuv, strict=True):
        plane.update(np.full(plane.buffer_size, value, np.uint8).tobytes())
    frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = 1, DISPLAY_P3, 1, 1
    container = av.open(BytesIO(), 'w', 'matroska')
    picture_bgr = FrameConverter(container.add_stream('libx264'), Path('clip.mp4')).convert(frame).bgr
    assert np.abs(picture_bgr[20, 20].astype(int) - expected_bgr).sum() <= 3


def tags_of(path):
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    return frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range, frame.interlaced_frame


@pytest.mark.parametrize('transfer', [PQ, HLG, BT2020_SDR])
def test_copy_of_mapped_colours_is_flagged_as_bt709(tmp_path, transfer):
    copy_video(write_colour(tmp_path / 'clip.mkv', (400, 512, 512), transfer), tmp_path / 'copy.mp4')
    assert tags_of(tmp_path / 'copy.mp4') == (1, 1, 1, 1, False)


def test_copy_keeps_the_tags_of_ordinary_colours(tmp_path):
    clip = write_colour(tmp_path / 'clip.mkv', (400, 512, 512), transfer=6, primaries=6)  # both SMPTE 170M
    copy_video(clip, tmp_path / 'copy.mp4')
    assert tags_of(tmp_path / 'copy.mp4') == (9, 6, 6, 1, False)


def test_copy_of_rgb_is_flagged_as_the_yuv_that_it_is(tmp_path):
    with av.open(str(tmp_path / 'clip.mkv'), 'w') as container:
        stream = container.add_stream('libx264rgb', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'bgr24'
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), (40, 80, 200), np.uint8), format='bgr24')
        container.mux([*stream.encode(frame), *stream.encode(None)])
    copy_video(tmp_path / 'clip.mkv', tmp_path / 'copy.mp4')
    assert tags_of(tmp_path / 'copy.mp4')[0] == 1
    with VideoReader(tmp_path / 'copy.mp4') as reader:
        np.testing.assert_allclose(next(reader.read_frames())[2][20, 20], (40, 80, 200), atol=4)


def test_picture_that_h264_cannot_hold_is_refused_before_the_work(tmp_path):
    clip = write_clip(tmp_path / 'wide.mkv', [0], size=(16400, 16), codec='ffv1')
    with VideoReader(clip) as reader:
        with pytest.raises(InputError) as refusal:
            VideoWriter(tmp_path / 'copy.mp4', reader)
        assert next(reader.read_frames())[2].shape == (16, 16400, 3)
    assert str(refusal.value) == (
        f'{clip}: its pictures are 16400 x 16 pixels, but H.264 in mp4 holds at most 16384 x 16384; '
        'make the video smaller, or add --no-write-video'
    )
    assert not (tmp_path / 'copy.mp4').exists()
