// Flags, and normal numbers: the twin of _flags.py.

import { cosine, log, sigmoid, sine, softplus, total } from "../../arithmetic/doubles.js";

export const LARGEST = 1e6;

// log p of flags, by their logits.
export const flagsLogProb = (logits, flags) =>
  total(Float64Array.from(logits, (logit, n) => logit * flags[n] - softplus(logit)));

// One of each. how: {uniform, temperature}.
export function drawnFlags(logits, { uniform, temperature = 1 }) {
  return Array.from(logits, (logit) => Number(temperature ? uniform() < sigmoid(logit / temperature) : logit > 0));
}

// So many standard normal numbers.
export function normals(count, uniform) {
  const half = Math.floor((count + 1) / 2);
  const [u, v] = [0, 1].map(() => Float64Array.from({ length: half }, uniform));
  const far = u.map((one) => Math.sqrt(-2 * log(1 - one)));
  return [cosine, sine].flatMap((wave) => Array.from(far, (one, n) => one * wave(v[n]))).slice(0, count);
}
