// The page on which a model says how series may go on.

import { element } from "../../../export/page/dom.js";
import { ask, file } from "../../../studio/api.js";
import { Curve } from "../../../studio/curve.js";
import { Go, Saves, Seed, atControlEnter, desk, download } from "../../../studio/parts.js";
import { settings } from "../../../studio/store.js";
import { say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { Work } from "../../../studio/work.js";

export const styles = ["studio/curve.css", "modalities/series/studio/forecast.css"];

const LARGEST = 2_000_000; // characters of a table
const LONG = 2000; // characters
const FILES = ["csv", "json", "svg", "png"];
const KNOWN = 400; // values of the past that are asked for
const SEEN = 6; // times the horizon that is shown of it
const FEWEST = 48;
const PATHS = 20; // single paths that are shown
const KEPT = 60; // forecasts that are kept with a work: each of one series
const DRAWN = 12; // earlier forecasts that one can go back to
const DIGITS = 6;

export function open(main, { about, rest }) {
  return new Page(main, about, rest[0]);
}

class Page {
  constructor(main, about, id) {
    this.about = about;
    this.asked = null; // what the chart shows
    this.found = []; // its forecasts, one of each series
    this.drawn = []; // what was asked, the latest first: asked again, it gives the same
    const changed = () => this.work.changed();
    this.table = element("textarea", {
      id: "table",
      rows: "8",
      spellcheck: "false",
      "aria-label": t("forecast.table"),
      placeholder: t("forecast.empty"),
      input: changed,
      paste: (event) => this.#pasted(event),
    });
    for (const name of ["dragover", "dragleave", "drop"]) this.table.addEventListener(name, (event) => this.#dragged(event));
    this.file = element("input", { type: "file", id: "table-file", hidden: "", accept: ".csv,.tsv,.txt,text/csv,text/plain" });
    this.file.addEventListener("change", () => this.#read(this.file.files[0]));
    const number = (id, min, max, value) =>
      element("input", { type: "number", id, min: String(min), max: String(max), step: "1", ...(value && { value }), input: changed });
    this.horizon = number("horizon", 1, 5000, "");
    this.horizon.placeholder = t("forecast.season");
    this.paths = number("n", 2, 1000, "200");
    this.seed = new Seed();
    this.go = new Go("forecast", (signal) => this.forecast(signal), () => this.saves.enable(this.asked));
    this.go.button.title = t("forecast.go.title");
    this.saves = new Saves(FILES, (name) => this.#save(name));
    this.curve = new Curve(t("forecast.picture"), { places: true, clip: false, height: 340, shown: (x) => this.times?.[x] ?? "" });
    this.which = element("select", { id: "which", change: () => this.#choose() });
    this.series = element("label", { hidden: "" }, t("forecast.which"), " ", this.which);
    this.single = element("input", { type: "checkbox", id: "single", change: () => this.#show() });
    this.each = element("label", { hidden: "" }, this.single, " ", t("forecast.single"));
    this.earlier = element("select", { id: "earlier", change: () => this.#back() });
    this.before = element("label", { hidden: "" }, t("forecast.earlier"), " ", this.earlier);
    this.told = element("p", { class: "quiet told", role: "status" });
    this.work = new Work(about, "forecast", id, this);
    const labelled = (name, ...parts) => element("label", {}, t(`forecast.${name}`), " ", ...parts);
    const choose = element("button", { id: "choose", click: () => this.file.click() }, t("forecast.choose"));
    const tools = element("div", { class: "row tools" }, this.go.button, choose, this.file);
    const shown = element("div", { class: "row shown" }, this.series, this.before, this.each);
    const ahead = [labelled("horizon", this.horizon), labelled("n", this.paths), this.seed.element];
    const beside = [
      element("section", { class: "settings" }, ...ahead),
    ];
    const saving = [this.saves.element, this.work.element];
    main.append(desk([this.table, tools, shown, this.curve.element, this.told, ...saving], beside));
    this.curve.element.hidden = true;
    this.unheard = atControlEnter(document, () => this.go.press());
    this.work.open();
    if (!id) this.#before();
  }

  close() {
    this.go.stop();
    this.work.close();
    this.unheard();
    this.curve.close();
  }

  // ---------------------------------------------------------------- The work

  get title() {
    const [head = ""] = this.table.value.split("\n", 1);
    return head.trim() ? t("forecast.title", { head: head.slice(0, 60) }) : t("forecast.new");
  }

  contents() {
    if (!this.table.value && !this.asked) return null;
    const { table, ...asked } = this.asked ?? {};
    const tables = [...new Set(this.drawn.map((one) => one.table ?? ""))];
    const found = this.found.slice(0, KEPT).map(({ samples, ...one }) => ({ ...one, samples: samples.slice(0, PATHS) }));
    return {
      table: this.table.value,
      horizon: this.horizon.value,
      n: this.paths.value,
      seed: this.seed.value,
      lock: this.seed.lock.checked,
      which: Number(this.which.value) || 0,
      asked: this.asked && { ...asked, ...(table !== undefined && table !== this.table.value && { table }), own: table !== undefined },
      found,
      tables,
      drawn: this.drawn.map(({ table: own = "", ...one }) => ({ ...one, table: tables.indexOf(own) })),
    };
  }

  restore(contents) {
    const { table = "", horizon = "", n = "200", seed, lock = false, which = 0, asked = null, found = [], tables = [], drawn = [] } = contents ?? {};
    this.table.value = table;
    this.horizon.value = horizon;
    this.paths.value = n;
    if (seed !== undefined) this.seed.value = seed;
    this.seed.lock.checked = lock;
    const { own, ...others } = asked ?? {};
    this.asked = asked && { ...(own && { table }), ...others };
    this.found = found;
    this.drawn = drawn.map(({ table: at, ...one }) => ({ ...one, ...(tables[at] && { table: tables[at] }) }));
    this.#list(which);
    this.saves.enable(this.asked);
  }

  // A table that an earlier version kept in another place.
  #before() {
    const { [this.about.name]: table } = settings("forecast");
    if (table) this.table.value = table;
  }

  // ---------------------------------------------------------------- The table

  // Browsers take seconds to insert thousands of lines as if they were typed.
  #pasted(event) {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text.length < LONG) return;
    event.preventDefault();
    this.table.setRangeText(text, this.table.selectionStart, this.table.selectionEnd, "end");
    this.work.changed();
  }

  #dragged(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.table.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") this.#read(event.dataTransfer.files[0]);
  }

  async #read(given) {
    this.file.value = "";
    if (!given) return;
    if (given.size > LARGEST) {
      trouble(new Error(t("forecast.large", { name: given.name })));
      return;
    }
    this.table.value = await given.text();
    this.work.changed();
  }

  // ---------------------------------------------------------------- The forecast

  // What is asked: the same draws the same again.
  #asked() {
    const whole = (input) => Math.round(input.valueAsNumber);
    return {
      model: this.about.name,
      seed: this.seed.next(),
      n: whole(this.paths) || 200,
      ...(this.table.value.trim() && { table: this.table.value }),
      ...(this.horizon.value && { horizon: whole(this.horizon) }),
    };
  }

  async forecast(signal, asked = this.#asked()) {
    const { forecasts, notes = [] } = await ask("/api/forecast", { ...asked, known: KNOWN }, signal);
    this.asked = asked;
    this.found = forecasts;
    const same = JSON.stringify(asked);
    this.drawn = [asked, ...this.drawn.filter((one) => JSON.stringify(one) !== same)].slice(0, DRAWN);
    this.#list();
    this.work.changed();
    say([t("forecast.done"), ...notes].join(" "));
  }

  // Which series there are.
  #list(chosen = Number(this.which.value) || 0) {
    this.which.replaceChildren(...this.found.map(({ series }, at) => element("option", { value: String(at) }, series || t("none"))));
    if (this.found[chosen]) this.which.value = String(chosen);
    this.series.hidden = this.found.length < 2;
    this.each.hidden = !this.found.length;
    const said = ({ seed, n, horizon }) => t("forecast.again", { seed, n, horizon: horizon ?? t("forecast.season") });
    this.earlier.replaceChildren(...this.drawn.map((one, at) => element("option", { value: String(at) }, said(one))));
    this.before.hidden = this.drawn.length < 2;
    this.#show();
  }

  #choose() {
    this.#show();
    this.work.changed();
  }

  #show() {
    const one = this.found[Number(this.which.value) || 0];
    if (!one) {
      this.curve.show([]);
      this.told.textContent = "";
      return;
    }
    const { times, quantiles, samples, frequency } = one;
    const seen = -Math.max(SEEN * times.length, FEWEST);
    const known = { times: one.known.times.slice(seen), values: one.known.values.slice(seen) };
    this.times = [...known.times, ...times];
    const first = known.times.length;
    const last = first - 1;
    const join = (values) => [...(first ? [[last, known.values[last]]] : []), ...values.map((value, n) => [first + n, value])];
    const [low, middle, high] = ["0.1", "0.5", "0.9"].map((level) => join(quantiles[level]));
    const paths = this.single.checked ? samples.slice(0, PATHS) : [];
    this.curve.show([
      { label: t("forecast.past"), colour: "text", points: known.values.map((value, n) => [n, value]) },
      { label: t("forecast.middle"), colour: "accent", width: 2, points: middle },
      { label: t("forecast.low"), colour: "accent", width: 1, dash: true, points: low },
      { label: t("forecast.high"), colour: "accent", width: 1, dash: true, band: 2, points: high },
      ...paths.map((values, n) => ({ label: `${t("forecast.path")} ${n + 1}`, colour: "accent", width: 1, quiet: true, points: join(values) })),
    ]);
    const said = (value) => Number(value.toPrecision(DIGITS)).toLocaleString();
    const end = { time: times.at(-1), low: said(low.at(-1)[1]), middle: said(middle.at(-1)[1]), high: said(high.at(-1)[1]) };
    this.told.textContent = t("forecast.told", { frequency, ...end });
  }

  // An earlier forecast once more.
  #back() {
    const asked = this.drawn[Number(this.earlier.value)];
    if (!asked || this.go.running) return;
    this.table.value = asked.table ?? "";
    this.horizon.value = asked.horizon ?? "";
    this.paths.value = asked.n;
    this.seed.value = asked.seed;
    this.go.run((signal) => this.forecast(signal, asked));
  }

  async #save(format) {
    try {
      download(await file("/api/forecast", { ...this.asked, format }), `forecast.${format}`);
    } catch (error) {
      trouble(error);
    }
  }
}
