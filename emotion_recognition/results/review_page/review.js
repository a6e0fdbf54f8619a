'use strict';
/* What the page shows: joins the player, the rows, the table and the periods. Texts from the data are only ever set as
   text, never as HTML. */

const element = (id) => document.getElementById(id);
const data = JSON.parse(element('data').textContent);
const times = unpackTimes(data.times);
const curves = unpackCurves(data.curves);
const pictures = unpackPictures(data.pictures);
const classNames = data.classes.map(([name]) => name);
const classes = data.classes.map(([name, colour, hatch]) => ({
  name,
  colour,
  isShown: true,
  fill: classFill(hatch, colour, devicePixelRatio),
  greyFill: tile(HATCHES[hatch], '#5b5f67', 'rgb(0 0 0 / 35%)', devicePixelRatio),
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
  onTick: update,
});
const labels = new CorrectedLabels(element('labels'), element('video'));

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

function say(text, isProblem = false) {
  const kept = store.isKept ? '' : ' This browser cannot keep corrections: download them before you leave the page.';
  element('message').textContent = text + kept;
  element('message').classList.toggle('problem', isProblem);
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
  element('facts').textContent = describeFacts();
  update();
}

/** Update everything for another face, another selection or changed periods. */
function update() {
  element('face').value = face;
  const others = [...periodsByFace.keys()].filter((number) => number !== face).sort((a, b) => a - b);
  const into = Number(element('merge-into').value);
  element('merge-into').replaceChildren(...others.map((number) => new Option(who(number), number)));
  if (others.includes(into)) element('merge-into').value = into;
  for (const id of ['merge-into', 'merge', 'merge-all']) element(id).disabled = others.length === 0;
  element('is-really').textContent = face === null ? '' : `${capital(who(face))} is really`;
  element('is-really').title = element('is-really').textContent; // in full, if there is no room for it
  const merging = facesToMerge().length;
  element('merge-all').textContent = `Merge ${merging === others.length ? 'all' : merging} into this one`;
  element('merge-all').title = face === null ? '' : `${listNames(facesToMerge().map(who), data.words[1])} to ${who(face)}`;
  element('only-face-text').textContent = face === null ? '' : `${who(face)} only`;
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
  labels.show(correctedLabels(frame));
  element('current').textContent = element('current').title = describeCurrent(period, frames);
  const only = selectionStart === null ? period : null; // a selection may have several periods, which need not agree
  if (document.activeElement !== element('note')) element('note').value = only?.note ?? '';
  element('use').checked = Boolean(period?.use ?? true);
  element('emotion').value = only ? only.emotion : -1;
}

/** The labels over the video: of faces whose periods are no longer as they are drawn there. */
function correctedLabels(frame) {
  const isAt = ({ start, end }) => start <= frame && frame <= end;
  return store.periods.filter(isAt).flatMap((period) => {
    const { found, face: number, emotion, use, byPerson } = period;
    const drawn = store.found.find((other) => other.found === found && isAt(other));
    const isSame = drawn.face === number && drawn.emotion === emotion && drawn.use === use && drawn.byPerson === byPerson;
    const curve = curves.get(found);
    const box = isSame || !curve.labels ? null : placeOfLabel(curve, frame, data.framesPerBucket);
    return box ? [{ box, ...describeLabel(period) }] : [];
  });
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
