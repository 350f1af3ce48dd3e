// A frame as a mixture of Gaussians: the twin of gaussians.py.

import { LOG_TWO_PI, chosen, clamp, exp, log, logSoftmax, logSumExp, total } from "../../arithmetic/doubles.js";
import { LARGEST, drawnFlags, flagsLogProb, normals } from "./flags.js";

const FLOOR = 0.01;
const WIDEST = 10;

export class Gaussians {
  // mixtures: K; numbers: N.
  constructor({ mixtures, numbers }) {
    Object.assign(this, { mixtures, numbers });
  }

  // Of a step's parameters: log pi, mu, sigma, the logits of the flags, and the densities at the means.
  distribution(parameters) {
    const [k, n] = [this.mixtures, this.numbers];
    const p = Float64Array.from(parameters, (one) => clamp(one, -LARGEST, LARGEST));
    const weights = logSoftmax(p.subarray(0, k));
    const sigma = p.subarray(k + k * n, k + 2 * k * n).map((one) => FLOOR + exp(Math.min(one, WIDEST)));
    const most = weights.map((weight, i) => weight - total(this._of(sigma, i).map(log)) - 0.5 * n * LOG_TWO_PI);
    return { weights, mu: p.subarray(k, k + k * n), sigma, flags: p.subarray(k + 2 * k * n), most };
  }

  _of(values, mixture) {
    return values.subarray(mixture * this.numbers, (mixture + 1) * this.numbers);
  }

  logProb({ mu, sigma, flags, most }, step) {
    const each = most.map((one, k) => {
      const [at, wide] = [this._of(mu, k), this._of(sigma, k)];
      const far = at.map((middle, i) => clamp((step[i] - middle) / wide[i], -LARGEST, LARGEST));
      return one - 0.5 * total(far.map((z) => z * z));
    });
    return logSumExp(each) + flagsLogProb(flags, step.slice(this.numbers));
  }

  // how: {uniform, temperature}.
  draw(distribution, how) {
    const { weights, mu, sigma, flags } = distribution;
    const { uniform, temperature = 1 } = how;
    let k = weights.indexOf(weights.reduce((one, other) => Math.max(one, other)));
    if (temperature && this.mixtures > 1) {
      const most = weights[k];
      k = chosen(weights.map((weight) => exp((weight - most) / temperature)), uniform());
    }
    let numbers = this._of(mu, k);
    if (temperature) {
      const [wide, normal] = [this._of(sigma, k), normals(this.numbers, uniform)];
      numbers = numbers.map((middle, i) => middle + temperature * wide[i] * normal[i]);
    }
    const step = Float32Array.from([...numbers, ...drawnFlags(flags, how)]);
    return { step, logProb: this.logProb(distribution, step) };
  }
}
