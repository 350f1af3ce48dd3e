// Where one is in a tune, and what was heard some bars before: numbers that are given with each step. The twins of
// `codecs._bars` and `codecs._lookback`.

import { cosine, log1p, sine } from "../../../arithmetic/doubles.js";

const [SIXTEENTHS, LAST] = [32, 4];
const FORM = [2, 4, 8, 16];
const MODES = [0, 2, 4, 5, 7, 9, 11];
export const PLACES = SIXTEENTHS + 8 + 2 * FORM.length + LAST + 1 + MODES.length;

// So many bars of `bar` frames each, of which a quarter has `grid`.
export class Bars {
  constructor(count, { bar, compound, mode }, grid) {
    Object.assign(this, { count, bar, compound, mode, grid, end: count * bar });
  }

  left(frame) {
    return frame < this.end ? this.bar - (frame % this.bar) : 0;
  }

  covariates(frame) {
    const found = new Float32Array(PLACES);
    if (frame >= this.end) return found;
    const { bar: size, grid } = this;
    const [bar, into] = [Math.floor(frame / size), frame % size];
    found[Math.min(Math.floor((4 * into) / grid), SIXTEENTHS - 1)] = 1;
    const turns = [into / size, into / grid, (2 * into) / grid, ...FORM.map((period) => bar / period)];
    turns.forEach((turn, n) => {
      found.set([sine(turn % 1), cosine(turn % 1)], SIXTEENTHS + 2 * n);
    });
    let at = SIXTEENTHS + 2 * turns.length;
    found.set([size / (4 * grid), Number(this.compound)], at);
    at += 2;
    const toGo = this.count - bar;
    found[at + Math.min(toGo, LAST) - 1] = Number(toGo <= LAST);
    found[at + LAST] = Math.min(toGo, 64) / 32;
    if (MODES.includes(this.mode)) found[at + LAST + 1 + MODES.indexOf(this.mode)] = 1;
    return found;
  }
}

const LAGS = [1, 2, 4, 8];
const [PITCH, CHORD] = [12, 18];
const OF_A_LAG = CHORD + 12;
export const LOOKBACK = LAGS.length * OF_A_LAG;

// What was heard of a melody.
export class Lookback {
  constructor(bars) {
    this._bars = bars;
    this._pieces = [];
    this._agreed = LAGS.map(() => 0); // frames, up to now, that were as they were so many bars before
  }

  // The next piece. pitch: -1 for a rest; begins: false if it is held on; root: of its chord, -1 for none.
  add(frame, length, pitch, begins, root) {
    LAGS.forEach((lag, n) => {
      const found = this._at(frame, lag);
      const same = found && found.start === found.place && found.end === found.place + length;
      this._agreed[n] = same && found.pitch === pitch && found.begins === begins ? this._agreed[n] + length : 0;
    });
    this._pieces.push({ start: frame, end: frame + length, pitch, begins, root });
  }

  // What sounded at the same place so many bars before, if anything did.
  _at(frame, lag) {
    const { bar, end } = this._bars;
    if (frame < lag * bar || frame >= end) return null;
    const place = frame - lag * bar;
    const found = this._pieces.findLast(({ start }) => start <= place);
    return found && found.end > place ? { ...found, place } : null;
  }

  covariates(frame) {
    const { grid } = this._bars;
    const found = new Float32Array(LOOKBACK);
    LAGS.forEach((lag, n) => {
      const before = this._at(frame, lag);
      if (!before) return;
      const { start, end, pitch, begins, root, place } = before;
      const at = n * OF_A_LAG;
      if (pitch >= 0) found[at + (pitch % 12)] = 1;
      const height = pitch >= 0 ? (pitch - 60) / 24 : 0;
      const left = Math.min(1, (end - place) / (4 * grid));
      const isNew = Number(start === place && begins);
      found.set([1, Number(pitch < 0), height, isNew, left, log1p(this._agreed[n] / grid) / 4], at + PITCH);
      if (root >= 0) found[at + CHORD + root] = 1;
    });
    return found;
  }
}
