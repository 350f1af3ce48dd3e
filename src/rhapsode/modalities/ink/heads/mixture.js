// A pen's next move: the twin of mixture.py.

import {
  LOG_TWO_PI, chosen, clamp, cosine, exp, greatest, log, logSoftmax, logSumExp, sigmoid, sine, softplus, tanh,
} from "../../../arithmetic/doubles.js";

const FLOOR = 0.01;
const LIMIT = 0.999;
const LARGEST = 1e6;
const WIDEST = 10;

export class Mixture {
  // mixtures: K; ends, returns: whether the head says that the drawing is over, and that the pen goes back.
  constructor({ mixtures, ends = true, returns = false }) {
    Object.assign(this, { mixtures, ends, returns });
  }

  distribution(parameters) {
    const k = this.mixtures;
    const p = Float64Array.from(parameters, (one) => clamp(one, -LARGEST, LARGEST));
    const part = (n) => p.subarray(n * k, (n + 1) * k);
    const weights = logSoftmax(part(0));
    const [wide, high] = [3, 4].map((n) => part(n).map((one) => FLOOR + exp(Math.min(one, WIDEST))));
    const rho = part(5).map((one) => LIMIT * tanh(one));
    const root = rho.map((one) => Math.sqrt(1 - one * one));
    const most = weights.map((one, n) => one - log(wide[n] * high[n] * root[n]) - LOG_TWO_PI);
    return { weights, x: part(1), y: part(2), wide, high, rho, root, most, pen: p.subarray(6 * k) };
  }

  logProb(distribution, [x, y, pen]) {
    const { wide, high, rho, root, most } = distribution;
    const each = most.map((one, n) => {
      const a = clamp((x - distribution.x[n]) / wide[n], -LARGEST, LARGEST);
      const b = clamp((y - distribution.y[n]) / high[n], -LARGEST, LARGEST);
      const c = (b - rho[n] * a) / root[n];
      return one - 0.5 * (a * a + c * c);
    });
    const [lifted, over] = [pen !== 0, pen === 2];
    const questions = [[true, lifted]];
    if (this.ends) questions.push([lifted, over]);
    if (this.returns) questions.push([lifted && !over, pen === -1]);
    return questions.reduce((sum, [asked, said], n) => {
      const logit = distribution.pen[n];
      return sum + asked * (logit * said - softplus(logit));
    }, logSumExp(each));
  }

  // how: {uniform, bias}.
  draw(distribution, { uniform, bias = 0 }) {
    const { weights, wide, high, rho, root } = distribution;
    const neater = exp(-bias);
    const favoured = weights.map((one) => one * (1 + bias));
    const most = greatest(favoured);
    const k = chosen(favoured.map((one) => exp(one - most)), uniform());
    const far = Math.sqrt(-2 * log(1 - uniform()));
    const turn = uniform();
    const [a, b] = [far * cosine(turn), far * sine(turn)];
    const x = distribution.x[k] + neater * wide[k] * a;
    const y = distribution.y[k] + neater * high[k] * (rho[k] * a + root[k] * b);
    let asked = 0;
    const yes = () => uniform() < sigmoid(distribution.pen[asked++]);
    let pen = 0;
    if (yes()) {
      pen = 1;
      if (this.ends && yes()) pen = 2;
      else if (this.returns && yes()) pen = -1;
    }
    const step = Float32Array.of(x, y, pen);
    return { step, logProb: this.logProb(distribution, step) };
  }
}
