// A value as a number from Student's t-distribution: the twin of student.py.

import { clamp, cosine, exp, expm1, log, log1p, logGamma } from "../../../arithmetic/doubles.js";
import { DISTANCE, SEEN } from "../values.js";

const FLOOR = 0.001;
const LARGEST = 1e6;
const WIDEST = 10;
const TAILS = [-5, 5];

export class Student {
  distribution(parameters) {
    const [mu, s, tails] = Array.from(parameters, (one) => clamp(one, -LARGEST, LARGEST));
    const sigma = FLOOR + exp(Math.min(s, WIDEST));
    const nu = 2 + 4 * exp(clamp(tails, ...TAILS));
    const most = logGamma((nu + 1) / 2) - logGamma(nu / 2) - 0.5 * log(Math.PI * nu) - log(sigma);
    return { mu, sigma, nu, most };
  }

  logProb({ mu, sigma, nu, most }, step) {
    if (!step[SEEN]) return 0;
    const z = (step[DISTANCE] - mu) / sigma;
    return most - 0.5 * (nu + 1) * log1p((z * z) / nu);
  }

  // how: {uniform, temperature, frame}; frame: the {level, scale} of the value to come.
  draw(distribution, { uniform, temperature = 1, frame }) {
    const { mu, sigma, nu } = distribution;
    let distance = mu;
    if (temperature) {
      const far = Math.sqrt(nu * expm1((-2 / nu) * log(1 - uniform())));
      distance += temperature * sigma * (far * cosine(uniform()));
    }
    const step = Float32Array.of(distance, 1, frame.level, frame.scale);
    return { step, logProb: this.logProb(distribution, step) };
  }
}
