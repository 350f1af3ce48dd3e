// Small pictures of strokes.

import { shape } from "../web/player.js";

const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
const most = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
const data = (strokes) => strokes.map((stroke) => (stroke.length ? `M${stroke.join("L")}h0` : "")).join("");

// An SVG element as large as its place. strokes, pale: lists of points [x, y].
export function thumbnail(strokes, pale = []) {
  const points = [...strokes, ...pale].flat();
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [least(xs), least(ys)];
  const size = Math.max(most(xs) - left, 4 * (most(ys) - top), 1);
  const margin = 0.02 * size;
  const box = [left - margin, top - margin, most(xs) - left + 2 * margin, most(ys) - top + 2 * margin];
  const path = (lines, look) => shape("path", { "vector-effect": "non-scaling-stroke", d: data(lines), class: look });
  const look = { viewBox: box.join(" "), preserveAspectRatio: "xMinYMid meet", "aria-hidden": "true", class: "thumbnail" };
  return shape("svg", look, path(pale, "pale"), path(strokes, "own"));
}
