'use strict';
/* Labels over the video: the annotated one has the emotions drawn in it that were found, so what a person has corrected
   since is shown over them. */

const FONT_SHARE = 0.68; // of a label's height: letters as large as those below
const EDGE = 2; // pixels of the video by which a label is larger on each side than the one below

/** Where the label of a face is drawn in a frame: [x, y, width, height] in pixels of the video; null if there is none.
    It moves evenly from one bucket of frames to the next. curve: the face's, see unpackCurves. */
function placeOfLabel({ places, labels }, frame, framesPerBucket) {
  const [here, next] = [0, 1].map((step) => {
    const place = places.get(Math.floor(frame / framesPerBucket) + step);
    const box = place === undefined ? null : labels.map((values) => values[place]);
    return box?.[2] ? box : null; // no width: not drawn
  });
  if (!here || !next) return here;
  const share = (frame % framesPerBucket) / framesPerBucket;
  return here.map((value, index) => value + share * (next[index] - value));
}

class CorrectedLabels {
  /** holder: lies over the video. */
  constructor(holder, video) {
    Object.assign(this, { holder, video, items: [] });
    video.addEventListener('loadedmetadata', () => this.show(this.items));
    new ResizeObserver(() => this.show(this.items)).observe(video);
  }

  /** items: {box, text, colour}, with the box in pixels of the video; without a colour it is grey. */
  show(items) {
    this.items = items;
    const labels = (this.video.videoWidth ? items : []).map(({ text, colour }) => {
      const label = make('div', colour ? 'label' : 'label grey', text);
      label.style.background = colour ?? '';
      return label;
    });
    this.holder.replaceChildren(...labels);
    labels.forEach((label, index) => this.place(label, items[index].box));
  }

  place(label, [x, y, width, height]) {
    const { clientWidth, clientHeight, videoWidth, videoHeight, offsetTop } = this.video;
    const scale = Math.min(clientWidth / videoWidth, clientHeight / videoHeight); // of the picture within the element
    const left = (clientWidth - videoWidth * scale) / 2;
    const top = offsetTop + (clientHeight - videoHeight * scale) / 2;
    const shownHeight = (height + 2 * EDGE) * scale;
    Object.assign(label.style, {
      minWidth: `${(width + 2 * EDGE) * scale}px`,
      height: `${shownHeight}px`,
      lineHeight: `${shownHeight}px`,
      fontSize: `${shownHeight * FONT_SHARE}px`,
      top: `${top + (y - EDGE) * scale}px`,
    });
    const last = left + videoWidth * scale - label.offsetWidth; // where it still is within the picture
    label.style.left = `${Math.max(left, Math.min(left + (x - EDGE) * scale, last))}px`;
  }
}
