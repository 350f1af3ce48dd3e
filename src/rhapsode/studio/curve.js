// Curves of numbers against a number, on a canvas.

import { element } from "../export/page/dom.js";

const LEFT = 46; // for the numbers
const BELOW = 20;
const GAP = 8;

// A round step between the lines of a scale over a range.
function step(range, count) {
  const rough = range / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10);
}

export class Curve {
  constructor(label) {
    this.element = element("canvas", { class: "curves", role: "img", "aria-label": label });
    this.watch = new ResizeObserver(() => this.#draw());
    this.watch.observe(this.element);
    this.series = [];
  }

  close() {
    this.watch.disconnect();
  }

  // series: [{ colour, dots, points: [[x, y], …] }], colour being the name of one of the page's. unit: of x.
  show(series, unit) {
    this.series = series;
    this.unit = unit;
    this.#draw();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const scale = devicePixelRatio || 1;
    Object.assign(this.element, { width: width * scale, height: height * scale });
    const pen = this.element.getContext("2d");
    pen.scale(scale, scale);
    const points = this.series.flatMap((one) => one.points);
    if (points.length < 2) return;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const most = Math.max(...points.map(([x]) => x));
    const values = points.map(([, y]) => y).sort((one, other) => one - other);
    const low = values[0];
    const high = values[Math.floor(0.97 * (values.length - 1))]; // the first values are far above
    const range = high - low || 1;
    const at = (x) => LEFT + (x / most) * (width - LEFT - GAP);
    const up = (y) => height - BELOW - ((y - low) / range) * (height - BELOW - 2 * GAP) - GAP;
    pen.font = "12px system-ui, sans-serif";
    pen.lineWidth = 1;
    pen.strokeStyle = colour("line");
    pen.fillStyle = colour("quiet");
    const rise = step(range, 5);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (let y = Math.ceil(low / rise) * rise; y <= high; y += rise) {
      pen.beginPath();
      pen.moveTo(LEFT, up(y));
      pen.lineTo(width, up(y));
      pen.stroke();
      pen.fillText(y.toFixed(Math.max(0, -Math.floor(Math.log10(rise)))), LEFT - 6, up(y));
    }
    const go = step(most, 6);
    pen.textAlign = "center";
    for (let x = go; at(x) < width - 24; x += go) pen.fillText(`${Number(x.toPrecision(6))} ${this.unit}`, at(x), height - 9);
    pen.save();
    pen.beginPath();
    pen.rect(LEFT, 0, width - LEFT, height - BELOW);
    pen.clip();
    for (const { colour: name, dots, points: own } of this.series) {
      pen.strokeStyle = pen.fillStyle = colour(name);
      pen.lineWidth = 1.5;
      pen.beginPath();
      for (const [x, y] of own) pen.lineTo(at(x), up(y));
      pen.stroke();
      for (const [x, y] of dots ? own : []) {
        pen.beginPath();
        pen.arc(at(x), up(y), 2.5, 0, 2 * Math.PI);
        pen.fill();
      }
    }
    pen.restore();
  }
}
