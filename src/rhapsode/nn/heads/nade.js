// A set whose members depend on one another: the twin of nade.py.

import { product, sigmoid } from "../../arithmetic/doubles.js";
import { Choice, logOdds } from "./sets.js";

export class Nade {
  // into, out: rows of the head's weights, one a thing.
  constructor({ size, places = size, into, out }) {
    Object.assign(this, { size, places, into, out });
  }

  distribution(parameters) {
    return Float64Array.from(parameters);
  }

  logProb(distribution, step) {
    return logOdds(this._walk(distribution, (z, thing) => step[thing]), step);
  }

  // how: {uniform, temperature, mask}.
  draw(distribution, how) {
    const choice = new Choice(this.size, this.places, how);
    const step = new Uint8Array(this.size);
    const z = this._walk(distribution, (odds, thing) => {
      if (!choice.member(odds, thing)) return false;
      choice.taken(thing);
      return (step[thing] = 1);
    });
    return { step, logProb: logOdds(z, step), logMass: choice.logMass(z) };
  }

  // The log-odds of all things, each given those before it. member: whether a thing is in, by its log-odds.
  _walk(distribution, member) {
    const sums = distribution.slice(this.size);
    let h = sums.map(sigmoid);
    return Float64Array.from({ length: this.size }, (_, thing) => {
      const z = distribution[thing] + product(h, this.out[thing]);
      if (member(z, thing)) {
        sums.forEach((_, n) => (sums[n] += this.into[thing][n]));
        h = sums.map(sigmoid);
      }
      return z;
    });
  }
}
