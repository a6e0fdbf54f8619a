'use strict';
/* The corrected periods: what they were before each step, and how the browser keeps them. */

class Store {
  /** key: of the video and the run; found: the periods to begin with; onChange(): they are others now. */
  constructor(key, found, onChange) {
    Object.assign(this, { key, found, onChange, periods: found, past: [], step: null, isKept: true });
    try {
      const kept = localStorage.getItem(key);
      if (kept) this.periods = unpackPeriods(JSON.parse(kept));
    } catch {
      this.isKept = false;
    }
    window.addEventListener('storage', (event) => { // another tab of this page has corrected
      if (event.key === key) this.change(event.newValue ? unpackPeriods(JSON.parse(event.newValue)) : found);
    });
    window.addEventListener('beforeunload', (event) => {
      if (!this.isKept && this.isCorrected()) event.preventDefault();
    });
  }

  isCorrected() {
    return this.periods !== this.found;
  }

  /** step: what it is about; changes in a row that are about the same, as keys in a list make them, are undone at once. */
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
    } catch { // full, or forbidden
      this.isKept = false;
    }
    this.onChange();
  }
}
