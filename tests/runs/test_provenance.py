import hashlib
import json
import os
import shutil
import signal

import pytest

import emotions_from_video
from emotion_recognition.emotions.classifier import EmotionClassifier
from emotion_recognition.emotions.conversion import shipped_path
from emotion_recognition.media.video_writer import VideoWriter
from emotion_recognition.results.corrections import name_run
from emotion_recognition.results.output_paths import name_outputs
from emotion_recognition.runs.provenance import RESULTS_VERSION, describe_provenance, find_pending
from emotions_from_video import VideoSettings
from tests.clips import write_clip
from tests.paths import DETECTOR_PATH


@pytest.fixture
def clip(tmp_path):
    """A clip of two frames that was there for a while."""
    path = write_clip(tmp_path / 'clip.mp4', [0, 40])
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def run(clip, model_path, *options):
    emotions_from_video.main([str(clip), '--model-weights-path', str(model_path), *options])


def is_done(clip, model_path, **options):
    settings = VideoSettings(model_weights_path=model_path, **options)
    return find_pending([clip], {clip: name_outputs(clip)}, settings) == []


def test_what_the_results_were_made_with_stands_beside_them(clip, colour_model_path):
    run(clip, colour_model_path)
    record = json.loads((clip.parent / 'clip_with_emotions_run.json').read_text())
    assert record['video'] == {'name': 'clip.mp4', 'bytes': clip.stat().st_size}
    assert record['run'] == name_run(clip.parent / 'clip_with_emotions_faces_data.csv')
    assert (record['spans'], record['people']) == ([], [])
    assert record['made_with']['settings']['smoothing_seconds'] == 0.3
    assert record['made_with']['detector_sha256'].startswith('ebafce4e3c118d65')
    assert record['conversion_sha256'] == hashlib.sha256(shipped_path(colour_model_path).read_bytes()).hexdigest()
    assert record['ended_early'] is None
    there = {path.name for path in clip.parent.iterdir()}
    assert there == {'clip.mp4', 'clip_with_emotions_run.json', *record['results']}


def test_a_video_is_done_until_something_changes(clip, colour_model_path, tmp_path):
    assert not is_done(clip, colour_model_path)
    run(clip, colour_model_path)
    assert is_done(clip, colour_model_path)
    assert is_done(clip, colour_model_path, threads=2, show_process=True, detector_path=DETECTOR_PATH)
    assert not is_done(clip, colour_model_path, smoothing_seconds=0.5)
    assert not is_done(clip, colour_model_path, timeline_format='pdf')
    other_model = tmp_path / 'other.h5'
    other_model.write_bytes(colour_model_path.read_bytes() + b'0')
    assert not is_done(clip, other_model)
    os.utime(clip)  # it is newer now
    assert not is_done(clip, colour_model_path)


def test_a_video_of_another_size_is_not_done(clip, colour_model_path):
    run(clip, colour_model_path)
    with clip.open('ab') as file:
        file.write(b'0')
    os.utime(clip, (1_700_000_000, 1_700_000_000))
    assert not is_done(clip, colour_model_path)


@pytest.mark.parametrize('content', ['', '[]', '{"made_with": 1}', None])
def test_what_is_no_record_counts_for_nothing(clip, colour_model_path, content):
    run(clip, colour_model_path)
    record = clip.parent / 'clip_with_emotions_run.json'
    if content is None:
        (clip.parent / 'clip_with_emotions_summary.csv').unlink()
    else:
        record.write_text(content)
    assert not is_done(clip, colour_model_path)


@pytest.mark.parametrize(
    ('ending', 'change', 'expected'),
    [
        ('_faces_data.csv', lambda content: b'', False),
        ('.mp4', lambda content: content[:-1], False),
        ('.mp4', lambda content: content, True),
        ('.eaf', lambda content: content[:-100], True),  # made for people to change it
        ('.eaf', lambda content: b'', False),
        ('_summary.csv', lambda content: content + b'a note\n', True),
    ],
    ids=['emptied', 'cut off', 'as it was', 'changed in ELAN', 'emptied too', 'added to'],
)
def test_damaged_results_are_not_done(clip, finished_run, colour_model_path, ending, change, expected):
    path = clip.parent / f'clip_with_emotions{ending}'
    path.write_bytes(change(path.read_bytes()))
    assert is_done(clip, colour_model_path, elan=True) is expected


@pytest.fixture(scope='module')
def made_run(tmp_path_factory, colour_model_path):
    path = write_clip(tmp_path_factory.mktemp('made') / 'clip.mp4', [0, 40])
    os.utime(path, (1_700_000_000, 1_700_000_000))
    run(path, colour_model_path, '--elan')
    return path.parent


@pytest.fixture
def finished_run(clip, made_run):
    """The results of a run on the clip, with those for ELAN."""
    shutil.copytree(made_run, clip.parent, dirs_exist_ok=True)


def test_records_of_older_versions_without_sizes_count(clip, finished_run, colour_model_path):
    record = clip.parent / 'clip_with_emotions_run.json'
    content = json.loads(record.read_text())
    del content['made_with']['settings']['decimal_comma']  # an option that was not there yet counts as its default
    record.write_text(json.dumps(content | {'results': list(content['results'])}))
    assert is_done(clip, colour_model_path, elan=True)
    assert not is_done(clip, colour_model_path, elan=True, decimal_comma=True)
    (clip.parent / 'clip_with_emotions_faces_data.csv').write_text('')
    assert not is_done(clip, colour_model_path, elan=True)


@pytest.mark.parametrize('same_size', [True, False])
def test_a_video_that_is_replaced_during_its_run_is_said_and_not_done(
    clip, colour_model_path, monkeypatch, capsys, same_size
):
    real_write, size = VideoWriter.write, clip.stat().st_size

    def write_and_replace(self, timestamp_ms, frame_bgr):
        real_write(self, timestamp_ms, frame_bgr)
        other = clip.with_name('other')
        other.write_bytes(b'another video'.ljust(size if same_size else 20))
        os.utime(other, (1_700_000_001, 1_700_000_001))
        os.replace(other, clip)

    monkeypatch.setattr(VideoWriter, 'write', write_and_replace)
    run(clip, colour_model_path)
    assert f'{clip}: changed while it was analysed; analyse it again\n' in capsys.readouterr().err
    record = json.loads((clip.parent / 'clip_with_emotions_run.json').read_text())
    assert record['video'] == {'name': 'clip.mp4', 'bytes': size, 'changed_meanwhile': True}
    assert not is_done(clip, colour_model_path)


def test_a_run_that_somebody_ended_is_not_done(clip, colour_model_path, monkeypatch):
    real_write = VideoWriter.write

    def write_and_be_terminated(self, timestamp_ms, frame_bgr):
        real_write(self, timestamp_ms, frame_bgr)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(VideoWriter, 'write', write_and_be_terminated)
    run(clip, colour_model_path)
    record = json.loads((clip.parent / 'clip_with_emotions_run.json').read_text())
    assert record['ended_early'] == {'reason': 'it was asked to end (SIGTERM)', 'try_again': True}
    assert not is_done(clip, colour_model_path)


def test_skip_done_takes_the_others_and_sums_up_all(clip, colour_model_path, capsys):
    run(clip, colour_model_path)
    write_clip(clip.with_name('new.mp4'), [0, 40, 80])
    capsys.readouterr()
    run(clip.parent, colour_model_path, '--skip-done')
    said = capsys.readouterr().out
    assert said.startswith('Done before: 1 of 2 videos\n0.12 s, 0 people\n')
    assert (clip.parent / f'{clip.parent.name}_with_emotions_all_summary.csv').is_file()


def test_a_spans_file_that_changed_counts(colour_model_path, tmp_path):
    spans = tmp_path / 'spans.csv'
    spans.write_text('video,start,end,name\nclip.mp4,0,0.04,film\n')
    settings = VideoSettings(model_weights_path=colour_model_path, spans=spans)
    before = describe_provenance(settings)
    assert describe_provenance(settings) == before
    spans.write_text('video,start,end,name\nclip.mp4,0,0.04,other film\n')
    os.utime(spans, (1_800_000_000, 1_800_000_000))
    assert describe_provenance(settings)['spans_sha256'] != before['spans_sha256']
    assert before['results_version'] == RESULTS_VERSION


def test_the_record_names_the_files_as_they_were_when_they_were_read(clip, colour_model_path, tmp_path, monkeypatch):
    spans, model = tmp_path / 'spans.csv', tmp_path / 'model.h5'
    spans.write_text('video,start,end,name\nclip.mp4,0,0.04,film\n')
    model.write_bytes(colour_model_path.read_bytes())
    classifier = EmotionClassifier(model)
    model.write_bytes(b'another model, written while this one works')
    real_write = VideoWriter.write

    def write_and_lose_the_spans(self, timestamp_ms, frame_bgr):
        real_write(self, timestamp_ms, frame_bgr)
        spans.unlink(missing_ok=True)

    monkeypatch.setattr(VideoWriter, 'write', write_and_lose_the_spans)
    emotions_from_video.analyse_video(clip, classifier, spans=spans)
    made_with = json.loads((clip.parent / 'clip_with_emotions_run.json').read_text())['made_with']
    assert made_with['model_sha256'] == hashlib.sha256(colour_model_path.read_bytes()).hexdigest()
    text = b'video,start,end,name\nclip.mp4,0,0.04,film\n'
    assert made_with['spans_sha256'] == hashlib.sha256(text).hexdigest()


def test_the_record_of_a_call_from_python_names_the_classifier_that_it_had(clip, colour_model_path):
    emotions_from_video.analyse_video(
        clip, EmotionClassifier(colour_model_path, precision='f32'), smoothing_seconds=0.5
    )
    assert is_done(clip, colour_model_path, precision='f32', smoothing_seconds=0.5)
    assert not is_done(clip, colour_model_path, smoothing_seconds=0.5)


def test_names_of_people_count_and_what_is_known_of_their_faces_does_not(colour_model_path, tmp_path):
    people = tmp_path / 'study.npz'
    settings = VideoSettings(model_weights_path=colour_model_path, people=people)
    nobody = describe_provenance(settings)
    assert (nobody['people_sha256'], nobody['across_files']) == (None, True)
    assert 'people' not in nobody['settings'] and nobody['settings']['identity'] is True
    people.write_bytes(b'changes with every run')
    assert describe_provenance(settings) == nobody
    people.with_suffix('.csv').write_text('person,name\n1,Anna\n')
    assert describe_provenance(settings)['people_sha256'] == hashlib.sha256(b'person,name\n1,Anna\n').hexdigest()


def test_results_of_other_numbers_are_not_done(clip, colour_model_path):
    run(clip, colour_model_path)
    assert is_done(clip, colour_model_path)
    assert not is_done(clip, colour_model_path, identity=False)
    assert not is_done(clip, colour_model_path, people='run')
    assert not is_done(clip, colour_model_path, people=clip.with_name('study.npz'))
