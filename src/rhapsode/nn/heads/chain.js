// A tuple whose fields depend on one another: the twin of chain.py.

import { product, sigmoid } from "../../arithmetic/doubles.js";

export class Chain {
  // sizes: how many values each field has; into, out: rows of the head's weights, one a value.
  constructor({ sizes, into, out }) {
    Object.assign(this, { sizes, into, out, size: sizes.reduce((one, other) => one + other) });
  }

  distribution(parameters) {
    return Float64Array.from(parameters);
  }

  // A step, given what chooses one value of a field: choose(logits, first) gives at least its number, `symbol`; logits
  // are in nats; first is the number of the field's first value among all.
  draw(distribution, choose) {
    const sums = distribution.slice(this.size);
    let first = 0;
    const chosen = this.sizes.map((size) => {
      const h = sums.map(sigmoid);
      const logits = distribution.slice(first, first + size).map((bias, n) => bias + product(h, this.out[first + n]));
      const found = choose(logits, first);
      sums.forEach((_, n) => (sums[n] += this.into[first + found.symbol][n]));
      first += size;
      return found;
    });
    return { step: chosen.map(({ symbol }) => symbol), chosen };
  }
}
