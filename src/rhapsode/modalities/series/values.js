// Values of series in units that follow from the values before: the twin of values.py.

import { clamp, rint } from "../../arithmetic/doubles.js";

export const DISTANCE = 0; // places in a step
export const SEEN = 1;
export const SCALE = 3;
export const FEWEST = 0.1;
export const MOST = 4000000;
const [SMALLEST, GREATEST] = [1e-12, 1e15];

// A value as a step, measured in a frame {level, scale}; NaN is missing.
export function stepOf({ level, scale }, value) {
  const seen = value === value;
  return Float32Array.of(seen ? (value - level) / scale : 0, Number(seen), level, scale);
}

const rounded = (level, scale) => ({ level: Math.fround(level), scale: Math.fround(scale) });

export class Values {
  // memory, scale: those of the model's steps; counts: whether values are whole numbers.
  constructor({ memory, scale, counts }) {
    Object.assign(this, { memory, scale, counts });
  }

  // {level, scale}: where the value after a step is measured from, and its units. No step: of the first value.
  after(step) {
    if (!step) return rounded(0, this.scale);
    const [distance, seen, level, scale] = step;
    if (!seen) return { level, scale };
    const grown = scale * (1 + this.memory * (Math.abs(distance) - 1));
    const moved = this.counts ? 0 : level + this.memory * distance * scale;
    return rounded(moved, clamp(grown, this.counts ? FEWEST : SMALLEST, GREATEST));
  }

  // What a step says, measured from the series' origin.
  value([distance, seen, level, scale]) {
    const value = seen ? level + distance * scale : NaN;
    return this.counts ? rint(value) : value;
  }
}
