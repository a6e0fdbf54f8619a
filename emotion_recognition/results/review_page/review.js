'use strict';
/* What the page shows: joins the player, the rows, the table and the periods. Texts from the data are only ever set as
   text, never as HTML. */

const element = (id) => document.getElementById(id);
const data = JSON.parse(element('data').textContent);
const times = unpackTimes(data.times);
const curves = unpackCurves(data.curves);
const pictures = unpackPictures(data.pictures);
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

let face = null; // number of the current person, or face if people are not told apart
let faceBefore = null; // the current one before a part of it became somebody else
let selectionStart = null; // frame in which the selection starts, or null
let chosen = null; // period whose row was chosen: the current one if there are two in a frame
let periodsByFace = new Map(); // the periods of each face
let starts = []; // first frames of all periods

const about = { classes: classNames, word: data.words[0], runName: data.runName };
const store = new Store(`emotions review: ${data.name}`, data.run, unpackPeriods(data.periods), about, onPeriods);
const player = new Player(element('video'), times, data.shift, onFrame, data.firstFrame > 1 && data.shift === 0);
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
  who,
  pictures: () => sortPictures(store.periods, pictures),
  describePicture: ({ found, appearance }) => `face ${found}, from ${formatFrame(appearance.first)}`,
  onPicture: showPicture,
});

/** What names a number: `Anna`, `person 2`, or `face 3` if people are not told apart. */
function who(number) {
  return data.people[number] || `${data.words[0]} ${number}`;
}

function minConfidence() {
  return element('min-confidence').value / 100;
}

function periodsOf(number) {
  return periodsByFace.get(number) ?? [];
}

/** The face's period at a frame, or null if it is not seen. Merged faces may have two periods there, of which one is not
    used: then it is the chosen one, otherwise the one that is used. */
function periodAt(frame) {
  const periods = periodsOf(face).filter((period) => period.start <= frame && frame <= period.end);
  return periods.find((period) => period === chosen) ?? periods.find((period) => period.use) ?? periods[0] ?? null;
}

/** First and last frame of the selection, which reaches to the cursor; null if there is no selection. */
function selectedFrames() {
  return selectionStart === null ? null : [Math.min(selectionStart, player.frame), Math.max(selectionStart, player.frame)];
}

function formatFrame(frame) {
  return formatTime(seconds(times[frame]));
}

function say(text, isProblem = false) {
  const kept = store.isKept ? '' : ' This browser cannot keep corrections: download them before you leave the page.';
  element('message').textContent = text + kept;
  element('message').classList.toggle('problem', isProblem);
}

/** What a person says has no confidence, so it is never below the minimum. */
function isBelow(period) {
  return !period.byPerson && period.confidence < minConfidence();
}

function bandItems(periods) {
  const unusedFirst = [...periods].sort((a, b) => a.use - b.use); // so that used periods are drawn over them
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
      isCorrected: Boolean(period.byPerson),
    };
  });
}

function describePeriod(period) {
  const sign = document.createElement('span');
  sign.className = 'sign';
  sign.style.background = classes[period.emotion].colour;
  return {
    cells: [
      data.people[period.face] || String(period.face), [sign, classNames[period.emotion]], formatTime(startOf(period)), formatTime(endOf(period)),
      period.byPerson ? '–' : `${Math.round(period.confidence * 100)} %`, period.byPerson ? 'person' : 'machine',
      (period.use ? '' : 'not used ') + period.note,
    ],
    classNames: [...(period.use ? [] : ['unused']), ...(isBelow(period) ? ['below'] : [])],
  };
}

/** Called after the periods have changed. */
function onPeriods() {
  periodsByFace = new Map();
  for (const period of store.periods) {
    if (!periodsByFace.has(period.face)) periodsByFace.set(period.face, []);
    periodsByFace.get(period.face).push(period);
  }
  starts = store.periods.map((period) => period.start);
  const faces = [...periodsByFace.keys()].sort((a, b) => a - b);
  if (!periodsByFace.has(face)) face = periodsByFace.has(faceBefore) ? faceBefore : faces[0] ?? null;
  element('face').replaceChildren(...faces.map((number) => new Option(who(number), number)));
  rows.show(faces);
  update();
}

/** Update everything for another face, another selection or changed periods. */
function update() {
  element('face').value = face;
  const others = [...periodsByFace.keys()].filter((number) => number !== face).sort((a, b) => a - b);
  const into = Number(element('merge-into').value);
  element('merge-into').replaceChildren(...others.map((number) => new Option(who(number), number)));
  if (others.includes(into)) element('merge-into').value = into;
  element('merge-into').disabled = element('merge').disabled = others.length === 0;
  element('select').setAttribute('aria-pressed', selectionStart !== null);
  element('select').textContent = selectionStart === null ? 'Start a selection here' : 'Clear selection';
  element('undo').disabled = store.past.length === 0;
  element('discard').disabled = !store.isCorrected();
  rows.setCurrent(face);
  const isOnly = element('only-face').checked;
  table.show(isOnly ? periodsOf(face) : store.periods);
  onFrame(player.frame);
}

/** Update what depends on the frame at the cursor. */
function onFrame(frame) {
  element('position').textContent = `${formatFrame(frame)} · frame ${frame + data.firstFrame}`
    + (data.firstFrame === 1 ? ` of ${times.length}` : '');
  const frames = selectedFrames();
  timeline.moveTo(seconds(times[frame]), frames && [seconds(times[frames[0]]), seconds(endOfFrame(times, frames[1]))]);
  const period = periodAt(frame);
  table.setCurrent(period, period ?? store.periods[lastAtOrBefore(starts, frame)]);
  const curve = period && curves.get(period.found);
  const place = curve?.places.get(Math.floor(frame / data.framesPerBucket));
  legend.showValues(place === undefined ? null : curve.high.map((values) => values[place]));
  const canEdit = period !== null || selectionStart !== null;
  for (const id of ['emotion', 'use', 'note', 'separate']) element(id).disabled = !canEdit;
  element('split').disabled = period === null || period.start === frame;
  element('current').textContent = describeCurrent(period, frames);
  const only = selectionStart === null ? period : null; // a selection may have several periods, which need not agree
  if (document.activeElement !== element('note')) element('note').value = only?.note ?? '';
  element('use').checked = Boolean(period?.use ?? true);
  element('emotion').value = only ? only.emotion : -1;
}

function describeCurrent(period, frames) {
  if (face === null) return 'No face was found in this video.';
  if (frames) return `${capital(who(face))}, selection from ${formatFrame(frames[0])} to ${formatFrame(frames[1])}`;
  if (!period) return `${capital(who(face))} is not seen in this frame.`;
  return `${capital(who(face))}, ${classNames[period.emotion]}, ${formatTime(startOf(period))} to ${formatTime(endOf(period))}`
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

/** Go to where a picture was taken, so that the face on it is the one at the cursor. */
function showPicture(number, { found, frame }) {
  chosen = periodsOf(number).find((period) => period.found === found && period.start <= frame && frame <= period.end);
  chooseFace(number);
  player.video.pause();
  player.showFrame(frame);
}

function nextFace() {
  const faces = [...periodsByFace.keys()].sort((a, b) => a - b);
  if (faces.length) chooseFace(faces[(faces.indexOf(face) + 1) % faces.length]);
}
