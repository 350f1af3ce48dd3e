// The page on which one looks inside: what a unit holds while a text is read, how far its gates are open, which units
// mark a part of the text, what was expected at each step, and the state's path.

import { element } from "../../../export/page/dom.js";
import { ask } from "../../../studio/api.js";
import { desk } from "../../../studio/parts.js";
import { address, moved, say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { lastOf } from "../../../studio/work.js";
import { Inside } from "./inside.js";
import { curves, nearest, path, saturation, stepAt, strip } from "./plots.js";
import { Pointer } from "./pointer.js";
import { Reading } from "./reading.js";
import { label } from "./settings.js";
import { Sheet } from "./sheet.js";
import { inBits, Step } from "./step.js";
import { Tree } from "./tree.js";

const SOON = 250; // ms after a key, until the text is read
const MOST = 4000; // characters: of longer texts, the first ones
const SHADES = 9;
const FOUND = 16; // units that mark a part
const PAGE = 20; // steps that Page Up and Page Down go
const [OPEN, CLOSED] = [0.9, 0.1]; // of a gate, as the server counts them

export function open(main, { about, rest }) {
  return new Page(main, about, rest);
}

class Page {
  // The address has the layer, the unit and the text. Behind the layer stands what is looked at of it: a part of the
  // state or a gate, such as 0:forget.
  constructor(main, about, [layer = "0", unit = "", text = null]) {
    const [number, what = ""] = layer.split(":");
    this.about = about;
    this.layer = Math.min(Number(number) || 0, (about.layers || 1) - 1);
    this.what = what; // "" for what the server takes
    this.unit = unit === "" ? null : Number(unit) || 0;
    this.inside = null;
    this.step = null; // the token that is looked at
    this.sheet = new Sheet({ label: t("look.sheet"), placeholder: t("look.empty") }, (token) => this.#colour(token));
    this.reading = new Reading(about.name, (tokens) => this.#read(tokens));
    this.at = new Step(this.reading);
    this.pointer = new Pointer(this.sheet, (unit) => unit !== null && this.#point(this.#token(unit), true));
    this.#build(main);
    const { area } = this.sheet;
    area.value = text ?? lastText(about.name);
    area.addEventListener("input", () => this.#changed());
    document.addEventListener("selectionchange", (this.selecting = () => this.#selected()));
    addEventListener("resize", (this.sizing = () => this.inside?.steps && this.#draw()));
    this.#changed();
  }

  close() {
    this.closed = true;
    if (this.sheet.text) moved(this.#address(this.sheet.text), false);
    clearTimeout(this.timer);
    this.pointer.close();
    this.asked?.abort();
    document.removeEventListener("selectionchange", this.selecting);
    removeEventListener("resize", this.sizing);
  }

  #build(main) {
    const layers = Array.from({ length: this.about.layers || 1 }, (_, n) => element("option", { value: n }, String(n)));
    const choose = () => {
      this.layer = Number(this.layers.value);
      this.unit = null;
      this.#changed();
    };
    this.layers = element("select", { id: "layer", input: choose }, ...layers);
    this.layers.value = this.layer;
    const look = () => {
      this.what = this.parts.value;
      this.#ask();
    };
    this.parts = element("select", { id: "what", input: look });
    const go = () => this.number.value !== "" && this.number.checkValidity() && this.#choose(this.number.valueAsNumber);
    this.number = element("input", { type: "number", id: "unit", min: 0, step: 1, input: go });
    const button = (name, click) => element("button", { id: name, click }, t(`look.${name}`));
    this.find = button("find", () => this.#find());
    this.find.classList.add("main");
    this.link = button("link", () => this.#copy());
    this.note = element("p", { class: "quiet", id: "note", role: "status" });
    this.value = element("p", { class: "quiet", id: "value" });
    this.units = element("ul", { class: "units", "aria-label": t("look.units") });
    this.units.addEventListener("click", (event) => {
      const row = event.target.closest("button");
      if (row) this.#choose(Number(row.dataset.unit));
    });
    this.aboutUnits = element("p", { class: "quiet", id: "about-units" });
    this.varied = button("varied", () => this.#list(this.inside.varied, "varied"));
    this.opened = button("open", () => this.#listShares("open"));
    this.shut = button("closed", () => this.#listShares("closed"));
    this.curve = element("canvas", { class: "curve", role: "slider", tabindex: "0", "aria-label": t("look.curve.step") });
    this.curve.setAttribute("aria-valuemin", 1);
    this.curve.addEventListener("keydown", (event) => this.#key(event));
    this.curve.addEventListener("pointermove", (event) => this.inside && this.#point(stepAt(this.curve, this.inside.steps, event)));
    this.path = element("canvas", { class: "path", role: "img", "aria-label": t("look.path.note") });
    this.path.addEventListener("pointermove", (event) => {
      const step = nearest(this.places ?? [], event);
      if (step !== null) this.#point(step);
    });
    this.scatter = element("canvas", { class: "path scatter", role: "img" });
    this.aboutScatter = element("p", { class: "quiet", id: "about-gates" });
    this.scatter.addEventListener("pointermove", (event) => this.#tellShares(nearest(this.spots ?? [], event)));
    this.scatter.addEventListener("pointerleave", () => this.#tellShares(null));
    this.scatter.addEventListener("click", (event) => {
      const unit = nearest(this.spots ?? [], event);
      if (unit !== null) this.#choose(unit);
    });
    this.gating = element("section", { hidden: "" }, element("h2", {}, t("look.gates")), this.scatter, this.aboutScatter);
    this.scale = element("p", { class: "quiet legend" });
    const labelled = (name, input) => element("label", {}, t(`look.${name}`), " ", input);
    const chosen = [labelled("layer", this.layers), labelled("what", this.parts), labelled("unit", this.number)];
    const pathNote = element("p", { class: "quiet" }, t("look.path.note"));
    const wandering = element("section", {}, element("h2", {}, t("look.path")), this.path, pathNote);
    const keys = element("p", { class: "quiet keys" }, t("look.keys"));
    this.pictures = [
      element("section", { hidden: "" }, element("h2", {}, t("look.curve")), this.curve, keys),
      element("div", { class: "pictures", hidden: "" }, this.gating, wandering),
    ];
    this.listed = element(
      "section",
      { hidden: "" },
      element("h2", {}, t("look.units")),
      element("div", { class: "row" }, this.varied, this.opened, this.shut),
      this.aboutUnits,
      this.units,
    );
    const writing = [
      element("div", { class: "row tools" }, ...chosen, this.find, this.link),
      this.sheet.element,
      this.note,
      this.value,
      this.scale,
      ...this.pictures,
    ];
    main.append(desk(writing, [this.at.element, this.listed], "writing"));
    this.#selected();
  }

  // ---------------------------------------------------------------- What is known

  #changed() {
    this.#cut();
    const text = this.sheet.text;
    this.reading.change(text);
    this.sheet.tokens = this.reading.tokens;
    this.sheet.show(text, []);
    this.#point(null);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#ask(), SOON);
  }

  // Of a text that is too long, its beginning stays; that is said.
  #cut() {
    const { area, text } = this.sheet;
    this.note.textContent = "";
    if (text.length <= MOST) return;
    area.value = text.slice(0, /[\ud800-\udbff]/.test(text[MOST - 1]) ? MOST - 1 : MOST);
    const left = (text.length - area.value.length).toLocaleString("en");
    this.note.textContent = t("look.cut", { most: MOST.toLocaleString("en"), left });
  }

  async #ask() {
    this.asked?.abort();
    const own = (this.asked = new AbortController());
    const text = this.sheet.text;
    if (this.closed) return;
    try {
      const asked = { model: this.about.name, prompt: text, layer: this.layer, ...this.#part };
      const [inside] = await Promise.all([Inside.of(asked, own.signal), this.reading.read()]);
      if (this.closed || own.signal.aborted || this.sheet.text !== text) return;
      this.inside = inside;
      this.points = inside.path;
      this.number.max = inside.width - 1;
      this.#offer();
      if (!inside.steps) return; // then no unit is chosen, either
      const { varied } = inside;
      if (this.unit === null || this.unit >= inside.width) [this.unit] = varied;
      this.#list(varied, "varied");
      this.#choose(this.unit);
    } catch (error) {
      trouble(error);
      if (error.status !== 400 || !this.what) return;
      this.what = ""; // of a link to another model: this one has no such gate
      this.#ask();
    }
  }

  // What is asked of the layer.
  get #part() {
    if (!this.what) return {};
    return ["cells", "outputs"].includes(this.what) ? { what: this.what } : { what: "gates", gate: this.what };
  }

  // What can be looked at, and what goes with it.
  #offer() {
    const { parts, gates, gate, steps } = this.inside;
    for (const one of [...this.pictures, this.listed]) one.hidden = !steps; // without a text there is nothing to see
    if (!steps) this.value.textContent = "";
    const every = [...parts, ...gates];
    if (every.join() !== Array.from(this.parts.options, ({ value }) => value).join()) {
      const name = (one) => (parts.includes(one) ? t(`look.${one}`) : t("look.gate", { name: one }));
      this.parts.replaceChildren(...every.map((one) => element("option", { value: one }, name(one))));
    }
    this.parts.value = gate ?? (this.what || parts[0]);
    for (const one of [this.opened, this.shut, this.gating]) one.hidden = gate === null;
    this.scale.replaceChildren(...scale(gate));
  }

  #read(tokens) {
    this.sheet.tokens = tokens;
  }

  // ---------------------------------------------------------------- One unit

  #choose(unit) {
    if (!this.inside || unit < 0 || unit >= this.inside.width) return;
    this.unit = unit;
    if (document.activeElement !== this.number) this.number.value = unit;
    this.values = this.inside.unit(unit);
    this.largest = largest(this.values);
    this.shades = this.#shades(this.values, this.largest);
    this.sheet.tokens.forEach((token, n) => {
      token.shade = this.shades[n];
    });
    this.sheet.paint();
    for (const row of this.units.querySelectorAll("button")) {
      row.setAttribute("aria-pressed", Number(row.dataset.unit) === unit);
    }
    this.#draw();
    this.sheet.mark(this.step);
    this.#tell();
    this.#tellShares(null);
    moved(this.#address());
  }

  // From -1 to 1: of a gate, from closed to open.
  #shades(values, most) {
    return this.inside.gate === null ? values.map((value) => value / most) : values.map((value) => 2 * value - 1);
  }

  #colour({ shade }) {
    if (shade === undefined) return "";
    const strength = Math.round(SHADES * Math.abs(shade));
    return strength ? `${shade > 0 ? "p" : "n"}${strength}` : "";
  }

  get #range() {
    const { unit, layer } = this;
    const { gate, open, closed } = this.inside;
    if (gate === null) return t("look.range", { unit, layer, most: this.largest.toFixed(2) });
    return t("look.range.gate", { unit, layer, gate, open: percent(open[unit]), closed: percent(closed[unit]) });
  }

  #tell() {
    const token = this.step === null ? null : this.sheet.tokens[this.step];
    const { gate } = this.inside;
    const values = { unit: this.unit, layer: this.layer, gate };
    const told = token
      ? t(gate === null ? "look.value" : "look.value.gate", {
          ...values,
          token: label(token.token),
          value: this.values[this.step].toFixed(3),
        })
      : this.#range;
    this.value.textContent = told;
    this.curve.setAttribute("aria-valuemax", this.inside.steps);
    this.curve.setAttribute("aria-valuenow", (this.step ?? 0) + 1);
    const bits = token ? t("look.bits", { bits: inBits(token) }) : "";
    this.curve.setAttribute("aria-valuetext", `${told} ${bits}`.trim());
  }

  // ---------------------------------------------------------------- Several units

  // units: their numbers. why: why they are shown. scores: of each, what it is shown for.
  #list(units, why, scores = null) {
    if (!this.inside) return;
    this.aboutUnits.textContent = t(`look.${why}.note`, { count: units.length, gate: this.inside.gate });
    const rows = units.map((unit, n) => {
      const canvas = element("canvas", { width: "240", height: "18", "aria-hidden": "true" });
      const told = scores ? `${unit} · ${scores[n]}` : String(unit);
      const named = { "aria-label": t("look.row", { unit: told }), "aria-pressed": unit === this.unit };
      const row = element("button", { "data-unit": unit, ...named }, element("b", {}, told), canvas);
      const values = this.inside.unit(unit);
      strip(canvas, this.#shades(values, largest(values)));
      return element("li", {}, row);
    });
    this.units.replaceChildren(...rows);
  }

  // The units whose gate is open, or closed, most often.
  #listShares(which) {
    const shares = this.inside[which];
    const units = this.inside.most(shares);
    this.#list(units, which, units.map((unit) => percent(shares[unit])));
    this.#choose(units[0]);
  }

  get #span() {
    const { selectionStart, selectionEnd } = this.sheet.area;
    if (selectionStart === selectionEnd) return null;
    const begin = this.sheet.token(selectionStart);
    let end = this.sheet.token(selectionEnd - 1);
    while (this.sheet.tokens[end + 1]?.end <= selectionEnd) end++; // tokens within a character
    const all = end - begin + 1 >= this.sheet.tokens.length;
    return begin < 0 || end < begin || all ? null : [begin, end + 1];
  }

  #selected() {
    this.find.disabled = this.#span === null;
    this.find.title = t(this.find.disabled ? "look.find.none" : "look.find.title");
    const { area } = this.sheet;
    if (document.activeElement !== area || area.selectionStart !== area.selectionEnd) return;
    if (area.selectionEnd !== this.cursor) this.#point(this.#token(area.selectionEnd), true);
    this.cursor = area.selectionEnd;
  }

  async #find() {
    const span = this.#span;
    if (!span) return;
    try {
      const body = { model: this.about.name, prompt: this.sheet.text, layer: this.layer, ...this.#part, span, top: FOUND };
      const { found } = await ask("/api/states", body);
      if (this.closed) return;
      this.#list(found.map(({ unit }) => unit), "found", found.map(({ correlation }) => correlation.toFixed(2)));
      if (found.length) this.#choose(found[0].unit);
      say(t("look.found.note", { count: found.length }));
    } catch (error) {
      trouble(error);
    }
  }

  // ---------------------------------------------------------------- Pictures

  #draw() {
    this.#drawCurves();
    this.#drawPath();
    if (this.inside.gate !== null) this.#drawScatter();
  }

  #drawCurves() {
    const { gate } = this.inside;
    const bits = this.sheet.tokens.map(({ nats }) => nats / Math.LN2);
    const lines = gate === null ? [0] : [2 * OPEN - 1, 2 * CLOSED - 1];
    const named = gate === null ? "look.curve.unit" : "look.curve.gate";
    const titles = [t(named, { unit: this.unit, gate }), t("look.curve.bits")];
    curves(this.curve, { shades: this.shades, bits, lines, titles, step: this.step });
  }

  #drawPath() {
    this.places = path(this.path, this.points, this.step);
  }

  #drawScatter() {
    const { open, closed } = this.inside;
    const titles = [t("look.gates.closed"), t("look.gates.open")];
    this.spots = saturation(this.scatter, { open, closed, unit: this.unit, titles });
    const often = (shares) => shares.filter((share) => share > 0.5).length;
    const values = { count: open.length, open: often(open), closed: often(closed), gate: this.inside.gate };
    this.scatter.setAttribute("aria-label", t("look.gates.label", values));
  }

  // unit: the one that is pointed at; null for none.
  #tellShares(unit) {
    const { gate, open, closed } = this.inside ?? {};
    if (!open) return;
    const one = unit ?? this.unit;
    const shares = { open: percent(open[one]), closed: percent(closed[one]) };
    this.aboutScatter.textContent = t("look.gates.note", { unit: one, gate, ...shares });
  }

  // ---------------------------------------------------------------- One step

  // The token of a code unit; of the end, the last one; null if it is not known.
  #token(unit) {
    const n = this.sheet.token(Math.min(unit, this.sheet.text.length - 1));
    return n < 0 ? null : n;
  }

  #key(event) {
    if (!this.inside?.steps) return;
    const last = this.inside.steps - 1;
    const here = this.step ?? -1;
    const goes = { ArrowRight: here + 1, ArrowUp: here + 1, ArrowLeft: here - 1, ArrowDown: here - 1 };
    const to = { ...goes, Home: 0, End: last, PageDown: here + PAGE, PageUp: here - PAGE }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#point(Math.max(0, Math.min(last, to)));
  }

  // One token is looked at, which was pointed at in the text or in a picture: it is shown in all. seen: it was pointed at
  // in the text.
  #point(step, seen = false) {
    if (step === this.step) return;
    this.step = step;
    this.at.show(step).catch(trouble);
    this.sheet.mark(step);
    if (!seen) this.sheet.reveal();
    if (!this.inside || !this.shades || step === null) return;
    this.#drawCurves();
    this.#drawPath();
    this.#tell();
  }

  #address(...text) {
    return address("look", this.about.name, this.layer + (this.what && `:${this.what}`), this.unit ?? 0, ...text);
  }

  async #copy() {
    moved(this.#address(this.sheet.text));
    await navigator.clipboard?.writeText(location.href).catch(() => {});
    say(t("look.copied"));
  }
}

const percent = (share) => `${(100 * share).toFixed(0)} %`;
const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;

function scale(gate) {
  const shades = ["n9", "n6", "n3", "", "p3", "p6", "p9"].map((name) => element("i", { class: name }));
  const [low, high] = gate === null ? ["look.low", "look.high"] : ["look.shut", "look.opened"];
  return [`${t(low)} `, ...shades, ` ${t(high)} · ${t("look.legend")}`];
}

// The text that was written last with a model.
function lastText(model) {
  const last = lastOf("write", model);
  try {
    return last ? Tree.from(last).text() : "";
  } catch {
    return "";
  }
}
