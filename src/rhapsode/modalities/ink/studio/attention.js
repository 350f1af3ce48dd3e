// Which character of the text the network sees at each moment.

import { element } from "../../../export/page/dom.js";
import { t } from "../../../studio/texts.js";

const ROW = 15; // px of a character in the picture
const HIGHEST = 420; // px

export class Attention {
  // seek: is called with the number of a step that was chosen in the picture, of the line that is shown.
  constructor(seek) {
    this.text = element("p", { class: "seen", "aria-hidden": "true" });
    this.canvas = element("canvas", { class: "window", role: "img" });
    this.said = element("p", { class: "quiet" }, t("ink.attention.note"));
    this.element = element("div", { class: "attention", hidden: "" }, this.text, this.canvas, this.said);
    this.canvas.addEventListener("pointerdown", (event) => {
      const box = this.canvas.getBoundingClientRect();
      const steps = this.rows[this.line].length;
      const at = (event.clientX - box.left - this.left) / (box.width - this.left);
      if (at >= 0) seek(this.line, Math.min(steps - 1, Math.floor(at * steps)));
    });
    this.watch = new ResizeObserver(() => this.#draw());
    this.watch.observe(this.canvas);
    this.left = 22;
    this.show([], []);
  }

  close() {
    this.watch.disconnect();
  }

  // lines: texts; rows: of each line [steps][characters and the end], how much of each was seen.
  show(lines, rows) {
    Object.assign(this, { lines: lines.map((one) => [...one]), rows, line: -1, step: -1 });
    this.empty = !rows.length;
    if (!this.empty) this.mark(0, -1);
  }

  // Shows what is seen at a step of a line; -1: before the first.
  mark(line, step) {
    if (line === this.line && step === this.step) return;
    if (line !== this.line) {
      this.line = line;
      const name = (one) => (one === " " ? "␣" : one);
      this.marks = [...this.lines[line].map((one) => element("span", {}, one)), element("span", { class: "end" }, t("ink.end"))];
      this.text.replaceChildren(...this.marks);
      this.names = [...this.lines[line].map(name), "⏎"];
      this.canvas.setAttribute("aria-label", t("ink.attention.picture", { text: this.lines[line].join("") }));
      this.canvas.style.height = `${Math.min(HIGHEST, this.names.length * ROW)}px`;
      this.picture = null;
    }
    this.step = step;
    const row = this.rows[line][step];
    const most = row ? row.indexOf(Math.max(...row)) : -1;
    this.marks.forEach((one, n) => one.classList.toggle("now", n === most));
    this.#draw();
  }

  #draw() {
    if (this.empty || this.element.hidden) return;
    const { canvas } = this;
    const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio || 1];
    if (!width || !height) return;
    const rows = this.rows[this.line];
    const style = getComputedStyle(canvas);
    this.picture ??= this.#picture(rows);
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.picture, this.left, 0, width - this.left, height);
    const high = height / this.names.length;
    pen.fillStyle = style.getPropertyValue("--quiet");
    pen.font = `${Math.min(12, Math.max(7, high - 2))}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    if (high >= 9) this.names.forEach((name, n) => pen.fillText(name, this.left / 2 - 2, (n + 0.5) * high));
    if (this.step < 0) return;
    pen.fillStyle = style.getPropertyValue("--hot");
    pen.fillRect(this.left + ((this.step + 0.5) / rows.length) * (width - this.left) - 1, 0, 2, height);
  }

  // A pixel for each step and character.
  #picture(rows) {
    const picture = element("canvas", { width: String(rows.length), height: String(this.names.length) });
    const pen = picture.getContext("2d");
    const most = rows.reduce((all, row) => Math.max(all, ...row), 0) || 1;
    const colour = getComputedStyle(this.canvas).getPropertyValue("--accent");
    pen.fillStyle = colour;
    rows.forEach((row, x) =>
      row.forEach((value, y) => {
        if (value < 0.004 * most) return;
        pen.globalAlpha = Math.sqrt(value / most); // so that what is little can be seen
        pen.fillRect(x, y, 1, 1);
      }),
    );
    return picture;
  }
}

// Of the points of a drawing, at which step of which line each was drawn. Returns a function of the number of the stroke
// and of the point in it: [line, step]; step -1 for a point that was given.
export function stepsOf({ strokes, order, attention }) {
  const total = strokes.flat().length;
  const ends = [];
  let end = 0;
  for (const rows of attention) ends.push((end += attention.length > 1 ? rows.length + 1 : total));
  return (stroke, point) => {
    const when = order[stroke][point];
    const line = Math.max(0, ends.findIndex((one) => when < one));
    const size = ends[line] - (ends[line - 1] ?? 0);
    return [line, when - (ends[line - 1] ?? 0) - (size - attention[line].length)];
  };
}
