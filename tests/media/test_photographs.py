import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from emotion_recognition.labels import InputError
from emotion_recognition.media.photographs import has_several_pictures, is_photograph, read_photograph, write_photograph
from tests.paths import DEMO_PATH


@pytest.fixture(scope='module')
def portrait():
    """A picture of the demo clip with one face: (360, 640, 3) uint8, BGR."""
    video = cv2.VideoCapture(str(DEMO_PATH))
    video.set(cv2.CAP_PROP_POS_FRAMES, 30)
    return video.read()[1]


@pytest.mark.parametrize(('orientation', 'turn'), [(3, 180), (6, 90), (8, 270)])
def test_orientation_of_exif_is_obeyed(tmp_path, portrait, orientation, turn):
    upright = Image.fromarray(portrait[..., ::-1])
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright.rotate(turn, expand=True).save(tmp_path / 'turned.jpg', exif=exif, quality=95)
    picture = read_photograph(tmp_path / 'turned.jpg')
    assert picture.shape == portrait.shape
    assert np.abs(picture.astype(int) - portrait).mean() < 3


def write_heic(path, picture_bgr, orientation=1, **options):
    """Write a HEIC as phones do, which turn pictures in the header."""
    height, width = picture_bgr.shape[:2]
    exif = Image.Exif()
    exif[0x0112] = orientation
    mode = 'RGB;16' if picture_bgr.dtype == np.uint16 else 'RGB'
    data = picture_bgr[..., ::-1].tobytes()
    pillow_heif.encode(mode, (width, height), data, path, exif=exif.tobytes(), quality=95, **options)


def write_avif(path, picture_bgr, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture_bgr[..., ::-1]).save(path, 'AVIF', exif=exif, quality=95)


def difference(picture, expected):
    assert picture.shape == expected.shape and picture.dtype == np.uint8
    return np.abs(picture.astype(int) - expected).mean()


@pytest.mark.parametrize('write', [write_heic, write_avif])
@pytest.mark.parametrize(('orientation', 'quarter_turns'), [(1, 0), (3, 2), (6, 1), (8, 3)])
def test_pictures_of_phones_are_upright(tmp_path, portrait, write, orientation, quarter_turns):
    write(tmp_path / 'turned', np.rot90(portrait, quarter_turns), orientation)
    assert difference(read_photograph(tmp_path / 'turned'), portrait) < 2


def test_heic_of_tiles_is_read_whole(tmp_path, portrait):
    write_heic(tmp_path / 'tiles.heic', portrait, tile_size=256)
    assert b'grid' in (tmp_path / 'tiles.heic').read_bytes()
    assert difference(read_photograph(tmp_path / 'tiles.heic'), portrait) < 2


def test_ten_bits_grey_and_transparency_in_pictures_of_phones(tmp_path, portrait):
    write_heic(tmp_path / 'ten_bits.heic', portrait.astype(np.uint16) * 257)
    assert pillow_heif.open_heif(tmp_path / 'ten_bits.heic').info['bit_depth'] == 10
    assert difference(read_photograph(tmp_path / 'ten_bits.heic'), portrait) < 2
    grey = Image.new('L', (32, 32), 77)
    transparent = Image.new('RGBA', (32, 32), (77, 77, 77, 77))
    for number, picture in enumerate([grey, transparent]):
        picture.save(tmp_path / f'{number}.avif', quality=95)
        pillow_heif.from_pillow(picture).save(tmp_path / f'{number}.heic', quality=95)
        for kind in ('avif', 'heic'):
            assert difference(read_photograph(tmp_path / f'{number}.{kind}'), np.full((32, 32, 3), 77)) < 2


def test_content_counts_where_the_name_is_wrong(tmp_path, portrait):
    write_heic(tmp_path / 'heic.jpg', portrait)
    write_avif(tmp_path / 'avif.png', portrait)
    Image.fromarray(portrait[..., ::-1]).save(tmp_path / 'jpeg.heic', 'JPEG', quality=95)
    Image.fromarray(portrait[..., ::-1]).save(tmp_path / 'jpeg.mov', 'JPEG', quality=95)
    for name in ('heic.jpg', 'avif.png', 'jpeg.heic', 'jpeg.mov'):
        assert is_photograph(tmp_path / name)
        assert difference(read_photograph(tmp_path / name), portrait) < 3


def test_broken_pictures_of_phones(tmp_path, portrait):
    for name, write in (('a.heic', write_heic), ('a.avif', write_avif)):
        write(tmp_path / name, portrait[::4, ::4])
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(InputError, match='cannot be read as a photograph'):
            read_photograph(tmp_path / name)


def save_pictures(path, number=2):
    first, *others = (Image.new('RGB', (32, 32), (60 * index, 0, 0)) for index in range(number))
    first.save(path, save_all=True, append_images=others, **({} if path.suffix == '.mpo' else {'duration': 100}))
    return path


@pytest.mark.parametrize('suffix', ['.gif', '.png', '.avif'])
def test_animations_are_no_photographs(tmp_path, suffix):
    assert not is_photograph(save_pictures(tmp_path / f'two{suffix}'))
    assert is_photograph(save_pictures(tmp_path / f'one{suffix}', number=1))
    assert is_photograph(tmp_path / f'none{suffix}')
    assert read_photograph(tmp_path / f'one{suffix}').shape == (32, 32, 3)


def test_an_animation_that_was_cut_off(tmp_path):
    path = save_pictures(tmp_path / 'a.gif', number=3)
    content = path.read_bytes()
    third = content.rindex(b'!\xf9')  # where its last picture begins
    path.write_bytes(content[: third + 5])
    assert not is_photograph(path)
    second = content[:third].rindex(b'!\xf9')
    path.write_bytes(content[: second + 5])
    assert is_photograph(path)
    assert read_photograph(path).shape == (32, 32, 3)


@pytest.mark.parametrize('suffix', ['.webp', '.tif', '.mpo'])
def test_photographs_of_several_pictures(tmp_path, suffix):
    two, one = save_pictures(tmp_path / f'two{suffix}'), save_pictures(tmp_path / f'one{suffix}', number=1)
    assert is_photograph(two) and is_photograph(one)
    assert has_several_pictures(two) and not has_several_pictures(one)
    assert read_photograph(two).max() < 5  # the first one, which is black


def test_a_heic_of_several_pictures_is_a_photograph(tmp_path):
    pictures = pillow_heif.from_pillow(Image.new('RGB', (64, 64)))
    pictures.add_from_pillow(Image.new('RGB', (64, 64), 'red'))
    pictures.save(tmp_path / 'no_suffix')
    assert is_photograph(tmp_path / 'no_suffix') and has_several_pictures(tmp_path / 'no_suffix')
    assert read_photograph(tmp_path / 'no_suffix').max() < 5


def test_a_gain_map_is_no_further_picture(tmp_path):
    picture = Image.new('RGB', (64, 64))
    picture.save(tmp_path / 'a.jpg', 'MPO', save_all=True, append_images=[picture.resize((32, 32))])
    assert Image.open(tmp_path / 'a.jpg').n_frames == 2
    assert not has_several_pictures(tmp_path / 'a.jpg')


def test_names_decide_where_there_is_no_picture(tmp_path):
    (tmp_path / 'notes').write_text('no picture')
    Image.new('RGB', (32, 32)).save(tmp_path / 'raw', 'TIFF')  # what cameras' raw formats look like
    names = ['notes', 'raw', 'none.mp4', 'none.jpg', 'none.HEIC', 'none.jfif']
    assert [is_photograph(tmp_path / name) for name in names] == [False, False, False, True, True, True]


def test_photographs_that_are_not_there_or_empty(tmp_path):
    with pytest.raises(InputError, match='no such file; expected a photograph'):
        read_photograph(tmp_path / 'none.jpg')
    (tmp_path / 'empty.jpg').touch()
    with pytest.raises(InputError, match='cannot be read as a photograph'):
        read_photograph(tmp_path / 'empty.jpg')


def test_picture_that_its_kind_cannot_hold(tmp_path):
    with pytest.raises(InputError, match=r'20000x2 pixels do not fit into \.webp'):
        write_photograph(tmp_path / 'a.webp', np.zeros((2, 20_000, 3), np.uint8))


def test_grey_deep_and_transparent_pictures(tmp_path):
    cv2.imwrite(str(tmp_path / 'grey.png'), np.full((4, 5), 77, np.uint8))
    cv2.imwrite(str(tmp_path / 'deep.png'), np.full((4, 5, 3), 77 * 257, np.uint16))
    cv2.imwrite(str(tmp_path / 'transparent.png'), np.full((4, 5, 4), 77, np.uint8))
    for name in ('grey', 'deep', 'transparent'):
        picture = read_photograph(tmp_path / f'{name}.png')
        assert (picture == 77).all() and picture.shape == (4, 5, 3) and picture.dtype == np.uint8
