// What is drawn so far of a text that takes long: piece behind piece, in pale ink.

import { shape } from "../web/player.js";

const WIDE = 70; // x-heights of a line
const LINE = 4; // x-heights from line to line
const GAP = 1.5; // x-heights between two pieces

export class Preview {
  // xHeight: in the units of the strokes. tries: so many numbers of samples belong to one piece, of which the first is
  // shown.
  constructor(xHeight, tries) {
    Object.assign(this, { xHeight, tries, piece: -1, x: 0, y: 0, right: 0, count: 0 });
    this.element = shape("svg", { class: "preview", "aria-hidden": "true" });
  }

  // event: what the server tells of a sample as it is drawn.
  add({ row, text = "", points, ends }) {
    if (row % this.tries) return;
    if (row !== this.piece) this.#next(row, text);
    points.forEach(([x, y], n) => {
      this.d += `${this.up ? "M" : "L"}${x.toFixed(2)} ${y.toFixed(2)}`;
      this.up = ends[n];
      this.right = Math.max(this.right, this.x + x);
    });
    this.path.setAttribute("d", this.d);
    const unit = this.xHeight;
    this.wide = Math.max(this.wide ?? 30 * unit, this.right + unit);
    this.element.setAttribute("viewBox", [-unit, -3 * unit, this.wide + unit, this.y + 5 * unit].join(" "));
  }

  #next(row, text) {
    if (this.piece >= 0) this.x = this.right + GAP * this.xHeight;
    if (this.x > WIDE * this.xHeight) [this.x, this.right, this.y] = [0, 0, this.y + LINE * this.xHeight];
    Object.assign(this, { piece: row, d: "", up: true, count: this.count + [...text].length });
    this.path = shape("path", { transform: `translate(${this.x} ${this.y})`, "vector-effect": "non-scaling-stroke" });
    this.element.append(this.path);
  }
}
