// A drawing on a page cut to it, as an SVG document in millimetres: the file that `rhapsode write` makes. The twin of
// `ink.page.fit`, `ink.curve` and `ink.svg`.

import { rint } from "../../../arithmetic/doubles.js";
import { general } from "../../../export/page/general.js";
import { bounds, metrics } from "./metrics.js";
import { strokes } from "./strokes.js";

const [FITTED, MARGIN, SIZE] = [4, 5, 100]; // mm: the x-height; around the drawing; its longer side if there is no text
const PER_MM = 1000;
const DOT = 0.05; // seconds
const LEAST = 1e-100;

// A drawing in its place: {width, height, xHeight, unit, strokes: [[x, y] …] each, drawing}. ownXHeight: if it is known.
export function fit(drawing, ownXHeight = null) {
  const [left, top, right, bottom] = bounds(drawing);
  const longer = Math.max(right - left, bottom - top);
  let xHeight = SIZE / 25;
  let unit = longer > LEAST ? SIZE / longer : 1;
  if (drawing.text !== null) {
    xHeight = FITTED;
    // A dot or a dash has no x-height, and any scale will do.
    unit = bottom - top >= LEAST ? xHeight / (ownXHeight ?? metrics(drawing).xHeight) : Math.min(unit, 1);
  }
  const width = Math.max((right - left) * unit, xHeight) + 2 * MARGIN;
  const height = Math.max((bottom - top) * unit, xHeight) + 2 * MARGIN;
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const points = drawing.points.map((point) => [(point[0] - x) * unit + width / 2, (point[1] - y) * unit + height / 2]);
  return { width, height, xHeight, unit, drawing, strokes: strokes(drawing.ends).map(([first, stop]) => points.slice(first, stop)) };
}

// When each stroke begins and how long it takes, in seconds: 20 x-heights a second, and twice that in the air.
export function timing({ strokes: drawn, xHeight }) {
  const speed = 20 * xHeight;
  let [at, last] = [0, null];
  return drawn.map((stroke) => {
    if (last) at += Math.min(0.04 + Math.hypot(stroke[0][0] - last[0], stroke[0][1] - last[1]) / (2 * speed), 0.5);
    const takes = Math.max(beziers(distinct(stroke)).reduce((all, curve) => all + length(curve), 0) / speed, DOT);
    const begins = at;
    at += takes;
    last = stroke.at(-1);
    return [begins, takes];
  });
}

export function svg(fitted) {
  const { width, height, xHeight, drawing } = fitted;
  const size = `width="${number(width)}mm" height="${number(height)}mm" viewBox="0 0 ${number(width)} ${number(height)}"`;
  const pen = `stroke="#000" stroke-width="${number(Math.max(xHeight / 8, 0.01))}"`;
  const paths = fitted.strokes.map((stroke) => `<path d="${path(stroke)}"/>\n`).join("");
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">\n${words(drawing.text ?? "")}` +
    `<g fill="none" ${pen} stroke-linecap="round" stroke-linejoin="round">\n` +
    (paths ? `<g${origin(fitted)}>\n${paths}</g></g></svg>\n` : "</g></svg>\n")
  );
}

const distinct = (points) => points.filter(([x, y], at) => !at || x !== points[at - 1][0] || y !== points[at - 1][1]);

// Cubic curves from point to point: a centripetal Catmull-Rom spline.
export function beziers(points) {
  if (points.length < 2) return [];
  const beyond = (one, other) => [2 * one[0] - other[0], 2 * one[1] - other[1]];
  const around = [beyond(points[0], points[1]), ...points, beyond(points.at(-1), points.at(-2))];
  const step = around.slice(1).map(([x, y], at) => [x - around[at][0], y - around[at][1]]);
  // The root of the distance as the curve's time keeps loops and cusps out of it.
  const time = step.map(([x, y]) => Math.sqrt(Math.max(Math.hypot(x, y), 1e-12)));
  const speed = step.map(([x, y], at) => [x / time[at], y / time[at]]);
  const tangent = points.map((_, n) =>
    [0, 1].map((axis) => speed[n][axis] + speed[n + 1][axis] - (step[n][axis] + step[n + 1][axis]) / (time[n] + time[n + 1])),
  );
  return points.slice(1).map((end, n) => {
    const third = time[n + 1] / 3;
    const from = points[n];
    return [
      from,
      [from[0] + tangent[n][0] * third, from[1] + tangent[n][1] * third],
      [end[0] - tangent[n + 1][0] * third, end[1] - tangent[n + 1][1] * third],
      end,
    ];
  });
}

// About how long a curve is.
function length(curve) {
  const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  const around = distance(curve[0], curve[1]) + distance(curve[1], curve[2]) + distance(curve[2], curve[3]);
  return (distance(curve[0], curve[3]) + around) / 2;
}

const whole = ([x, y]) => [rint(x * PER_MM), rint(y * PER_MM)];

// Path data: relative to the point before, which is exact since all are whole parts of a mm.
export function path(stroke) {
  const at = stroke.map(whole);
  const points = stroke.filter((_, n) => !n || at[n][0] !== at[n - 1][0] || at[n][1] !== at[n - 1][1]);
  let here = whole(points[0]);
  let d = `M${joined(here)}`;
  const curves = beziers(points).map((curve) => curve.map(whole));
  if (!curves.length) return `${d}h0`;
  for (const [, ...ends] of curves) {
    d += `c${joined(ends.flatMap(([x, y]) => [x - here[0], y - here[1]]))}`;
    here = ends[2];
  }
  return d;
}

// Numbers in parts of a mm, written as short as SVG allows.
function joined(values) {
  return values.reduce((out, value) => {
    const text = number(value / PER_MM);
    return out + (out && !text.startsWith("-") ? " " : "") + text;
  }, "");
}

// At most three decimals, without what need not be written.
export function number(value) {
  const text = value.toFixed(3).replace(/\.?0+$/, "").replace(/^(-?)0\./, "$1.");
  return ["-0", "", "-"].includes(text) ? "0" : text;
}

// What is needed to read the drawing again as it was: see `ink.svg`.
function origin({ unit, drawing: { text, order } }) {
  const said = text === null ? "" : ` data-text=${quoted(allowed(text))}`;
  return `${said} data-rhapsode-unit="${general(unit, 9)}" data-rhapsode-thin="${order ? runs(order) : "true"}"`;
}

function runs(order) {
  const found = [];
  for (const at of order) {
    if (found.length && found.at(-1)[1] === at) found.at(-1)[1] = at + 1;
    else found.push([at, at + 1]);
  }
  return found.map(([first, stop]) => `${first}:${stop}`).join(" ");
}

// What is written there, for those who do not see it.
function words(given) {
  const text = allowed(given);
  const first = [...text.split("\n")[0].trim()];
  const title = first.length > 80 ? `${first.slice(0, 79).join("")}…` : first.join("");
  return `<title>${escaped(title || "Handwriting")}</title>\n${text ? `<desc>${escaped(text)}</desc>\n` : ""}`;
}

// Without the characters that XML cannot hold.
const allowed = (text) => text.replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function quoted(text) {
  const found = escaped(text).replaceAll("\n", "&#10;").replaceAll("\r", "&#13;").replaceAll("\t", "&#9;");
  if (!found.includes('"')) return `"${found}"`;
  return found.includes("'") ? `"${found.replaceAll('"', "&quot;")}"` : `'${found}'`;
}
