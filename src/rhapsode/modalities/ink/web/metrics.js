// The height and the base line of a line of handwriting, measured from its ink. The twin of `ink.metrics`.

import { strokes } from "./strokes.js";

const BINS = 256;
const TALL = "bdfhklt";
const STEEPEST = 0.12;
const LEAST = 1e-100;

const sum = (values) => values.reduce((one, other) => one + other, 0);
const least = (values) => values.reduce((one, other) => Math.min(one, other), Infinity);
const most = (values) => values.reduce((one, other) => Math.max(one, other), -Infinity);
const place = (values) => values.reduce((best, value, at) => (value > values[best] ? at : best), 0);

// [left, top, right, bottom]
export function bounds({ points }) {
  if (!points.length) return [0, 0, 0, 0];
  const [x, y] = [0, 1].map((axis) => points.map((point) => point[axis]));
  return [least(x), least(y), most(x), most(y)];
}

// {baseline, xHeight, slope}, in the units of the drawing; null where there is no height to measure. xHeight: if known.
export function metrics(drawing, xHeight = null) {
  const [, top, , bottom] = bounds(drawing);
  const height = bottom - top;
  if (!(height >= LEAST)) return null;
  const sorted = drawing.points.map(([, y]) => y).sort((one, other) => one - other);
  const spread = Math.max(quantile(sorted, 0.98) - quantile(sorted, 0.02), 0.01 * height);
  const [lower, upper] = turns(drawing, 0.12 * spread);
  const share = capitals(drawing.text ?? "");
  if (!lower.length || !upper.length) return { baseline: bottom, xHeight: xHeight ?? height * share, slope: 0 };
  const slope = slopeOf(lower, spread);
  const [low, up] = [lower, upper].map((points) => points.map(([x, y]) => y - slope * x));
  const grid = evenly(Math.min(least(low), least(up)), Math.max(most(low), most(up)), BINS);
  const blur = Math.max(0.03 * spread, grid[1] - grid[0]);
  const [atBase, atTop] = [density(low, grid, blur), density(up, grid, blur)];
  if (xHeight !== null) {
    // Lines of digits or capitals have nothing at that height, so it only adds weight.
    const weighed = atBase.map((weight, at) => weight * (0.2 + between(grid[at] - xHeight, grid, atTop)));
    return { baseline: centre(low, grid[place(weighed)], blur), xHeight, slope };
  }
  let [base, head, best] = [0, 0, -Infinity];
  for (let b = 0; b < BINS; b++) {
    for (let t = 0; t < BINS; t++) {
      const both = grid[b] - grid[t] < 0.15 * spread ? 0 : atBase[b] * atTop[t];
      if (both > best) [base, head, best] = [b, t, both];
    }
  }
  if (mostlyTall(drawing.text ?? "")) {
    const reach = grid[base] - grid[head];
    const below = atTop.map((weight, at) =>
      Math.abs(grid[base] - grid[at] - 0.52 * reach) < 0.18 * reach ? weight : 0,
    );
    if (most(below) > 0.3 * atTop[head]) head = place(below);
  }
  const baseline = centre(low, grid[base], blur);
  const found = (baseline - centre(up, grid[head], blur)) * share;
  // Perhaps nothing stands above anything.
  return found < 0.05 * spread
    ? { baseline: bottom, xHeight: height * share, slope: 0 }
    : { baseline, xHeight: found, slope };
}

const isLetterOrDigit = (c) => /[\p{L}\p{N}]/u.test(c);
const isSmall = (c) => /\p{Lowercase}/u.test(c);

// An x-height's share of the height of the writing.
const capitals = (text) => ([...text].some(isLetterOrDigit) && ![...text].some(isSmall) ? 2 / 3 : 1);

function mostlyTall(text) {
  const small = [...text].filter((c) => isSmall(c) && !TALL.includes(c)).length;
  return small > 0 && small < [...text].filter(isLetterOrDigit).length - small;
}

// Points where the pen turned below, and above, or began or ended; not for hooks within `threshold`.
function turns({ points, ends }, threshold) {
  const [lower, upper] = [[], []];
  for (const [first, stop] of strokes(ends)) {
    const stroke = points.slice(first, stop);
    let [lowest, highest, way] = [0, 0, 0];
    stroke.forEach(([, y], at) => {
      if (y > stroke[lowest][1]) lowest = at;
      if (y < stroke[highest][1]) highest = at;
      if (way <= 0 && y >= stroke[highest][1] + threshold) {
        upper.push(stroke[highest]);
        [way, lowest] = [1, at];
      } else if (way >= 0 && y <= stroke[lowest][1] - threshold) {
        lower.push(stroke[lowest]);
        [way, highest] = [-1, at];
      }
    });
    if (way > 0) lower.push(stroke[lowest]);
    else if (way < 0) upper.push(stroke[highest]);
  }
  return [lower, upper];
}

function quantile(sorted, level) {
  const at = level * (sorted.length - 1);
  const [low, part] = [Math.floor(at), at - Math.floor(at)];
  const [a, b] = [sorted[low], sorted[Math.min(low + 1, sorted.length - 1)]];
  return part < 0.5 ? a + (b - a) * part : b - (b - a) * (1 - part);
}

const evenly = (from, to, count) =>
  Array.from({ length: count }, (_, n) => (n === count - 1 ? to : from + n * ((to - from) / (count - 1))));

const bell = (z) => Math.exp(-0.5 * z * z);
const density = (levels, grid, blur) => grid.map((at) => sum(levels.map((level) => bell((level - at) / blur))));

function between(x, xs, ys) {
  if (x < xs[0] || x > xs.at(-1)) return 0;
  const at = Math.min(Math.max(xs.findIndex((one) => one > x) - 1, 0), xs.length - 2);
  return x >= xs.at(-1) ? ys.at(-1) : ys[at] + ((ys[at + 1] - ys[at]) / (xs[at + 1] - xs[at])) * (x - xs[at]);
}

// The middle of the crowd of levels that lies around `level`.
function centre(levels, level, blur) {
  for (let n = 0; n < 5; n++) {
    const weights = levels.map((one) => bell((one - level) / blur));
    level = sum(weights.map((weight, at) => weight * levels[at])) / sum(weights);
  }
  return level;
}

// The slope at which the lower turns lie closest to one level; 0 for writing too short to tell.
function slopeOf(lower, spread) {
  const middle = sum(lower.map(([x]) => x)) / lower.length;
  const x = lower.map(([at]) => at - middle);
  const width = most(x) - least(x);
  if (x.length < 8 || width < 6 * spread) return 0;
  const levels = (slope) => lower.map(([, y], n) => y - slope * x[n]);
  let [best, found] = [0, 0];
  for (const slope of evenly(-STEEPEST, STEEPEST, 49)) {
    const crowded = crowd(levels(slope), spread)[1] * Math.exp(-((slope / 0.2) ** 2));
    if (crowded > best) [best, found] = [crowded, slope];
  }
  for (let n = 0; n < 5; n++) {
    // to the line through that crowd
    const here = levels(found);
    const [at, , blur] = crowd(here, spread);
    const weights = here.map((level) => bell((level - at) / blur));
    const mean = sum(weights.map((weight, m) => weight * x[m])) / sum(weights);
    const across = x.map((one) => one - mean);
    const square = sum(weights.map((weight, m) => weight * across[m] ** 2));
    found += sum(weights.map((weight, m) => weight * across[m] * (here[m] - at))) / Math.max(square, LEAST);
  }
  return found;
}

// Where most of the levels lie, how many do, and how far from each other at most.
function crowd(levels, spread) {
  const grid = evenly(least(levels), most(levels), BINS);
  const blur = Math.max(0.05 * spread, grid[1] - grid[0]);
  const found = density(levels, grid, blur);
  const at = place(found);
  return [grid[at], found[at], blur];
}
