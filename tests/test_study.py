"""A study from start to finish: the commands of the README's section, on parts of the five real clips."""

import shlex
import subprocess
import sys
from fractions import Fraction

import av
import pandas as pd
import pytest
from PIL import Image

from tests.paths import ROOT, SHARED
from tests.review_pages import download

CLIPS = {  # as they are called in the study, and how many seconds of them
    'anna.mp4': ('crema_1001_six_emotions_joined.mp4', 4),
    'bert.mp4': ('openmpf_new_face_video-90.mp4', 2),
    'carla.mkv': ('intel_asl_yes.mkv', 2),
    'dora.webm': ('openmpf_video01short_vp8_opus.webm', 1),
    'emil.mov': ('pyfeat_face_noface.mov', 2),
}
FASTER = '--rest model'  # for a run; the comparison with each face's own look is not what this is about


def commands():
    """The commands of the section, without the interpreter's path."""
    section = (ROOT / 'README.md').read_text(encoding='utf-8').partition('## Analyse a study\n')[2]
    block = section.partition('```bash\n')[2].partition('```')[0]
    return [line.removeprefix('.venv/bin/python ') for line in block.replace('\\\n', '').splitlines()]


def run(command, folder):
    """Run a script as a user does, in a folder of the user's own. Returns what it prints."""
    script, *arguments = shlex.split(command)
    process = subprocess.run(
        [sys.executable, ROOT / script, *arguments], cwd=folder, capture_output=True, text=True, encoding='utf-8'
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def copy_pictures(source, target, seconds):
    """Copy the packets of a video's first seconds, as they are, without sound."""
    with av.open(str(source)) as video, av.open(str(target), 'w') as part:
        stream = part.add_stream_from_template(video.streams.video[0])
        for packet in video.demux(video.streams.video[0]):
            if packet.pts is not None and packet.pts * packet.time_base < Fraction(seconds):
                packet.stream = stream
                part.mux(packet)


@pytest.fixture
def folder(tmp_path):
    """A user's folder with interviews/: the videos, their spans, and the participants."""
    if not (SHARED / 'videos').is_dir():
        pytest.skip('the real clips are not here')
    interviews = tmp_path / 'interviews'
    interviews.mkdir()
    spans = ['video,start,end,name']
    for name, (source, seconds) in CLIPS.items():
        copy_pictures(SHARED / 'videos' / source, interviews / name, seconds)
        half = seconds / 2
        spans += [f'{name},0,{half},calm film', f'{name},{half},{seconds},funny film']
    (interviews / 'spans.csv').write_text('\n'.join(spans) + '\n')
    lines = [f'{name.partition(".")[0].capitalize()};{name};students' for name in CLIPS]
    (interviews / 'participants.csv').write_text('\n'.join(['participant;video;group', *lines]) + '\n')
    return tmp_path


def test_from_a_folder_of_videos_to_a_figure(folder, open_page):
    analyse, apply, join, compare = commands()
    interviews, results = folder / 'interviews', folder / 'results'
    run(f'{analyse} {FASTER}', folder)

    page = open_page(results / 'anna_with_emotions_review.html')
    for key in ('m', 'End', 'e'):  # all of anna.mp4 ...
        page.keyboard.press(key)
    page.keyboard.type('sad')  # ... is sad
    page.keyboard.press('Escape')
    download(page).save_as(results / 'anna_with_emotions_corrected.csv')
    run(apply, folder)

    said = run(join, folder).splitlines()
    assert said[0].startswith('Bert: person 1 of bert.mp4, seen longest of ')
    assert said[1:] == ['Wrote interviews/study_table.csv: 5 participants, conditions: calm film, funny film']
    table = pd.read_csv(interviews / 'study_table.csv', sep=';', decimal=',')  # as the participants
    assert table[['participant', 'condition']].values.tolist() == [
        [name, condition]
        for name in ('Anna', 'Bert', 'Carla', 'Dora', 'Emil')
        for condition in ('calm film', 'funny film')
    ]
    assert set(table['group']) == {'students'}
    assert table['corrected'].tolist() == ['yes', 'yes', *['no'] * 8]
    anna = table[table['participant'] == 'Anna']
    assert anna['sad_share'].tolist() == [1, 1] and anna['happy_share'].tolist() == [0, 0]
    assert anna['seconds'].tolist() == pytest.approx([2, 2], abs=0.05)

    said = run(compare, folder).splitlines()
    assert said[0] == 'happy_share: funny film less calm film, 5 participants'
    funny, calm = (table[table['condition'] == name]['happy_share'].to_numpy() for name in ('funny film', 'calm film'))
    assert said[1].startswith(f'mean difference {(funny - calm).mean():.3f}, 95% interval ')
    assert said[2].startswith("Cohen's d_z ")
    assert said[3] == 'Wrote interviews/study_table_happy_share_by_condition.png'
    assert Image.open(interviews / 'study_table_happy_share_by_condition.png').size == (1125, 750)
