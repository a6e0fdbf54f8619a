"""Corrections on the review page, in a real browser, and the results that come of them."""

import csv
import json
import re
import sys
from fractions import Fraction

import av
import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.results.corrections import read_corrections
from tests.conftest import CLASS_NAMES
from tests.paths import DEMO_PATH
from tests.review_pages import STEADY, click_at, download, face, read_download, save_page, table_rows


def test_corrections_by_keyboard_alone_outlast_a_reload(tmp_path, open_page):
    path = save_page(tmp_path, STEADY)
    page = open_page(path)
    press = page.keyboard.press
    for _ in range(5):
        press('ArrowRight')
    press('s')  # face 1 is split before frame 6
    press('e')
    page.keyboard.type('sur')
    press('Escape')
    press('n')
    page.keyboard.type('says "oh", \u00e9')
    press('Enter')
    press('Escape')
    press('f')  # face 2
    press('End')
    press('m')
    for _ in range(9):
        press('ArrowLeft')
    press('u')  # frames 51 to 60 are not used
    press('m')
    expected = [
        ['0.0', '160.0', '1', '5', 'happy', '1', 'machine', '', 'yes', '1'],
        ['200.0', '760.0', '6', '20', 'surprise', '1', 'person', 'says "oh", \u00e9', 'yes', '1'],
        ['400.0', '960.0', '11', '25', 'neutral', '2', 'machine', '', 'yes', '2'],
        ['800.0', '1160.0', '21', '30', 'sad', '1', 'machine', '', 'yes', '1'],
        ['1200.0', '1960.0', '31', '50', 'fear', '2', 'machine', '', 'yes', '2'],
        ['2000.0', '2360.0', '51', '60', 'fear', '2', 'machine', '', 'no', '2'],
    ]
    rows = read_download(page)
    assert list(rows[0]) == [
        *['ms_start', 'ms_end', 'frame_start', 'frame_end', 'emotions'],
        *['face', 'by', 'note', 'use', 'found_as', 'run'],
    ]
    assert {row.pop('run') for row in rows} == {'run-0123456789ab'}
    assert [list(row.values()) for row in rows] == expected
    again = open_page(path)
    assert 'still here' in again.locator('#message').inner_text()
    caught = download(again)
    assert caught.suggested_filename == 'clip_with_emotions_corrected.csv'
    assert [list(row.values())[:-1] for row in csv.DictReader(caught.path().open(encoding='utf-8-sig'))] == expected
    again.locator('#discard').click()
    assert len(read_download(again)) == 4
    again.keyboard.press('z')
    assert len(read_download(again)) == 6


def test_the_table_is_downloaded_in_the_european_way_with_the_mark_that_its_letters_need(tmp_path, open_page):
    page = open_page(save_page(tmp_path, [0, 33.375, 66.75], decimal_comma=True))
    path = download(page).path()
    assert path.read_bytes().startswith(b'ms_start;ms_end;frame_start;')
    page.keyboard.press('n')
    page.keyboard.type('a;b \u00e9')
    page.keyboard.press('Enter')
    path = download(page).path()
    first = path.read_bytes().decode().splitlines()[1]
    assert first == '0,0;66,75;1;3;happy;1;machine;"a;b \u00e9";yes;1;run-0123456789ab'
    assert path.read_bytes().startswith(b'\xef\xbb\xbfms_start;')
    (row,) = read_corrections(path, CLASS_NAMES)
    assert (row.ms_end, row.note, row.emotion) == (66.75, 'a;b \u00e9', 'happy')


def test_what_to_do_with_the_download_is_seen_in_full(tmp_path, open_page):
    page = open_page(save_page(tmp_path, [0, 33.375, 66.75]))
    download(page)
    message = page.locator('#message')
    assert message.inner_text() == (
        'The table is in your downloads. Move it to the results, then run emotions_from_video.py --apply with their '
        'folder.'
    )
    page.set_viewport_size({'width': 1280, 'height': 800})
    assert message.evaluate('element => element.scrollHeight <= element.clientHeight')
    page.set_viewport_size({'width': 390, 'height': 844})
    assert message.evaluate('element => element.scrollHeight <= element.clientHeight')


def test_corrections_belong_to_one_run(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY))
    page.keyboard.press('ArrowRight')
    page.keyboard.press('s')
    assert len(table_rows(page)) == 5
    page = open_page(save_page(tmp_path, STEADY, lambda frame: [face(1, 'happy')]))
    assert [row[:2] for row in table_rows(page)] == [['1', 'happy']]


def test_faces_merge_unless_both_are_seen_at_once(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY))
    page.locator('#merge').click()
    assert 'both seen at 0:00.400' in page.locator('#message').inner_text()
    assert {row['face'] for row in read_download(page)} == {'1', '2'}
    page.locator('#table-body tr', has_text='neutral').click()
    page.keyboard.press('u')  # face 2 is wrong while face 1 is seen
    page.keyboard.press('End')
    page.locator('#merge').click()
    rows = [(row['emotions'], row['face'], row['found_as'], row['use']) for row in read_download(page)]
    assert rows == [
        ('happy', '1', '1', 'yes'),
        ('neutral', '1', '2', 'no'),
        ('sad', '1', '1', 'yes'),
        ('fear', '1', '2', 'yes'),
    ]
    assert page.locator('.row .name').all_inner_texts() == ['face 1']
    for key in ('Home', 'm', 'End', 'u', 'u'):  # not used at all; then used again, which would show face 1 twice
        page.keyboard.press(key)
    assert 'seen twice at 0:00.400' in page.locator('#message').inner_text()
    assert not page.locator('#use').is_checked()
    assert {row['use'] for row in read_download(page)} == {'no'}
    page.keyboard.press('m')
    page.keyboard.press('z')
    click_at(page, 1, 17 * 40 + 10, STEADY)  # within happy, whose row is above the end of the unused period
    page.keyboard.press('n')
    page.keyboard.type('above')
    page.keyboard.press('Enter')
    page.keyboard.press('Escape')
    assert [row['note'] for row in read_download(page)] == ['above', '', '', '']
    page.keyboard.press('z')
    page.keyboard.press('z')
    assert page.locator('.row .name').all_inner_texts() == ['face 1', 'face 2']


@pytest.fixture
def face_clip(tmp_path):
    """The first second of the demo clip, under a name that is hostile if the system allows it."""
    name = 'a "b" & c%20#?.mp4' if sys.platform == 'win32' else '<img src=x onerror=alert(1)>.mp4'
    path = tmp_path / re.sub(r'["?]', '', name)
    with av.open(str(DEMO_PATH)) as source, av.open(str(path), 'w') as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.pts is not None and packet.pts * packet.time_base < Fraction(1):
                packet.stream = stream
                target.mux(packet)
    return path


def test_from_the_video_over_the_page_to_the_corrected_results(face_clip, colour_model_path, open_page, capsys):
    emotions_from_video.main([str(face_clip), '--model-weights-path', str(colour_model_path)])
    beside = {path.name.removeprefix(face_clip.stem): path for path in face_clip.parent.iterdir()}
    page = open_page(beside['_with_emotions_review.html'])
    assert page.locator('h1').inner_text() == face_clip.name == page.title().removesuffix(': emotions')
    assert page.locator('img:not([src^="data:image/jpeg;"])').count() == 0
    found = pd.read_csv(beside['_with_emotions_faces_data.csv'])
    frames = found.frame.unique()
    for _ in range(9):
        page.keyboard.press('ArrowRight')
    page.keyboard.press('s')
    page.locator('#emotion').select_option('contempt')
    corrected_csv = face_clip.with_name('corrected.csv')
    download(page).save_as(corrected_csv)
    machine = beside['_with_emotions_faces_data.csv'].read_bytes()
    nowhere = face_clip.with_name('none.h5')  # neither the network nor the detector is needed
    arguments = ['--apply', corrected_csv, '--model-weights-path', nowhere, '--detector-path', nowhere, face_clip]
    emotions_from_video.main([str(argument) for argument in arguments])
    assert f'Wrote {face_clip.with_name(face_clip.stem)}_with_emotions_corrected.mp4' in capsys.readouterr().out
    assert beside['_with_emotions_faces_data.csv'].read_bytes() == machine

    stem = f'{face_clip.stem}_with_emotions_corrected'
    faces = pd.read_csv(face_clip.with_name(f'{stem}_faces_data.csv'))
    assert faces.frame.tolist() == found.frame.tolist()
    changed = (faces.frame >= 10) & (faces.face == found.face.iloc[0])
    changed &= faces.emotion != found.emotion
    assert changed.any() and set(faces[changed].emotion) == {'contempt'} and set(faces[changed].by) == {'person'}
    assert faces[changed].confidence.isna().all() and set(faces[~changed].by) == {'machine'}
    same = [name for name in found.columns if name not in ('emotion', 'confidence', 'valence')]
    pd.testing.assert_frame_equal(faces[same], found[same])
    np.testing.assert_allclose(faces.valence, found.valence, atol=1.01e-4)  # computed again from four digits
    periods = pd.read_csv(face_clip.with_name(f'{stem}_emotions_data.csv'))
    assert periods.frame_end.iloc[-1] == frames[-1] and 'contempt' in ''.join(periods.emotions)
    assert face_clip.with_name(f'{stem}_timeline.png').is_file()
    page = open_page(face_clip.with_name(f'{stem}_review.html'))
    assert json.dumps(read_download(page)) == json.dumps(list(csv.DictReader(corrected_csv.open(encoding='utf-8'))))
