'use strict';
/* The keys, buttons and fields, and the start of the page. */

function onClick(id, action) {
  element(id).addEventListener('click', action);
}

const KEYS = {
  ' ': () => player.toggle(),
  ArrowLeft: () => player.step(-1),
  ArrowRight: () => player.step(1),
  Home: () => player.step(-times.length),
  End: () => player.step(times.length),
  '[': () => showPeriod(table.neighbour(-1, player.frame)),
  ']': () => showPeriod(table.neighbour(1, player.frame)),
  f: nextFace,
  c: () => rows.switchCurves(face),
  '+': () => timeline.zoom(0.5),
  '=': () => timeline.zoom(0.5), // the same key without shift
  '-': () => timeline.zoom(2),
  0: () => timeline.show(timeline.first, timeline.last),
  e: () => editFrom('emotion'),
  n: () => editFrom('note'),
  s: split,
  x: separate,
  m: toggleSelection,
  u: () => { if (!element('use').disabled) element('use').click(); },
  z: undo,
};

function editFrom(id) {
  player.video.pause(); // so that the current period stays the same while it is edited
  element(id).focus();
}

/** After a choice by mouse in a list, keys are for the page again. */
function freeKeysOf(list) {
  let isByPointer = false;
  list.addEventListener('pointerdown', () => { isByPointer = true; });
  list.addEventListener('change', () => { if (isByPointer) list.blur(); });
  list.addEventListener('blur', () => { isByPointer = false; });
}

function onKey(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches('input[type="text"]')) {
    if (key === 'Escape') target.blur();
    return;
  }
  if (target.matches('select')) { // it needs letters, up and down; other keys would change what was chosen
    if (!/^(Escape|Enter|Arrow(Left|Right))$/.test(key)) return;
    target.blur();
    if (!key.startsWith('Arrow')) return;
  }
  if (key === ' ' && target.matches('button, summary, input')) return;
  if (target.matches('input[type="range"]') && /^(Arrow|Home|End|Page)/.test(key)) return;
  let action = KEYS[key.length === 1 ? key.toLowerCase() : key];
  if (!element('keys').checked) action = null;
  if (target === element('scroller') && key === 'ArrowUp') action = KEYS['['];
  if (target === element('scroller') && key === 'ArrowDown') action = KEYS[']'];
  if (!action) return;
  event.preventDefault(); // also of what the video's own controls would do
  event.stopPropagation();
  action();
}

/** The row above all faces: the time axis and the spans. */
function showSpans() {
  const spans = data.spans.map(([name, start, end]) => ({
    start: seconds(start), end: seconds(end), texts: [name], fill: SPAN_COLOUR, colour: SPAN_COLOUR,
  }));
  rows.addAxis(spans.length ? () => spans : null);
  element('spans').hidden = spans.length === 0;
  for (const { texts: [text], start, end } of spans) {
    const button = make('button', '', `${text}: ${formatTime(start)} to ${formatTime(end)}`);
    button.addEventListener('click', () => player.showTime(start * 1e6));
    element('spans').append(button);
  }
}

function wire() {
  onClick('play', () => player.toggle());
  onClick('previous-frame', KEYS.ArrowLeft);
  onClick('next-frame', KEYS.ArrowRight);
  onClick('previous-period', KEYS['[']);
  onClick('next-period', KEYS[']']);
  onClick('zoom-in', KEYS['+']);
  onClick('zoom-out', KEYS['-']);
  onClick('zoom-all', KEYS[0]);
  onClick('split', split);
  onClick('select', toggleSelection);
  onClick('merge', () => mergeInto(Number(element('merge-into').value), [face]));
  onClick('merge-all', () => mergeInto(face, facesToMerge()));
  onClick('separate', separate);
  onClick('undo', KEYS.z);
  onClick('discard', () => {
    store.discard();
    say('All corrections were discarded. Undo brings them back.');
  });
  onClick('download', download);
  element('face').addEventListener('change', () => chooseFace(Number(element('face').value)));
  element('only-face').addEventListener('change', update);
  element('all-curves').addEventListener('change', () => {
    rows.switchAllCurves(element('all-curves').checked);
  });
  element('min-confidence').addEventListener('input', () => {
    element('min-confidence-value').textContent = `${element('min-confidence').value} %`;
    timeline.minConfidence = Number(element('min-confidence').value);
    rows.forgetItems();
    timeline.refresh();
    update();
  });
  element('emotion').append(...classNames.map((name, index) => new Option(name, index)));
  for (const id of ['emotion', 'note']) element(id).addEventListener('focus', () => player.video.pause());
  element('emotion').addEventListener('change', () => {
    const emotion = Number(element('emotion').value);
    correct({ emotion, byPerson: 1 }, classNames[emotion], 'emotion');
  });
  element('emotion').addEventListener('blur', () => store.endStep());
  for (const id of ['emotion', 'face', 'merge-into']) freeKeysOf(element(id));
  element('use').addEventListener('change', () => {
    const use = Number(element('use').checked);
    correct({ use }, use ? 'used' : 'not used');
  });
  element('note').addEventListener('input', () => { // not change: a note that was begun stays if the page is closed
    const note = element('note').value.trim();
    correct({ note }, note ? 'note saved' : 'note removed', 'note');
  });
  element('note').addEventListener('blur', () => store.endStep());
  new ResizeObserver(() => {
    timeline.resize(element('rows').querySelector('.plot').clientWidth);
  }).observe(element('rows'));
}

const DISCARD = 'Discard';

/** Say what the browser keeps of another run of this video, and offer to take it over, download or discard it. */
function showOther() {
  const others = store.others();
  element('other').hidden = others.length === 0;
  const count = others.length > 1 ? ` (1 of ${others.length})` : '';
  element('other-text').textContent = `This browser keeps corrections of another run of ${data.name}${count}.`;
  element('discard-other').textContent = DISCARD;
  return others[0];
}

function wireOther() {
  const withOther = (action) => () => { // another tab may have discarded it
    const isSure = element('discard-other').textContent !== DISCARD;
    const other = showOther();
    if (other) action(other, isSure);
  };
  onClick('take-over', withOther(takeOverOther));
  onClick('download-other', withOther(downloadOther));
  onClick('discard-other', withOther(({ key }, isSure) => { // asked twice, since Undo does not bring it back
    if (isSure) localStorage.removeItem(key);
    showOther();
    if (!isSure) element('discard-other').textContent = `Really ${DISCARD.toLowerCase()}`;
  }));
}

function wireVideo() {
  const { video } = player;
  const showState = () => { element('play').textContent = video.paused ? 'Play' : 'Pause'; };
  for (const event of ['play', 'pause', 'ended']) video.addEventListener(event, showState);
  video.addEventListener('error', () => {
    element('video-problem').hidden = false;
    element('video-problem').textContent = `This browser cannot play ${data.video}: the file is not where the page `
      + 'expects it, or has a format that the browser does not know. A run without --no-write-video writes a video '
      + 'that it can play.';
  });
  video.src = data.video;
}

async function start() {
  await store.open();
  document.addEventListener('keydown', onKey, true);
  showSpans();
  wire();
  wireOther();
  showOther();
  onPeriods();
  wireVideo();
  if (store.isCorrected()) say('Your corrections are still here.');
  if (store.isUnreadable) say('What this browser keeps of your corrections cannot be read, and is left out.', true);
}

start();
