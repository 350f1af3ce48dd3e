// What the units of a layer hold over a text, and what can be seen in it.

import { ask } from "../../../studio/api.js";

const SWEEPS = 12; // of the power iteration: enough for a picture
const VARIED = 16; // units that are shown when none was looked for

export class Inside {
  // answer: of /api/states, with all units of a layer.
  constructor(answer) {
    const { width, parts, gates, gate = null, open, closed } = answer;
    Object.assign(this, { width, parts, gates, gate, open, closed });
    [this.steps] = answer.shape;
    this.values = numbers(answer.data, answer.type); // [steps, width]
  }

  // asked: { prompt, layer, … }.
  static async of(asked, signal) {
    return new Inside(await ask("/api/states", asked, signal));
  }

  // A unit's values over the text.
  unit(n) {
    return Float32Array.from({ length: this.steps }, (_, step) => this.values[step * this.width + n]);
  }

  // The units that change most over the text, the most varied first.
  get varied() {
    const { steps, width, values } = this;
    const sums = new Float64Array(width);
    const squares = new Float64Array(width);
    for (let at = 0, step = 0; step < steps; step++) {
      for (let n = 0; n < width; n++, at++) {
        sums[n] += values[at];
        squares[n] += values[at] ** 2;
      }
    }
    const variance = (n) => squares[n] / steps - (sums[n] / steps) ** 2;
    const order = Array.from({ length: width }, (_, n) => n).sort((one, other) => variance(other) - variance(one));
    return order.slice(0, VARIED);
  }

  // The units whose gate is most often open, or closed. shares: `open` or `closed`.
  most(shares) {
    const order = Array.from(shares, (_, n) => n).sort((one, other) => shares[other] - shares[one]);
    return order.slice(0, VARIED);
  }

  // The state's path in two dimensions: its first two principal components, [steps, 2].
  get path() {
    const { steps, width, values } = this;
    const means = new Float64Array(width);
    for (let at = 0; at < values.length; at++) means[at % width] += values[at] / steps;
    const axes = [];
    const points = new Float32Array(2 * steps);
    for (let k = 0; k < 2; k++) {
      let axis = Float64Array.from({ length: width }, (_, n) => Math.sin(1 + n * (k + 1)));
      let along = new Float64Array(steps);
      for (let sweep = 0; sweep < SWEEPS; sweep++) {
        for (const other of axes) orthogonal(axis, other);
        normal(axis);
        along = along.map((_, step) => {
          let sum = 0;
          for (let n = 0, at = step * width; n < width; n++, at++) sum += (values[at] - means[n]) * axis[n];
          return sum;
        });
        const next = new Float64Array(width);
        for (let step = 0, at = 0; step < steps; step++) {
          for (let n = 0; n < width; n++, at++) next[n] += along[step] * (values[at] - means[n]);
        }
        axis = next;
      }
      axes.push(normal(axis));
      for (let step = 0; step < steps; step++) points[2 * step + k] = along[step];
    }
    return points;
  }
}

function orthogonal(axis, other) {
  const along = axis.reduce((sum, value, n) => sum + value * other[n], 0);
  for (let n = 0; n < axis.length; n++) axis[n] -= along * other[n];
}

function normal(axis) {
  const length = Math.sqrt(axis.reduce((sum, value) => sum + value ** 2, 0)) || 1;
  for (let n = 0; n < axis.length; n++) axis[n] /= length;
  return axis;
}

// The numbers of a text of base64, little-endian. type: float16 or float32.
export function numbers(data, type) {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  if (type === "float32") return new Float32Array(bytes.buffer);
  const halves = new Uint16Array(bytes.buffer);
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const part = half & 1023;
    if (exponent === 31) return part ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + part / 1024) : 2 ** -14 * (part / 1024));
  });
}
