// A count as a negative binomial number: the twin of negative_binomial.py.

import { clamp, cosine, exp, log, log1p, logGamma, rint, softplus } from "../../../arithmetic/doubles.js";
import { DISTANCE, FEWEST, MOST, SCALE, SEEN, stepOf } from "../values.js";

const FLOOR = 1e-6;
const LARGEST = 1e3;

export class NegativeBinomial {
  distribution(parameters) {
    return Float64Array.from(parameters, (one) => softplus(clamp(one, -LARGEST, LARGEST)));
  }

  _moments(distribution, scale) {
    return [scale * (distribution[0] + FLOOR), 1 / (distribution[1] / Math.sqrt(scale) + FLOOR)];
  }

  logProb(distribution, step) {
    if (!step[SEEN]) return 0;
    const scale = Math.max(step[SCALE], FEWEST);
    const count = clamp(rint(step[DISTANCE] * scale), 0, MOST);
    const [mu, size] = this._moments(distribution, scale);
    const found = logGamma(count + size) - logGamma(count + 1) - logGamma(size);
    return found - size * log1p(mu / size) - count * log1p(size / mu);
  }

  // how: {uniform, temperature, frame}; frame: the {level, scale} of the count to come.
  draw(distribution, { uniform, temperature = 1, frame }) {
    let [mu, size] = this._moments(distribution, frame.scale);
    let count = 0;
    if (temperature) {
      size /= temperature;
      count = poisson(gamma(size, uniform) * (mu / size), uniform);
    } else if (size > 1) {
      count = Math.floor((mu * (size - 1)) / size);
    }
    const step = stepOf(frame, Math.min(count, MOST));
    return { step, logProb: this.logProb(distribution, step) };
  }
}

function gamma(shape, uniform) {
  if (shape < 1) {
    const less = exp(log(1 - uniform()) / shape);
    return less * gamma(shape + 1, uniform);
  }
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const far = Math.sqrt(-2 * log(1 - uniform()));
    const x = far * cosine(uniform());
    let v = 1 + c * x;
    if (v <= 0) continue;
    v = v * v * v;
    if (log(1 - uniform()) < 0.5 * x * x + (d - d * v + d * log(v))) return d * v;
  }
}

function poisson(mean, uniform) {
  if (mean > 2 * MOST) return MOST;
  if (mean < 10) {
    let [u, count, p] = [uniform(), 0, exp(-mean)];
    while (u >= p && count < 100) {
      u -= p;
      count++;
      p *= mean / count;
    }
    return count;
  }
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = 0.02483 * b - 0.059;
  const [inverse, right, logMean] = [1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2), log(mean)];
  for (;;) {
    const [u, v] = [uniform() - 0.5, uniform()];
    const near = 0.5 - Math.abs(u);
    if (near < 0.013 && v >= near) continue;
    const count = Math.floor(((2 * a) / near + b) * u + mean + 0.43);
    if (near >= 0.07 && v <= right) return count;
    const likely = log((v * inverse) / (a / (near * near) + b));
    if (count >= 0 && likely <= count * logMean - mean - logGamma(count + 1)) return count;
  }
}
