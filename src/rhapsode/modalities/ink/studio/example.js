// An example in whose manner is written: a recorded line, or one that is drawn here.

import { element } from "../../../export/page/dom.js";
import { ask } from "../../../studio/api.js";
import { trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { Pad, strokesOf } from "./pad.js";
import { thumbnail } from "./thumbnail.js";

export const X = 100; // an x-height on the sheet
const NONE = "";
const HERE = "here";

export class Example {
  // about: the model. texts: whether it writes texts. changed: it is another one.
  constructor(about, texts, changed) {
    Object.assign(this, { about, texts, changed, lines: [] });
    this.choice = element("select", { id: "example", "aria-label": t("ink.style"), change: () => this.#chosen() });
    this.canvas = element("canvas", { class: "pad", role: "img", "aria-label": t("ink.style.pad") });
    this.words = element("input", { type: "text", id: "example-text", maxlength: "200", placeholder: t("ink.style.says"), "aria-label": t("ink.style.says") });
    this.words.addEventListener("input", () => changed());
    this.pad = new Pad(this.canvas, (written) => written && changed(), texts);
    const tools = ["undo", "clear"].map((name) => element("button", { click: () => this.pad[name]() }, t(`teach.${name}`)));
    this.drawing = element(
      "div",
      { class: "example", hidden: "" },
      ...(texts ? [this.words] : []),
      this.pad.element,
      element("div", { class: "row tools" }, ...tools),
      element("p", { class: "quiet" }, t("ink.style.note")),
    );
    this.picture = element("div", { class: "example", hidden: "" });
    this.element = element(
      "details",
      { class: "style" },
      element("summary", {}, t("ink.style")),
      this.choice,
      this.picture,
      this.drawing,
    );
    this.element.addEventListener("toggle", () => this.#load().catch(trouble));
    this.#options(NONE);
  }

  close() {
    this.pad.close();
  }

  // What was chosen: { strokes, text }, in units of the sheet, without what is not needed; or null.
  get value() {
    if (this.choice.value === NONE) return null;
    const line = this.lines[Number(this.choice.value)];
    if (this.choice.value !== HERE) return line ?? null;
    const strokes = this.pad.strokes.map(({ points }) => points);
    const text = this.words.value.trim();
    return strokes.length && (text || !this.texts) ? { strokes, ...(this.texts && { text }) } : null;
  }

  // Throws an Error where a drawn example is not whole.
  check() {
    if (this.choice.value === HERE && !this.value) throw new Error(t(this.pad.strokes.length ? "ink.style.notext" : "ink.style.nodrawing"));
  }

  contents() {
    return { choice: this.choice.value === NONE || this.choice.value === HERE ? this.choice.value : "line", drawn: this.pad.strokes.map(({ points }) => points), text: this.words.value, line: this.#isLine ? this.value : null };
  }

  get #isLine() {
    return this.choice.value !== NONE && this.choice.value !== HERE;
  }

  restore(kept) {
    this.pad.open(strokesOf({ strokes: kept?.drawn ?? [] }), 0);
    this.words.value = kept?.text ?? "";
    if (kept?.line && !this.lines.some((one) => one.text === kept.line.text)) this.lines.unshift(kept.line);
    const at = kept?.line ? String(this.lines.findIndex((one) => one.text === kept.line.text)) : kept?.choice ?? NONE;
    this.#options(at);
    this.element.open = at !== NONE;
    this.#show();
  }

  async #load() {
    if (this.loaded || !this.element.open || !this.about.views.includes("teach")) return;
    this.loaded = true;
    const { lines } = await ask(`/api/hand?model=${encodeURIComponent(this.about.name)}`);
    const chosen = this.#isLine ? this.value : null;
    this.lines = lines.filter(({ drawing }) => drawing).map(({ text, drawing }) => ({ text, strokes: drawing.strokes }));
    if (chosen && !this.lines.some((one) => one.text === chosen.text)) this.lines.unshift(chosen);
    this.#options(chosen ? String(this.lines.findIndex((one) => one.text === chosen.text)) : this.choice.value);
  }

  #options(value) {
    const option = (name, words) => element("option", { value: name }, words);
    const lines = this.lines.map(({ text }, n) => option(String(n), text));
    const group = lines.length ? [element("optgroup", { label: t("ink.style.lines") }, ...lines)] : [];
    this.choice.replaceChildren(option(NONE, t("ink.style.none")), option(HERE, t("ink.style.here")), ...group);
    this.choice.value = value;
  }

  #chosen() {
    this.#show();
    this.changed();
  }

  #show() {
    this.drawing.hidden = this.choice.value !== HERE;
    this.picture.hidden = !this.#isLine;
    if (this.#isLine && this.value) {
      this.picture.replaceChildren(thumbnail(this.value.strokes));
    }
  }
}
