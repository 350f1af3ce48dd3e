// Further settings of what is written: the page, the pen, plotters. Empty ones are the usual ones.

import { element } from "../../../export/page/dom.js";
import { t } from "../../../studio/texts.js";

const SIZES = ["", "a4", "a4-landscape", "a5", "a5-landscape", "a6", "a6-landscape", "letter", "letter-landscape", "card"];
const FIELDS = {
  page: SIZES,
  x_height: { min: 0.1, max: 5000 },
  line_height: { min: 0.1, max: 5000 },
  margin: { min: 0, max: 5000 },
  align: ["left", "right", "centre", "justify"],
  reflow: false,
  ruled: false,
  unknown: ["nearest", "skip", "refuse"],
  tries: { min: 1, max: 16 },
  mode: ["", "plotter", "ink"],
  colour: "",
  nib: { min: 0.01, max: 100 },
  dpi: { min: 10, max: 600 },
  lift: ["", "z", "servo", "laser", "marlin"],
  up: "",
  down: "",
  dwell: { min: 0, max: 60 },
  feed: { min: 0.1, max: 100000 },
  travel: { min: 0.1, max: 100000 },
  pen: { min: 1, max: 64 },
};
const GROUPS = {
  page: ["page", "x_height", "line_height", "margin", "align", "reflow", "ruled"],
  text: ["unknown", "tries"],
  look: ["mode", "colour", "nib", "dpi"],
  plotter: ["lift", "up", "down", "dwell", "feed", "travel", "pen"],
};
const WHOLE = ["tries", "pen"];
const PAGED = ["line_height", "margin", "align", "reflow", "ruled"]; // are for pages alone
const OF_TEXTS = ["page", "line_height", "margin", "align", "reflow", "ruled", "unknown", "tries"];
// The options that each kind of file has.
const LOOKS = {
  svg: ["mode", "colour", "nib"],
  png: ["mode", "colour", "nib", "dpi"],
  gcode: ["lift", "up", "down", "dwell", "feed", "travel"],
  hpgl: ["feed", "pen"],
};

export const MACHINES = ["dpi", ...LOOKS.gcode, ...LOOKS.hpgl];

export class More {
  // texts: whether the model writes texts. changed: a setting is another one.
  constructor(texts, changed) {
    this.texts = texts;
    this.inputs = new Map();
    const groups = Object.entries(GROUPS).flatMap(([group, names]) => {
      const shown = names.filter((name) => texts || !OF_TEXTS.includes(name));
      if (!shown.length) return [];
      const rows = shown.map((name) => {
        const input = this.#input(name, changed);
        this.inputs.set(name, input);
        return element("label", { title: t(`ink.${name}.title`) }, t(`ink.${name}`), " ", input);
      });
      return [element("h2", {}, t(`ink.group.${group}`)), ...rows];
    });
    this.element = element("details", { class: "more" }, element("summary", {}, t("ink.more")), element("div", { class: "options" }, ...groups));
    this.#told();
  }

  #input(name, changed) {
    const kind = FIELDS[name];
    const heard = () => {
      this.#told();
      changed();
    };
    const id = `more-${name}`;
    if (Array.isArray(kind)) {
      const label = (one) => t(one ? `ink.${name}.${one}` : name === "page" ? "ink.page.none" : "ink.usual");
      return element("select", { id, change: heard }, ...kind.map((one) => element("option", { value: one }, label(one))));
    }
    if (kind === false) return element("input", { type: "checkbox", id, change: heard });
    if (kind === "") return element("input", { type: "text", id, maxlength: "100", placeholder: t("ink.usual"), input: heard });
    const step = WHOLE.includes(name) ? "1" : "any";
    return element("input", { type: "number", id, min: String(kind.min), max: String(kind.max), step, placeholder: t("ink.usual"), input: heard });
  }

  // What is set: name → value, without the usual ones.
  get set() {
    const found = {};
    for (const [name, input] of this.inputs) {
      if (input.type === "checkbox" ? !input.checked : !input.value.trim()) continue;
      if (input.type === "number" && !input.validity.valid) continue;
      found[name] = input.type === "checkbox" ? true : input.type === "number" ? input.valueAsNumber : input.value.trim();
    }
    return found;
  }

  // Throws an Error for a number that cannot be.
  check() {
    for (const [name, input] of this.inputs) {
      if (!input.disabled && !input.validity.valid) throw new Error(`${t(`ink.${name}`)}: ${input.validationMessage}`);
    }
  }

  restore(values = {}) {
    for (const [name, input] of this.inputs) {
      const usual = Array.isArray(FIELDS[name]) ? FIELDS[name][0] : "";
      if (input.type === "checkbox") input.checked = Boolean(values[name]);
      else input.value = String(values[name] ?? usual);
    }
    this.#told();
  }

  #told() {
    const paged = Boolean(this.inputs.get("page")?.value);
    for (const name of PAGED) if (this.inputs.has(name)) this.inputs.get(name).disabled = !paged;
  }
}

// What is asked of a drawing with settings: those of its shape, and those of a file.
export function asked(set, file) {
  const looks = Object.values(LOOKS).flat();
  const names = Object.keys(set).filter((name) =>
    looks.includes(name) ? LOOKS[file].includes(name) : set.page || !PAGED.includes(name),
  );
  return Object.fromEntries(names.map((name) => [name, set[name]]));
}
