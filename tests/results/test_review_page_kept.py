"""What the browser keeps of corrections, in a real browser: nothing typed is lost, other runs' are offered, and nothing
of a wrong shape ends the page."""

import json

from tests.review_pages import STEADY, face, people_of, read_download, reload, save_page, table_rows

OTHER_RUN = 'run-ba9876543210'


def happier(frame):
    """What another run finds: face 1 in the same frames, with other emotions; face 2 in fewer, and a face 3."""
    faces = [face(1, 'happy')] if frame <= 30 else []
    return [*faces, face(2, 'fear', 0.3)] if frame > 30 else [*faces, face(3, 'anger')]


def correct(page):
    """Face 1 is contempt in frames 6 to 20, with a note, and not used from 21 on; face 2 has a note in 11 to 25."""
    for _ in range(5):
        page.keyboard.press('ArrowRight')
    page.keyboard.press('s')
    page.locator('#emotion').select_option('contempt')
    page.keyboard.press('n')
    page.keyboard.type('=unsure')
    page.keyboard.press('Escape')
    page.locator('#table-body tr', has_text='sad').click()
    page.keyboard.press('u')
    page.locator('#table-body tr', has_text='neutral').click()
    page.keyboard.press('n')
    page.keyboard.type('of face 2')
    page.keyboard.press('Escape')


def corrections(page):
    columns = ('frame_start', 'frame_end', 'emotions', 'by', 'note', 'use', 'found_as')
    return [tuple(row[name] for name in columns) for row in read_download(page)]


def test_a_note_that_is_being_typed_outlasts_a_reload_and_is_one_step(tmp_path, open_page):
    path = save_page(tmp_path, STEADY)
    page = open_page(path)
    page.keyboard.press('n')
    page.keyboard.type('half a no')
    reload(page)
    assert [row['note'] for row in read_download(page)] == ['half a no', '', '', '']
    page = open_page(path)
    page.keyboard.press('n')
    page.keyboard.type('word')
    page.keyboard.press('Escape')
    page.keyboard.press('z')
    assert [row['note'] for row in read_download(page)] == ['half a no', '', '', '']
    assert page.locator('#undo').is_disabled()


def test_corrections_of_another_run_are_offered_and_taken_over_where_they_fit(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY, run_name=OTHER_RUN))
    assert page.locator('#other').is_hidden()
    correct(page)
    kept = read_download(page)
    path = save_page(tmp_path, STEADY, happier)
    page = open_page(path)
    assert 'keeps corrections of another run of clip.mp4.' in page.locator('#other').inner_text()
    page.locator('#take-over').click()
    said = 'Taken over from the other run: 2 of 3 corrections. The others are about faces that this run found in other'
    assert corrections(page) == [
        ('1', '5', 'happy', 'machine', '', 'yes', '1'),
        ('1', '30', 'anger', 'machine', '', 'yes', '3'),
        ('6', '20', 'contempt', 'person', "'=unsure", 'yes', '1'),
        ('21', '30', 'happy', 'machine', '', 'no', '1'),
        ('31', '60', 'fear', 'machine', '', 'yes', '2'),
    ]
    page.keyboard.press('z')
    assert len(corrections(page)) == 3
    page.locator('#take-over').click()
    assert page.locator('#message').inner_text().startswith(said)
    with page.expect_download() as caught:
        page.locator('#download-other').click()
    assert caught.value.suggested_filename == 'clip_with_emotions_other_run_corrected.csv'
    assert read_download(page) != kept and {row['run'] for row in kept} == {OTHER_RUN}
    assert caught.value.path().read_text(encoding='utf-8').count(OTHER_RUN) == len(kept)
    page.locator('#discard-other').click()
    assert page.locator('#discard-other').inner_text() == 'Really discard'
    assert not page.locator('#other').is_hidden()
    page.locator('#discard-other').click()
    assert page.locator('#other').is_hidden()
    again = open_page(path)
    assert again.locator('#other').is_hidden() and len(corrections(again)) == 5


def test_who_is_who_is_taken_over_if_all_numbers_are_the_same(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY, people_of, run_name=OTHER_RUN))
    page.locator('#merge-into').select_option('person 2')
    page.locator('#merge').click()
    merged = [(row['person'], row['frame_start']) for row in read_download(page)]
    assert len({number for number, _ in merged}) == 2
    page = open_page(save_page(tmp_path, STEADY, people_of))
    page.locator('#take-over').click()
    assert page.locator('#message').inner_text() == 'Taken over from the other run: 1 of 1 corrections.'
    assert [(row['person'], row['frame_start']) for row in read_download(page)] == merged


def test_the_page_of_the_corrected_results_offers_nothing(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY))
    correct(page)
    assert open_page(save_page(tmp_path, STEADY, happier)).locator('#other').is_hidden()


ROWS = [[1, 1, 4, 0, 19, 0.8, 0, 1, ''], [2, 2, 5, 10, 24, 0.8, 0, 1, ''], [1, 1, 6, 20, 29, 0.8, 0, 1, '']]
ROWS.append([2, 2, 3, 30, 59, 0.3, 0, 1, ''])


def change(place, column, value):
    return [
        [value if (row, at) == (place, column) else cell for at, cell in enumerate(cells)]
        for row, cells in enumerate(ROWS)
    ]


WRONG = ['', 'no JSON', 'null', '5', '{}', '[]', '[null]', '[[1, 2]]', '{"periods": {}}']
WRONG += [json.dumps({'periods': ROWS, **other}) for other in ({'classes': 7}, {'classes': ['happy']}, {'runName': {}})]
WRONG.append(json.dumps(ROWS[:3]))
CELLS = [(0, 9), (1, 'Anna'), (2, 99), (2, -1), (2, 'length'), (4, 1e9), (4, 25), (5, None), (6, 'yes'), (8, {})]
WRONG += [json.dumps(change(0, column, value)) for column, value in CELLS]


def test_what_is_kept_in_a_wrong_shape_is_left_out(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY))
    assert page.evaluate('text => store.read(text)?.length', json.dumps(ROWS)) == 4
    assert page.evaluate('texts => texts.filter((text) => store.read(text))', WRONG) == []
    key, other = page.evaluate('store.key'), 'emotions review: clip.mp4 0123456789abcdef'
    for text in (WRONG[1], WRONG[-1]):
        page.evaluate('([keys, text]) => keys.forEach((key) => localStorage.setItem(key, text))', [[key, other], text])
        reload(page)
        assert [row[1] for row in table_rows(page)] == ['happy', 'neutral', 'sad', 'fear']
        assert 'cannot be read' in page.locator('#message').inner_text()
        page.keyboard.press('u')
        page.evaluate('([key, newValue]) => dispatchEvent(new StorageEvent("storage", {key, newValue}))', [key, text])
        assert [row['use'] for row in read_download(page)] == ['no', 'yes', 'yes', 'yes']


NOTE_ORDER = """
    window.order = [];
    const { query } = navigator.permissions;
    navigator.permissions.query = async function (name) {
        await query.call(this, name);
        await new Promise((resolve) => setTimeout(resolve, 100));
        order.push('answer');
    };
    const { getItem } = Storage.prototype;
    Storage.prototype.getItem = function (key) {
        order.push('read');
        return getItem.call(this, key);
    };"""


def test_what_is_kept_is_not_read_before_the_browser_knows_the_page(tmp_path, open_page):
    path = save_page(tmp_path, STEADY)
    open_page(path).keyboard.press('u')
    page = open_page(path)
    page.add_init_script(NOTE_ORDER)
    reload(page)
    assert page.evaluate('order.slice(0, 2)') == ['answer', 'read']
    assert page.evaluate('store.periods.map((period) => period.use)') == [0, 1, 1, 1]


def test_what_another_tab_keeps_is_not_written_back(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY))
    late = json.dumps([[*row[:8], 'w'] for row in ROWS])
    page.evaluate('localStorage.setItem(store.key, "what the other tab has kept since")')
    page.evaluate('newValue => dispatchEvent(new StorageEvent("storage", {key: store.key, newValue}))', late)
    assert {row['note'] for row in read_download(page)} == {'w'}
    assert page.evaluate('localStorage.getItem(store.key)') == 'what the other tab has kept since'


def test_what_earlier_pages_kept_is_read(tmp_path, open_page):
    page = open_page(save_page(tmp_path, STEADY))
    rows = [[*row[:8], 'kept'] for row in ROWS]
    page.evaluate('([key, text]) => localStorage.setItem(key, text)', [page.evaluate('store.key'), json.dumps(rows)])
    reload(page)
    assert 'still here' in page.locator('#message').inner_text()
    assert {row['note'] for row in read_download(page)} == {'kept'}
