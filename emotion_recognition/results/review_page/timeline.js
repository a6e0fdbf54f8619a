'use strict';
/* The timeline under the video: how emotions and times look in it, and what its rows have in common. */

const BAND_HEIGHT = 28;
const CURVES_HEIGHT = 130;
const AXIS_HEIGHT = 26;
const BOTTOM = -7; // per cent; leaves room for the lowest curve and its number
const LEFT_WIDTH = 44; // of the axis with percentages
const GROUND = '#16181d'; // background; dark in both themes, since the emotions' colours stand out on it
const INK = '#c9ced6';
const DARK_INK = '#141414'; // on the emotions' colours
const DASHES = [[], [7, 3], [2, 3], [10, 3, 2, 3], [], [4, 4], [10, 4], [2, 2, 6, 2], [1, 4]];
// Seconds between two times on the axis; from 10 s on, round times of a clock.
const AXIS_STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
const MIN_SECONDS = 0.2; // shown in a row

// The hatches of the classes, which labels.py gives to each: lines on a tile of 8 pixels.
const HATCHES = {
  '//': [[0, 8, 8, 0]], '...': [[1, 2, 3, 2], [5, 6, 7, 6]], '||': [[2, 0, 2, 8], [6, 0, 6, 8]],
  '\\\\': [[0, 0, 8, 8]], '': [], '--': [[0, 4, 8, 4]], '++': [[0, 4, 8, 4], [4, 0, 4, 8]],
  xx: [[0, 0, 8, 8], [0, 8, 8, 0]], '.': [[3, 4, 5, 4]],
};
const NOT_USED = [[0, 0, 8, 8], [4, 0, 8, 4], [0, 4, 4, 8]];

function tile(lines, ground, ink, scale) {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 8 * scale;
  const context = canvas.getContext('2d');
  context.fillStyle = ground;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = ink;
  context.lineWidth = scale;
  for (const [x0, y0, x1, y1] of lines) {
    context.beginPath();
    context.moveTo(x0 * scale, y0 * scale);
    context.lineTo(x1 * scale, y1 * scale);
    context.stroke();
  }
  return context.createPattern(canvas, 'repeat');
}

/** Fill for the periods of a class. */
function classFill(hatch, colour, scale) {
  return tile(HATCHES[hatch], colour, 'rgb(0 0 0 / 45%)', scale);
}

function formatTime(seconds, digits = 3) {
  const sign = seconds < -0.0005 ? '-' : '';
  const rounded = Math.abs(seconds).toFixed(digits);
  const minutes = Math.floor(rounded / 60);
  const hours = Math.floor(minutes / 60);
  const rest = (rounded - minutes * 60).toFixed(digits).padStart(digits ? digits + 3 : 2, '0');
  return sign + (hours ? `${hours}:${String(minutes % 60).padStart(2, '0')}` : minutes) + `:${rest}`;
}

/** All rows, which show the same stretch of time. onClick(row, seconds): called for a click into a row. */
class Timeline {
  constructor(classes, first, last, onClick) {
    Object.assign(this, { classes, first, last, onClick, rows: [], view: [first, last], time: first });
    this.selection = null; // [from, to] in seconds
    this.minConfidence = 0; // per cent
  }

  add(holder, options) {
    const row = new TimelineRow(this, holder, options);
    this.rows.push(row);
    row.refresh();
    return row;
  }

  remove(row) {
    this.rows = this.rows.filter((other) => other !== row);
    row?.plot.destroy();
  }

  show(from, to) {
    const length = Math.min(Math.max(to - from, MIN_SECONDS), this.last - this.first);
    const start = Math.min(Math.max(from, this.first), this.last - length);
    this.view.splice(0, 2, start, start + length); // in place, since the rows' scales refer to this list
    this.refresh();
  }

  refresh() {
    this.rows.forEach((row) => row.refresh());
  }

  resize(width) {
    this.rows.forEach((row) => row.resize(width));
  }

  zoom(factor) {
    const [from, to] = this.view;
    const centre = this.time >= from && this.time <= to ? this.time : (from + to) / 2;
    this.show(centre - (centre - from) * factor, centre + (to - centre) * factor);
  }

  moveTo(time, selection) {
    this.time = time;
    this.selection = selection;
    const [from, to] = this.view;
    if (time < from || time > to) this.show(time - (to - from) * 0.05, time + (to - from) * 0.95); // like turning a page
    else this.rows.forEach((row) => row.placeCursor());
  }
}
