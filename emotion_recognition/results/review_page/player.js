'use strict';
/* The video and its frames: which one is shown, and how to get to another one. Times are microseconds of the tables. */

const TOLERANCE = 100; // microseconds, by which a browser's times are rounded
const INTO_FRAME = 0.4; // of its length: away from both of its ends, and less than half a frame from the table's time
const LONGEST_WAIT = 700; // milliseconds, for the first picture; in a tab behind others none comes
const MARGIN = 0.1; // of a frame's length, that a click stays away from its ends

class Player {
  /** shift: microseconds by which the video is later than the tables; onFrame(frame) is called for each new one. */
  constructor(video, times, shift, onFrame) {
    Object.assign(this, { video, times, shift, onFrame, frame: 0, isReady: false });
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
    video.addEventListener('loadeddata', () => setTimeout(() => this.begin(), LONGEST_WAIT), { once: true });
  }

  /** Show the frame that was asked for meanwhile, once the first picture has told how the browser counts. */
  begin() {
    if (this.isReady) return;
    this.isReady = true;
    this.followPlaying();
    this.showFrame(this.frame);
  }

  /** Of a video that begins late, Chromium keeps the times, but Firefox lets them begin at 0.
      mediaTime: of its first picture, in seconds. */
  calibrate(mediaTime) {
    const first = this.times[0];
    if (mediaTime * 1e6 < first + this.shift - TOLERANCE) this.shift = mediaTime * 1e6 - first;
  }

  /** The frame that is presented tells its own time, also where the frame rate varies. */
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
