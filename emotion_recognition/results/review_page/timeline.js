'use strict';
/* The rows under the video, each a uPlot chart: a band of items over time, and curves under it that can be switched. */

const BAND_HEIGHT = 28;
const CURVES_HEIGHT = 130;
const AXIS_HEIGHT = 26;
const BOTTOM = -7; // per cent, so that the lowest curve and its number are whole
const LEFT_WIDTH = 44; // of the axis of per cents
const GROUND = '#16181d'; // dark in both themes: the emotions' colours stand out on it
const INK = '#c9ced6';
const DARK_INK = '#141414'; // on the emotions' colours
const DASHES = [[], [7, 3], [2, 3], [10, 3, 2, 3], [], [4, 4], [10, 4], [2, 2, 6, 2], [1, 4]];
// Seconds, of which clocks have the longer ones.
const AXIS_STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
const LEAST_SECONDS = 0.2; // that a row shows

// What stands on the colour of each class, so that the colour is not the only sign: lines on a tile of 8 pixels.
const PATTERNS = [
  [[0, 8, 8, 0]], [[1, 2, 3, 2], [5, 6, 7, 6]], [[2, 0, 2, 8], [6, 0, 6, 8]], [[0, 0, 8, 8]], [],
  [[0, 4, 8, 4]], [[0, 4, 8, 4], [4, 0, 4, 8]], [[0, 0, 8, 8], [0, 8, 8, 0]], [[3, 4, 5, 4]],
];
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

/** How a class is filled. */
function classFill(index, colour, scale) {
  return tile(PATTERNS[index % PATTERNS.length], colour, 'rgb(0 0 0 / 45%)', scale);
}

function formatTime(seconds, digits = 3) {
  const sign = seconds < -0.0005 ? '-' : '';
  const rounded = Math.abs(seconds).toFixed(digits);
  const minutes = Math.floor(rounded / 60);
  const hours = Math.floor(minutes / 60);
  const rest = (rounded - minutes * 60).toFixed(digits).padStart(digits ? digits + 3 : 2, '0');
  return sign + (hours ? `${hours}:${String(minutes % 60).padStart(2, '0')}` : minutes) + `:${rest}`;
}

/** One row.
    items(): what its band shows, in order: {start, end, texts, fill, colour, isGrey, isMarked}, in seconds;
             of the texts, the first one that has room stands in it.
    curves(): {x, y}, y an array for each class; null for a row without. */
class TimelineRow {
  constructor(timeline, holder, { face = null, items, curves = null, hasAxis = false }) {
    this.timeline = timeline;
    this.face = face;
    this.items = items;
    this.curves = curves;
    this.hasAxis = hasAxis;
    this.hasCurves = false;
    this.plot = new uPlot(this.options(holder.clientWidth), this.data(), holder);
    this.cursor = document.createElement('div');
    this.cursor.className = 'cursor';
    this.selection = document.createElement('div');
    this.selection.className = 'selection';
    this.plot.over.append(this.selection, this.cursor);
    this.plot.over.addEventListener('click', (event) => {
      timeline.onClick(this, this.plot.posToVal(event.clientX - this.plot.over.getBoundingClientRect().left, 'x'));
    });
  }

  height() {
    return (this.hasAxis ? AXIS_HEIGHT : 0) + (this.items ? BAND_HEIGHT : 0) + (this.hasCurves ? CURVES_HEIGHT : 0);
  }

  data() {
    const { first, last, classes } = this.timeline;
    if (!this.hasCurves) return [[first, last], ...(this.curves ? classes.map(() => [null, null]) : [])];
    const { x, y } = this.curves();
    return [x, ...y];
  }

  options(width) {
    const { classes, view } = this.timeline;
    const line = { stroke: 'rgb(201 206 214 / 14%)', width: 1 };
    const noText = (_, splits) => splits.map(() => '');
    const timeText = (u, splits, axis, space, step) => {
      const digits = step < 0.1 ? 2 : Number(step < 1);
      return splits.map((split) => formatTime(split, digits));
    };
    return {
      width,
      height: this.height(),
      padding: [0, 26, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, dist: 5 }, bind: { dblclick: () => null } },
      scales: { x: { time: false, range: () => [...view] }, y: { range: () => [BOTTOM, this.topValue()] } },
      axes: [
        {
          side: 0, stroke: INK, grid: line, ticks: line, size: this.hasAxis ? AXIS_HEIGHT : 0, gap: 2,
          values: this.hasAxis ? timeText : noText, incrs: AXIS_STEPS,
        },
        {
          stroke: INK, grid: line, ticks: { show: false }, size: LEFT_WIDTH, gap: 4,
          splits: () => [0, 50, 100],
          values: (u, splits) => splits.map((split) => (this.hasCurves ? `${split} %` : '')),
        },
      ],
      series: [{}, ...(this.curves ? classes.map(({ colour }, index) => ({
        stroke: colour, width: 1.5, dash: DASHES[index % DASHES.length], points: { show: false }, show: false,
      })) : [])],
      hooks: {
        drawClear: [(u) => this.drawGround(u)],
        draw: [(u) => this.draw(u)],
        setSelect: [(u) => this.zoomToSelection(u)],
      },
    };
  }

  /** Value at the upper edge, so that 100 % stands below the band. */
  topValue() {
    return this.hasCurves ? BOTTOM + ((103 - BOTTOM) * (CURVES_HEIGHT + BAND_HEIGHT)) / CURVES_HEIGHT : 100;
  }

  showCurves(isWanted) {
    this.hasCurves = isWanted && this.curves !== null;
    this.plot.setData(this.data(), false);
    this.plot.setSize({ width: this.plot.width, height: this.height() });
    this.refresh();
  }

  /** Draw anew what has changed: the view, the periods, the classes that are shown. */
  refresh() {
    this.plot.batch(() => {
      if (this.curves) {
        this.timeline.classes.forEach(({ isShown }, index) => {
          this.plot.setSeries(index + 1, { show: this.hasCurves && isShown });
        });
      }
      const [min, max] = this.timeline.view;
      this.plot.setScale('x', { min, max });
    });
    this.plot.redraw(true, true);
    this.placeCursor();
  }

  reload() {
    this.plot.setData(this.data(), false);
    this.refresh();
  }

  resize(width) {
    this.plot.setSize({ width, height: this.height() });
    this.placeCursor();
  }

  placeCursor() {
    const { time, mark } = this.timeline;
    const width = this.plot.over.clientWidth;
    const place = (seconds) => Math.min(width, Math.max(0, this.plot.valToPos(seconds, 'x')));
    const at = this.plot.valToPos(time, 'x');
    this.cursor.hidden = at < 0 || at > width;
    this.cursor.style.transform = `translateX(${at}px)`;
    this.selection.hidden = !mark;
    if (mark) {
      this.selection.style.left = `${place(mark[0])}px`;
      this.selection.style.width = `${place(mark[1]) - place(mark[0])}px`;
    }
  }

  zoomToSelection(u) {
    if (u.select.width < 5) return;
    this.timeline.show(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x'));
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  }

  drawGround(u) {
    u.ctx.fillStyle = GROUND;
    u.ctx.fillRect(0, 0, u.ctx.canvas.width, u.ctx.canvas.height);
  }

  draw(u) {
    const { ctx, bbox } = u;
    const scale = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    if (this.hasCurves) this.drawLeastConfidence(u);
    if (this.items) {
      ctx.font = `${12 * scale}px system-ui, sans-serif`;
      ctx.textBaseline = 'middle';
      ctx.textAlign = 'left';
      const [from, to] = this.timeline.view;
      for (const item of this.items()) {
        if (item.end >= from && item.start <= to) this.drawItem(u, item, scale);
      }
    }
    ctx.restore();
  }

  drawItem(u, { start, end, texts, fill, colour, isGrey, isMarked }, scale) {
    const { ctx, bbox } = u;
    const [left, right] = [start, end].map((seconds) => u.valToPos(seconds, 'x', true));
    const height = (BAND_HEIGHT - 4) * scale;
    const width = Math.max(scale, right - left - scale); // a gap, that neighbours stay two
    ctx.fillStyle = fill;
    ctx.fillRect(left, bbox.top + 2 * scale, width, height);
    if (isMarked) {
      ctx.fillStyle = '#fff';
      ctx.fillRect(left, bbox.top + (BAND_HEIGHT - 4) * scale, width, 3 * scale);
    }
    const inside = Math.max(left, bbox.left); // of a long period, what is in view
    const room = Math.min(right, bbox.left + bbox.width) - inside - 12 * scale;
    if (room < 12 * scale) return;
    const text = texts.find((one) => ctx.measureText(one).width <= room);
    if (!text) return;
    const textWidth = ctx.measureText(text).width;
    ctx.fillStyle = isGrey ? '#303338' : colour;
    ctx.fillRect(inside + 3 * scale, bbox.top + 5 * scale, textWidth + 6 * scale, 16 * scale);
    ctx.fillStyle = isGrey ? '#e4e4e4' : DARK_INK;
    ctx.fillText(text, inside + 6 * scale, bbox.top + 13.5 * scale);
  }

  drawLeastConfidence(u) {
    const { least } = this.timeline;
    if (!least) return;
    const top = u.valToPos(least, 'y', true);
    u.ctx.fillStyle = 'rgb(70 74 82 / 75%)';
    u.ctx.fillRect(u.bbox.left, top, u.bbox.width, u.bbox.top + u.bbox.height - top);
    u.ctx.fillStyle = INK;
    u.ctx.fillRect(u.bbox.left, top, u.bbox.width, devicePixelRatio);
  }
}

/** All rows, which show the same stretch of time. onClick(row, seconds) is called for a click into one. */
class Timeline {
  constructor(classes, first, last, onClick) {
    Object.assign(this, { classes, first, last, onClick, rows: [], view: [first, last], time: first });
    this.mark = null; // [from, to] in seconds
    this.least = 0; // per cent
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
    const length = Math.min(Math.max(to - from, LEAST_SECONDS), this.last - this.first);
    const start = Math.min(Math.max(from, this.first), this.last - length);
    this.view.splice(0, 2, start, start + length); // the rows' scales hold on to this very list
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

  moveTo(time, mark) {
    this.time = time;
    this.mark = mark;
    const [from, to] = this.view;
    if (time < from || time > to) this.show(time - (to - from) * 0.05, time + (to - from) * 0.95); // as one turns a page
    else this.rows.forEach((row) => row.placeCursor());
  }
}
