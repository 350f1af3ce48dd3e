// One of V symbols, of which the rare ones cost little: the twin of adaptive.py.

import { clamp, log, logSoftmax, rint } from "../../arithmetic/doubles.js";

const LARGEST = 1e6;
const LOGIT = 2 ** 20; // the greatest, in nats
const BITS = 20;
const LEAST = 2 ** -100;

export class Adaptive {
  // size, first: of the symbols. cutoffs, features: settings. tensors: of the model.
  constructor({ size, first, cutoffs, features }, tensors) {
    const begins = cutoffs.filter((one) => one < size);
    Object.assign(this, { size, first, shortlist: begins[0] ?? size });
    let place = this.shortlist + begins.length;
    this.clusters = begins.map((begin, n) => {
      const width = Math.max(1, Math.floor(features / 4 ** n));
      const bias = tensors[`head.bias${n}`];
      const zipf = log(((begins[n + 1] ?? size) + 1) / (begin + 1)) / log(this.shortlist + 1);
      const share = log(this.shortlist * zipf);
      const own = { begin, width, place, share, bias, weights: inBits(tensors[`head.weight${n}`]) };
      place += width;
      return own;
    });
  }

  // Logits, in 1/1024 nats.
  distribution(parameters) {
    const logits = new Int32Array(this.size);
    const p = Float64Array.from(parameters, (one) => clamp(one, -LARGEST, LARGEST));
    const put = (rank, nats) => {
      logits[(rank + this.first) % this.size] = rint(1024 * clamp(nats, -LOGIT, LOGIT));
    };
    for (let rank = 0; rank < this.shortlist; rank++) put(rank, p[rank]);
    this.clusters.forEach(({ begin, width, place, share, bias, weights }, n) => {
      const h = inBits(p.subarray(place, place + width));
      const one = weights.one * h.one;
      const z = Float64Array.from(bias, (own, w) => {
        let sum = 0; // of whole numbers: exact
        for (let k = 0; k < width; k++) sum += weights.whole[w * width + k] * h.whole[k];
        return sum * one + own;
      });
      logSoftmax(z).forEach((nats, w) => put(begin + w, nats + (p[this.shortlist + n] + share)));
    });
    return logits;
  }
}

// Numbers, rounded to whole numbers of `BITS` bits, and what one of these stands for: a power of two.
function inBits(x) {
  const most = x.reduce((greatest, one) => Math.max(greatest, Math.abs(one)), LEAST);
  let power = Math.floor(Math.log2(most)) + 1;
  while (most >= 2 ** power) power += 1;
  while (most < 2 ** (power - 1)) power -= 1;
  const one = 2 ** (power - BITS);
  return { whole: Float64Array.from(x, (each) => rint(each / one)), one };
}
