import re

import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.results.output_paths import Outputs, name_summary_of_folder
from emotion_recognition.runs.folder_summary import join_summaries
from emotion_recognition.runs.run_folder import RunFolder
from tests.conftest import DEMO_PATH, ROOT, write_clip


def test_folder_of_videos_gets_one_table_that_agrees_with_the_tables_of_faces(tmp_path, colour_model_path, capsys):
    folder = tmp_path / 'interviews'
    folder.mkdir()
    (folder / 'a.mp4').write_bytes(DEMO_PATH.read_bytes())
    write_clip(folder / 'nobody.mp4', [0, 40])
    (folder / 'broken.mp4').write_text('no video')
    (tmp_path / 'spans.csv').write_text('video,start,end,name\na.mp4,7,9,NA\n')
    options = ['--no-write-video', '--spans', str(tmp_path / 'spans.csv')]
    with pytest.raises(SystemExit, match='1 of 3 files failed'):
        emotions_from_video.main([str(folder), '--model-weights-path', str(colour_model_path), *options])
    own = folder / 'a_with_emotions_summary.csv'
    assert (folder / 'interviews_with_emotions_all_summary.csv').read_text() == own.read_text()
    assert f'Wrote {folder / "interviews_with_emotions_all_summary.csv"}' in capsys.readouterr().out

    summary = pd.read_csv(own, keep_default_na=False)
    faces = pd.read_csv(folder / 'a_with_emotions_faces_data.csv')
    for span, start, end in (('', 0, 9000), ('NA', 7000, 9000)):
        rows = summary[summary.span == span].set_index('person')
        seen = faces[(faces.ms >= start) & (faces.ms < end)].groupby('person')
        assert rows.frames.to_dict() == seen.size().to_dict()
        np.testing.assert_allclose(rows.seconds, seen.size() * 0.04)  # the demo's frames are of one length
        np.testing.assert_allclose(rows.anger_share, seen.emotion.apply(lambda name: (name == 'anger').mean()), 0, 1e-4)
        np.testing.assert_allclose(rows.sad_mean, seen.sad.mean(), atol=1e-4)
        np.testing.assert_allclose(rows.valence_mean, seen.valence.mean(), atol=1e-4)
    assert set(summary.video) == {'a.mp4'} and set(summary.span) == {'', 'NA'}


def test_names_that_pandas_takes_for_missing_stay_names_as_the_document_reads_them(tmp_path):
    names = ['NA', 'NA.mp4', 'None', 'nan']
    paths = [tmp_path / f'{number}.csv' for number in range(len(names))]
    for path, name in zip(paths, names, strict=True):
        pd.DataFrame({'video': [name], 'span': [name], 'name': [''], 'seconds': [1.5]}).to_csv(path, index=False)
    path = tmp_path / 'all.csv'
    join_summaries(paths, path)
    (call,) = re.findall(r'`(pd\.read_csv\([^`]+\))`', (ROOT / 'examples' / 'README.md').read_text())
    table = eval(call, {'pd': pd, 'path': path})
    assert table.video.tolist() == table.span.tolist() == names
    assert table.name.isna().all() and table.seconds.tolist() == [1.5] * 4


def test_what_a_run_leaves_that_was_killed_at_the_summary_is_removed_by_the_next(tmp_path, colour_model_path):
    write_clip(tmp_path / 'a.mp4', [0, 40])
    options = ['--no-write-video', '--skip-done', '--model-weights-path', str(colour_model_path)]
    emotions_from_video.main([str(tmp_path), *options])
    with RunFolder(Outputs(name_summary_of_folder(tmp_path))) as killed:
        left = killed.annotated.parent
    left.mkdir()
    emotions_from_video.main([str(tmp_path / 'a.mp4'), *options])  # has nothing else to do
    assert not left.exists() and not list(tmp_path.glob('.*'))


def test_spans_named_like_a_table_of_the_folder_are_not_overwritten(tmp_path):
    write_clip(tmp_path / 'a.mp4', [0, 40])
    spans = name_summary_of_folder(tmp_path)
    spans.write_text('video,start,end,name\na.mp4,0,1,x\n')
    with pytest.raises(SystemExit, match='would be overwritten by a result of this name'):
        emotions_from_video.main([str(tmp_path), '--spans', str(spans)])


def test_a_summary_that_cannot_be_written_is_named_with_the_reason(tmp_path, colour_model_path):
    write_clip(tmp_path / 'a.mp4', [0, 40])
    summary = name_summary_of_folder(tmp_path)
    summary.mkdir()
    with pytest.raises(SystemExit) as caught:
        emotions_from_video.main([str(tmp_path), '--no-write-video', '--model-weights-path', str(colour_model_path)])
    assert caught.value.code.startswith(f'emotions_from_video.py: {summary}: Is a directory')


def test_wrong_spans_are_reported_before_the_work(tmp_path, colour_model_path):
    clip = write_clip(tmp_path / 'a.mp4', [0, 40])
    path = tmp_path / 'spans.csv'
    path.write_text('video,start,end,name\nb.mp4,0,1,x\n')
    with pytest.raises(SystemExit) as caught:
        emotions_from_video.main([str(clip), '--model-weights-path', 'none.h5', '--spans', str(path)])
    assert caught.value.code == f'emotions_from_video.py: {path}: video is b.mp4; expected one of the inputs: a.mp4'
