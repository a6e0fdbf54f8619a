'use strict';
/* The video's times, its periods, and how a person can change them. Nothing in this file touches the page. Periods are
   never changed in place: each step makes a new list, and Undo goes back to the one before it. */

// A period: number of the face as it was found, number that is shown now (the person's, or the face's), index of the
// emotion, first and last frame counted from 0, mean confidence, whether a person chose the emotion, whether it is used
// in the results, and a note.
const PERIOD_FIELDS = ['found', 'face', 'emotion', 'start', 'end', 'confidence', 'byPerson', 'use', 'note'];

function unpackPeriods(rows) {
  return rows.map((row) => Object.fromEntries(PERIOD_FIELDS.map((field, column) => [field, row[column]])));
}

function packPeriods(periods) {
  return periods.map((period) => PERIOD_FIELDS.map((field) => period[field]));
}

/** Presentation times in microseconds, from the differences between them. */
function unpackTimes(differences) {
  let sum = 0;
  return Float64Array.from(differences, (difference) => (sum += difference));
}

/** Index of the last time that is not later than the given one; 0 if all are later. */
function lastAtOrBefore(times, time) {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** When the frame after this one is shown. The last frame is taken to be as long as the one before it. */
function endOfFrame(times, frame) {
  if (frame + 1 < times.length) return times[frame + 1];
  return times[frame] + (frame > 0 ? times[frame] - times[frame - 1] : 40_000);
}

function inOrder(periods) {
  return periods.sort((a, b) => a.start - b.start || a.face - b.face || a.found - b.found);
}

/** Split the face's period at this frame, with which the second part begins. */
function splitPeriods(periods, face, frame) {
  return inOrder(periods.flatMap((period) => {
    if (period.face !== face || frame <= period.start || frame > period.end) return [period];
    return [{ ...period, end: frame - 1 }, { ...period, start: frame }];
  }));
}

/** Change the face's periods from one frame to another; those that reach beyond either end are split there.
    found: only what was found as this face; null for all. */
function changePeriods(periods, face, start, end, changes, found = null) {
  const split = splitPeriods(splitPeriods(periods, face, start), face, end + 1);
  const isInside = (period) => period.face === face && period.start >= start && period.end <= end
    && (found === null || period.found === found);
  return inOrder(split.map((period) => (isInside(period) ? { ...period, ...changes } : period)));
}

/** The first frame in which two of these faces, or one of them twice, are seen and used, and which two; otherwise null. */
function firstOverlap(periods, faces) {
  let before = null; // of the periods before, the one that ends last
  for (const period of periods) {
    if (!period.use || !faces.includes(period.face)) continue;
    if (before && period.start <= before.end) return { frame: period.start, one: before.face, other: period.face };
    if (!before || period.end > before.end) before = period;
  }
  return null;
}

/** from: several faces. */
function mergeFaces(periods, from, into) {
  return inOrder(periods.map((period) => (from.includes(period.face) ? { ...period, face: into } : period)));
}

/** Put an apostrophe before a text that a spreadsheet would run as a formula, as csv_tables.py does. */
function toCell(text) {
  return /^'*[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
}

/** The table of periods, as --apply reads it. Times and numbers are those of each period's first and last frame.
    word: person or face; run: name of the run that the periods belong to; firstFrame: number of the first frame;
    decimalComma: whether it has decimal commas, and semicolons between cells. */
function toCsv(periods, times, classNames, word, run, { firstFrame, decimalComma }) {
  const separator = decimalComma ? ';' : ',';
  const milliseconds = (frame) => {
    if (frame >= times.length) return ''; // of another run
    const value = times[frame] / 1000;
    const text = Number.isInteger(value) ? value.toFixed(1) : String(value);
    return decimalComma ? text.replace('.', ',') : text;
  };
  const rows = periods.map((period) => [
    milliseconds(period.start), milliseconds(period.end), period.start + firstFrame, period.end + firstFrame,
    classNames[period.emotion], period.face, period.byPerson ? 'person' : 'machine', toCell(period.note),
    period.use ? 'yes' : 'no', period.found, run,
  ]);
  const special = decimalComma ? /[";\r\n]/ : /[",;\r\n]/;
  const quote = (cell) => (special.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
  const columns = [
    'ms_start', 'ms_end', 'frame_start', 'frame_end', 'emotions', word, 'by', 'note', 'use', 'found_as', 'run',
  ];
  return [columns, ...rows].map((row) => `${row.map(quote).join(separator)}\n`).join('');
}

function unpackCurves(faces) {
  const addUp = (differences) => {
    let sum = 0;
    return differences.map((difference) => (sum += difference));
  };
  return new Map(faces.map(({ face, buckets, low, high, labels }) => {
    const places = new Map(addUp(buckets).map((bucket, place) => [bucket, place]));
    return [face, { places, low, high: high ?? low, labels: labels?.map(addUp) }];
  }));
}

/** A face's curves: in each of its periods, the curves of the face as it was found.
    Returns x in seconds, and for each class y in per cent, with null in gaps in which the face is not seen. */
function joinCurves(periods, curves, framesPerBucket, times, classCount) {
  const x = [];
  const y = Array.from({ length: classCount }, () => []);
  const timeOf = (frame) => times[Math.min(frame, times.length - 1)] / 1e6;
  let last = -1; // bucket
  for (const { found, start, end } of periods) {
    const { places, low, high } = curves.get(found);
    const first = Math.max(Math.floor(start / framesPerBucket), last + 1);
    for (let bucket = first; bucket * framesPerBucket <= end; bucket += 1) {
      const place = places.get(bucket);
      if (place === undefined) continue;
      if (last >= 0 && bucket > last + 1) {
        x.push(timeOf((last + 1) * framesPerBucket));
        y.forEach((values) => values.push(null));
      }
      last = bucket;
      x.push(timeOf(bucket * framesPerBucket));
      y.forEach((values, index) => values.push(low[index][place]));
      if (framesPerBucket > 1) { // the line goes up and down within the bucket
        x.push(timeOf(bucket * framesPerBucket + framesPerBucket / 2));
        y.forEach((values, index) => values.push(high[index][place]));
      }
    }
  }
  return { x, y };
}
