'use strict';
/* The legend, and for each face a row of the timeline with its name, its pictures and a button for its curves. */

const MAX_PICTURES = 4; // in a row

function make(tag, className, text = '') {
  const made = document.createElement(tag);
  if (tag === 'button') made.type = 'button';
  made.className = className;
  made.textContent = text;
  return made;
}

class Legend {
  /** classes: those of the timeline; onSwitch(): called when one of them is switched on or off. */
  constructor(holder, classes, onSwitch) {
    this.values = classes.map((emotion, index) => {
      const [button, value] = [make('button', ''), make('span', 'value', '–')];
      const sample = document.createElement('canvas');
      [sample.width, sample.height] = [32 * devicePixelRatio, 16 * devicePixelRatio];
      drawSample(sample.getContext('2d'), emotion, index);
      button.append(sample, emotion.name, value);
      button.setAttribute('aria-pressed', 'true');
      button.addEventListener('click', () => {
        emotion.isShown = !emotion.isShown;
        button.setAttribute('aria-pressed', emotion.isShown);
        onSwitch();
      });
      holder.append(button);
      return value;
    });
  }

  /** percents: one for each class, or null if there are none. */
  showValues(percents) {
    this.values.forEach((value, index) => {
      value.textContent = percents === null ? '–' : `${percents[index]} %`;
    });
  }
}

/** Draw how a class looks in a band, and below that its curve. */
function drawSample(context, { colour, fill }, index) {
  const { width, height } = context.canvas;
  context.fillStyle = GROUND;
  context.fillRect(0, 0, width, height);
  context.fillStyle = fill;
  context.fillRect(0, 0, width, height * 0.55);
  context.strokeStyle = colour;
  context.lineWidth = 2 * devicePixelRatio;
  context.setLineDash(DASHES[index % DASHES.length].map((length) => length * devicePixelRatio));
  context.beginPath();
  context.moveTo(0, height * 0.8);
  context.lineTo(width, height * 0.8);
  context.stroke();
}

class FaceRows {
  /** items(face), curves(face): what its row shows, see TimelineRow; who(face): its name; onChoice(face): called when that
      is clicked; pictures(): see sortPictures; describePicture(picture): in words; onPicture(face, picture): called
      when it is clicked; onTick(): called when faces have been ticked in order to merge them.
      A row is only drawn when it comes into view, since a long video may have hundreds of faces. */
  constructor(holder, timeline, options) {
    Object.assign(this, { holder, timeline, ...options, entries: new Map(), hasCurves: false, current: {} });
    this.view = new IntersectionObserver((seen) => {
      for (const { isIntersecting, target } of seen) {
        if (isIntersecting) this.draw(Number(target.dataset.face));
      }
    }, { rootMargin: '300px' });
  }

  addAxis(items) {
    const [row, plot] = [make('div', 'row axis'), make('div', 'plot')];
    row.append(make('div', 'head', items ? 'spans' : ''), plot);
    this.holder.append(row);
    this.timeline.add(plot, { items, hasAxis: true });
  }

  /** Show these faces, in this order. */
  show(faces) {
    for (const [face, { row, drawn }] of this.entries) {
      if (faces.includes(face)) continue;
      this.timeline.remove(drawn);
      row.remove();
      this.entries.delete(face);
    }
    for (const face of faces) {
      if (!this.entries.has(face)) this.entries.set(face, this.make(face));
    }
    const shown = [...this.holder.children].filter((row) => row.dataset.face).map((row) => Number(row.dataset.face));
    if (String(shown) !== String(faces)) { // only if needed: a row that moves while the mouse is pressed on it gets no click
      this.holder.append(...faces.map((face) => this.entries.get(face).row));
    }
    this.forgetItems();
    for (const { drawn } of this.entries.values()) drawn?.reload();
    const pictures = this.pictures();
    for (const face of faces) this.showPictures(face, pictures.get(face));
  }

  make(face) {
    const [row, head, plot, pictures] = ['row', 'head', 'plot', 'pictures'].map((className) => make('div', className));
    const [name, curvesSwitch] = [make('button', 'name', this.who(face)), make('button', 'curves', 'curves')];
    const tick = Object.assign(make('input', 'tick'), { type: 'checkbox', title: 'tick those to merge into the chosen one' });
    tick.setAttribute('aria-label', `${name.textContent}: to be merged`);
    tick.addEventListener('change', () => this.onTick());
    name.title = name.textContent; // in full, if there is no room for it
    curvesSwitch.setAttribute('aria-label', `curves of ${name.textContent}`);
    name.addEventListener('click', () => this.onChoice(face));
    curvesSwitch.addEventListener('click', () => this.switchCurves(face));
    row.dataset.face = face;
    row.append(head, plot);
    head.append(tick, name, curvesSwitch, pictures);
    this.view.observe(row);
    const hasCurves = this.hasCurves || this.entries.size === 0; // at first only those of the first face
    curvesSwitch.setAttribute('aria-expanded', hasCurves);
    return { row, plot, tick, name, pictures, curvesSwitch, hasCurves, drawn: null, items: null };
  }

  /** Show its pictures, those of the faces seen longest, in the order in which they were seen. */
  showPictures(face, pictures) {
    const entry = this.entries.get(face);
    const shown = pictures.slice(0, MAX_PICTURES).sort((a, b) => a.appearance.first - b.appearance.first);
    const texts = shown.map((picture) => this.describePicture(picture));
    const content = `${texts} ${shown.map(({ frame }) => frame)} ${pictures.length}`;
    if (entry.content === content) return; // a button that was just pressed stays in the page, and keeps the focus
    entry.content = content;
    entry.pictures.replaceChildren(...shown.map((picture, place) => {
      const [button, image] = [make('button', 'picture'), document.createElement('img')];
      button.title = image.alt = texts[place];
      image.src = picture.source;
      button.append(image);
      button.addEventListener('click', () => this.onPicture(face, picture));
      return button;
    }), ...(pictures.length > shown.length ? [`+${pictures.length - shown.length}`] : []));
  }

  draw(face) {
    const entry = this.entries.get(face);
    if (!entry || entry.drawn) return;
    this.view.unobserve(entry.row);
    entry.drawn = this.timeline.add(entry.plot, {
      face,
      items: () => (entry.items ??= this.items(face)),
      curves: () => this.curves(face),
    });
    entry.drawn.showCurves(entry.hasCurves);
  }

  /** Curves that are shown of the face that was chosen so far go on to this one. */
  setCurrent(current) {
    const before = this.current; // it may have been merged and have no row any more
    this.current = { face: current, entry: this.entries.get(current) };
    if (current !== before.face && before.entry?.hasCurves && !this.hasCurves) {
      this.switchCurves(before.face, false);
      this.switchCurves(current, true);
    }
    for (const [face, { name, tick }] of this.entries) {
      name.setAttribute('aria-pressed', face === current);
      tick.disabled = face === current || this.entries.size === 1;
    }
  }

  isTicked(face) {
    return this.entries.get(face).tick.checked;
  }

  clearTicks() {
    for (const { tick } of this.entries.values()) tick.checked = false;
  }

  switchCurves(face, isWanted) {
    const entry = this.entries.get(face);
    if (!entry) return;
    entry.hasCurves = isWanted ?? !entry.hasCurves;
    entry.curvesSwitch.setAttribute('aria-expanded', entry.hasCurves);
    entry.drawn?.showCurves(entry.hasCurves);
  }

  switchAllCurves(isWanted) {
    this.hasCurves = isWanted; // also for faces that are added later
    for (const face of this.entries.keys()) this.switchCurves(face, isWanted);
  }

  forgetItems() {
    for (const entry of this.entries.values()) entry.items = null;
  }
}
