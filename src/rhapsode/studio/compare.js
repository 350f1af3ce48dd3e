// Trainings side by side: their curves, what differs, what they make. The address has their names.

import { element } from "../export/page/dom.js";
import { bytes, drawn, duration, loss, lossOf, losses, unitOf } from "./amounts.js";
import { ask } from "./api.js";
import { Curve } from "./curve.js";
import { address, say, trouble } from "./studio.js";
import { t } from "./texts.js";

const COLOURS = 8;
const LIVE = 5000; // ms between two looks while one of them goes on

export class Compare {
  constructor(main, shelf, names) {
    Object.assign(this, { shelf, names: [...new Set(names)], by: "minutes" });
    this.curve = new Curve(t("compare.curve"));
    this.unit = element("p", { class: "quiet" });
    const choose = (by) => element("button", { type: "button", "aria-pressed": String(by === this.by), click: () => this.#by(by) }, t(`compare.${by}`));
    this.axes = { minutes: choose("minutes"), updates: choose("updates") };
    this.train = element("input", { type: "checkbox", change: () => this.#draw() });
    this.tables = element("div", { class: "compared", tabindex: "0", role: "region", "aria-label": t("compare.table") });
    this.samples = element("div", { class: "columns" });
    main.append(
      element("h1", {}, t("compare.title")),
      element("div", { class: "row tools" }, ...Object.values(this.axes), element("label", {}, this.train, " ", t("compare.train")), element("a", { href: address("train") }, t("compare.others"))),
      this.curve.element,
      this.unit,
      element("h2", {}, t("compare.table")),
      this.tables,
      element("h2", {}, t("compare.samples")),
      this.samples,
    );
    this.#load();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.curve.close();
  }

  async #load() {
    const found = await Promise.allSettled(this.names.map((name) => ask(`/api/runs/${encodeURIComponent(name)}?begin=0`)));
    if (this.closed) return;
    for (const { reason } of found) if (reason) trouble(reason);
    this.runs = found.flatMap(({ value }) => (value ? [value] : []));
    this.#draw();
    this.#tell();
    if (this.runs.some(({ state }) => state === "running" || state === "elsewhere")) this.timer = setTimeout(() => this.#load(), LIVE);
  }

  #by(by) {
    this.by = by;
    for (const [name, button] of Object.entries(this.axes)) button.setAttribute("aria-pressed", name === by);
    this.#draw();
    say(t(`compare.${by}`));
  }

  #draw() {
    if (!this.runs) return;
    const every = this.runs.map((run) => losses(run.metrics, run.facts.unit));
    const units = new Set(every.map(({ unit }) => unit));
    const x = ({ seconds, update }) => (this.by === "minutes" ? seconds / 60 : update);
    const points = (some) => some.map((one) => [x(one), one.value]);
    const series = every.flatMap(({ train, valid }, at) => {
      const { name } = this.runs[at];
      const colour = `c${1 + (at % COLOURS)}`;
      const held = { label: name, colour, dots: valid.length < 60, width: 2, points: points(valid) };
      return this.train.checked ? [held, { label: t("compare.train.of", { name }), colour, dash: true, points: points(train) }] : [held];
    });
    this.curve.show(series, t(`compare.unit.${this.by}`));
    const unit = units.size === 1 ? unitOf([...units][0]) : "";
    this.unit.textContent = unit ? t("train.curve.note", { unit }) : t("compare.mixed");
  }

  #tell() {
    const rows = this.runs.map((run) => this.#facts(run));
    const names = [...new Set(rows.flatMap((one) => [...one.keys()]))];
    const differs = (name) => new Set(rows.map((one) => one.get(name) ?? "")).size > 1;
    const always = ["state", "loss", "size", "time", "updates", "network", "sources"].map((name) => t(`compare.row.${name}`));
    const shown = [...always.filter((name) => names.includes(name)), ...names.filter((name) => !always.includes(name) && differs(name))];
    const head = this.runs.map(({ name }, at) => {
      const mark = element("i");
      mark.className = `c${1 + (at % COLOURS)}`;
      return element("th", { scope: "col" }, mark, element("a", { href: address("train", name) }, name));
    });
    const body = shown.map((name) =>
      element(
        "tr",
        { ...(differs(name) && { class: "differs" }) },
        element("th", { scope: "row" }, name),
        ...rows.map((one) => element("td", {}, one.get(name) ?? t("none"))),
      ),
    );
    this.tables.replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, element("th", { scope: "col" }, t("compare.what")), ...head)), element("tbody", {}, ...body)));
    this.samples.replaceChildren(
      ...this.runs.map(({ name, samples, metrics, facts }) => {
        const last = samples.at(-1);
        const valid = last && lossOf(last, losses(metrics, facts.unit));
        const heading = element("h3", { class: "quiet" }, element("b", {}, name), last ? t("train.sample", { update: last.update, valid }) : "");
        return element("article", { class: "paper" }, heading, element("p", drawn(last?.text ?? ""), last?.text ?? t("compare.nothing")));
      }),
    );
  }

  // What is known of a training: row → text.
  #facts({ state, metrics, facts }) {
    const { unit, valid } = losses(metrics, facts.unit);
    const best = valid.reduce((least, one) => (one.value < least.value ? one : least), { value: Infinity });
    const last = metrics.at(-1);
    const network = facts.network ?? {};
    const row = (name, value) => [t(`compare.row.${name}`), value];
    const found = [
      row("state", t(`train.${state}`)),
      row("loss", facts.loss ? loss(facts.loss) : Number.isFinite(best.value) ? loss({ value: best.value, unit }) : ""),
      row("size", facts.bytes ? bytes(facts.bytes) : ""),
      row("time", last?.seconds ? duration(last.seconds) : ""),
      row("updates", last ? last.update.toLocaleString() : ""),
      row("network", network.layers ? `${network.layers} × ${network.width} ${network.cell ?? ""}` : ""),
      row("sources", (facts.sources ?? []).map((one) => String(one).split(/[\\/]/).at(-1)).join(", ")),
      row("quality", (facts.quality ?? []).join(" · ")),
      ["codec", facts.codec ?? ""],
      ...flat("", facts.given ?? {}),
      ...flat("plan.", facts.plan ?? {}),
      ...flat("network.", network),
    ];
    return new Map(found.filter(([, value]) => value !== ""));
  }
}

// Settings in tables as rows with their full names.
function flat(before, settings) {
  return Object.entries(settings).flatMap(([name, value]) => {
    if (value === null || value === undefined) return [];
    if (typeof value === "object" && !Array.isArray(value)) return flat(`${before}${name}.`, value);
    return [[before + name, Array.isArray(value) ? value.join(", ") : String(value)]];
  });
}
