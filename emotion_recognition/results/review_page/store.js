'use strict';
/* The corrected periods: how they were before each step, for Undo, and how the browser keeps them. */

class Store {
  /** key: names the video and the run; found: the periods as they were found; onChange(): called after each change. */
  constructor(key, found, onChange) {
    Object.assign(this, { key, found, onChange, periods: found, past: [], step: null, isKept: true });
    try {
      const kept = localStorage.getItem(key);
      if (kept) this.periods = unpackPeriods(JSON.parse(kept));
    } catch {
      this.isKept = false;
    }
    window.addEventListener('storage', (event) => { // another tab with this page has made a correction
      if (event.key === key) this.change(event.newValue ? unpackPeriods(JSON.parse(event.newValue)) : found);
    });
    window.addEventListener('beforeunload', (event) => {
      if (!this.isKept && this.isCorrected()) event.preventDefault();
    });
  }

  isCorrected() {
    return this.periods !== this.found;
  }

  /** step: what the change is about. Successive changes about the same thing, such as those that keys make in a list,
      are undone together. */
  change(periods, step = null) {
    if (step === null || step !== this.step) this.past.push(this.periods);
    this.step = step;
    this.set(periods);
  }

  endStep() {
    this.step = null;
  }

  undo() {
    this.endStep();
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
    } catch { // the browser's storage is full or forbidden
      this.isKept = false;
    }
    this.onChange();
  }
}
