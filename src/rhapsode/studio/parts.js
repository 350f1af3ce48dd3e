// Parts of pages: their two columns, the seed, the button that draws, what was drawn before, buttons that save.

import { element, freshSeed, save } from "../export/page/dom.js";
import { hush, trouble } from "./studio.js";
import { t } from "./texts.js";

const KEPT = 24; // that one can go back to

// The two columns of a page: [what one works on], [settings and what is beside].
export const desk = (work, beside, kind = "") =>
  element("div", { class: "desk" }, element("section", { class: kind }, ...work), element("aside", {}, ...beside));

// The button that draws, and ends it while it goes on.
export class Go {
  // names: of the page, whose texts are `NAME.go`, `NAME.stop` and `NAME.go.title`. draw: is called with a signal.
  // changed: when drawing begins and ends.
  constructor(name, draw, changed) {
    Object.assign(this, { name, draw, changed, running: null });
    this.button = element("button", { id: "go", class: "main", click: () => this.press() }, t(`${name}.go`));
  }

  press() {
    if (this.running) this.running.abort();
    else this.run(this.draw);
  }

  async run(draw) {
    const mine = (this.running = new AbortController());
    this.#tell();
    hush(); // of what went wrong before
    try {
      await draw(mine.signal);
    } catch (error) {
      trouble(error);
    }
    if (this.running !== mine) return; // another one was begun meanwhile
    this.running = null;
    this.#tell();
  }

  stop() {
    this.running?.abort();
  }

  #tell() {
    this.button.textContent = t(`${this.name}.${this.running ? "stop" : "go"}`);
    this.changed();
  }
}

// What was drawn before, the latest first: a picture of each, to go back to.
export class Drawn {
  // label: of the row. show: is called with the one that was chosen. drop: with one that is kept no longer.
  constructor(label, show, drop) {
    Object.assign(this, { show, drop, here: null, every: [] });
    this.element = element("div", { class: "drawn", role: "group", "aria-label": label });
  }

  // one: is shown now. picture: the address of its picture. label: what it is, in words.
  add(one, picture, label) {
    const thumb = element("img", { src: picture, alt: "" });
    const button = element("button", { "aria-label": label, title: label, click: () => this.choose(one) }, thumb);
    this.every.push({ one, button });
    this.element.prepend(button);
    if (this.every.length > KEPT) {
      const first = this.every.shift();
      first.button.remove();
      this.drop(first.one);
    }
    this.choose(one);
  }

  choose(one) {
    this.here = one;
    for (const each of this.every) each.button.setAttribute("aria-pressed", each.one === one);
    this.show(one);
  }

  clear() {
    this.close();
    this.every = [];
    this.here = null;
    this.element.replaceChildren();
  }

  close() {
    for (const { one } of this.every) this.drop(one);
  }
}

// Calls `go` at Ctrl Enter, in an element or the document. Returns what ends that.
export function atControlEnter(where, go) {
  const heard = (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    go();
  };
  where.addEventListener("keydown", heard);
  return () => where.removeEventListener("keydown", heard);
}

// The seed of what is drawn next: a fresh one each time, unless it is kept, or was just set.
export class Seed {
  constructor() {
    this.own = false; // whether a person has set it, and it was not used yet
    const given = () => (this.own = true);
    const limits = { min: "0", max: String(Number.MAX_SAFE_INTEGER), step: "1", value: String(freshSeed()) };
    this.input = element("input", { type: "number", id: "seed", ...limits, input: given });
    this.lock = element("input", { type: "checkbox", id: "lock" });
    this.element = element(
      "div",
      { class: "row" },
      element("label", {}, t("seed"), " ", this.input),
      element("label", { title: t("seed.lock.title") }, this.lock, " ", t("seed.lock")),
    );
  }

  get value() {
    return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.round(Number(this.input.value)) || 0));
  }

  set value(seed) {
    this.input.value = seed;
  }

  // The seed to draw with now.
  next() {
    if (!this.lock.checked && !this.own) this.input.value = freshSeed();
    this.own = false;
    return this.value;
  }
}

// Buttons of one kind, with the word for what they do. rest: what else stands there.
export const group = (label, buttons, ...rest) =>
  element("div", { class: "row tools", role: "group", "aria-label": label }, element("span", { class: "quiet" }, label), ...buttons, ...rest);

// Buttons that save in several formats. save: is called with a format. Off until `enable`.
export class Saves {
  constructor(formats, save) {
    this.buttons = formats.map((name) =>
      element("button", { id: `save-${name}`, disabled: "", click: () => save(name) }, t(`format.${name}`)),
    );
    this.element = group(t("save"), this.buttons);
  }

  enable(on) {
    for (const one of this.buttons) one.disabled = !on;
  }
}

// Gives the person a file.
export const download = (blob, name) => save(name, blob, blob.type);

// A name of a file for a text.
export const named = (text, otherwise) => text.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40).replace(/^-|-$/g, "") || otherwise;
