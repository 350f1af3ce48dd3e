// The beginning of a drawing, by hand; the model draws several endings (Ha & Eck 2017, sketch-rnn).

import { element } from "../../../export/page/dom.js";
import { t } from "../../../studio/texts.js";
import { Pad, strokesOf } from "./pad.js";
import { thumbnail } from "./thumbnail.js";

const SOON = 600; // ms after a stroke, until endings are asked for

export class Beginning {
  // ruled: for writing. soon: endings are wanted. take: the ending of a number was chosen. keep: the first strokes of the
  // drawing that is shown: (count) → strokes in units of the sheet, or null. changed: it is another one.
  constructor(ruled, { soon, take, keep, changed }) {
    Object.assign(this, { soon, take, keep, changed, timer: null });
    this.canvas = element("canvas", { class: ruled ? "pad" : "pad free", role: "img", "aria-label": t("ink.begin.pad") });
    this.pad = new Pad(this.canvas, (written) => written && this.#drawn(), ruled);
    this.goes = element("input", { type: "checkbox", id: "goes-on", change: () => this.#drawn() });
    this.goes.checked = true;
    const button = (id, click) => element("button", { id: `begin-${id}`, click }, t(id === "keep" ? "ink.begin.keep" : `teach.${id}`));
    this.undo = button("undo", () => this.pad.undo());
    this.clear = button("clear", () => this.pad.clear());
    this.count = element("input", { type: "number", id: "begin-count", min: "1", max: "999", value: "2", "aria-label": t("ink.begin.count") });
    this.kept = button("keep", () => this.#keep());
    this.endings = element("div", { class: "endings", role: "group", "aria-label": t("ink.endings") });
    this.element = element(
      "details",
      { class: "beginning" },
      element("summary", {}, t("ink.begin")),
      this.pad.element,
      element(
        "div",
        { class: "row tools" },
        this.undo,
        this.clear,
        element("label", { title: t("ink.begin.goes.title") }, this.goes, " ", t("ink.begin.goes")),
        element("label", {}, this.kept, this.count, " ", t("ink.begin.strokes")),
      ),
      this.endings,
      element("p", { class: "quiet" }, t("ink.begin.note")),
    );
    this.element.addEventListener("toggle", () => this.pad.draw());
    this.element.addEventListener("keydown", (event) => {
      const number = Number(event.key);
      if (event.target.closest("input") || !(number >= 1 && number <= this.endings.children.length)) return;
      event.preventDefault();
      this.take(number - 1);
    });
  }

  close() {
    clearTimeout(this.timer);
    this.pad.close();
  }

  // In units of the sheet: { strokes, open }, or null if nothing is begun.
  get value() {
    const strokes = this.pad.strokes;
    if (!this.#begun || !this.element.open) return null;
    return { strokes: strokes.map(({ points }) => points), thin: strokes.every(({ thin }) => thin), open: this.goes.checked };
  }

  // A dot alone is no beginning: it goes nowhere.
  get #begun() {
    return this.pad.strokes.flatMap(({ points }) => points).length > 1;
  }

  contents() {
    const { strokes } = this.pad;
    return { strokes: strokes.map(({ points }) => points), thin: strokes.map(({ thin }) => Boolean(thin)), open: this.goes.checked, shown: this.element.open };
  }

  restore(kept) {
    this.#open(kept?.strokes ?? [], kept?.thin ?? []);
    this.goes.checked = kept?.open ?? true;
    this.element.open = kept?.shown ?? false;
    this.offer([]);
  }

  // endings: of each what is in it of the beginning, and what the model drew, in units of the sheet.
  offer(endings) {
    const own = this.pad.strokes.map(({ points }) => points);
    this.pad.hint(endings.flat());
    const buttons = endings.map((strokes, n) =>
      element("button", { "aria-label": t("ink.ending", { number: n + 1 }), click: () => this.take(n) }, thumbnail(own, strokes)),
    );
    const focused = this.endings.contains(document.activeElement);
    this.endings.replaceChildren(...buttons);
    if (focused) (buttons[0] ?? this.clear).focus();
  }

  #open(strokes, thin) {
    const opened = strokesOf({ strokes });
    opened.forEach((stroke, n) => (stroke.thin = Boolean(thin[n])));
    this.pad.open(opened, 0);
  }

  #keep() {
    const strokes = this.keep(Math.max(1, Math.round(this.count.valueAsNumber) || 1));
    if (!strokes) return;
    this.#open(strokes, strokes.map(() => true));
    this.#drawn();
  }

  #drawn() {
    this.offer([]);
    this.changed();
    clearTimeout(this.timer);
    if (this.#begun) this.timer = setTimeout(() => this.soon(), SOON);
  }
}
