import io
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

import av
import cv2
import numpy as np
import pandas as pd
import pytest

import emotions_from_video
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.labels import InputError
from emotion_recognition.media.frame_conversion import FrameConverter
from emotion_recognition.results.output_paths import name_outputs
from tests.clips import copy_packets, picture_times_ms, sound_packets, write_clip
from tests.conftest import wait_for_frames
from tests.paths import DEMO_PATH, DETECTOR_PATH, ROOT, SHARED
from tests.screen import NEEDS_SCREEN, wait_for_window, xdotool

MODEL_PATH = ROOT / 'model_weights' / 'model.h5'


@pytest.fixture(scope='module')
def classifier(colour_model_path):
    return EmotionClassifier(colour_model_path)


def run_main(video_path, model_path, *options):
    emotions_from_video.main([str(video_path), '--model-weights-path', str(model_path), *map(str, options)])


def test_demo_clip_to_video_and_table(tmp_path, classifier):
    output_path = tmp_path / 'annotated.mp4'
    table = emotions_from_video.analyse_video(DEMO_PATH, classifier, DETECTOR_PATH, output_filename=output_path)
    assert picture_times_ms(output_path) == pytest.approx(picture_times_ms(DEMO_PATH), abs=1e-6)
    assert [content for _, content in sound_packets(output_path)] == [
        content for _, content in sound_packets(DEMO_PATH)
    ]
    written = pd.read_csv(tmp_path / 'annotated_emotions_data.csv')
    assert list(written.columns) == ['ms_start', 'ms_end', 'frame_start', 'frame_end', 'emotions']
    assert written.emotions.tolist() == [str(emotions) for emotions in table.emotions]
    assert (table.frame_start.iloc[0], table.frame_end.iloc[-1]) == (1, 225)
    assert (table.frame_start.to_numpy()[1:] == table.frame_end.to_numpy()[:-1] + 1).all()
    assert table.emotions.iloc[0] in classifier.class_names  # one face at the start
    assert len(table.emotions.iloc[-1]) == 2  # two at the end
    with av.open(str(output_path)) as after, av.open(str(DEMO_PATH)) as before:
        frames = [
            next(container.decode(video=0)).to_ndarray(format='bgr24').astype(int) for container in (after, before)
        ]
    assert (np.abs(frames[0] - frames[1]).max(axis=2) > 60).sum() > 500  # a box and a label are drawn


def test_per_frame_table_without_video(tmp_path, classifier):
    clip = write_clip(tmp_path / 'clip.mp4', [0, 40, 90])
    table = emotions_from_video.analyse_video(
        clip, classifier, DETECTOR_PATH, compact=False, write_video=False, timeline_format='svg'
    )
    assert table.to_numpy().tolist() == [[0.0, 1, []], [40.0, 2, []], [90.0, 3, []]]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'clip.mp4',
        'clip_with_emotions_emotions_data.csv',
        'clip_with_emotions_faces_data.csv',
        'clip_with_emotions_review.html',
        'clip_with_emotions_run.json',
        'clip_with_emotions_summary.csv',
        'clip_with_emotions_timeline.svg',
    ]


def test_table_of_faces_agrees_with_the_table_of_emotions(tmp_path, classifier, capsys):
    table = emotions_from_video.analyse_video(
        DEMO_PATH,
        classifier,
        DETECTOR_PATH,
        compact=False,
        write_video=False,
        output_filename=tmp_path / 'demo.mp4',
        subtitles=True,
    )
    faces = pd.read_csv(tmp_path / 'demo_faces_data.csv')
    assert list(faces.columns[:6]) == ['frame', 'ms', 'face', 'person', 'name', 'identified']
    assert list(faces.columns[6:12]) == ['x', 'y', 'width', 'height', 'emotion', 'confidence']
    quality = ('eye_distance', 'sharpness', 'turn', 'score', 'quality')
    assert tuple(faces.columns[12:]) == (*classifier.class_names, 'valence', *quality)
    assert faces.quality.between(0.4, 1).all()
    assert (pd.read_csv(tmp_path / 'demo_summary.csv').usable > 0.98).all()
    for frame, ms, emotions in table[['frame', 'ms', 'emotions']].itertuples(index=False):
        rows = faces[faces.frame == frame]
        assert rows.emotion.tolist() == ([emotions] if isinstance(emotions, str) else emotions)
        assert (rows.ms == ms).all() and rows.person.is_monotonic_increasing and rows.person.is_unique
    probabilities = faces[list(classifier.class_names)].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(probabilities.max(axis=1), faces.confidence)
    both = faces[faces.frame > 180].groupby('face').size()  # the demo ends with two faces side by side
    assert len(both) == 2 and (both > 40).all()
    assert (tmp_path / 'demo_periods.srt').read_text().startswith('1\n00:00:00,000 --> ')
    assert (tmp_path / 'demo_timeline.png').read_bytes().startswith(b'\x89PNG')
    assert '9.00 s, 2 people' in capsys.readouterr().out


def test_several_videos_and_folders_one_of_them_broken(tmp_path, colour_model_path):
    folder = tmp_path / 'folder'
    folder.mkdir()
    write_clip(tmp_path / 'a.mp4', [0, 40])
    write_clip(folder / 'b.mkv', [0, 40, 80])
    write_clip(folder / 'b_with_emotions.mp4', [0])  # from an earlier run
    (folder / 'broken.avi').write_text('no video')
    (folder / 'notes.txt').write_text('no video either')
    with pytest.raises(SystemExit) as caught:
        emotions_from_video.main([str(tmp_path / 'a.mp4'), str(folder), '--model-weights-path', str(colour_model_path)])
    assert caught.value.code.startswith('emotions_from_video.py: 1 of 3 files failed:\n')
    assert 'broken.avi: cannot be read as a video' in caught.value.code
    assert len(picture_times_ms(tmp_path / 'a_with_emotions.mp4')) == 2
    assert len(picture_times_ms(folder / 'b_with_emotions.mp4')) == 3
    assert not list(folder.glob('*with_emotions_with_emotions*'))


def test_the_option_and_the_arguments_may_both_name_videos(tmp_path, colour_model_path):
    for name in ('a.mp4', 'b.mp4'):
        write_clip(tmp_path / name, [0, 40])
    paths = ['--video-path', str(tmp_path / 'a.mp4'), str(tmp_path / 'b.mp4')]
    emotions_from_video.main([*paths, '--model-weights-path', str(colour_model_path)])
    assert len(list(tmp_path.glob('*_with_emotions.mp4'))) == 2


@pytest.mark.skipif(sys.platform != 'linux', reason='elsewhere names have no colons, and are text')
def test_names_of_any_kind(tmp_path, colour_model_path, monkeypatch):
    """A name that looks like a protocol to FFmpeg, and names that are not UTF-8, of a video and a photograph."""
    folder = tmp_path / 'odd'
    folder.mkdir()
    write_clip(folder / '2026-05-01T12:30:00.mp4', [0, 40])
    copy_packets(DEMO_PATH, folder / 'caf\udce9.mp4', seconds=1)
    cv2.imwrite(str(folder / 'p.png'), cv2.VideoCapture(str(DEMO_PATH)).read()[1])
    (folder / 'p.png').rename(folder / 'face\udce9.png')
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, 'stdout', io.TextIOWrapper(io.BytesIO(), 'ascii'))
    run_main('.', colour_model_path, '--elan', '--subtitles')
    sys.stdout.flush()
    told = sys.stdout.buffer.getvalue().decode('ascii')
    assert '2026-05-01T12:30:00_with_emotions.mp4' in told and 'caf\\udce9_with_emotions.mp4' in told
    assert len(picture_times_ms(folder / '2026-05-01T12:30:00_with_emotions.mp4')) == 2
    assert set(pd.read_csv('odd_with_emotions_all_summary.csv').video) == {'caf\ufffd.mp4'}
    assert set(pd.read_csv('odd_with_emotions_all_faces_data.csv').file) == {'face\ufffd.png'}
    assert 'caf\ufffd_with_emotions.mp4' in Path('caf\udce9_with_emotions.eaf').read_text('utf-8')


def test_a_name_that_is_nearly_as_long_as_names_may_be(tmp_path, colour_model_path):
    clip = write_clip(tmp_path / f'{"n" * 220}.mp4', [0, 40])
    run_main(clip, colour_model_path, '--elan', '--subtitles')
    outputs = name_outputs(clip)
    other_timelines = outputs.timeline('pdf'), outputs.timeline('svg')
    assert {*tmp_path.iterdir()} == {clip, *outputs.all()} - {*other_timelines}


def test_two_videos_that_would_have_one_output(tmp_path, colour_model_path):
    clips = [str(write_clip(tmp_path / name, [0, 40])) for name in ('a.mkv', 'a.mp4')]
    with pytest.raises(SystemExit, match='would overwrite the results of'):
        emotions_from_video.main([*clips, '--model-weights-path', str(colour_model_path)])
    assert (tmp_path / 'a_with_emotions.mp4').is_file()


@pytest.mark.skipif(resource is None, reason='the size of files can be limited on Unix only')
def test_full_disk_is_reported_in_one_line(tmp_path, colour_model_path):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 4000, 40), size=(320, 240))
    before = sorted(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, ROOT / 'emotions_from_video.py', clip, '--model-weights-path', colour_model_path],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    assert done.returncode == 1
    assert 'Traceback' not in done.stderr
    assert done.stderr.splitlines()[-1].startswith('emotions_from_video.py: ')
    assert 'File too large' in done.stderr.splitlines()[-1]
    assert sorted(tmp_path.iterdir()) == before


def test_an_option_that_contradicts_the_classifier_is_reported(tmp_path, colour_model_path):
    clip, classifier = write_clip(tmp_path / 'clip.mp4', [0, 40]), EmotionClassifier(colour_model_path, precision='f32')
    with pytest.raises(
        InputError, match=r'^--precision is auto, but the classifier was opened with f32; expected the same$'
    ):
        emotions_from_video.analyse_video(clip, classifier, precision='auto')
    with pytest.raises(InputError, match=r'^--runtime is keras, but the classifier was opened with auto'):
        emotions_from_video.analyse_video(clip, classifier, runtime='keras')
    assert list(tmp_path.iterdir()) == [clip]
    table = emotions_from_video.analyse_video(clip, classifier, precision='f32', write_video=False)
    assert table.frame_end.tolist() == [2]


@pytest.mark.skipif(sys.platform != 'linux', reason='elsewhere there is always a screen')
def test_window_is_left_out_without_a_screen(tmp_path, classifier, monkeypatch, capsys):
    monkeypatch.setenv('DISPLAY', ':54321')
    clip = write_clip(tmp_path / 'clip.mp4', [0, 40, 90])
    emotions_from_video.analyse_video(clip, classifier, DETECTOR_PATH, show_process=True)
    assert 'No screen here' in capsys.readouterr().err
    assert (tmp_path / 'clip_with_emotions.mp4').is_file()


def check_ended_early(clip, stdout):
    """The annotated video and the table of emotions have the frames until then, as the script has said."""
    times = picture_times_ms(clip.with_name('long_with_emotions.mp4'))
    assert 1 < len(times) < 5_000
    np.testing.assert_allclose(np.diff(times), 40, atol=1e-6)
    table = pd.read_csv(clip.with_name('long_with_emotions_emotions_data.csv'))
    assert (table.frame_end.iloc[-1], table.ms_end.iloc[-1]) == (len(times), pytest.approx(times[-1]))
    assert f'{len(times) * 0.04:.2f} s, ' in stdout


def test_ctrl_c_leaves_a_playable_video_and_a_valid_table(tmp_path, colour_model_path, long_clip):
    command = [sys.executable, ROOT / 'emotions_from_video.py', long_clip, '--model-weights-path', colour_model_path]
    messages = tmp_path / 'messages.txt'
    with messages.open('w') as file:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True)
    wait_for_frames(process, messages.read_text)
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=300)
    assert process.returncode == 0, messages.read_text()
    assert 'Ctrl-C was pressed' in messages.read_text() and 'Traceback' not in messages.read_text()
    check_ended_early(long_clip, stdout)


@NEEDS_SCREEN
def test_q_in_the_window_ends_a_run_cleanly(tmp_path, display, colour_model_path, long_clip):
    command = [sys.executable, ROOT / 'emotions_from_video.py', long_clip, '--model-weights-path', colour_model_path]
    environment, messages = {**os.environ, 'DISPLAY': display}, tmp_path / 'messages.txt'
    with messages.open('w') as file:
        process = subprocess.Popen(
            [*command, '--show-process', '--no-identity'],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )
    window = wait_for_window(display, 'emotions_from_video', process)
    wait_for_frames(process, messages.read_text)
    xdotool(display, 'key', '--window', window, 'q')
    stdout, _ = process.communicate(timeout=300)
    assert process.returncode == 0, messages.read_text()
    assert 'q was pressed' in messages.read_text() and 'Traceback' not in messages.read_text()
    check_ended_early(long_clip, stdout)


def test_broken_middle_keeps_what_was_read(tmp_path, classifier, capsys, monkeypatch):
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 400, 40))
    convert = FrameConverter.convert

    def fail_at_frame_four(self, frame):
        if frame.pts * frame.time_base * 1000 >= 120:
            raise av.error.InvalidDataError(1, 'Invalid data')
        return convert(self, frame)

    monkeypatch.setattr(FrameConverter, 'convert', fail_at_frame_four)
    table = emotions_from_video.analyse_video(clip, classifier, DETECTOR_PATH)
    assert table.frame_end.iloc[-1] == 3
    assert picture_times_ms(tmp_path / 'clip_with_emotions.mp4') == pytest.approx([0, 40, 80])
    assert 'Stopped after 0.12 s: ' in capsys.readouterr().err


def test_file_that_was_cut_off_in_the_middle(tmp_path, classifier, capsys):
    whole = write_clip(tmp_path / 'whole.mkv', range(0, 20_000, 40), size=(160, 120))
    clip = tmp_path / 'cut.mkv'
    clip.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    table = emotions_from_video.analyse_video(clip, classifier, DETECTOR_PATH)
    times = picture_times_ms(tmp_path / 'cut_with_emotions.mp4')
    assert 100 < len(times) < 400
    assert (table.frame_end.iloc[-1], table.ms_end.iloc[-1]) == (len(times), pytest.approx(times[-1]))
    assert f'after {len(times) / 25:.2f} s: {clip}: ends early' in capsys.readouterr().err


def bad_input(name, folder, model_path):
    """Returns arguments for main(), and the message that they must lead to."""
    clip = write_clip(folder / 'clip.mp4', [0, 40])
    (folder / 'text.mp4').write_text('no video')
    (folder / 'cut.h5').write_bytes(model_path.read_bytes()[:3000])
    (folder / 'taken.mp4').mkdir()
    return {
        'no such video': ((folder / 'none.mp4', model_path), 'no such file; expected a video'),
        'not a video': ((folder / 'text.mp4', model_path), 'cannot be read as a video'),
        'model missing': ((clip, folder / 'none.h5'), 'no such model file'),
        'model truncated': ((clip, folder / 'cut.h5'), 'truncated file'),
        'cascade missing': ((clip, model_path, '--detector-path', folder / 'none.xml'), 'no such detector file'),
        'not a cascade': ((clip, model_path, '--detector-path', folder / 'text.mp4'), 'not a Haar cascade'),
        'no output folder': ((clip, model_path, '--output-filename', folder / 'none' / 'a.mp4'), 'no such folder'),
        'output is a folder': ((clip, model_path, '--output-filename', folder / 'taken.mp4'), 'cannot be written'),
        'output is no mp4': ((clip, model_path, '--output-filename', folder / 'a.avi'), 'a name that ends in .mp4'),
        'nothing at all': (('', model_path), 'expected a path'),
        'far too many threads': (
            (clip, model_path, '--threads', 10**10),
            '--threads is 10000000000; expected 0 to 1024',
        ),
        'far too large faces': ((clip, model_path, '--min-face-size', 10**10), 'expected 0 to 65535'),
        'skipped and applied': (
            (clip, model_path, '--skip-done', '--apply', clip),
            'neither --ray, --people nor --skip-done',
        ),
        'options in between': ((clip, model_path, '--no-review', clip), 'name all files in a row'),
        'output is the video': ((clip, model_path, '--output-filename', clip), 'overwrite the input itself'),
    }[name]


@pytest.mark.parametrize(
    'name',
    [
        'no such video',
        'not a video',
        'model missing',
        'model truncated',
        'cascade missing',
        'not a cascade',
        'no output folder',
        'output is a folder',
        'output is no mp4',
        'nothing at all',
        'far too many threads',
        'far too large faces',
        'skipped and applied',
        'options in between',
        'output is the video',
    ],
)
def test_bad_input_is_reported_in_one_line(tmp_path, colour_model_path, name):
    arguments, message = bad_input(name, tmp_path, colour_model_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()}
    with pytest.raises(SystemExit) as caught:
        run_main(*arguments)
    assert isinstance(caught.value.code, str)  # Python prints it and exits with 1
    assert message in caught.value.code and '\n' not in caught.value.code
    assert {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()} == before


@pytest.mark.skipif(not hasattr(os, 'geteuid') or os.geteuid() == 0, reason='root may write anywhere')
def test_output_folder_that_cannot_be_written(tmp_path, colour_model_path):
    clip = write_clip(tmp_path / 'clip.mp4', [0, 40])
    (tmp_path / 'locked').mkdir(mode=0o500)
    with pytest.raises(SystemExit, match='cannot be written'):
        run_main(clip, colour_model_path, '--output-filename', tmp_path / 'locked' / 'a.mp4')


def test_video_without_frames(tmp_path, colour_model_path):
    whole = write_clip(tmp_path / 'whole.mkv', [0, 40])
    content = whole.read_bytes()
    (tmp_path / 'empty.mkv').write_bytes(content[: content.index(b'\x1f\x43\xb6\x75')])  # before the first cluster
    with pytest.raises(SystemExit) as caught:
        run_main(tmp_path / 'empty.mkv', colour_model_path)
    assert 'empty.mkv' in caught.value.code
    assert sorted(path.name for path in tmp_path.iterdir()) == ['empty.mkv', 'whole.mkv']


def test_exit_code_and_output_of_a_real_run():
    command = [sys.executable, ROOT / 'emotions_from_video.py', 'none.mp4']
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == 'emotions_from_video.py: none.mp4: no such file; expected a video\n'


@pytest.mark.skipif(not (SHARED / 'videos').is_dir(), reason='the real clips are not here')
def test_acted_neutral_and_happy_are_recognised(tmp_path):
    clip = SHARED / 'videos' / 'crema_1001_six_emotions_joined.mp4'
    table = emotions_from_video.analyse_video(
        clip, EmotionClassifier(MODEL_PATH), DETECTOR_PATH, False, write_video=False, output_filename=tmp_path / 'a.mp4'
    )
    assert len(table) == 379
    assert (table.emotions[:61] == 'neutral').mean() > 0.5
    assert (table.emotions[61:117] == 'happy').mean() > 0.5


def test_the_demo_leaves_the_checkout_as_git_knows_it():
    if not (ROOT / '.git').exists() or shutil.which('git') is None:
        pytest.skip('not a git checkout')
    written = [str(path.relative_to(ROOT)) for path in name_outputs(DEMO_PATH).all()]
    ignored = subprocess.run(['git', 'check-ignore', *written], cwd=ROOT, capture_output=True, text=True)
    known = subprocess.run(['git', 'ls-files', *written], cwd=ROOT, capture_output=True, text=True)
    assert (ignored.stdout.splitlines(), known.stdout) == (written, '')
