'use strict';
/* The page: joins the player, the rows, the table and the corrections. All text from the data is set as text. */

const element = (id) => document.getElementById(id);
const data = JSON.parse(element('data').textContent);
const times = unpackTimes(data.times);
const curves = unpackCurves(data.curves);
const classNames = data.classes.map(([name]) => name);
const classes = data.classes.map(([name, colour], index) => ({
  name,
  colour,
  isShown: true,
  fill: classFill(index, colour, devicePixelRatio),
  greyFill: tile(PATTERNS[index % PATTERNS.length], '#5b5f67', 'rgb(0 0 0 / 35%)', devicePixelRatio),
}));
const SPAN_COLOUR = '#9fb4d8';
const notUsedFill = tile(NOT_USED, '#26282d', '#8d939e', devicePixelRatio);
const seconds = (time) => time / 1e6;
const startOf = (period) => seconds(times[period.start]);
const endOf = (period) => seconds(endOfFrame(times, period.end));

let face = null; // number of the one that is looked at
let mark = null; // frame in which a span starts
let ofFace = new Map(); // its periods for each face, and the frames in which they start
let starts = []; // frames in which the store's periods start

const store = new Store(`emotions review: ${data.name} ${data.run}`, unpackPeriods(data.periods), onPeriods);
const player = new Player(element('video'), times, data.shift, onFrame);
const timeline = new Timeline(
  classes, seconds(times[0]), seconds(endOfFrame(times, times.length - 1)), (row, at) => {
    if (row.face) chooseFace(row.face);
    player.showTime(at * 1e6);
  },
);
const table = new PeriodTable(element('scroller'), element('table-body'), describePeriod, showPeriod);
const legend = new Legend(element('legend'), classes, () => timeline.refresh());
const rows = new FaceRows(element('rows'), timeline, {
  items: (number) => bandItems(periodsOf(number)),
  curves: (number) => joinCurves(periodsOf(number), curves, data.framesPerBucket, times, classes.length),
  onChoice: chooseFace,
});

// ------------------------------------------------------------------------------------------------ periods

function leastConfidence() {
  return element('least').value / 100;
}

function periodsOf(number) {
  return ofFace.get(number)?.periods ?? [];
}

function periodAt(frame) {
  const { periods, starts } = ofFace.get(face) ?? { periods: [], starts: [] };
  const period = periods[lastAtOrBefore(starts, frame)];
  return period && period.start <= frame && frame <= period.end ? period : null;
}

/** First and last frame that a correction is about: from the mark to the cursor, else the period at the cursor. */
function selectedFrames() {
  if (mark !== null) return [Math.min(mark, player.frame), Math.max(mark, player.frame)];
  const period = periodAt(player.frame);
  return period && [period.start, period.end];
}

function correct(changes, what) {
  const frames = selectedFrames();
  if (!frames || face === null) return;
  const changed = changePeriods(store.periods, face, ...frames, changes);
  const text = `Face ${face}, ${formatFrame(frames[0])} to ${formatFrame(frames[1])}: ${what}.`;
  store.change(changed);
  say(text);
}

function split() {
  const period = periodAt(player.frame);
  if (!period || period.start === player.frame) {
    say('Nothing to split here: go to a frame within a period, behind its first one.', true);
    return;
  }
  store.change(splitPeriods(store.periods, face, player.frame));
  say(`Split at ${formatFrame(player.frame)}. What follows can now be changed.`);
}

function merge() {
  const into = Number(element('merge-into').value);
  const frame = firstCommonFrame(store.periods, face, into);
  if (frame !== null) {
    say(`Faces ${face} and ${into} are both seen at ${formatFrame(frame)}, so they are not one person. `
      + 'If one of them is wrong there, mark that span as not to be used first.', true);
    return;
  }
  const from = face;
  face = into;
  store.change(mergeFaces(store.periods, from, into));
  say(`Face ${from} is now face ${into}.`);
}

function toggleMark() {
  mark = mark === null ? player.frame : null;
  update();
  say(mark === null ? 'No span.' : 'The span starts here. Go to its last frame; emotion, use and note are about all of it, until you press M again.');
}

function download() {
  const csv = new Blob([toCsv(store.periods, times, classNames)], { type: 'text/csv;charset=utf-8' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(csv);
  link.download = data.download;
  link.click();
  URL.revokeObjectURL(link.href);
  say(`${data.download} is with your downloads. Then: python emotions_from_video.py --apply ${data.download} ${data.name}`);
}

// ------------------------------------------------------------------------------------------------ what is shown

function formatFrame(frame) {
  return formatTime(seconds(times[frame]));
}

function say(text, isProblem = false) {
  const kept = store.isKept ? '' : ' This browser keeps no corrections: download them before you leave the page.';
  element('message').textContent = text + kept;
  element('message').classList.toggle('problem', isProblem);
}

function isGrey(period) {
  return !period.use || period.confidence < leastConfidence();
}

function bandItems(periods) {
  return periods.map((period) => {
    const { colour, fill, greyFill } = classes[period.emotion];
    const grey = isGrey(period);
    return {
      start: startOf(period),
      end: endOf(period),
      text: period.use ? classNames[period.emotion] + (period.byPerson ? ' (corrected)' : '') : 'not used',
      fill: period.use ? (grey ? greyFill : fill) : notUsedFill,
      colour,
      isGrey: grey,
      isMarked: Boolean(period.byPerson),
    };
  });
}

function describePeriod(period) {
  const sign = document.createElement('span');
  sign.className = 'sign';
  sign.style.background = classes[period.emotion].colour;
  return {
    cells: [
      String(period.face), [sign, classNames[period.emotion]], formatTime(startOf(period)), formatTime(endOf(period)),
      `${Math.round(period.confidence * 100)} %`, period.byPerson ? 'person' : 'machine',
      (period.use ? '' : 'not used ') + period.note,
    ],
    classNames: [...(period.use ? [] : ['unused']), ...(period.confidence < leastConfidence() ? ['below'] : [])],
  };
}

/** The periods have changed. */
function onPeriods() {
  ofFace = new Map();
  for (const period of store.periods) {
    if (!ofFace.has(period.face)) ofFace.set(period.face, { periods: [], starts: [] });
    ofFace.get(period.face).periods.push(period);
    ofFace.get(period.face).starts.push(period.start);
  }
  starts = store.periods.map((period) => period.start);
  const faces = [...ofFace.keys()].sort((a, b) => a - b);
  if (!ofFace.has(face)) face = faces[0] ?? null;
  element('face').replaceChildren(...faces.map((number) => new Option(`face ${number}`, number)));
  rows.show(faces);
  update();
}

/** Another face, another mark, other periods: all but the cursor is set anew. */
function update() {
  element('face').value = face;
  const others = [...ofFace.keys()].filter((number) => number !== face).sort((a, b) => a - b);
  element('merge-into').replaceChildren(...others.map((number) => new Option(`face ${number}`, number)));
  element('merge-into').disabled = element('merge').disabled = others.length === 0;
  element('mark').setAttribute('aria-pressed', mark !== null);
  element('mark').textContent = mark === null ? 'Start a span here' : 'No span';
  element('undo').disabled = store.past.length === 0;
  element('discard').disabled = !store.isCorrected();
  rows.setCurrent(face);
  const isOnly = element('only-face').checked;
  table.show(isOnly ? periodsOf(face) : store.periods);
  onFrame(player.frame);
}

/** Another frame: the cursor and what is told of it. */
function onFrame(frame) {
  element('position').textContent = `${formatFrame(frame)} · frame ${frame + 1} of ${times.length}`;
  const frames = mark === null ? null : selectedFrames();
  timeline.moveTo(seconds(times[frame]), frames && [seconds(times[frames[0]]), seconds(endOfFrame(times, frames[1]))]);
  const period = periodAt(frame);
  table.setCurrent(period, period ?? store.periods[lastAtOrBefore(starts, frame)]);
  const curve = period && curves.get(period.found);
  const place = curve?.places.get(Math.floor(frame / data.framesPerBucket));
  legend.showValues(place === undefined ? null : curve.high.map((values) => values[place]));
  const isSelected = period !== null || mark !== null;
  for (const id of ['emotion', 'use', 'note']) element(id).disabled = !isSelected;
  element('split').disabled = period === null || period.start === frame;
  element('current').textContent = describeSelection(period, frames);
  if (period && document.activeElement !== element('note')) element('note').value = period.note;
  if (period) element('use').checked = Boolean(period.use);
  element('emotion').value = period ? period.emotion : -1;
}

function describeSelection(period, frames) {
  if (face === null) return 'No face was found in this video.';
  if (frames) return `Face ${face}, span from ${formatFrame(frames[0])} to ${formatFrame(frames[1])}`;
  if (!period) return `Face ${face} is not seen in this frame.`;
  return `Face ${face}, ${classNames[period.emotion]}, ${formatTime(startOf(period))} to ${formatTime(endOf(period))}`
    + (period.byPerson ? ', by a person' : '') + (period.use ? '' : ', not used');
}

function chooseFace(number) {
  face = number;
  update();
}

function showPeriod(period) {
  if (!period) return;
  if (period.face !== face) chooseFace(period.face);
  player.video.pause();
  player.showFrame(period.start);
}

function nextFace() {
  const faces = [...ofFace.keys()].sort((a, b) => a - b);
  if (faces.length) chooseFace(faces[(faces.indexOf(face) + 1) % faces.length]);
}

// ------------------------------------------------------------------------------------------------ controls

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
  m: toggleMark,
  u: () => { if (!element('use').disabled) element('use').click(); },
  z: () => store.undo(),
};

function editFrom(id) {
  player.video.pause(); // what is edited shall stay the same period
  element(id).focus();
}

document.addEventListener('keydown', (event) => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches('input[type="text"], select')) {
    if (key === 'Escape') target.blur();
    return;
  }
  if (key === ' ' && target.matches('button, summary, input')) return;
  if (target.matches('input[type="range"]') && /^(Arrow|Home|End|Page)/.test(key)) return;
  let action = KEYS[key.length === 1 ? key.toLowerCase() : key];
  if (!element('keys').checked) action = null;
  if (target === element('scroller') && (key === 'ArrowUp' || key === 'ArrowDown')) action = KEYS[key === 'ArrowUp' ? '[' : ']'];
  if (!action) return;
  event.preventDefault(); // also what the video's own controls would do
  event.stopPropagation();
  action();
}, true);

/** The row above all faces: the axis of time, and the spans that have a name. */
function showSpans() {
  const spans = data.spans.map(([text, start, end]) => ({
    start: seconds(start), end: seconds(end), text, fill: SPAN_COLOUR, colour: SPAN_COLOUR,
  }));
  rows.addAxis(spans.length ? () => spans : null);
  element('spans').hidden = spans.length === 0;
  for (const { text, start, end } of spans) {
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
  onClick('mark', toggleMark);
  onClick('merge', merge);
  onClick('undo', KEYS.z);
  onClick('discard', () => {
    store.discard();
    say('All corrections are discarded. Undo brings them back.');
  });
  onClick('download', download);
  element('face').addEventListener('change', () => chooseFace(Number(element('face').value)));
  element('only-face').addEventListener('change', update);
  element('all-curves').addEventListener('change', () => {
    rows.switchAllCurves(element('all-curves').checked);
  });
  element('least').addEventListener('input', () => {
    element('least-value').textContent = `${element('least').value} %`;
    timeline.least = Number(element('least').value);
    rows.forgetItems();
    timeline.refresh();
    update();
  });
  element('emotion').append(...classNames.map((name, index) => new Option(name, index)));
  for (const id of ['emotion', 'note']) element(id).addEventListener('focus', () => player.video.pause());
  element('emotion').addEventListener('change', () => {
    const emotion = Number(element('emotion').value);
    correct({ emotion, byPerson: 1 }, classNames[emotion]);
  });
  element('use').addEventListener('change', () => {
    const use = Number(element('use').checked);
    correct({ use }, use ? 'used' : 'not used');
  });
  element('note').addEventListener('change', () => {
    const note = element('note').value.trim();
    correct({ note }, note ? 'noted' : 'no note');
  });
  new ResizeObserver(() => {
    timeline.resize(element('rows').querySelector('.plot').clientWidth);
  }).observe(element('rows'));
}

function wireVideo() {
  const { video } = player;
  const showState = () => { element('play').textContent = video.paused ? 'Play' : 'Pause'; };
  for (const event of ['play', 'pause', 'ended']) video.addEventListener(event, showState);
  video.addEventListener('loadedmetadata', () => player.showFrame(player.frame), { once: true });
  video.addEventListener('error', () => {
    element('video-problem').hidden = false;
    element('video-problem').textContent = `This browser cannot play ${decodeURIComponent(data.video)}: it is not where the page `
      + 'expects it, or of a kind that the browser does not know. A run without --no-write-video writes one that it knows.';
  });
  video.src = data.video;
}

showSpans();
wire();
onPeriods();
wireVideo();
const lasting = formatTime(timeline.last - timeline.first);
element('facts').textContent = `${lasting} · ${times.length} frames · ${ofFace.size} ${ofFace.size === 1 ? 'face' : 'faces'}`;
if (store.isCorrected()) say('Your corrections are still here.');
