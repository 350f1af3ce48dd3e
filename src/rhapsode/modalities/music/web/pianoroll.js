// The codec `pianoroll`: a step is the set of notes that begin, and of those held on.

import { Guide } from "../../../export/page/guide.js";
import { ordered } from "../player/tune.js";

const VELOCITY = 80;

export class PianoRoll {
  // json: what the model file says of it. usual: see `music.shipped`.
  constructor({ grid, holds, lowest, places, lags }, usual) {
    Object.assign(this, { grid, holds, lowest, places, lags, usual, size: places * (holds ? 2 : 1) });
  }

  guide(bars) {
    return new RollGuide(this, bars * this.usual.bar);
  }

  ends() {
    return false;
  }

  decode(steps) {
    const { holds, places, lowest, grid, usual } = this;
    const struck = steps.map((step) => Array.from({ length: places }, (_, row) => (holds ? step[row] > 0 : false)));
    const on = steps.map((step, n) => struck[n].map((begins, row) => begins || step[holds ? places + row : row] > 0));
    const notes = [];
    const sounding = new Map(); // row → its note
    steps.forEach((_, frame) => {
      for (let row = 0; row < places; row++) {
        if (!on[frame][row]) sounding.delete(row);
        else if (struck[frame][row] || !sounding.has(row)) {
          // what is held without having begun begins there
          sounding.set(row, [frame, 1, lowest + row, VELOCITY, 0]);
          notes.push(sounding.get(row));
        } else sounding.get(row)[1] += 1;
      }
    });
    const { metre, tempo } = usual;
    const parts = [{ name: "", program: 0 }];
    return {
      notes: ordered(notes),
      ticks: grid,
      length: Math.max(steps.length, 1),
      parts,
      metres: [[0, ...metre]],
      keys: [],
      tempos: [[0, tempo]],
      chords: [],
    };
  }
}

class RollGuide extends Guide {
  constructor(codec, frames) {
    super();
    this._codec = codec;
    this._frames = frames;
    this._sounding = new Uint8Array(codec.places);
    this._before = [];
  }

  covariates() {
    const { lags, size } = this._codec;
    const found = new Float32Array(size * lags.length);
    lags.forEach((lag, n) => {
      if (lag <= this._before.length) found.set(this._before.at(-lag), n * size);
    });
    return found;
  }

  // Of each thing, whether it may be out of the set, and in. What did not sound cannot be held.
  mask() {
    const { size, places, holds } = this._codec;
    const found = new Uint8Array(2 * size).fill(1);
    if (holds) this._sounding.forEach((on, row) => (found[2 * (places + row) + 1] = on));
    return found;
  }

  most() {
    return Math.max(0, this._frames - this._before.length);
  }

  read(step) {
    const { places, holds } = this._codec;
    this._sounding = this._sounding.map((_, row) => Number(step[row] > 0 || (holds && step[places + row] > 0)));
    this._before.push(step);
  }
}
