// Tables of the functions of gates, and of frequencies. docs/arithmetic.md, "Tables".

import { clamp, exp, rint, tanh } from "./doubles.js";

export const CERTAIN = 2 ** 28; // the frequency of the likeliest symbol
export const FARTHEST = 20479; // the greatest distance from it, in 1/1024 nats
const SUMS = 8192;

const sums = Float64Array.from({ length: SUMS }, (_, i) => (i - SUMS / 2) / 512);

export const SIGMOID = Int16Array.from(sums, (z) => Math.min(32767, rint(32768 * (1 / (1 + exp(-z))))));
export const TANH = Int16Array.from(sums, (z) => clamp(rint(32768 * tanh(z)), -32767, 32767));
export const FREQUENCY = Uint32Array.from({ length: FARTHEST + 1 }, (_, d) => Math.max(1, rint(CERTAIN * exp(-d / 1024))));
