from pathlib import Path

import pytest

from emotion_recognition.labels import InputError
from emotion_recognition.results.spans import Span, check_spans, describe_outside, read_spans


def write(folder, *lines, header='video,start,end,name', encoding='utf-8'):
    path = folder / 'spans.csv'
    path.write_text('\n'.join([header, *lines]) + '\n', encoding=encoding)
    return path


def test_spans_of_one_video_by_their_start(tmp_path):
    path = write(tmp_path, 'a.mp4,3,4.25,film two', 'b.mp4,0,1,other', 'a.mp4,-0.5,3,"film, one"')
    assert read_spans(path, Path('somewhere/a.mp4')) == (
        Span('film, one', -500.0, 3000.0),
        Span('film two', 3000.0, 4250.0),
    )
    assert read_spans(str(path), Path('c.mp4')) == ()
    assert read_spans(None, Path('a.mp4')) == ()


def test_what_spreadsheets_write(tmp_path):
    path = write(tmp_path, 'note,1,2, rest ,a.mp4', header='note,start,end,name,video', encoding='utf-8-sig')
    assert read_spans(path, Path('a.mp4')) == (Span('rest', 1000.0, 2000.0),)


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_semicolons_and_decimal_commas(tmp_path, encoding):
    path = tmp_path / 'spans.csv'
    path.write_bytes('video;start;end;name\r\nx.mp4;0;0,2;"film; one"\r\n;;;\r\n'.encode(encoding))
    assert read_spans(path, Path('x.mp4')) == (Span('film; one', 0.0, 200.0),)


def test_accents_may_be_kept_apart(tmp_path):
    path = write(tmp_path, 'caf\u00e9.mp4,1,2,rest')
    assert len(read_spans(path, Path('cafe\u0301.mp4'))) == 1
    check_spans(path, [Path('CAFE\u0301.mp4')])


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        (
            ['a.mp4,1,2,x', 'a.mp4,one,2,x'],
            "spans.csv: line 3 has 'one' under start; expected a time, such as 12.5 or 1:02:03",
        ),
        (['a.mp4,1,nan,x'], "spans.csv: line 2 has 'nan' under end; expected a time, such as 12.5 or 1:02:03"),
        (['a.mp4,1'], "spans.csv: line 2 has '' under end; expected a time, such as 12.5 or 1:02:03"),
        (['a.mp4,2,1,x'], "spans.csv: line 2 has '1' under end; expected a time after the start, 2"),
        (['a.mp4,1,1,x'], "spans.csv: line 2 has '1' under end; expected a time after the start, 1"),
        (['a.mp4,0,1e305,x'], "spans.csv: line 2 has '1e305' under end; expected a time, such as 12.5 or 1:02:03"),
        (
            [f'a.mp4,0,{"9" * 5000},x'],
            "spans.csv: line 2 has '999999999999...9999999999999' under end; expected a time, such as 12.5 or 1:02:03",
        ),
        (['a.mp4,1,2,'], "spans.csv: line 2 has '' under name; expected one line of text"),
        ([',1,2,x'], "spans.csv: line 2 has '' under video; expected one line of text"),
        (['a.mp4,1,2,"x\ny"'], "spans.csv: line 3 has 'x\\ny' under name; expected one line of text"),
        (
            ['a.mp4,1,3,x', 'a.mp4,0,1.5,y'],
            'spans.csv: x of a.mp4 begins at 1 s, before y ends at 1.5 s; expected spans that do not overlap',
        ),
        ([], 'spans.csv: holds no spans; expected a line for each'),
    ],
)
def test_wrong_lines(tmp_path, lines, message):
    with pytest.raises(InputError) as caught:
        read_spans(write(tmp_path, *lines), Path('a.mp4'))
    assert str(caught.value) == str(tmp_path / 'spans.csv') + message.removeprefix('spans.csv')


def test_files_that_hold_no_spans(tmp_path):
    columns = 'expected a table of spans with the columns video, start, end, name'
    with pytest.raises(InputError, match=f'has no column start; {columns}'):
        read_spans(write(tmp_path, header='video;from;end;name'), Path('a.mp4'))
    with pytest.raises(InputError, match=r'none\.csv: no such file; expected a table of spans$'):
        read_spans(tmp_path / 'none.csv', Path('a.mp4'))
    with pytest.raises(InputError, match=r'is not a regular file; expected a table of spans$'):
        read_spans(tmp_path, Path('a.mp4'))
    (tmp_path / 'picture.csv').write_bytes(b'\x89PNG\r\n\xff\xfe')
    with pytest.raises(InputError, match='has no column video'):
        read_spans(tmp_path / 'picture.csv', Path('a.mp4'))


@pytest.mark.parametrize(
    'name',
    ['Film 1.MP4', 'film 1', './film 1.mp4', 'P01/film 1.mp4', 'p01\\Film 1', '/study/P01/film 1.mp4', '/P01/film 1'],
)
def test_a_video_is_found_by_its_name_in_any_case_with_as_many_folders_as_one_likes(tmp_path, name):
    path = write(tmp_path, f'{name},0:01,1:00:02.5,x')
    assert read_spans(path, Path('/study/P01/film 1.mp4')) == (Span('x', 1000.0, 3_602_500.0),)
    assert read_spans(path, Path('/study/P01/film.mp4')) == ()
    assert len(read_spans(path, Path('/study/P02/Film 1.mp4'))) == ('1/' not in name.lower() and '\\' not in name)


def test_rows_about_other_videos_are_ignored_with_one_line(tmp_path, capsys):
    path = write(tmp_path, 'a.mp4,1,2,x', 'b.mp4,1,2,x', 'c.mp4,not yet,,', 'c.mp4,,,')
    check_spans(path, [Path('b.mp4'), Path('folder/a.mp4'), Path('c.mov'), Path('d.mp4')])
    assert capsys.readouterr().err == f'{path}: 2 of 4 rows are not about an input, and ignored: video is c.mp4\n'
    check_spans(path, [Path('d.mp4')])
    said = f'{path}: none of its rows is about an input, and ignored: video is a.mp4, b.mp4, c.mp4\n'
    assert capsys.readouterr().err == said
    assert read_spans(path, Path('d.mp4')) == ()
    check_spans(write(tmp_path, 'a,1,2,x'), [Path('a.mp4')])
    assert capsys.readouterr().err == ''


@pytest.mark.parametrize(
    ('name', 'videos'),
    [('a.mp4', ('one/a.mp4', 'two/A.mp4')), ('a', ('one/a.mp4', 'one/a.mov')), ('a', ('b.mp4', 'a', 'a.mp4'))],
)
def test_a_name_that_fits_several_inputs_is_refused(tmp_path, name, videos):
    with pytest.raises(InputError) as caught:
        check_spans(write(tmp_path, f'{name},1,2,x'), [Path(video) for video in videos])
    fits = 'the name of one input, but it fits {} and {}; add the folder or the suffix'.format(*videos[-2:])
    assert str(caught.value) == f"{tmp_path / 'spans.csv'}: line 2 has '{name}' under video; expected {fits}"
    check_spans(write(tmp_path, 'one/a.mp4,1,2,x'), [Path('one/a.mp4'), Path('two/a.mp4'), Path('one/a.mov')])


def test_spans_that_reach_beyond_the_video():
    spans = [Span('before', -100.0, 50.0), Span('inside', 50.0, 9004.0), Span('milliseconds', 10_000.0, 20_000.0)]
    assert describe_outside(spans, 0.0, 9000.0) == [
        'span before: -0.1 to 0.05 s reaches beyond the video, which is from 0.00 to 9.00 s',
        'span milliseconds: 10 to 20 s reaches beyond the video, which is from 0.00 to 9.00 s',
    ]


def test_a_span_may_begin_at_zero_although_the_first_frame_comes_later():
    spans = [Span('all', 0.0, 9000.0), Span('too early', 0.0, 1000.0)]
    assert describe_outside(spans, 23.2, 9023.2) == []
    assert describe_outside(spans, 1500.0, 9000.0) == [
        'span too early: 0 to 1 s reaches beyond the video, which is from 1.50 to 9.00 s'
    ]
