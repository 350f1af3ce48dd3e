// Curves and bands of numbers over numbers or times: uPlot, with a legend of buttons, keys, both themes, and a table.
// A page that has one names studio/curve.css in its `styles`.

import { element } from "../export/page/dom.js";
import { t } from "./texts.js";
import uPlot from "./vendor/uPlot.esm.js";

const HEIGHT = 288;
const ROWS = 200; // of the table: of more points, every so many
const CLIPPED = 0.97; // the first losses are far above all others
const WHOLE = [1, 2, 5].flatMap((one) => [1, 10, 100, 1000, 10000].map((power) => one * power)).sort((one, other) => one - other);
const DARK = matchMedia("(prefers-color-scheme: dark)");

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim() || name;
const faint = (name, alpha) => {
  const hex = colour(name);
  return /^#[0-9a-f]{6}$/i.test(hex) ? hex + Math.round(alpha * 255).toString(16).padStart(2, "0") : hex;
};

export const figure = (value) =>
  value === null || value === undefined || Number.isNaN(value) ? t("none") : String(Number(value.toPrecision(4)));

export class Curve {
  // label: what is shown, in words. clip: whether the highest values may be cut off.
  // shown: how an x is said. places: x are places in a list, whole numbers that `shown` names.
  constructor(label, { places = false, clip = true, height = HEIGHT, shown = figure } = {}) {
    Object.assign(this, { label, places, clip, height, shown, series: [], unit: "", hidden: new Set() });
    this.plot = element("div", {
      class: "plot",
      tabindex: "0",
      role: "group",
      "aria-label": `${label}. ${t("curve.keys")}`,
      keydown: (event) => this.#key(event),
      blur: () => this.#say(),
    });
    this.legend = element("div", { class: "plot-legend" });
    this.said = element("p", { class: "plot-said quiet", "aria-live": "polite" });
    this.table = element("table");
    const scroll = element("div", { class: "plot-table", tabindex: "0", role: "region", "aria-label": label }, this.table);
    this.more = element("details", { toggle: () => this.#tell() }, element("summary", {}, t("curve.table")), scroll);
    this.element = element("figure", { class: "curves" }, this.legend, this.plot, this.said, this.more);
    this.watch = new ResizeObserver(() => this.#size());
    this.watch.observe(this.plot);
    this.themed = () => this.#build();
    DARK.addEventListener("change", this.themed);
  }

  close() {
    this.watch.disconnect();
    DARK.removeEventListener("change", this.themed);
    this.u?.destroy();
    this.u = null;
  }

  // series: [{ label, colour, dots, dash, width, quiet, band, points: [[x, y], …] }]. colour: the name of one of the
  // page's. quiet: in no legend. band: the place of the series to which the room from this one is filled. unit: of x.
  show(series, unit = "") {
    const same = (one, at) => one.label === this.series[at]?.label && one.colour === this.series[at]?.colour;
    const known = this.u && unit === this.unit && series.length === this.series.length && series.every(same);
    Object.assign(this, { series, unit });
    this.element.hidden = !series.some((one) => one.points.length > 1);
    this.data = this.element.hidden
      ? [[]]
      : uPlot.join(series.map((one) => [one.points.map(([x]) => x), one.points.map(([, y]) => y)]));
    if (!this.element.hidden) this.#bounds();
    if (known && !this.element.hidden) this.u.setData(this.data, !this.zoomed);
    else this.#build();
    if (this.more.open) this.#tell();
  }

  // The range of the values that are shown; the highest ones may be cut off.
  #bounds() {
    const every = this.series.flatMap((one, at) => (this.hidden.has(at) ? [] : one.points.map(([, y]) => y)));
    const values = every.filter(Number.isFinite).sort((one, other) => one - other);
    const low = values[0] ?? 0;
    const high = values[this.clip ? Math.floor(CLIPPED * (values.length - 1)) : values.length - 1] ?? 1;
    const room = 0.04 * (high - low || 1);
    this.range = [low - room, high + room];
  }

  #build() {
    this.u?.destroy();
    this.u = null;
    this.legend.replaceChildren();
    if (!this.data?.[0].length || this.element.hidden) return;
    this.zoomed = false;
    const axis = { stroke: colour("quiet"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
    const options = {
      width: this.plot.clientWidth || 600,
      height: this.height,
      legend: { show: false },
      cursor: { points: { size: 7 }, drag: { x: true, y: false, dist: 6 } },
      scales: { x: { time: false }, y: { range: () => this.range } },
      axes: [{ ...axis, size: 34, values: (_, ticks) => ticks.map((x) => this.#tick(x)), space: this.places ? 90 : 72, ...(this.places && { incrs: WHOLE }) }, { ...axis, size: 58 }],
      series: [{}, ...this.series.map((one, at) => this.#line(one, at))],
      bands: this.series.flatMap((one, at) =>
        one.band === undefined ? [] : [{ series: [at + 1, one.band + 1], fill: faint(one.colour, 0.2) }],
      ),
      hooks: {
        setCursor: [() => this.#values()],
        setScale: [(u, key) => key === "x" && (this.zoomed = u.scales.x.min > this.data[0][0] || u.scales.x.max < this.data[0].at(-1))],
      },
    };
    this.u = new uPlot(options, this.data, this.plot);
    this.values = this.series.map(() => element("output"));
    this.where = element("span", { class: "quiet" });
    this.legend.append(...this.series.flatMap((one, at) => (one.quiet ? [] : [this.#button(one, at)])), this.where);
  }

  #line({ label, colour: name, dots, dash, width, quiet }, at) {
    const stroke = quiet ? faint(name, 0.25) : colour(name);
    const points = dots ? { show: true, size: 6, fill: stroke } : { show: false };
    return { label, stroke, width: width ?? 1.5, spanGaps: true, points, show: !this.hidden.has(at), ...(dash && { dash: [5, 4] }) };
  }

  // Shows or hides one of the series.
  #button({ label, colour: name }, at) {
    const mark = element("i");
    mark.style.background = colour(name);
    const press = () => {
      if (!this.hidden.delete(at)) this.hidden.add(at);
      button.setAttribute("aria-pressed", !this.hidden.has(at));
      this.#bounds();
      this.u.setSeries(at + 1, { show: !this.hidden.has(at) });
      this.u.setData(this.data, !this.zoomed);
    };
    const button = element("button", { type: "button", "aria-pressed": String(!this.hidden.has(at)), click: press }, mark, label, this.values[at]);
    return button;
  }

  #size() {
    const width = this.plot.clientWidth;
    if (!width) return;
    if (!this.u) this.#build();
    else if (this.u.width !== width) this.u.setSize({ width, height: this.height });
  }

  // The values at the cursor; a series that has none there has its last one before.
  #values() {
    const at = this.u?.cursor.idx;
    const none = at === null || at === undefined;
    this.at = none ? null : at;
    if (!this.values) return;
    this.where.textContent = none ? "" : this.#x(at);
    this.values.forEach((one, n) => {
      const value = none ? null : this.#y(n, at);
      one.textContent = value === null || value === undefined ? "" : figure(value);
    });
  }

  #tick(x) {
    return this.places ? this.shown(x) : [figure(x), this.unit].filter(Boolean).join(" ");
  }

  #x(at) {
    return [this.shown(this.data[0][at]), this.unit].filter(Boolean).join(" ");
  }

  #y(n, at) {
    const column = this.data[n + 1];
    if (this.places) return column[at];
    while (at > 0 && (column[at] === null || column[at] === undefined)) at--;
    return column[at];
  }

  #key(event) {
    if (!this.data?.[0].length) return;
    const last = this.data[0].length - 1;
    const now = this.at ?? last;
    const far = Math.max(1, Math.round(last / 20));
    const moves = { ArrowLeft: now - (event.shiftKey ? far : 1), ArrowRight: now + (event.shiftKey ? far : 1), Home: 0, End: last };
    if (!this.u || event.ctrlKey || event.metaKey || event.altKey) return;
    const { min: from, max: to } = this.u.scales.x;
    if (event.key in moves) {
      const at = Math.min(last, Math.max(0, moves[event.key]));
      this.u.setCursor({ left: this.u.valToPos(this.data[0][at], "x"), top: this.u.over.clientHeight / 2 });
      this.#say();
    } else if (event.key === "+" || event.key === "-") {
      const middle = this.data[0][now];
      const scale = event.key === "+" ? 0.5 : 2;
      const [low, high] = [this.data[0][0], this.data[0][last]];
      const half = ((to - from) * scale) / 2;
      this.u.setScale("x", { min: Math.max(low, middle - half), max: Math.min(high, middle + half) });
    } else if (event.key === "0" || event.key === "Escape") {
      this.u.setScale("x", { min: this.data[0][0], max: this.data[0][last] });
    } else return;
    event.preventDefault();
  }

  // Says the values at the cursor, to those who hear the page.
  #say() {
    const none = (value) => value === null || value === undefined;
    const said = (one, n) => (one.quiet || this.hidden.has(n) || none(this.#y(n, this.at)) ? [] : [`${one.label} ${figure(this.#y(n, this.at))}`]);
    const here = document.activeElement === this.plot && this.at !== null && this.at !== undefined;
    this.said.textContent = here ? `${this.#x(this.at)}: ${this.series.flatMap(said).join(", ")}` : "";
  }

  #tell() {
    if (!this.more.open || !this.data) return;
    const own = this.series.flatMap((one, n) => (one.quiet ? [] : [n]));
    const every = this.data[0].map((_, at) => at);
    const step = Math.max(1, Math.ceil(every.length / ROWS));
    const rows = every.filter((at) => at % step === 0 || at === every.length - 1);
    const head = [this.unit || t("curve.x"), ...own.map((n) => this.series[n].label)];
    this.table.replaceChildren(
      element("thead", {}, element("tr", {}, ...head.map((one) => element("th", { scope: "col" }, one)))),
      element(
        "tbody",
        {},
        ...rows.map((at) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, this.shown(this.data[0][at])),
            ...own.map((n) => element("td", {}, figure(this.data[n + 1][at]))),
          ),
        ),
      ),
    );
  }
}
