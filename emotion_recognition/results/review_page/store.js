'use strict';
/* The corrected periods: how they were before each step, for Undo, and how the browser keeps them. */

const MAX_ANSWER = 5000; // milliseconds for the browser to answer

/** Wait until the browser knows this page. Chromium sometimes gives a page that asks for its storage before that one that
    is connected to nothing: it is empty, and what it keeps is lost with the page. Any question to the browser is only
    answered afterwards; this one asks the user nothing. */
function waitForBrowser() {
  const answer = navigator.permissions?.query({ name: 'geolocation' }).catch(() => null);
  return Promise.race([answer, new Promise((resolve) => { setTimeout(resolve, MAX_ANSWER); })]);
}

class Store {
  /** video: names the video in the browser's storage; run: names the run there; found: the periods as they were found;
      about: what they are about, see packKept; onChange(): called after each change. */
  constructor(video, run, found, about, onChange) {
    Object.assign(this, { video, key: `${video} ${run}`, found, onChange, periods: found, past: [], step: null });
    Object.assign(this, { about: { ...about, numbers: numbersOf(found) }, isKept: true, isUnreadable: false });
  }

  /** Begin with what the browser keeps, and keep up with other tabs. */
  async open() {
    await waitForBrowser();
    const { found } = this;
    try {
      const text = localStorage.getItem(this.key);
      this.periods = this.read(text) ?? found;
      this.isUnreadable = text !== null && this.periods === found;
    } catch {
      this.isKept = false;
    }
    window.addEventListener('storage', (event) => { // another tab with this page has made a correction
      const periods = event.newValue ? this.read(event.newValue) : found;
      if (event.key !== this.key || !periods) return;
      this.endStep();
      this.past.push({ periods: this.periods, what: 'a correction in another tab' });
      this.periods = periods; // not kept once more, which could undo what the other tab has kept since
      this.onChange();
    });
    window.addEventListener('beforeunload', (event) => {
      if (!this.isKept && this.isCorrected()) event.preventDefault();
    });
  }

  /** The periods in what was kept of this run; null if there are none, or they are not of these faces. */
  read(text) {
    const kept = unpackKept(text, this.about.classes);
    return kept && arePeriodsOf(kept.periods, this.found) && String(kept.classes) === String(this.about.classes)
      ? kept.periods : null;
  }

  /** What is kept of other runs of this video, each with its key. Corrected results are not another run. */
  others() {
    const isOther = (key) => key !== this.key && key.startsWith(`${this.video} `)
      && /^[0-9a-f]{16}$/.test(key.slice(this.video.length + 1));
    try {
      return Object.keys(localStorage).filter(isOther).sort()
        .map((key) => ({ key, ...unpackKept(localStorage.getItem(key), this.about.classes) }))
        .filter(({ periods, runName }) => periods && runName !== this.about.runName);
    } catch { // the browser's storage is forbidden
      return [];
    }
  }

  isCorrected() {
    return this.periods !== this.found;
  }

  /** what: the change in words; step: what it is about. Successive changes about the same thing, such as those that keys
      make in a list, are undone together. */
  change(periods, what, step = null) {
    if (step === null || step !== this.step) this.past.push({ periods: this.periods });
    this.past.at(-1).what = what;
    this.step = step;
    this.set(periods);
  }

  endStep() {
    this.step = null;
  }

  /** Returns what was undone in words, or null if there was nothing to undo. */
  undo() {
    this.endStep();
    if (!this.past.length) return null;
    const { periods, what } = this.past.pop();
    this.set(periods);
    return what;
  }

  discard() {
    this.change(this.found, 'all corrections were discarded');
  }

  set(periods) {
    this.periods = periods;
    try {
      if (this.isCorrected()) localStorage.setItem(this.key, packKept(periods, this.about));
      else localStorage.removeItem(this.key);
      this.isKept = true;
    } catch { // the browser's storage is full or forbidden
      this.isKept = false;
    }
    this.onChange();
  }
}
