// What the heads over sets share: the twin of _sets.py.

import { log, softplus, total } from "../../arithmetic/doubles.js";

// log p of a set, members being zeros and ones, by the log-odds of each thing.
export const logOdds = (z, members) => total(Float64Array.from(z, (one, n) => one * members[n] - softplus(one)));

// Which things are in a set. places: how many things are in each of its groups. mask: of each thing, whether it may be
// out, and in, one after the other.
export class Choice {
  constructor(size, places, { uniform, temperature = 1, mask }) {
    const drawn = Float64Array.from({ length: size }, uniform);
    this._bar = drawn.map((u) => (temperature ? temperature * log(u / (1 - u)) : 0));
    this._out = Array.from(drawn, (_, n) => (mask ? !!mask[2 * n] : true));
    this._into = Array.from(drawn, (_, n) => (mask ? !!mask[2 * n + 1] : true));
    this._places = places;
  }

  // Whether a thing is in, by its log-odds.
  member(z, thing) {
    return this._into[thing] && (z > this._bar[thing] || !this._out[thing]);
  }

  // It is in: then those of its place in later groups are not.
  taken(thing) {
    for (let n = thing + this._places; n < this._into.length; n += this._places) this._into[n] = false;
  }

  // log p of what was allowed.
  logMass(z) {
    const forced = z.filter((_, n) => !(this._out[n] && this._into[n]));
    const into = this._into.filter((one, n) => !(this._out[n] && one));
    return -total(forced.map((one, n) => softplus(into[n] ? -one : one)));
  }
}
