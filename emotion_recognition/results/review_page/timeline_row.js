'use strict';
/* A row of the timeline: a uPlot chart with a band of items over time, and below it curves that can be switched on. */

/** items(): what its band shows, in order: {start, end, texts, fill, colour, isGrey, isCorrected}, with times in seconds;
             of the texts, the first one that fits is shown.
    curves(): {x, y}, with an array for each class in y; null for a row without curves. */
class TimelineRow {
  constructor(timeline, holder, { face = null, items, curves = null, hasAxis = false }) {
    this.timeline = timeline;
    this.face = face;
    this.items = items;
    this.curves = curves;
    this.hasAxis = hasAxis;
    this.hasCurves = false;
    this.plot = new uPlot(this.options(holder.clientWidth), this.data(), holder);
    this.cursorLine = document.createElement('div');
    this.cursorLine.className = 'cursor';
    this.selectionBox = document.createElement('div');
    this.selectionBox.className = 'selection';
    this.plot.over.append(this.selectionBox, this.cursorLine);
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
        setSelect: [(u) => this.zoomToDraggedRange(u)],
      },
    };
  }

  /** Value at the upper edge, which leaves room for the band above 100 %. */
  topValue() {
    return this.hasCurves ? BOTTOM + ((103 - BOTTOM) * (CURVES_HEIGHT + BAND_HEIGHT)) / CURVES_HEIGHT : 100;
  }

  showCurves(isWanted) {
    this.hasCurves = isWanted && this.curves !== null;
    this.plot.setData(this.data(), false);
    this.plot.setSize({ width: this.plot.width, height: this.height() });
    this.refresh();
  }

  /** Draw the row again after a change of the view, the periods or the classes that are shown. */
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
    const { time, selection } = this.timeline;
    const width = this.plot.over.clientWidth;
    const place = (seconds) => Math.min(width, Math.max(0, this.plot.valToPos(seconds, 'x')));
    const at = this.plot.valToPos(time, 'x');
    this.cursorLine.hidden = at < 0 || at > width;
    this.cursorLine.style.transform = `translateX(${at}px)`;
    this.selectionBox.hidden = !selection;
    if (selection) {
      this.selectionBox.style.left = `${place(selection[0])}px`;
      this.selectionBox.style.width = `${place(selection[1]) - place(selection[0])}px`;
    }
  }

  zoomToDraggedRange(u) {
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
    if (this.hasCurves) this.drawMinConfidence(u);
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

  drawItem(u, { start, end, texts, fill, colour, isGrey, isCorrected }, scale) {
    const { ctx, bbox } = u;
    const [left, right] = [start, end].map((seconds) => u.valToPos(seconds, 'x', true));
    const height = (BAND_HEIGHT - 4) * scale;
    const width = Math.max(scale, right - left - scale); // a gap keeps neighbours apart
    ctx.fillStyle = fill;
    ctx.fillRect(left, bbox.top + 2 * scale, width, height);
    if (isCorrected) {
      ctx.fillStyle = '#fff';
      ctx.fillRect(left, bbox.top + (BAND_HEIGHT - 4) * scale, width, 3 * scale);
    }
    const inside = Math.max(left, bbox.left); // left end of what is in view of a long period
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

  drawMinConfidence(u) {
    const { minConfidence } = this.timeline;
    if (!minConfidence) return;
    const top = u.valToPos(minConfidence, 'y', true);
    u.ctx.fillStyle = 'rgb(70 74 82 / 75%)';
    u.ctx.fillRect(u.bbox.left, top, u.bbox.width, u.bbox.top + u.bbox.height - top);
    u.ctx.fillStyle = INK;
    u.ctx.fillRect(u.bbox.left, top, u.bbox.width, devicePixelRatio);
  }
}
