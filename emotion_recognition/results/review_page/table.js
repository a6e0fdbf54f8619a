'use strict';
/* The table of periods. It may have tens of thousands of rows; only those in view are in the page. */

const ROW_HEIGHT = 28; // pixels, as in review.css
const ROWS_AROUND = 20; // kept ready above and below the view

class PeriodTable {
  /** describe(period): its cells, as texts or nodes, and its CSS classes; onChoice(period): called when its row is
      chosen. */
  constructor(scroller, body, describe, onChoice) {
    Object.assign(this, { scroller, body, describe, onChoice, periods: [], places: new Map(), current: null });
    scroller.addEventListener('scroll', () => this.render());
    new ResizeObserver(() => this.render()).observe(scroller);
  }

  show(periods) {
    this.periods = periods;
    this.places = new Map(periods.map((period, place) => [period, place]));
    this.rendered = null;
    this.render();
  }

  /** Show which period is the current one, null for none, and scroll to a period, which may be another one. */
  setCurrent(period, visible) {
    if (period === this.current && visible === this.visible) return;
    Object.assign(this, { current: period, visible, rendered: null });
    const place = this.places.get(visible);
    if (place !== undefined) {
      const [top, { scrollTop, clientHeight }] = [place * ROW_HEIGHT, this.scroller];
      const room = clientHeight - 2 * ROW_HEIGHT; // below the head
      if (top < scrollTop || top > scrollTop + room) this.scroller.scrollTop = top - room / 2;
    }
    this.render();
  }

  /** The period a number of rows after the current one (before it, if negative). If there is no current one, the next
      period after this frame, or the previous one before it. */
  neighbour(step, frame) {
    const place = this.places.get(this.current);
    if (place !== undefined) return this.periods[place + step];
    return step > 0
      ? this.periods.find((period) => period.start > frame)
      : this.periods.findLast((period) => period.start < frame);
  }

  render() {
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW_HEIGHT) - ROWS_AROUND);
    const last = Math.min(this.periods.length, first + Math.ceil(this.scroller.clientHeight / ROW_HEIGHT) + 2 * ROWS_AROUND);
    if (this.rendered === `${first} ${last}`) return;
    this.rendered = `${first} ${last}`;
    const rows = this.periods.slice(first, last).map((period, place) => this.renderRow(period, first + place));
    const below = this.periods.length - last;
    this.body.replaceChildren(...spacer(first), ...rows, ...spacer(below));
    this.body.parentElement.setAttribute('aria-rowcount', this.periods.length + 1);
  }

  renderRow(period, place) {
    const { cells, classNames } = this.describe(period);
    const row = document.createElement('tr');
    row.className = classNames.join(' ');
    row.setAttribute('aria-rowindex', place + 2);
    if (period === this.current) row.setAttribute('aria-current', 'true');
    for (const cell of cells) row.insertCell().append(...[cell].flat());
    row.addEventListener('click', () => this.onChoice(period));
    return row;
  }
}

function spacer(rows) {
  if (!rows) return [];
  const row = document.createElement('tr');
  row.setAttribute('aria-hidden', 'true');
  row.style.height = `${rows * ROW_HEIGHT}px`;
  return [row];
}
