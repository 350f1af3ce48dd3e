// The page on which one looks inside: what a unit holds while a text is read, which units mark a part of it, and the
// state's path.

import { element } from "../../../export/page/dom.js";
import { ask } from "../../../studio/api.js";
import { desk } from "../../../studio/parts.js";
import { address, say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { lastOf } from "../../../studio/work.js";
import { Choices } from "./choices.js";
import { Inside } from "./inside.js";
import { Reading } from "./reading.js";
import { Sheet } from "./sheet.js";
import { Tree } from "./tree.js";

const SOON = 250; // ms after a key, until the text is read
const MOST = 4000; // characters: of longer texts, the first ones
const SHADES = 9;
const FOUND = 16; // units that mark a part

export function open(main, { about, rest }) {
  return new Page(main, about, rest);
}

class Page {
  constructor(main, about, [layer = "0", unit = "", text = null]) {
    this.about = about;
    this.layer = Number(layer) || 0;
    this.unit = unit === "" ? null : Number(unit) || 0;
    this.inside = null;
    this.shown = []; // the units of the list
    this.step = null; // the token that is pointed at
    this.sheet = new Sheet({ label: t("look.sheet"), placeholder: t("look.empty") }, (token) => this.#colour(token));
    this.reading = new Reading(about.name, (tokens) => this.#read(tokens));
    this.choices = new Choices(this.sheet, this.reading, null, (n) => this.#point(n));
    this.#build(main);
    const { area } = this.sheet;
    area.value = (text ?? lastText(about.name)).slice(0, MOST);
    area.maxLength = MOST;
    area.addEventListener("input", () => this.#changed());
    area.addEventListener("select", () => this.#selected());
    document.addEventListener("selectionchange", (this.selecting = () => this.#selected()));
    this.#changed();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.asked?.abort();
    document.removeEventListener("selectionchange", this.selecting);
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
    const go = () => this.number.value !== "" && this.number.checkValidity() && this.#choose(this.number.valueAsNumber);
    this.number = element("input", { type: "number", id: "unit", min: 0, step: 1, input: go });
    this.find = element("button", { id: "find", class: "main", click: () => this.#find() }, t("look.find"));
    this.varied = element("button", { id: "varied", click: () => this.#list(this.inside.varied, "varied") }, t("look.varied"));
    this.link = element("button", { id: "link", click: () => this.#copy() }, t("look.link"));
    this.value = element("p", { class: "quiet", id: "value" });
    this.units = element("ul", { class: "units", "aria-label": t("look.units") });
    this.units.addEventListener("click", (event) => {
      const row = event.target.closest("button");
      if (row) this.#choose(Number(row.dataset.unit));
    });
    this.about_units = element("p", { class: "quiet", id: "about-units" });
    this.curve = element("canvas", { class: "curve", role: "img", height: "140" });
    this.path = element("canvas", { class: "path", role: "img", height: "320" });
    for (const canvas of [this.curve, this.path]) {
      canvas.addEventListener("pointermove", (event) => this.#pointAt(canvas, event));
      canvas.addEventListener("pointerleave", () => this.#point(null));
    }
    const labelled = (name, input) => element("label", {}, t(`look.${name}`), " ", input);
    const chosen = [labelled("layer", this.layers), labelled("unit", this.number)];
    const writing = [
      element("div", { class: "row tools" }, ...chosen, this.find, this.varied, this.link),
      this.sheet.element,
      this.choices.element,
      this.value,
      element("h2", {}, t("look.curve")),
      this.curve,
      scale(),
    ];
    const beside = [
      element("h2", {}, t("look.units")),
      this.about_units,
      this.units,
      element("h2", {}, t("look.path")),
      this.path,
      element("p", { class: "quiet" }, t("look.path.note")),
    ];
    main.append(desk(writing, beside, "writing"));
  }

  // ---------------------------------------------------------------- What is known

  #changed() {
    const text = this.sheet.text;
    this.reading.change(text);
    this.sheet.tokens = this.reading.tokens;
    this.sheet.show(text, []);
    this.choices.hide();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#ask(), SOON);
  }

  async #ask() {
    this.asked?.abort();
    const own = (this.asked = new AbortController());
    const text = this.sheet.text;
    if (this.closed) return;
    try {
      const [inside] = await Promise.all([
        Inside.of(this.about.name, text, this.layer, null, own.signal),
        this.reading.read(),
      ]);
      if (this.closed || own.signal.aborted || this.sheet.text !== text) return;
      this.inside = inside;
      this.number.max = inside.width - 1;
      const { varied } = inside;
      if (this.unit === null || this.unit >= inside.width) [this.unit] = varied;
      this.#list(varied, "varied");
      this.#drawPath();
      this.#choose(this.unit);
    } catch (error) {
      trouble(error);
    }
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
    this.largest = this.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
    this.sheet.tokens.forEach((token, n) => {
      token.value = this.values[n];
    });
    this.sheet.paint();
    for (const row of this.units.querySelectorAll("button")) {
      row.setAttribute("aria-pressed", Number(row.dataset.unit) === unit);
    }
    this.#drawCurve();
    this.#tell(null);
    history.replaceState(null, "", address("look", this.about.name, this.layer, unit));
  }

  #colour({ value }) {
    if (value === undefined) return "";
    const shade = Math.round((SHADES * Math.abs(value)) / this.largest);
    return shade ? `${value > 0 ? "p" : "n"}${shade}` : "";
  }

  #tell(step) {
    const token = step === null ? null : this.sheet.tokens[step];
    const values = { unit: this.unit, layer: this.layer, most: this.largest.toFixed(2) };
    this.value.textContent = token
      ? t("look.value", { ...values, token: token.token, value: this.values[step].toFixed(3) })
      : t("look.range", values);
  }

  // ---------------------------------------------------------------- Several units

  // units: their numbers. why: why they are shown. scores: of each, what it is shown for.
  #list(units, why, scores = null) {
    if (!this.inside) return;
    this.shown = units;
    this.about_units.textContent = t(`look.${why}.note`, { count: units.length });
    const rows = units.map((unit, n) => {
      const strip = element("canvas", { width: "240", height: "18", "aria-hidden": "true" });
      const told = scores ? `${unit} · ${scores[n]}` : String(unit);
      const label = { "aria-label": t("look.row", { unit: told }), "aria-pressed": unit === this.unit };
      const row = element("button", { "data-unit": unit, ...label }, element("b", {}, told), strip);
      this.#drawStrip(strip, this.inside.unit(unit));
      return element("li", {}, row);
    });
    this.units.replaceChildren(...rows);
  }

  get #span() {
    const { selectionStart, selectionEnd } = this.sheet.area;
    if (selectionStart === selectionEnd) return null;
    const begin = this.sheet.token(selectionStart);
    const end = this.sheet.token(selectionEnd - 1);
    const all = end - begin + 1 >= this.sheet.tokens.length;
    return begin < 0 || end < begin || all ? null : [begin, end + 1];
  }

  #selected() {
    this.find.disabled = this.#span === null;
    this.find.title = t(this.find.disabled ? "look.find.none" : "look.find.title");
  }

  async #find() {
    const span = this.#span;
    if (!span) return;
    try {
      const body = { model: this.about.name, prompt: this.sheet.text, layer: this.layer, span, top: FOUND };
      const { found } = await ask("/api/states", body);
      this.#list(found.map(({ unit }) => unit), "found", found.map(({ correlation }) => correlation.toFixed(2)));
      if (found.length) this.#choose(found[0].unit);
      say(t("look.found.note", { count: found.length }));
    } catch (error) {
      trouble(error);
    }
  }

  // ---------------------------------------------------------------- Pictures

  #canvas(canvas) {
    const scale = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const style = getComputedStyle(document.documentElement);
    return { pen, width, height, colour: (name) => style.getPropertyValue(`--${name}`).trim() };
  }

  #drawStrip(canvas, values) {
    const pen = canvas.getContext("2d");
    const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
    const style = getComputedStyle(document.documentElement);
    const [high, low] = ["hot", "cold"].map((name) => style.getPropertyValue(`--${name}`).trim());
    const wide = canvas.width / values.length;
    values.forEach((value, n) => {
      pen.globalAlpha = Math.abs(value) / most;
      pen.fillStyle = value > 0 ? high : low;
      pen.fillRect(n * wide, 0, Math.ceil(wide), canvas.height);
    });
  }

  #drawCurve() {
    const { pen, width, height, colour } = this.#canvas(this.curve);
    const { values } = this;
    const x = (n) => ((n + 0.5) * width) / values.length;
    const y = (value) => height / 2 - (value / this.largest) * (height / 2 - 4);
    pen.strokeStyle = colour("line");
    pen.beginPath();
    pen.moveTo(0, y(0));
    pen.lineTo(width, y(0));
    pen.stroke();
    if (this.step !== null) {
      pen.fillStyle = colour("some");
      pen.fillRect(x(this.step) - 3, 0, 6, height);
    }
    pen.strokeStyle = colour("accent");
    pen.lineWidth = 1.25;
    pen.beginPath();
    values.forEach((value, n) => pen.lineTo(x(n), y(value)));
    pen.stroke();
    this.curve.setAttribute("aria-label", t("look.range", { unit: this.unit, layer: this.layer, most: this.largest.toFixed(2) }));
  }

  #drawPath() {
    this.points = this.inside.path;
    this.#paintPath();
    this.path.setAttribute("aria-label", t("look.path.note"));
  }

  #paintPath() {
    const { points } = this;
    const { pen, width, height, colour } = this.#canvas(this.path);
    const steps = points.length / 2;
    const ends = [0, 1].map((k) => {
      let [least, most] = [Infinity, -Infinity];
      for (let n = 0; n < steps; n++) {
        least = Math.min(least, points[2 * n + k]);
        most = Math.max(most, points[2 * n + k]);
      }
      return [least, most - least || 1];
    });
    const at = (n) => [
      8 + ((points[2 * n] - ends[0][0]) / ends[0][1]) * (width - 16),
      8 + ((points[2 * n + 1] - ends[1][0]) / ends[1][1]) * (height - 16),
    ];
    this.places = Array.from({ length: steps }, (_, n) => at(n));
    pen.lineWidth = 1;
    pen.strokeStyle = colour("accent");
    for (let n = 1; n < steps; n++) {
      pen.globalAlpha = 0.12 + (0.75 * n) / steps;
      pen.beginPath();
      pen.moveTo(...this.places[n - 1]);
      pen.lineTo(...this.places[n]);
      pen.stroke();
    }
    pen.globalAlpha = 1;
    if (this.step !== null && this.places[this.step]) {
      pen.fillStyle = colour("hot");
      pen.beginPath();
      pen.arc(...this.places[this.step], 5, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  // The token of the place in a picture that one points at.
  #pointAt(canvas, { offsetX, offsetY }) {
    if (!this.values) return;
    if (canvas === this.curve) {
      const n = Math.floor((offsetX / canvas.clientWidth) * this.values.length);
      this.#point(Math.min(n, this.values.length - 1));
      return;
    }
    let [best, least] = [null, 400];
    this.places.forEach(([x, y], n) => {
      const distance = (x - offsetX) ** 2 + (y - offsetY) ** 2;
      if (distance < least) [best, least] = [n, distance];
    });
    this.#point(best);
  }

  // One token is pointed at, in the text or in a picture: it is shown in all.
  #point(step) {
    if (step === this.step || !this.values) return;
    this.step = step;
    this.#drawCurve();
    this.#paintPath();
    this.#tell(step);
    this.sheet.mark(step);
  }

  async #copy() {
    const link = address("look", this.about.name, this.layer, this.unit, this.sheet.text);
    history.replaceState(null, "", link);
    await navigator.clipboard?.writeText(location.href).catch(() => {});
    say(t("look.copied"));
  }
}

function scale() {
  const shades = ["n9", "n6", "n3", "", "p3", "p6", "p9"].map((name) => element("i", { class: name }));
  return element("p", { class: "quiet legend" }, `${t("look.low")} `, ...shades, ` ${t("look.high")} · ${t("look.legend")}`);
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
