// Products of weights with what a layer reads. docs/arithmetic.md, "The network".
//
// Sums of whole numbers fit into 32 bits: what made the model has seen to it. Products with multipliers that do not are
// made in doubles, which are exact below 2^53.

import { clamp, rint } from "./doubles.js";

export const COARSE = 127; // the units of an activation
export const FINE = 4095;
export const NUMBER = 1024; // the units of a number that is read
const LARGEST = 32767;
const MOST = 2 ** 20; // of what is added to a sum of 32 bits
const PAIR = 2 ** 27;
const PAIRED = 2 ** 26; // two sums smaller than this fit into one double

// A matrix of int8 that reads activations. One product of doubles serves two rows: that is twice as fast.
export class Activations {
  // weights: Int8Array [R * K]. multiplier: Int32Array [R]. fine: whether activations are.
  constructor(weights, multiplier, shift, fine) {
    const rows = multiplier.length, columns = weights.length / rows;
    Object.assign(this, { rows, columns, multiplier, shift, fine, half: 2 ** (shift - 1), unit: 2 ** shift });
    this.x = new Float64Array(columns); // what is read: the caller fills it
    this.each = this._fitsPairs(weights) ? 2 : 1; // rows in a double
    const groups = Math.ceil(rows / (4 * this.each));
    this.sums = new Float64Array(4 * this.each * groups);
    this.packed = new Float64Array(4 * groups * columns); // [groups, K, 4]
    for (let r = 0; r < rows; r++) {
      const place = Math.floor(r / this.each);
      const begin = (place >> 2) * 4 * columns + (place & 3);
      const unit = r % this.each ? PAIR : 1;
      for (let k = 0; k < columns; k++) this.packed[begin + 4 * k] += unit * weights[r * columns + k];
    }
  }

  // Adds the scaled products with x to out [R].
  addTo(out) {
    const { packed, x, sums, columns, rows, multiplier, shift, half, unit, each } = this;
    for (let w = 0, r = 0; w < packed.length; r += 4 * each) {
      let a = 0, b = 0, c = 0, d = 0;
      for (let k = 0; k < columns; k++, w += 4) {
        const v = x[k];
        a += packed[w] * v;
        b += packed[w + 1] * v;
        c += packed[w + 2] * v;
        d += packed[w + 3] * v;
      }
      sums[r] = a;
      sums[r + each] = b;
      sums[r + 2 * each] = c;
      sums[r + 3 * each] = d;
    }
    if (each === 2) {
      for (let r = 0; r < sums.length; r += 2) {
        const high = Math.round(sums[r] / PAIR);
        sums[r + 1] = high;
        sums[r] -= high * PAIR;
      }
    }
    if (this.fine) for (let r = 0; r < rows; r++) out[r] += clamp(Math.floor((sums[r] * multiplier[r] + half) / unit), -MOST, MOST);
    else for (let r = 0; r < rows; r++) out[r] += (sums[r] * multiplier[r] + half) >> shift;
  }

  _fitsPairs(weights) {
    for (let r = 0; r < this.rows; r++) {
      let sum = 0;
      for (let k = 0; k < this.columns; k++) sum += Math.abs(weights[r * this.columns + k]);
      if (sum * (this.fine ? FINE : COARSE) >= PAIRED) return false;
    }
    return true;
  }
}

// A matrix of int16 that reads numbers.
export class Numbers {
  // weights: Int16Array [R * K]. multiplier: Int32Array [R].
  constructor(weights, multiplier, shift) {
    Object.assign(this, { weights, multiplier, rows: multiplier.length, columns: weights.length / multiplier.length });
    this.half = 2 ** (shift - 1);
    this.unit = 2 ** shift;
  }

  // Adds the scaled products with numbers x [K] to out [R].
  addTo(out, x) {
    const { weights, rows, columns, multiplier, half, unit } = this;
    const places = [];
    for (let k = 0; k < columns; k++) if (x[k]) places.push(k);
    for (let r = 0; r < rows; r++) {
      let sum = 0;
      for (const k of places) sum += weights[r * columns + k] * x[k];
      out[r] += clamp(Math.floor((sum * multiplier[r] + half) / unit), -MOST, MOST);
    }
  }
}

// A matrix of int16 whose products are doubles.
export class Scaled {
  // weights: Int16Array [R * K]. scale: Float64Array [R].
  constructor(weights, scale) {
    Object.assign(this, { weights, scale, columns: weights.length / scale.length });
    this.x = new Float64Array(this.columns); // what is read: the caller fills it
  }

  // Adds the products with x to out [R].
  addTo(out, x = this.x) {
    const { weights, scale, columns } = this;
    for (let r = 0, w = 0; r < out.length; r++) {
      let sum = 0;
      for (let k = 0; k < columns; k++, w++) sum += weights[w] * x[k];
      out[r] += sum * scale[r];
    }
  }
}

// A number that is read, of whole numbers of 2^-10.
export const whole = (x) => clamp(x, -LARGEST, LARGEST);

// A real number as one that is read.
export function number(v) {
  return whole(rint(Math.fround(v) * NUMBER));
}
