// The sheet: a ruled line, the pen on it, and the part of it that is in view.
//
// Places are in hundredths of the height of an x, from the left end of the base line, y down: the same on every screen.

import { element } from "../../../export/page/dom.js";
import { t } from "../../../studio/texts.js";

const X = 100;
const HEIGHT = 4.4; // of the sheet, in heights of an x, as in pad.css
const BASE = 2.7; // where the base line is, from above
const BROAD = { ruled: 0.065, free: 0.03 }; // of a line, in heights of an x, where no pressure is felt
const RULES = [[BASE - 2, "--faint"], [BASE - 1, "--rule"], [BASE, "--rule"], [BASE + 1, "--faint"]];
const CHARACTER = 0.85 * X; // the width that most take at most
const PALM = 3000; // milliseconds after a pen was near in which a touch is a palm's
const REST = 700; // milliseconds after which the sheet moves on under a lifted pen

export class Pad {
  // changed(written): the strokes are others now, or the view is. ruled: with the lines that one writes on.
  constructor(canvas, changed, ruled = true) {
    this.canvas = canvas;
    this.ruled = ruled;
    this.ghosts = []; // lists of points that are shown, and are no strokes
    this.context = canvas.getContext("2d");
    const turn = (name, by, sign) =>
      element("button", { class: `turn ${name}`, hidden: "", "aria-label": t(`pad.${name}`), click: () => this.turn(by) }, sign);
    this.turns = [turn("left", -0.5, "‹"), turn("right", 0.5, "›")];
    this.element = element("div", { class: "sheet-of-pad" }, canvas, ...this.turns);
    this.changed = changed;
    this.penSeen = -Infinity;
    this.open([], 0);
    const on = (name, hear) => canvas.addEventListener(name, hear);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event, false));
    on("pointercancel", (event) => this.up(event, event.pointerType === "touch"));
    on("lostpointercapture", (event) => this.up(event, false));
    on("contextmenu", (event) => event.preventDefault());
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(canvas);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.onchange = () => this.draw();
  }

  close() {
    this.watch.disconnect();
    this.dark.onchange = null;
    clearTimeout(this.resting);
  }

  // Another line, with strokes as of `strokesOf`, which the pad goes on with.
  open(strokes, characters) {
    this.pointer = null; // of the stroke being drawn
    this.strokes = strokes;
    this.cleared = [];
    this.length = characters * CHARACTER;
    this.shift = 0; // what is at the view's left edge
    this.origin = null; // the time stamp that is second 0
    clearTimeout(this.resting);
    this.draw();
  }

  // Lists of points beside the strokes, in pale ink.
  hint(ghosts) {
    this.ghosts = ghosts;
    this.draw();
  }

  get scale() {
    return this.canvas.clientHeight / (HEIGHT * X);
  }

  get view() {
    return this.canvas.clientWidth / this.scale;
  }

  get end() {
    const all = [...this.strokes.map(({ points }) => points), ...this.ghosts];
    const right = all.reduce((most, points) => points.reduce((far, [x]) => Math.max(far, x), most), 0);
    return Math.max(this.length, right + X);
  }

  undo() {
    if (this.pointer !== null) return;
    if (this.strokes.length) this.strokes.pop();
    else [this.strokes, this.cleared] = [this.cleared, []];
    this.touched();
  }

  clear() {
    if (this.pointer !== null) return;
    if (this.strokes.length) [this.cleared, this.strokes] = [this.strokes, []];
    this.origin = null;
    this.shift = 0;
    this.touched();
  }

  touched() {
    this.draw();
    this.changed(true);
  }

  // Move the view by a part of its width.
  turn(part) {
    clearTimeout(this.resting);
    const from = this.shift;
    const to = Math.max(0, from + part * this.view);
    const begun = performance.now();
    const time = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : 220;
    const go = (now) => {
      if (this.pointer !== null) return;
      const done = Math.min(1, Math.max(0, now - begun) / time);
      this.shift = from + (to - from) * (1 - (1 - done) ** 2);
      this.paint();
      if (done < 1) requestAnimationFrame(go);
      else this.changed(false);
    };
    requestAnimationFrame(go);
  }

  down(event) {
    if (event.pointerType === "pen") {
      this.penSeen = event.timeStamp;
      if (this.kind === "touch" && this.pointer !== null) this.drop(); // the palm came down before the pen
    }
    const palm = event.pointerType === "touch" && event.timeStamp - this.penSeen < PALM;
    if (this.pointer !== null || event.button !== 0 || palm) return;
    event.preventDefault();
    document.activeElement?.blur();
    clearTimeout(this.resting);
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.kind = event.pointerType;
    if (this.origin === null) {
      const last = this.strokes.at(-1)?.seconds?.at(-1);
      this.origin = event.timeStamp - (last === undefined ? 0 : 1000 * last + 1000);
    }
    this.strokes.push({ points: [], pressure: [], seconds: [], felt: event.pointerType !== "mouse" });
    this.cleared = [];
    this.add(event);
  }

  move(event) {
    if (event.pointerType === "pen") this.penSeen = event.timeStamp;
    if (event.pointerId !== this.pointer) return;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const each of all.length ? all : [event]) this.add(each);
  }

  up(event, mistaken) {
    if (event.pointerId !== this.pointer) return;
    if (mistaken) {
      this.drop();
      return;
    }
    this.pointer = null;
    this.touched();
    this.resting = setTimeout(() => this.follow(), REST);
  }

  // The view goes on when the writing nears its right edge.
  follow() {
    const x = this.strokes.at(-1)?.points.at(-1)[0] ?? 0;
    const near = this.length > this.view ? 0.7 : 0.92;
    if (this.pointer === null && x - this.shift > near * this.view) this.turn(0.55);
  }

  drop() {
    this.pointer = null;
    this.strokes.pop();
    this.touched();
  }

  add(event) {
    const box = this.canvas.getBoundingClientRect();
    const edge = this.canvas.clientLeft;
    const x = round((event.clientX - box.left - edge) / this.scale + this.shift, 2);
    const y = round((event.clientY - box.top - edge) / this.scale - BASE * X, 2);
    const { points, pressure, seconds } = this.strokes.at(-1);
    const last = points.at(-1);
    if (last && last[0] === x && last[1] === y) return;
    points.push([x, y]);
    pressure.push(round(event.pressure, 4));
    seconds.push((event.timeStamp - this.origin) / 1000);
    this.draw();
  }

  draw() {
    this.drawing ??= requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.drawing = null;
    const { canvas, context, scale } = this;
    const ratio = devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const style = getComputedStyle(canvas);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    for (const [row, colour] of this.ruled ? RULES : []) {
      context.fillStyle = style.getPropertyValue(colour);
      context.fillRect(0, Math.round(row * X * scale), width, row === BASE ? 2 : 1);
    }
    context.strokeStyle = context.fillStyle = style.getPropertyValue("--pen");
    context.lineCap = context.lineJoin = "round";
    context.globalAlpha = 0.28;
    for (const points of this.ghosts) this.hinted(points);
    context.globalAlpha = 1;
    const felt = pressed(this.strokes);
    for (const stroke of this.strokes) this.trace(stroke, felt);
    const [left, right] = this.turns;
    left.hidden = this.shift <= 0;
    right.hidden = this.shift + this.view >= this.end;
  }

  place([x, y]) {
    return [(x - this.shift) * this.scale, (y + BASE * X) * this.scale];
  }

  get broad() {
    return X * this.scale * (this.ruled ? BROAD.ruled : BROAD.free);
  }

  // One path, so that it is as pale where it meets itself.
  hinted(points) {
    const { context: pen } = this;
    pen.lineWidth = this.broad;
    pen.beginPath();
    pen.moveTo(...this.place(points[0]));
    for (const point of points.length > 1 ? points.slice(1) : points) pen.lineTo(...this.place(point));
    pen.stroke();
  }

  trace({ points, pressure }, felt) {
    const { context: pen, scale } = this;
    const at = (point) => this.place(point);
    const broad = (i) => (felt ? X * scale * (0.03 + 0.08 * pressure[i]) : this.broad);
    if (points.length === 1) {
      pen.beginPath();
      pen.arc(...at(points[0]), broad(0) * 0.7, 0, 2 * Math.PI);
      pen.fill();
    }
    // Curves from middle to middle of the segments, so that the path has no corners.
    let from = points.length ? at(points[0]) : null;
    for (let i = 1; i < points.length; i++) {
      const [[ax, ay], [bx, by]] = [at(points[i - 1]), at(points[i])];
      const to = i === points.length - 1 ? [bx, by] : [(ax + bx) / 2, (ay + by) / 2];
      pen.lineWidth = broad(i);
      pen.beginPath();
      pen.moveTo(...from);
      pen.quadraticCurveTo(ax, ay, ...to);
      pen.stroke();
      from = to;
    }
  }
}

// Whether a pressure was felt: mice have none and say 0.5, as many screens do, or 0 or 1.
function pressed(strokes) {
  return strokes.every((stroke) => stroke.felt) && new Set(strokes.flatMap((stroke) => stroke.pressure)).size > 2;
}

function round(value, digits) {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

// What is saved of strokes, and back.
export function drawingOf(strokes) {
  const drawing = { strokes: strokes.map((stroke) => stroke.points) };
  if (pressed(strokes)) drawing.pressure = strokes.map((stroke) => stroke.pressure);
  if (strokes.every((stroke) => stroke.seconds)) {
    const first = strokes[0].seconds[0];
    drawing.seconds = strokes.map((stroke) => stroke.seconds.map((each) => round(each - first, 4)));
  }
  return drawing;
}

export function strokesOf(drawing) {
  const all = drawing.strokes.map((points, i) => ({
    points,
    pressure: drawing.pressure?.[i],
    seconds: drawing.seconds?.[i],
    felt: Boolean(drawing.pressure),
  }));
  return all.filter((stroke) => stroke.points.length);
}
