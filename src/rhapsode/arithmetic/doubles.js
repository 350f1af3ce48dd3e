// Functions of real numbers that give the same bits everywhere: made of + - * / and the bits of doubles alone, in the order
// of `rhapsode.arithmetic.doubles`. docs/arithmetic.md, "Real numbers".

const TO_WHOLE = 6755399441055744;
const PER_LN_2 = 1.4426950408889634;
const LN_2 = 0.6931471805592082;
const LN_2_REST = 7.371002565167799e-13;
const ROOT_HALF = 0.7071067811865476;
const NORMAL = 2.2250738585072014e-308;
const GREATEST = 1.7976931348623157e308;

// The nearest whole number, of halves the even one, for numbers below 2^51. Greater ones stay as great.
export function rint(x) {
  return x + TO_WHOLE - TO_WHOLE;
}

// c0 + c1 x + ... + c7 x^7
function polynomial(x, [c0, c1, c2, c3, c4, c5, c6, c7]) {
  const a = x * x, b = a * a;
  return c0 + c4 * b + (c2 + c6 * b) * a + (c1 + c5 * b + (c3 + c7 * b) * a) * x;
}

const EXP = [
  0.16666666666666666, -0.002777777777777778, 6.613756613756614e-05, -1.6534391534391535e-06, 4.17535139757362e-08,
  -1.0568380277374986e-09, 2.6765073061369358e-11, -6.779360592645165e-13,
];
const LOG = [
  0.6666666666666666, 0.4000000000000088, 0.28571428570803614, 0.22222222391713917, 0.18181795640132906, 0.15386239702814658,
  0.13268773138656886, 0.13086626147840102,
];

const bits = new DataView(new ArrayBuffer(8));

// 2^n and e^r - 1, where x = n log 2 + r.
function parts(x) {
  const n = rint(x * PER_LN_2);
  const r = x - n * LN_2 - n * LN_2_REST;
  const t = r * r;
  bits.setUint32(0, (n + 1023) << 20);
  bits.setUint32(4, 0);
  return [bits.getFloat64(0), (r + r) / (2 - (r - t * polynomial(t, EXP)))];
}

export function exp(x) {
  if (!(x >= -700)) return x < -700 ? 0 : x;
  const [power, p] = parts(Math.min(x, 700));
  return power * (1 + p);
}

export function expm1(x) {
  if (Number.isNaN(x)) return x;
  const [power, p] = parts(Math.min(Math.max(x, -700), 700));
  return power * p + (power - 1);
}

export function log(x) {
  if (!(x >= NORMAL)) return x < NORMAL ? -Infinity : x;
  // x = m 2^k, m from 1/2 to 1.
  bits.setFloat64(0, Math.min(x, GREATEST));
  let k = ((bits.getUint32(0) >> 20) & 0x7ff) - 1022;
  bits.setUint32(0, (bits.getUint32(0) & 0x800fffff) | (1022 << 20));
  let f = bits.getFloat64(0);
  if (f < ROOT_HALF) {
    f = f * 2 - 1;
    k -= 1;
  } else f -= 1;
  const s = f / (2 + f), w = s * s;
  return k * LN_2 + (f - (s * (f - w * polynomial(w, LOG)) - k * LN_2_REST));
}

export function tanh(x) {
  const e = expm1(2 * Math.abs(x));
  const y = e / (e + 2);
  return x < 0 || Object.is(x, -0) ? -y : y;
}

// The sum of numbers, by halves: while more than one is left, n of them, with h the greatest power of two below n,
// x[i + h] is added to x[i] for all i < n - h, and the first h are left.
export function total(x) {
  const sums = Float64Array.from(x);
  let left = sums.length;
  while (left > 1) {
    let half = 1;
    while (2 * half < left) half *= 2;
    for (let i = 0; i + half < left; i++) sums[i] += sums[i + half];
    left = half;
  }
  return left ? sums[0] : 0;
}
