import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.results.output_paths import (
    name_outputs,
    name_summary_of_folder,
    name_table_of_folder,
)


def test_names_of_outputs(tmp_path):
    assert name_outputs(tmp_path / 'a.avi').annotated == tmp_path / 'a_with_emotions.mp4'
    assert name_outputs(tmp_path / 'a.JPG').annotated == tmp_path / 'a_with_emotions.JPG'
    assert name_outputs(tmp_path / 'a.jpg', tmp_path / 'b.png').faces == tmp_path / 'b_faces_data.csv'
    corrected = name_outputs(tmp_path / 'a.avi').corrected()
    assert corrected.annotated == tmp_path / 'a_with_emotions_corrected.mp4'
    assert corrected.review == tmp_path / 'a_with_emotions_corrected_review.html'
    with pytest.raises(InputError, match='expected a name for a copy of the photograph'):
        name_outputs(tmp_path / 'a.jpg', tmp_path / 'b.mp4')
    with pytest.raises(InputError, match=r'ends in \.mp4'):
        name_outputs(tmp_path / 'a.mkv', tmp_path / 'b.mkv')


def test_tables_of_a_folder_are_no_file_s_own(tmp_path):
    own = name_outputs(tmp_path / f'{tmp_path.name}.mp4')
    assert name_summary_of_folder(tmp_path) not in own.all()
    assert name_table_of_folder(tmp_path) not in own.all()


def test_a_photograph_that_shares_its_stem_is_named_after_all_of_its_name(tmp_path):
    outputs = name_outputs(tmp_path / 'a.JPG', shares_stem=True)
    assert outputs.annotated == tmp_path / 'a.JPG_with_emotions.JPG'
    assert outputs.faces == tmp_path / 'a.JPG_with_emotions_faces_data.csv'
    assert name_outputs(tmp_path / 'a.mov', shares_stem=True).annotated == tmp_path / 'a_with_emotions.mp4'
