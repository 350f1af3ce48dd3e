// Functions of real numbers that give the same bits everywhere: made of + - * / and the bits of doubles alone, in the
// order of `rhapsode.arithmetic.doubles`. docs/arithmetic.md, "Real numbers". Vectors are arrays of numbers.

export const LOG_TWO_PI = 1.8378770664093456;

const LEAST = -700, MOST = 700;
const TO_WHOLE = 6755399441055744; // 1.5 · 2^52
const LN_2 = 0.6931471805592082, LN_2_REST = 7.371002565167799e-13;
const ROOT_2 = 1.4142135623730951;
const NORMAL = 2.2250738585072014e-308;

const EXP = [
  0.16666666666666666, -0.002777777777777778, 6.613756613756614e-5, -1.6534391534391535e-6,
  4.17535139757362e-8, -1.0568380277374986e-9, 2.6765073061369358e-11, -6.779360592645165e-13,
];
const LOG = [
  0.6666666666666666, 0.4000000000000088, 0.28571428570803614, 0.22222222391713917,
  0.18181795640132906, 0.15386239702814658, 0.13268773138656886, 0.13086626147840102,
];
const COS = [
  -19.739208802178716, 64.9393940226683, -85.45681720669373, 60.24464137187666,
  -26.4262567833744, 7.903536371318469, -1.714390711088672, 0.28200596845579123,
];
const SIN = [
  -41.34170224039976, 81.60524927607506, -76.70585975306139, 42.058693944897655,
  -15.09464257682299, 3.819952584848282, -0.7181223017785006, 0.10422916220813984,
];
const STIRLING = [
  0.08333333333333333, -0.002777777777777778, 0.0007936507936507937, -0.0005952380952380953,
  0.0008417508417508417, -0.0019175269175269176, 0.00641025641025641, -0.029550653594771242,
];

// The nearest whole number, of two the even one, for numbers below 2^51. Greater ones stay as great.
export const rint = (x) => x + TO_WHOLE - TO_WHOLE;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer); // its bits: the lower 32, the upper 32

// 2^n for whole n from -1022 to 1023.
function power(n) {
  words[0] = 0;
  words[1] = (n + 1023) << 20;
  return double[0];
}

function polynomial(x, [c0, c1, c2, c3, c4, c5, c6, c7]) {
  const a = x * x;
  const b = a * a;
  return c0 + c4 * b + (c2 + c6 * b) * a + (c1 + c5 * b + (c3 + c7 * b) * a) * x;
}

// [2^n, e^r - 1] where x = n log 2 + r.
function parts(x) {
  const n = rint(x * 1.4426950408889634);
  const r = x - n * LN_2 - n * LN_2_REST;
  const t = r * r;
  return [power(n), (r + r) / (2 - (r - t * polynomial(t, EXP)))];
}

export function exp(x) {
  if (!(x >= LEAST)) return x < LEAST ? 0 : x;
  const [two, p] = parts(Math.min(x, MOST));
  return two * (1 + p);
}

export function expm1(x) {
  if (x !== x) return x;
  const [two, p] = parts(Math.min(Math.max(x, LEAST), MOST));
  return two * p + (two - 1);
}

export function log(x) {
  if (!(x >= NORMAL && x < Infinity)) return x < NORMAL ? -Infinity : x;
  double[0] = x;
  let k = (words[1] >>> 20) - 1023;
  words[1] = (words[1] & 0xfffff) | (1023 << 20);
  let f = double[0] - 1;
  if (double[0] >= ROOT_2) [k, f] = [k + 1, double[0] / 2 - 1];
  const s = f / (2 + f);
  const w = s * s;
  return k * LN_2 + (f - (s * (f - w * polynomial(w, LOG)) - k * LN_2_REST));
}

export function log1p(x) {
  const u = 1 + x;
  return log(u) + (x - (u - 1)) / u;
}

export function tanh(x) {
  const e = expm1(2 * Math.abs(x));
  const y = e / (e + 2);
  return x > 0 ? y : x < 0 ? -y : x;
}

export const sigmoid = (x) => 1 / (1 + exp(-x));

export function softplus(x) {
  const size = Math.abs(x);
  return 0.5 * (x + size) + log1p(exp(-size));
}

// cos 2 pi v and sin 2 pi v, for v from 0 to 1.
export const cosine = (v) => turned(v, 0);
export const sine = (v) => turned(v, -1);

function turned(v, quarters) {
  const q = rint(4 * v);
  const w = v - 0.25 * q;
  const t = w * w;
  const turn = (q + quarters) & 3;
  const size = turn & 1 ? w * (6.283185307179586 + t * polynomial(t, SIN)) : 1 + t * polynomial(t, COS);
  return (turn + 1) & 2 ? -size : size;
}

export function logGamma(x) {
  let [y, d] = [x, 1];
  if (x < 8) {
    y = x + 8;
    d = x;
    for (let n = 1; n < 8; n++) d *= x + n;
  }
  return (y - 0.5) * log(y) - y + 0.9189385332046728 + polynomial(1 / (y * y), STIRLING) / y - log(d);
}

export const clamp = (x, least, most) => Math.min(Math.max(x, least), most);

// The sum of a vector, added up by halves.
export function total(x) {
  const n = x.length;
  if (n < 2) return n ? x[0] : 0;
  let half = 1;
  while (2 * half < n) half *= 2;
  const sums = Float64Array.from(x);
  for (let i = half; i < n; i++) sums[i - half] += sums[i];
  for (let h = half / 2; h >= 1; h /= 2) for (let i = 0; i < h; i++) sums[i] += sums[i + h];
  return sums[0];
}

// total(a[i] * b[i])
export const product = (a, b) => total(Float64Array.from(a, (x, i) => x * b[i]));

export const greatest = (x) => x.reduce((one, other) => (other > one ? other : one), -Infinity);

// The number of one of the weights, drawn in proportion to them. uniform: in [0, 1).
export function chosen(weights, uniform) {
  const sum = weights.reduce((one, other) => one + other, 0);
  let before = 0;
  const at = weights.findIndex((weight) => (before += weight) > uniform * sum);
  return at < 0 ? weights.length - 1 : at;
}

export function logSumExp(x) {
  const most = greatest(x);
  return most + log(total(Float64Array.from(x, (one) => exp(one - most))));
}

export function logSoftmax(x) {
  const most = greatest(x);
  const shifted = Float64Array.from(x, (one) => one - most);
  const all = log(total(shifted.map(exp)));
  return shifted.map((one) => one - all);
}
