"""Whole runs on a part of a video: `--start` and `--end`."""

import csv
import json

import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.results.output_paths import Outputs
from emotion_recognition.runs.provenance import describe_provenance, is_done
from emotion_recognition.settings import to_seconds
from emotions_from_video import VideoSettings
from tests.clips import picture_times_ms
from tests.paths import DEMO_PATH
from tests.review_pages import read_download, wait_until


def run(video_path, model_path, *options):
    emotions_from_video.main([str(video_path), '--model-weights-path', str(model_path), *map(str, options)])


@pytest.fixture(scope='module')
def part(tmp_path_factory, colour_model_path):
    """The results of the demo from 7 to 8 s, with spans and for ELAN."""
    folder = tmp_path_factory.mktemp('part')
    (folder / 'spans.csv').write_text('video,start,end,name\ndemo.mp4,7.2,7.4,film\ndemo.mp4,7.5,8.5,late\n')
    options = ['--start', '0:07', '--end', '8', '--spans', folder / 'spans.csv', '--elan', '--subtitles']
    run(DEMO_PATH, colour_model_path, '--output-filename', folder / 'part.mp4', *options)
    return folder / 'part.mp4'


def test_the_tables_keep_the_numbers_and_times_of_the_original(part):
    faces = pd.read_csv(part.with_name('part_faces_data.csv'))
    assert (faces.frame.min(), faces.frame.max(), faces.frame.nunique()) == (176, 200, 25)
    assert (faces.ms == (faces.frame - 1) * 40.0).all()
    emotions = pd.read_csv(part.with_name('part_emotions_data.csv'))
    assert (emotions.frame_start.iloc[0], emotions.ms_start.iloc[0]) == (176, 7000.0)
    assert (emotions.frame_end.iloc[-1], emotions.ms_end.iloc[-1]) == (200, 7960.0)
    summary = pd.read_csv(part.with_name('part_summary.csv'))
    assert summary[summary.span.isna()].seconds.tolist() == [1.0, 1.0]
    assert summary[summary.span == 'film'].seconds.tolist() == [0.2, 0.2]
    assert summary[summary.span == 'late'].seconds.tolist() == [0.5, 0.5]


def test_what_goes_with_the_annotated_video_counts_from_its_start(part):
    assert picture_times_ms(part) == pytest.approx(range(0, 1000, 40), abs=0.1)
    assert part.with_name('part_periods.srt').read_text().startswith('1\n00:00:00,000 --> ')
    assert 'TIME_VALUE="1000"' in part.with_suffix('.eaf').read_text()
    assert json.loads(part.with_name('part_run.json').read_text())['made_with']['settings']['start'] == 7.0


def test_the_page_is_in_step_with_the_part_that_it_shows(part, open_page):
    page = open_page(part.with_name('part_review.html'))
    assert page.locator('#position').inner_text().endswith('frame 176')
    page.keyboard.press('End')
    wait_until(page, 'Math.abs(window.shown - 0.96) < 0.01')
    assert page.locator('#position').inner_text().endswith('frame 200')
    assert {(row['frame_start'], row['ms_start']) for row in read_download(page)} >= {('176', '7000.0')}


def test_corrections_are_applied_to_the_same_part(part, open_page, colour_model_path):
    page = open_page(part.with_name('part_review.html'))
    page.keyboard.press('e')
    page.keyboard.type('sur')
    rows = read_download(page)
    corrected = part.with_name('corrected.csv')
    with corrected.open('w', newline='') as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    run(DEMO_PATH, colour_model_path, '--output-filename', part, '--apply', corrected)
    faces = pd.read_csv(part.with_name('part_corrected_faces_data.csv'))
    assert (faces.frame.min(), faces.frame.max()) == (176, 200)
    assert 'surprise' in set(faces[faces.frame == 176].emotion)
    assert len(picture_times_ms(part.with_name('part_corrected.mp4'))) == 25


def test_a_page_that_plays_the_original_begins_at_the_part(tmp_path, colour_model_path, open_page):
    options = ['--start', 7, '--end', 7.2, '--no-write-video', '--output-filename', tmp_path / 'part.mp4']
    run(DEMO_PATH, colour_model_path, *options)
    page = open_page(tmp_path / 'part_review.html')
    wait_until(page, 'Math.abs(window.shown - 7) < 0.01')


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [('12.5', 12.5), ('90', 90), ('0:12', 12), ('1:02:03.5', 3723.5), ('59:59', 3599), ('100:00:00', 360_000)],
)
def test_how_times_are_written(text, seconds):
    assert to_seconds(text) == seconds


@pytest.mark.parametrize('text', ['', 'x', '1:70', '1:2', '1:2:03', '1:60:00', ':30', '1:', '1,5'])
def test_what_is_no_time(text, capsys):
    with pytest.raises(SystemExit) as caught:
        emotions_from_video.main([str(DEMO_PATH), f'--start={text}'])
    expected = f'argument --start: {text!r} is no time; expected seconds, m:ss or h:mm:ss'
    assert str(caught.value) == f'emotions_from_video.py: {expected} (--help lists the options)'


def test_photographs_have_no_part(tmp_path):
    (tmp_path / 'photo.jpg').write_bytes(b'\xff\xd8\xff')
    with pytest.raises(SystemExit, match=r'--start and --end are times of a video; expected a video among the inputs'):
        emotions_from_video.main([str(tmp_path / 'photo.jpg'), '--start', '3'])


def test_a_start_after_the_end_fails_with_one_line(tmp_path, colour_model_path):
    with pytest.raises(SystemExit) as caught:
        run(DEMO_PATH, colour_model_path, '--start', 9, '--output-filename', tmp_path / 'part.mp4')
    assert '--start is 9 s, but the last frame of the video is shown at 8.96 s' in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_another_part_is_another_result(part, colour_model_path):
    common = {'model_weights_path': colour_model_path, 'elan': True, 'subtitles': True}
    common['spans'] = part.with_name('spans.csv')
    for end, is_it_done in ((8.0, True), (8.5, False), (None, False)):
        settings = VideoSettings(start=7.0, end=end, **common)
        assert is_done(DEMO_PATH, Outputs(part), describe_provenance(settings)) == is_it_done
