// A record, such as a drawing or a tune, drawn step by step: as `rhapsode.inference.generate` draws it.

import { Randomness } from "../../arithmetic/randomness.js";

const TRIES = 64; // the most attempts to draw a step in the form that encoding writes

// Says nothing of the steps to come, and allows all: see `rhapsode.data.guide`.
export const FREE = { covariates: () => [], mask: () => null, canonical: () => true, most: () => null, read() {} };

// Reads what is known before the first step that is drawn.
export function begin(reader, guide, steps = []) {
  reader.begin(guide.covariates());
  for (const step of steps) {
    guide.read(step);
    reader.read(step, guide.covariates());
  }
}

export class Draw {
  // reader, guide: stand behind the steps that are known, of which `recent` are the last. ends: says whether a step is the
  // last one. length: steps that are drawn, at the most.
  constructor({ reader, head, guide, ends, sampling, seed, row = 0, recent = [], length = Infinity }) {
    Object.assign(this, { reader, head, guide, ends, sampling, steps: [], _recent: [...recent] });
    this._left = Math.min(length, guide.most() ?? Infinity);
    this._randomness = new Randomness(seed, row);
  }

  // Draws the next step. Returns whether there is another one.
  next() {
    const { reader, head, guide, sampling, steps, _recent: recent } = this;
    if (!this._left) return false;
    const how = { sampling, randomness: this._randomness, recent, mask: guide.mask() };
    let step;
    for (let n = 0; n < TRIES; n++) {
      step = head.draw(reader.parameters, how);
      if (guide.canonical(step)) break;
    }
    guide.read(step);
    recent.push(step);
    steps.push(step);
    this._left -= 1;
    if (this.ends(step) || !this._left) return false;
    reader.read(step, guide.covariates());
    return true;
  }
}
