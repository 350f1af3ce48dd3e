// Graves's window along a text, in doubles. docs/arithmetic.md, "Real numbers".

import { exp, rint, total } from "./doubles.js";
import { NUMBER, whole } from "./products.js";

const MOST = 8; // cut of the exponents

export class Window {
  // kappa: where the components stand, which the network remembers.
  constructor({ components, width }, kappa) {
    Object.assign(this, { components, width, kappa });
    this.weights = new Float64Array(0); // how much of each symbol of the text was seen
  }

  // Moves the window by these parameters [3 K], and reads the text: numbers [C], into `seen`.
  move(parameters, text, seen) {
    const { components, kappa, width } = this;
    const found = parameters.map((each) => exp(Math.min(each, MOST)));
    for (let k = 0; k < components; k++) kappa[k] += found[2 * components + k];
    const falls = new Float64Array(components);
    this.weights = Float64Array.from(text, (_, u) => {
      for (let k = 0; k < components; k++) {
        const apart = kappa[k] - u;
        falls[k] = found[k] * exp(-(found[components + k] * (apart * apart)));
      }
      return total(falls);
    });
    const sums = new Float64Array(width);
    text.forEach((symbol, u) => { sums[symbol] += this.weights[u]; });
    for (let c = 0; c < width; c++) seen[c] = whole(rint(sums[c] * NUMBER));
  }
}
