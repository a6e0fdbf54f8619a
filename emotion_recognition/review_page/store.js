'use strict';
/* The corrected periods: what they were before each step, and how the browser keeps them. */

class Store {
  /** key: of the video and the run; found: the periods to begin with; onChange(): they are others now. */
  constructor(key, found, onChange) {
    Object.assign(this, { key, found, onChange, periods: found, past: [], isKept: true });
    try {
      const kept = localStorage.getItem(key);
      if (kept) this.periods = unpackPeriods(JSON.parse(kept));
    } catch {
      this.isKept = false;
    }
    window.addEventListener('beforeunload', (event) => {
      if (!this.isKept && this.isCorrected()) event.preventDefault();
    });
  }

  isCorrected() {
    return this.periods !== this.found;
  }

  change(periods) {
    this.past.push(this.periods);
    this.set(periods);
  }

  undo() {
    if (this.past.length) this.set(this.past.pop());
  }

  discard() {
    this.change(this.found);
  }

  set(periods) {
    this.periods = periods;
    try {
      if (this.isCorrected()) localStorage.setItem(this.key, JSON.stringify(packPeriods(periods)));
      else localStorage.removeItem(this.key);
      this.isKept = true;
    } catch { // full, or forbidden
      this.isKept = false;
    }
    this.onChange();
  }
}
