'use strict';
/* The video and its frames: which one is shown, and how to get to another one. Times are those of the tables, in
   microseconds. */

const TOLERANCE = 100; // microseconds; browsers round times
const INTO_FRAME = 0.4; // of a frame's length: away from both ends, and less than half a frame from the table's time
const MAX_WAIT = 700; // milliseconds for the first picture; in a background tab none comes
const MARGIN = 0.1; // of a frame's length: how far a click stays away from its ends

class Player {
  /** shift: how much later the video is than the tables, in microseconds; onFrame(frame): called for each new frame;
      hasEarlier: whether the video has frames before those of the tables. */
  constructor(video, times, shift, onFrame, hasEarlier) {
    Object.assign(this, { video, times, shift, onFrame, hasEarlier, frame: 0, isReady: false });
    for (const event of ['seeking', 'seeked', 'timeupdate', 'ended']) {
      video.addEventListener(event, () => {
        if (video.paused || video.ended) this.arrive(video.currentTime);
      });
    }
    if ('requestVideoFrameCallback' in video) {
      video.requestVideoFrameCallback((_, { mediaTime }) => {
        if (!this.isReady) this.calibrate(mediaTime);
        this.begin();
      });
    }
    video.addEventListener('loadeddata', () => setTimeout(() => this.begin(), MAX_WAIT), { once: true });
  }

  /** Show the frame that was asked for in the meantime. Only the first picture shows how the browser counts time. */
  begin() {
    if (this.isReady) return;
    this.isReady = true;
    this.followPlaying();
    this.showFrame(this.frame);
  }

  /** If a video does not begin at 0, Chromium keeps its times, but Firefox counts from 0.
      mediaTime: time of the first picture, in seconds. */
  calibrate(mediaTime) {
    const first = this.times[0];
    if (!this.hasEarlier && mediaTime * 1e6 < first + this.shift - TOLERANCE) this.shift = mediaTime * 1e6 - first;
  }

  /** Each frame that the browser presents comes with its own time, so the frame rate may vary. */
  followPlaying() {
    const { video } = this;
    if ('requestVideoFrameCallback' in video) {
      const next = (_, { mediaTime }) => {
        if (!video.paused && !video.seeking) this.arrive(mediaTime);
        video.requestVideoFrameCallback(next);
      };
      video.requestVideoFrameCallback(next);
      return;
    }
    const next = () => {
      if (video.paused) return;
      this.arrive(video.currentTime);
      requestAnimationFrame(next);
    };
    video.addEventListener('play', next);
  }

  arrive(seconds) {
    if (!this.isReady) return;
    const frame = lastAtOrBefore(this.times, seconds * 1e6 - this.shift + TOLERANCE);
    if (frame === this.frame) return;
    this.frame = frame;
    this.onFrame(frame);
  }

  showFrame(frame) {
    const shown = Math.min(Math.max(frame, 0), this.times.length - 1);
    const start = this.times[shown];
    this.jump(shown, start + INTO_FRAME * (endOfFrame(this.times, shown) - start));
  }

  showTime(time) {
    const frame = lastAtOrBefore(this.times, time);
    const [start, end] = [this.times[frame], endOfFrame(this.times, frame)];
    const margin = MARGIN * (end - start);
    this.jump(frame, Math.min(Math.max(time, start + margin), end - margin));
  }

  jump(frame, time) {
    this.frame = frame;
    if (this.isReady) this.video.currentTime = Math.max(0, (time + this.shift) / 1e6);
    this.onFrame(frame);
  }

  step(frames) {
    this.video.pause();
    this.showFrame(this.frame + frames);
  }

  async toggle() {
    if (!this.video.paused) {
      this.video.pause();
      return;
    }
    try {
      await this.video.play();
    } catch (error) {
      if (error.name !== 'AbortError') throw error; // paused again before it began
    }
  }
}
