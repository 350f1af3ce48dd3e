// Parts of pages: the seed, buttons that save, downloads.

import { element, freshSeed } from "../export/page/dom.js";
import { t } from "./texts.js";

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

// Buttons that save in several formats. save: is called with a format. Off until `enable`.
export class Saves {
  constructor(formats, save) {
    this.buttons = formats.map((name) =>
      element("button", { id: `save-${name}`, disabled: "", click: () => save(name) }, t("save", { name })),
    );
  }

  enable(on) {
    for (const one of this.buttons) one.disabled = !on;
  }
}

// Gives the person a file.
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// A name of a file for a text.
export const named = (text, otherwise) => text.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40) || otherwise;
