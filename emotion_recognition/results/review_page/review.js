'use strict';
/* What the page shows, and what a correction does: joins the player, the rows, the table and the periods. All text from
   the data is set as text. */

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
let chosen = null; // period whose row was chosen; where two stand in a frame, it is that one
let ofFace = new Map(); // the periods of each face
let starts = []; // frames in which the periods of all faces start

const store = new Store(`emotions review: ${data.name} ${data.run}`, unpackPeriods(data.periods), onPeriods);
const player = new Player(element('video'), times, data.shift, onFrame);
const timeline = new Timeline(
  classes, seconds(times[0]), seconds(endOfFrame(times, times.length - 1)), (row, at) => {
    chosen = null;
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
  return ofFace.get(number) ?? [];
}

/** The face's period at a frame, null where it is not seen. Two may stand there, of faces that were merged, if one of
    them is not used: then the chosen one, else the one that is used. */
function periodAt(frame) {
  const periods = periodsOf(face).filter((period) => period.start <= frame && frame <= period.end);
  return periods.find((period) => period === chosen) ?? periods.find((period) => period.use) ?? periods[0] ?? null;
}

/** First and last frame of the span from the mark to the cursor, null where there is no mark. */
function markedFrames() {
  return mark === null ? null : [Math.min(mark, player.frame), Math.max(mark, player.frame)];
}

/** Change the marked span of the face, else its period at the cursor. step: see Store. */
function correct(changes, what, step = null) {
  const [span, current] = [markedFrames(), periodAt(player.frame)];
  if (face === null || (!span && !current)) return;
  const [start, end] = span ?? [current.start, current.end];
  if (!periodsOf(face).some((period) => period.start <= end && start <= period.end)) {
    update();
    say(`Face ${face} is not seen from ${formatFrame(start)} to ${formatFrame(end)}.`, true);
    return;
  }
  const corrected = { ...current, ...changes };
  const changed = span
    ? changePeriods(store.periods, face, start, end, changes)
    : store.periods.map((period) => (period === current ? corrected : period));
  const twice = changes.use ? firstDoubleFrame(changed, face) : null;
  if (twice !== null) {
    update();
    say(`Face ${face} would be seen twice at ${formatFrame(twice)}: it is made of several that are there together. `
      + 'Mark the other one as not to be used first.', true);
    return;
  }
  chosen = current === chosen ? corrected : chosen;
  store.change(changed, step && `${step} ${face} ${start} ${end}`);
  say(`Face ${face}, ${formatFrame(start)} to ${formatFrame(end)}: ${what}.`);
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
  say(mark === null ? 'No span.' : 'The span starts here. Go to its last frame; emotion, use and note are about all of it, '
    + 'until you press M again.');
}

function download() {
  const csv = new Blob([toCsv(store.periods, times, classNames, data.runName)], { type: 'text/csv;charset=utf-8' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(csv);
  link.download = data.download;
  link.click();
  URL.revokeObjectURL(link.href);
  say(`${data.download} is with your downloads: give it to emotions_from_video.py, behind --apply, and the video.`);
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

/** What a person says has no probability, and is not below any. */
function isBelow(period) {
  return !period.byPerson && period.confidence < leastConfidence();
}

function bandItems(periods) {
  const unusedFirst = [...periods].sort((a, b) => a.use - b.use); // what is used lies above it
  return unusedFirst.map((period) => {
    const { colour, fill, greyFill } = classes[period.emotion];
    const isGrey = !period.use || isBelow(period);
    const name = classNames[period.emotion];
    return {
      start: startOf(period),
      end: endOf(period),
      texts: period.use ? [period.byPerson ? `${name} (corrected)` : name, name] : ['not used'],
      fill: period.use ? (isGrey ? greyFill : fill) : notUsedFill,
      colour,
      isGrey,
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
      period.byPerson ? '–' : `${Math.round(period.confidence * 100)} %`, period.byPerson ? 'person' : 'machine',
      (period.use ? '' : 'not used ') + period.note,
    ],
    classNames: [...(period.use ? [] : ['unused']), ...(isBelow(period) ? ['below'] : [])],
  };
}

/** The periods have changed. */
function onPeriods() {
  ofFace = new Map();
  for (const period of store.periods) {
    if (!ofFace.has(period.face)) ofFace.set(period.face, []);
    ofFace.get(period.face).push(period);
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
  const into = Number(element('merge-into').value);
  element('merge-into').replaceChildren(...others.map((number) => new Option(`face ${number}`, number)));
  if (others.includes(into)) element('merge-into').value = into;
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
  const frames = markedFrames();
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
  const only = mark === null ? period : null; // a span may hold several: nothing is said of all of them
  if (document.activeElement !== element('note')) element('note').value = only?.note ?? '';
  element('use').checked = Boolean(period?.use ?? true);
  element('emotion').value = only ? only.emotion : -1;
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
  chosen = period;
  if (period.face !== face) chooseFace(period.face);
  player.video.pause();
  player.showFrame(period.start);
}

function nextFace() {
  const faces = [...ofFace.keys()].sort((a, b) => a - b);
  if (faces.length) chooseFace(faces[(faces.indexOf(face) + 1) % faces.length]);
}
