"""Wrong options and unusable data are reported in one line."""

import pandas as pd
import pytest

from tests.training_runs import failure


def test_missing_table(kaggle):
    (kaggle / 'train.csv').unlink()
    assert 'train.csv: no such table' in failure(kaggle)


def test_missing_column(kaggle):
    pd.read_csv(kaggle / 'train.csv').rename(columns={'emotion': 'label'}).to_csv(kaggle / 'train.csv')
    assert 'lacks the column emotion' in failure(kaggle)


@pytest.mark.parametrize(
    ('option', 'value', 'expected'),
    [
        ('--batch-size', 0, '--batch-size is 0; expected 1 or more'),
        ('--epochs', 0, '--epochs is 0; expected 1 or more'),
        ('--image-size', 0, '--image-size is 0; expected 32 or more'),
        ('--image-size', 8, '--image-size is 8; expected 32 or more'),
        ('--native-size', 4, '--native-size is 4; expected 8 or more'),
        ('--learning-rate', -1, '--learning-rate is -1.0; expected 1e-12 or more'),
        ('--learning-rate', 'inf', '--learning-rate is inf; expected 1e-12 or more'),
        ('--seed', 2**32, '--seed is 4294967296; expected 0 to'),
        ('--learning-rate', 'nan', '--learning-rate is nan; expected 1e-12 or more'),
        ('--shift', 1.5, '--shift is 1.5; expected 0 to 1'),
        ('--contrast', -0.1, '--contrast is -0.1; expected 0 to 1'),
        ('--output', 'm.txt', '--output is m.txt; expected a name that ends in .h5'),
    ],
)
def test_wrong_options_are_reported_before_anything_is_read(kaggle, option, value, expected):
    (kaggle / 'train.csv').unlink()  # would be reported next
    message = failure(kaggle, option, value)
    assert message.startswith(f'model_training.py: {expected}')
    assert not (kaggle / 'out').exists()


def test_options_that_argparse_refuses_are_reported_in_one_line(kaggle):
    assert failure(kaggle, '--epochs', 'many').endswith("invalid int value: 'many' (--help lists the options)")


def test_missing_image_paths(kaggle):
    table = pd.read_csv(kaggle / 'train.csv')
    table.loc[5, 'image_path'] = None
    table.to_csv(kaggle / 'train.csv')
    assert '1 of 108 images cannot be read' in failure(kaggle)


def test_wrong_crop(kaggle):
    assert '--crop is 1.1 0.9; expected' in failure(kaggle, '--crop', 1.1, 0.9)


def test_unknown_emotion(kaggle):
    table = pd.read_csv(kaggle / 'train.csv')
    table.loc[[13, 22], 'emotion'] = 'hapy'
    table.to_csv(kaggle / 'train.csv')
    assert 'train.csv: too few images of hapy, 2 (row 15); 10 are needed; correct the name' in failure(kaggle)


def test_class_with_too_few_images(kaggle):
    table = pd.read_csv(kaggle / 'train.csv')
    table.drop(table[table.emotion == 'fear'].index[:4]).to_csv(kaggle / 'train.csv')
    assert 'too few images of fear, 8 (row 37); 10 are needed' in failure(kaggle)


def test_unreadable_images_are_named(kaggle):
    (kaggle / 'test_kaggle' / '3.jpg').unlink()
    assert '1 of 3 images cannot be read' in failure(kaggle)
    (kaggle / 'train' / 'anger' / '0.jpg').write_bytes(b'')
    (kaggle / 'train' / 'contempt' / '1.jpg').write_text('text')
    message = failure(kaggle)
    assert '2 of 108 images cannot be read' in message and '0.jpg' in message and '1.jpg' in message


def test_missing_weights_file(kaggle):
    assert 'no such weights file' in failure(kaggle, '--weights', kaggle / 'none.h5')


def test_failed_download_says_what_to_pass(kaggle, monkeypatch):
    def fail(*_, **__):
        raise Exception('URL fetch failure on efficientnetb0_notop.h5: None -- unreachable')

    monkeypatch.setattr('keras.src.utils.file_utils.get_file', fail)
    message = failure(kaggle, '--weights', 'imagenet')
    assert 'efficientnetb0_notop.h5 elsewhere and pass it with --weights FILE' in message
