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
    check_spans(path, [Path('cafe\u0301.mp4')])


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        (['a.mp4,1,2,x', 'a.mp4,one,2,x'], "spans.csv: line 3 has 'one' under start; expected seconds, such as 12.5"),
        (['a.mp4,1,nan,x'], "spans.csv: line 2 has 'nan' under end; expected seconds, such as 12.5"),
        (['a.mp4,1'], "spans.csv: line 2 has '' under end; expected seconds, such as 12.5"),
        (['a.mp4,2,1,x'], "spans.csv: line 2 has '1' under end; expected a time after the start, 2"),
        (['a.mp4,1,1,x'], "spans.csv: line 2 has '1' under end; expected a time after the start, 1"),
        (['a.mp4,0,1e305,x'], "spans.csv: line 2 has '1e305' under end; expected seconds, such as 12.5"),
        (
            [f'a.mp4,0,{"9" * 5000},x'],
            "spans.csv: line 2 has '999999999999...9999999999999' under end; expected seconds, such as 12.5",
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
    with pytest.raises(InputError, match='is not in UTF-8, as a table of spans must be'):
        read_spans(tmp_path / 'picture.csv', Path('a.mp4'))


def test_each_video_must_be_one_of_the_inputs(tmp_path):
    path = write(tmp_path, 'a.mp4,1,2,x', 'b.mp4,1,2,x')
    check_spans(path, [Path('b.mp4'), Path('folder/a.mp4'), Path('c.mp4')])
    with pytest.raises(InputError, match=r'video is b.mp4; expected one of the inputs: a.mp4$'):
        check_spans(path, [Path('a.mp4')])
    with pytest.raises(InputError, match=r'expected one of the inputs: no video$'):
        check_spans(path, [])
    with pytest.raises(InputError, match=r'video is a\.mp4, but 2 inputs have this name; analyse them separately'):
        check_spans(path, [Path('one/a.mp4'), Path('two/a.mp4'), Path('b.mp4')])


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
