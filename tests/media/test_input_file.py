"""Inputs on disks that fail, or that stop answering."""

import errno
import json
import os
import threading
from io import FileIO

import av
import numpy as np
import pytest

import emotions_from_video
from emotion_recognition import threads
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.interruption import Interruption
from emotion_recognition.labels import InputError
from emotion_recognition.media import input_file
from emotion_recognition.media.endings import ReadError
from emotion_recognition.media.photographs import read_photograph
from emotion_recognition.media.video import VideoReader
from emotion_recognition.media.video_writer import VideoWriter
from emotion_recognition.pipeline import open_models
from tests.clips import picture_times_ms, sound_packets, write_tone

FRAME_COUNT = 75
BAD_FROM = 2_500_000  # bytes; the last ones can be read, since mp4 has its index there
GOOD_END = 300_000


def write_noise(path):
    """3 seconds of noise and a tone, 3.4 MB."""
    generator = np.random.default_rng(3)
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25, options={'preset': 'ultrafast'})
        stream.width, stream.height, stream.pix_fmt = 320, 240, 'yuv420p'
        sound = container.add_stream('mp3', rate=44100, layout='mono')
        for _ in range(FRAME_COUNT):
            noise = generator.integers(0, 256, (240, 320, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format='bgr24')))
        container.mux(stream.encode(None))
        write_tone(container, sound, 0, FRAME_COUNT / 25)
    return path


@pytest.fixture(scope='module', params=['clip.mp4', 'clip.ts', 'clip.avi'])
def clip(request, tmp_path_factory):
    return write_noise(tmp_path_factory.mktemp('noise') / request.param)


@pytest.fixture(scope='module')
def mkv(tmp_path_factory):
    return write_noise(tmp_path_factory.mktemp('noise') / 'clip.mkv')


@pytest.fixture
def bad_disk(monkeypatch):
    """A function that lets reading fail beyond a position: it calls what it is given there."""

    def install(fail, is_bad=lambda: True):
        class File(FileIO):
            def read(self, size=-1):
                position, length = self.tell(), os.fstat(self.fileno()).st_size
                if is_bad() and position + size > BAD_FROM and position < length - GOOD_END:
                    if position >= BAD_FROM:
                        fail()
                    size = BAD_FROM - position
                return super().read(size)

        monkeypatch.setattr(input_file, 'FileIO', File)

    return install


def raise_error(number):
    raise OSError(number, os.strerror(number))


def copy(source, target):
    """Copy a video as the script does. Returns the number of frames, why it ended early, and the sound's problem."""
    count, stopped = 0, None
    with VideoReader(source) as reader, VideoWriter(target, reader) as writer:
        try:
            for number, timestamp_ms, frame_bgr in reader.read_frames():
                writer.write(timestamp_ms, frame_bgr)
                count = number
        except ReadError as error:
            stopped = str(error)
            writer.end_here()
    return count, stopped, writer.sound_problem


@pytest.mark.parametrize('number', [errno.EIO, errno.ENOMEM], ids=['EIO', 'ENOMEM'])
def test_a_disk_that_fails_is_no_end_of_the_file(clip, tmp_path, bad_disk, number):
    bad_disk(lambda: raise_error(number))
    count, stopped, _ = copy(clip, tmp_path / 'copy.mp4')
    assert 40 < count < 60
    assert len(picture_times_ms(tmp_path / 'copy.mp4')) == count
    assert stopped.startswith(f'{clip}: could not be read after ')
    assert stopped.endswith(f' s ({os.strerror(number)})')


def test_sound_that_cannot_be_read_leaves_the_pictures(mkv, tmp_path, bad_disk):
    opened: list[threading.Thread] = []
    bad_disk(lambda: raise_error(errno.EIO), is_bad=lambda: threading.current_thread() in opened[1:])
    real = threads._answer

    def answer(*queues):
        opened.append(threading.current_thread())
        real(*queues)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, '_answer', answer)
        count, stopped, problem = copy(mkv, tmp_path / 'copy.mp4')
    assert (count, stopped) == (FRAME_COUNT, None)
    assert isinstance(problem, ReadError)
    assert str(problem) == f'{mkv}: the rest of its sound cannot be read (Input/output error)'
    assert 1.5 < sound_packets(tmp_path / 'copy.mp4')[-1][0] < 2.5


def test_a_run_on_a_disk_that_fails_writes_what_it_saw_and_fails(
    mkv, tmp_path, bad_disk, colour_model_path, capsys, monkeypatch
):
    video = tmp_path / 'clip.mkv'
    video.write_bytes(mkv.read_bytes())
    arguments = [str(video), '--model-weights-path', str(colour_model_path), '--no-review']
    bad_disk(lambda: raise_error(errno.EIO))
    with pytest.raises(SystemExit) as exit_:
        emotions_from_video.main(arguments)
    assert f'{video}: could not be read after ' in str(exit_.value) and '(Input/output error)' in str(exit_.value)
    frames = len(picture_times_ms(tmp_path / 'clip_with_emotions.mp4'))
    assert f'Stopped after {frames * 0.04:.2f} s: ' in capsys.readouterr().err
    record = json.loads((tmp_path / 'clip_with_emotions_run.json').read_text())
    assert record['ended_early']['try_again'] is True
    assert record['ended_early']['reason'] == str(exit_.value).removeprefix('emotions_from_video.py: ')

    monkeypatch.undo()  # the disk is well again
    emotions_from_video.main([*arguments, '--skip-done'])
    assert 'Done before: 0 of 1 videos' in capsys.readouterr().out
    assert len(picture_times_ms(tmp_path / 'clip_with_emotions.mp4')) == FRAME_COUNT


def test_a_run_on_a_disk_that_does_not_answer_can_be_ended(mkv, tmp_path, bad_disk, colour_model_path, monkeypatch):
    monkeypatch.setattr(input_file, 'PATIENCE_SECONDS', 0.3)
    video = tmp_path / 'clip.mkv'
    video.write_bytes(mkv.read_bytes())
    stalled, answer = threading.Event(), threading.Event()

    def stall():
        stalled.set()
        answer.wait()

    bad_disk(stall)
    interruption = Interruption()
    later = threading.Timer(2, lambda: stalled.wait() and interruption.request('it was asked to end'))
    later.start()  # when all frames that could be read have been seen
    settings = emotions_from_video.VideoSettings(model_weights_path=colour_model_path, review=False)
    models = open_models(settings, EmotionClassifier(colour_model_path))
    results = emotions_from_video.process_video(video, models, settings, interruption)
    answer.set()
    assert len(picture_times_ms(tmp_path / 'clip_with_emotions.mp4')) == results.frame_count > 40
    record = json.loads((tmp_path / 'clip_with_emotions_run.json').read_text())
    assert record['ended_early'] == {'reason': 'it was asked to end', 'try_again': True}


def test_ctrl_c_reaches_who_waits_for_a_disk(mkv, monkeypatch):
    monkeypatch.setattr(input_file, 'FileIO', raise_interrupt)
    with pytest.raises(KeyboardInterrupt):
        VideoReader(mkv)


def raise_interrupt(path):
    raise KeyboardInterrupt


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='Windows has no such pipes')
@pytest.mark.parametrize(
    ('name', 'open_file', 'expected'),
    [('pipe.mp4', VideoReader, 'a video'), ('pipe.jpg', read_photograph, 'a photograph')],
)
def test_pipes_are_refused_and_not_waited_for(tmp_path, name, open_file, expected):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=f'{name}: is not a regular file; expected {expected}$'):
        open_file(tmp_path / name)
