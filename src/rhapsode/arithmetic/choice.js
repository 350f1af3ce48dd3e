// A choice among symbols in whole numbers: frequencies, sampling options, the draw. docs/arithmetic.md, "A choice among
// symbols".

import { log, rint } from "./doubles.js";
import { CERTAIN, FARTHEST, FREQUENCY } from "./tables.js";

export const NEUTRAL = {
  temperature: 1,
  top_k: 0,
  top_p: 1,
  min_p: 0,
  typical: 1,
  repetition_penalty: 1,
  repetition_window: 64,
};

// A distribution of V symbols: how far each is below the likeliest in units of 2^-10 nats (d), and frequencies (f). A
// symbol that was removed has frequency 0.
export class Choice {
  // logits: [V] of whole numbers.
  constructor(logits) {
    const size = logits.length;
    this.d = new Int32Array(size);
    this.f = new Float64Array(size);
    let top = logits[0];
    for (let v = 1; v < size; v++) if (logits[v] > top) top = logits[v];
    for (let v = 0; v < size; v++) this.d[v] = Math.min(top - logits[v], FARTHEST);
    this._weigh();
  }

  // The surprise at a symbol, in nats.
  nats(symbol) {
    return log(this.total) - log(this.f[symbol]);
  }

  probability(symbol) {
    return this.f[symbol] / this.total;
  }

  // The symbols that are not removed, the likeliest first, of equals the lower number first. count: how many, at most.
  likeliest(count = Infinity) {
    const { d } = this;
    if (count === Infinity) return this._alive().sort((one, other) => d[one] - d[other] || one - other);
    const best = [];
    for (const v of this._alive()) {
      let place = best.length;
      while (place && d[best[place - 1]] > d[v]) place -= 1;
      if (place < count) best.splice(place, 0, v);
      if (best.length > count) best.pop();
    }
    return best;
  }

  // Changes the distribution by sampling options. recent: the symbols before, the latest last. mask: [V], what is
  // allowed; null for all.
  adjust(sampling, recent = [], mask = null) {
    const { temperature, top_k, top_p, min_p, typical, repetition_penalty, repetition_window } = {
      ...NEUTRAL,
      ...sampling,
    };
    if (mask) this._allow(mask);
    if (repetition_penalty !== 1) this._penalise(repetition_penalty, new Set(recent.slice(-repetition_window)));
    if (temperature === 0) return this._keep(this.likeliest(1));
    if (temperature !== 1) {
      for (let v = 0; v < this.d.length; v++) this.d[v] = Math.min(rint(this.d[v] / temperature), FARTHEST);
      this._weigh();
    }
    if (top_k > 0) this._keep(this.likeliest().slice(0, top_k));
    if (top_p < 1) this._keepMass(this.likeliest(), top_p);
    if (min_p > 0) {
      const least = min_p * this.f.reduce((one, other) => Math.max(one, other));
      this._keep(this._alive().filter((v) => this.f[v] >= least));
    }
    if (typical < 1) this._keepMass(this._byTypicality(), typical);
    return this;
  }

  // The symbol that 64 random bits choose: a BigInt.
  draw(bits) {
    const at = Number((bits * BigInt(this.total)) >> 64n);
    let sum = 0;
    for (let v = 0; ; v++) {
      sum += this.f[v];
      if (sum > at) return v;
    }
  }

  _alive() {
    const found = [];
    for (let v = 0; v < this.f.length; v++) if (this.f[v]) found.push(v);
    return found;
  }

  // Frequencies from distances, of all symbols that are not removed.
  _weigh() {
    const removed = this.total === undefined ? null : this.f;
    let total = 0;
    for (let v = 0; v < this.d.length; v++) {
      if (!removed || removed[v]) this.f[v] = FREQUENCY[this.d[v]];
      total += this.f[v];
    }
    this.total = total;
  }

  // Only these symbols.
  _keep(symbols) {
    const kept = new Float64Array(this.f.length);
    let total = 0;
    for (const v of symbols) total += kept[v] = this.f[v];
    this.f = kept;
    this.total = total;
    return this;
  }

  // Only the first of these symbols that together have this part of all.
  _keepMass(symbols, part) {
    const enough = part * this.total;
    let sum = 0,
      count = 0;
    while (count < symbols.length && sum < enough) sum += this.f[symbols[count++]];
    this._keep(symbols.slice(0, count));
  }

  // Distances from the likeliest that is left.
  _measure() {
    const alive = this._alive();
    const least = alive.reduce((found, v) => Math.min(found, this.d[v]), Infinity);
    for (const v of alive) this.d[v] = Math.min(this.d[v] - least, FARTHEST);
    this._weigh();
  }

  _allow(mask) {
    this._keep(this._alive().filter((v) => mask[v]));
    this._measure();
  }

  _penalise(penalty, seen) {
    const own = rint(1024 * (log(this.total) - log(CERTAIN)));
    for (const v of seen) if (this.f[v]) this.d[v] = rint((this.d[v] + own) * penalty) - own;
    this._measure();
  }

  // Exact: the products need more than 53 bits.
  _byTypicality() {
    const alive = this._alive();
    const total = BigInt(this.total);
    let mean = 0n;
    for (const v of alive) mean += BigInt(this.f[v]) * BigInt(this.d[v]);
    const distance = new Map();
    for (const v of alive) {
      const apart = BigInt(this.d[v]) * total - mean;
      distance.set(v, apart < 0n ? -apart : apart);
    }
    const order = (one, other) =>
      distance.get(one) < distance.get(other) ? -1 : distance.get(one) > distance.get(other);
    return alive.sort((one, other) => Number(order(one, other)) || one - other);
  }
}
