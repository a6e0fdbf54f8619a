"""What may be replaced by results, and what may not."""

import json

import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.results.output_paths import Outputs, name_outputs
from emotion_recognition.runs.output_check import check_outputs
from emotions_from_video import VideoSettings

FACES_HEADER = 'frame,ms,face,person,name,identified,x,y,width,height,emotion\n'


@pytest.fixture
def video(tmp_path):
    path = tmp_path / 'a.mp4'
    path.write_text('a video')
    return path


def write_record(folder, *results, video='a.mp4'):
    record = {'video': {'name': video}, 'made_with': {}, 'results': dict.fromkeys(results, 9)}
    (folder / 'b_run.json').write_text(json.dumps(record))


def check(video, output='b.mp4', **options):
    settings = VideoSettings(output_filename=video.with_name(output) if output else None, **options)
    check_outputs(video, name_outputs(video, settings.output_filename), settings)


def test_outputs_that_cannot_be_written(tmp_path):
    check_outputs(tmp_path / 'a.jpg', Outputs(tmp_path / 'b.jpg'), VideoSettings())
    (tmp_path / 'b_faces_data.csv').mkdir()
    with pytest.raises(InputError, match=r'b_faces_data.csv: cannot be written'):
        check_outputs(tmp_path / 'a.jpg', Outputs(tmp_path / 'b.jpg'), VideoSettings())


@pytest.mark.parametrize('name', ['b.mp4', 'b_summary.csv', 'b_timeline.png', 'b_run.json'])
def test_what_no_record_claims_is_in_the_way(video, name):
    video.with_name(name).write_text('my own')
    with pytest.raises(InputError) as caught:
        check(video)
    in_the_way = f'{video.with_name(name)}: is in the way and is not an earlier result'
    assert str(caught.value) == f'{in_the_way}; move it, or choose another output name'


def test_what_a_record_claims_is_replaced_and_nothing_else(video):
    for name in ('b.mp4', 'b_summary.csv'):
        video.with_name(name).write_text('of an earlier run')
    video.with_name('b_faces_data.csv').write_text(FACES_HEADER)
    write_record(video.parent, 'b.mp4', 'b_summary.csv', 'b_faces_data.csv')
    check(video)
    video.with_name('b_timeline.png').write_text('my own')
    with pytest.raises(InputError, match=r'b_timeline\.png: is in the way'):
        check(video)


def test_the_timeline_that_is_in_the_way_is_that_of_the_chosen_format(video):
    for name in ('b_timeline.png', 'b_timeline.svg'):
        video.with_name(name).write_text('my own')
    check(video, timeline_format='pdf')
    with pytest.raises(InputError, match=r'b_timeline\.svg: is in the way'):
        check(video, timeline_format='svg')


def test_what_is_not_going_to_be_written_is_not_in_the_way(video):
    for name in ('b.mp4', 'b.eaf', 'b_periods.srt', 'b_review.html'):
        video.with_name(name).write_text('my own')
    check(video, write_video=False, review=False)
    for option in ({'elan': True}, {'subtitles': True}, {'review': True}, {'write_video': True}):
        with pytest.raises(InputError, match='is in the way'):
            check(video, **{'write_video': False, 'review': False, **option})


def test_results_without_a_record_are_known_by_their_table_of_faces(tmp_path):
    photograph = tmp_path / 'a.jpg'
    for name in ('a.jpg', 'b.jpg'):
        (tmp_path / name).write_text('a picture')
    (tmp_path / 'b_faces_data.csv').write_text(FACES_HEADER)
    check(photograph, 'b.jpg')
    (tmp_path / 'b_faces_data.csv').write_text('name,colour\nAnna,red\n')
    with pytest.raises(InputError, match=r'b\.jpg: is in the way'):
        check(photograph, 'b.jpg')


def test_corrected_results_are_replaced_and_a_recording_of_such_a_name_is_not(video):
    corrected = Outputs(video.with_name('b.mp4')).corrected()
    corrected.annotated.write_text('a recording')
    with pytest.raises(InputError, match=r'b_corrected\.mp4: is in the way'):
        check_outputs(video, corrected, VideoSettings())
    corrected.faces.write_text(FACES_HEADER)
    check_outputs(video, corrected, VideoSettings())


def test_names_of_this_program_need_no_record(video):
    corrected = name_outputs(video).corrected()
    for path in [*name_outputs(video).all(), *corrected.all()]:
        path.write_text('left by a run that was killed, or by an older version')
    check(video, None)
    check_outputs(video, corrected, VideoSettings())


@pytest.mark.parametrize(
    ('option', 'name'),
    [('spans', 'b_summary.csv'), ('apply', 'b_emotions_data.csv'), ('people', 'b_faces_data.csv')],
)
@pytest.mark.parametrize('output', ['b.mp4', None])
def test_files_that_the_run_reads_are_not_overwritten_by_its_results(video, option, name, output):
    read = video.with_name(name if output else name.replace('b', 'a_with_emotions', 1))
    read.write_text('my own')
    write_record(video.parent, name)
    with pytest.raises(InputError) as caught:
        check(video, output, **{option: read.with_suffix('.npz') if option == 'people' else read})
    assert str(caught.value) == f'{read}: would be overwritten by a result of this name; rename it'


def test_a_table_of_names_that_is_not_there_yet_is_not_overwritten_either(video):
    with pytest.raises(InputError, match=r'b_summary\.csv: would be overwritten'):
        check(video, people=video.with_name('b_summary.npz'))


@pytest.mark.parametrize('name', [None, 7, '', '..', '../c.mp4', 'a\0b'])
def test_a_record_with_a_strange_name_of_a_video_does_no_harm(video, name):
    write_record(video.parent, 'b.mp4', video=name)
    check(video)


def test_results_of_another_video_that_is_still_there_are_not_overwritten(video):
    write_record(video.parent, 'b.mp4', video='a.mkv')
    check(video)  # it is gone: the run says that it replaces them
    video.with_name('a.mkv').write_text('another video')
    with pytest.raises(InputError) as caught:
        check(video)
    other = f'belongs to the results of {video.with_name("a.mkv")}, which those of {video} would overwrite'
    assert str(caught.value) == f'{video.with_name("b_faces_data.csv")}: {other}; move them or rename the file'


def test_results_of_a_photograph_are_not_overwritten_by_those_of_a_video_that_came_later(video):
    for name in ('a.JPG', 'a_with_emotions.JPG'):
        video.with_name(name).write_text('a picture')
    check(video, None)
    video.with_name('a_with_emotions_faces_data.csv').write_text(FACES_HEADER)
    with pytest.raises(InputError, match=r'belongs to the results of .*a\.JPG, which those of .*a\.mp4'):
        check(video, None)


@pytest.mark.parametrize(('letters', 'fits'), [(220, True), (230, False)])
def test_a_name_that_is_too_long_for_its_results_is_reported_with_the_name_of_the_video(tmp_path, letters, fits):
    video = tmp_path / f'{"n" * letters}.mp4'
    video.write_text('a video')
    if fits:
        check(video, None)
        return
    with pytest.raises(InputError) as caught:
        check(video, None)
    too_long = f'its name is too long for a result that is called {"n" * 230}_with_emotions_emotions_data.csv'
    assert str(caught.value) == f'{video}: {too_long}; rename it, or choose a shorter output name'
