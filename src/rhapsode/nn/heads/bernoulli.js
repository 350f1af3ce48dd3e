// A set whose members are independent: the twin of bernoulli.py.

import { Choice, logOdds } from "./sets.js";

export class Bernoulli {
  constructor({ size, places = size }) {
    Object.assign(this, { size, places });
  }

  distribution(parameters) {
    return Float64Array.from(parameters);
  }

  logProb(distribution, step) {
    return logOdds(distribution, step);
  }

  // how: {uniform, temperature, mask}.
  draw(distribution, how) {
    const choice = new Choice(this.size, this.places, how);
    const step = new Uint8Array(this.size);
    for (let thing = 0; thing < this.size; thing++) {
      if (!choice.member(distribution[thing], thing)) continue;
      step[thing] = 1;
      choice.taken(thing);
    }
    return { step, logProb: logOdds(distribution, step), logMass: choice.logMass(distribution) };
  }
}
