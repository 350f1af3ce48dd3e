// A frame as its likeliest one: the twin of regression.py.

import { LOG_TWO_PI, clamp, total } from "../../arithmetic/doubles.js";
import { LARGEST, flagsLogProb } from "./flags.js";

export class Regression {
  // numbers: N.
  constructor({ numbers }) {
    this.numbers = numbers;
  }

  distribution(parameters) {
    return Float64Array.from(parameters, (one) => clamp(one, -LARGEST, LARGEST));
  }

  logProb(distribution, step) {
    const n = this.numbers;
    const far = distribution.slice(0, n).map((middle, i) => clamp(step[i] - middle, -LARGEST, LARGEST));
    const flags = flagsLogProb(distribution.slice(n), step.slice(n));
    return flags - 0.5 * total(far.map((z) => z * z)) - 0.5 * n * LOG_TWO_PI;
  }

  draw(distribution) {
    const step = Float32Array.from(distribution, (one, i) => (i < this.numbers ? one : Number(one > 0)));
    return { step, logProb: this.logProb(distribution, step) };
  }
}
